"""``audiosense-agent run``: the agent itself."""

import logging
import os
import signal
import sys
from typing import Annotated, Any

import typer

from audiosense_agent.cli.options import ConfigOption
from audiosense_agent.config import load_settings
from audiosense_agent.service import Service


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
    """Listen, score and send until stopped (Ctrl-C or SIGTERM)."""
    service = Service(load_settings(config), stop_after=stop_after)
    _set_up_logging(sys.stdout.isatty() if verbose is None else verbose)

    def stop(_number: int, _frame: Any) -> None:
        service.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    service.run()


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
