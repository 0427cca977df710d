"""``audiosense-agent run``: the agent itself."""

import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from audiosense_agent.cli.options import ConfigOption
from audiosense_agent.config import Settings, load_settings
from audiosense_agent.errors import AgentError
from audiosense_agent.memory import keep_small
from audiosense_agent.service import Service, check_sensors
from audiosense_common.errors import AudioSenseError

log = logging.getLogger(__name__)


def run(
    config: ConfigOption = None,
    *,
    stop_after: Annotated[
        int | None, typer.Option(min=1, help="End after this many windows of each sensor; default: never.")
    ] = None,
    verbose: Annotated[
        bool | None, typer.Option("--verbose/--quiet", help="Print each change of status; default: on a terminal.")
    ] = None,
) -> None:
    """Listen, score and send until stopped (Ctrl-C or SIGTERM); SIGHUP reads the configuration again."""
    keep_small()
    service = Service(load_settings(config), stop_after=stop_after)
    _set_up_logging(sys.stdout.isatty() if verbose is None else verbose)
    operator = _Operator(config, service, stop_after)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, operator.stop)
    signal.signal(signal.SIGHUP, operator.reload)
    operator.run()


class _Operator:
    """Runs one service after the other: a new one for each configuration that is reloaded."""

    def __init__(self, config: Path | None, service: Service, stop_after: int | None) -> None:
        self._config = config
        self._service = service
        self._stop_after = stop_after
        self._next: Settings | None = None
        self._ended = threading.Event()

    def run(self) -> None:
        """Run until stopped, or until all sounds have ended."""
        while True:
            self._service.run()
            settings, self._next = self._next, None
            if settings is None or self._ended.is_set():
                return
            self._service = self._follow(settings, self._service)
            self._pass_on()

    def _pass_on(self) -> None:
        """Tell the service what was asked of the one before while this one was made."""
        if self._ended.is_set():
            self._service.stop()
        elif self._next is not None:
            self._service.stop(drain=False)

    def stop(self, _number: int, _frame: Any) -> None:
        """End for good."""
        self._ended.set()
        self._service.stop()

    def reload(self, _number: int, _frame: Any) -> None:
        """Take the configuration as it is now; if it is wrong, say so and go on with the one before."""
        try:
            settings = load_settings(self._config)
            check_sensors(settings)
        except AgentError as error:
            log.warning("%s; the agent goes on with the configuration before", error)
            return
        self._next = settings
        self._service.stop(drain=False)

    def _follow(self, settings: Settings, before: Service) -> Service:
        pauses = before.pauses()
        try:
            service = Service(settings, stop_after=self._stop_after, pauses=pauses)
        except AudioSenseError as error:
            log.warning("%s; the agent goes on with the configuration before", error)
            return Service(before.settings, stop_after=self._stop_after, pauses=pauses)
        log.info("the configuration was read again")
        return service


def _set_up_logging(verbose: bool) -> None:  # noqa: FBT001
    """Lines on what goes on to stdout if wanted, warnings always to stderr.

    Warnings go to a copy of the descriptor: sounddevice points the original elsewhere while PortAudio starts.
    """
    log = logging.getLogger("audiosense_agent")
    log.setLevel(logging.INFO if verbose else logging.WARNING)
    form = logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S")
    news = logging.StreamHandler(sys.stdout)
    news.addFilter(lambda record: record.levelno < logging.WARNING)
    warnings = logging.StreamHandler(os.fdopen(os.dup(2), "w", buffering=1))
    warnings.setLevel(logging.WARNING)
    for handler in (news, warnings):
        handler.setFormatter(form)
        log.addHandler(handler)
