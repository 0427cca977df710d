"""The agent's life cycle: start the sensors, send what they hear, stop cleanly."""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from uuid import UUID

from audiosense_agent.clip_spool import FOLDER, ClipSpool
from audiosense_agent.clip_uplink import ClipUplink
from audiosense_agent.clips import ClipRecorder
from audiosense_agent.clock import Clock
from audiosense_agent.committer import Committer
from audiosense_agent.config import Settings
from audiosense_agent.enrolment import load_identity
from audiosense_agent.errors import AgentError, EnrolmentError, SpoolError
from audiosense_agent.health.examiner import Examiner
from audiosense_agent.memory import Tidy
from audiosense_agent.model_fetcher import ModelFetcher
from audiosense_agent.model_store import Limits, ModelStore
from audiosense_agent.pause import Pause
from audiosense_agent.probes import Microphone, Prober
from audiosense_agent.reservoir import Reservoir, drop_others, reservoir_folder
from audiosense_agent.self_enrolment import SelfEnrolment
from audiosense_agent.sources import DeviceHub, Injections, make_source
from audiosense_agent.spool import Spool
from audiosense_agent.state_lock import lock_state_dir
from audiosense_agent.uplink import Retry, Uplink
from audiosense_agent.watchdog import Watchdog
from audiosense_agent.worker import Worker
from audiosense_common.notify import notify
from audiosense_common.wire import EventState
from audiosense_common.wire_checks import Check

log = logging.getLogger(__name__)
DRAIN_S = 10.0
_LET_GO_S = 0.25
_WATCH_S = 0.2


class Service:
    """One agent process: a thread for each sensor, one for the uplink.

    Args:
        settings: the configuration.
        stop_after: windows per sensor after which it ends; without, it goes on until stopped or all sounds have ended.
        retry: the uplink's waits after failures.
        clock: tells the time.
        pauses: of the service before it in this process, see ``pauses``.

    Raises:
        AgentError: another agent runs on the same state directory, or it cannot be written.
        SpoolError: the spool cannot be opened.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        stop_after: int | None = None,
        retry: Retry | None = None,
        clock: Clock | None = None,
        pauses: Mapping[str, Pause] | None = None,
    ) -> None:
        check_sensors(settings)
        self.settings = settings
        self._stop = threading.Event()
        self._hush = threading.Event()
        self._hushed_s = 0.0
        self._drains = True
        self._lock_file = lock_state_dir(settings.state_dir)
        self.spool = Spool(settings.state_dir / "spool.db", settings.spool.limits)
        self.clock = clock or Clock()
        server_us = self.spool.get("server_us")
        self.clock.restore(int(server_us) if server_us else None, self.spool.begin_boot(self.clock.boot))
        self._committer = Committer(self.spool, most=settings.spool.group)
        self._reservoirs = _open_reservoirs(settings)
        clip_spool = _open_clips(settings)
        self.workers = self._make_workers(clip_spool, stop_after, pauses or {})
        models = ModelStore(settings.state_dir / "models", Limits.of(settings.models))
        self._models = ModelFetcher(models, self.workers, self.clock)
        self._prober = Prober(self._microphones(), settings.probes.cpu_share)
        self._clip_uplink = ClipUplink(clip_spool, settings.collector.timeout_s, retry=retry, clock=self.clock)
        self.uplink = Uplink(
            self.spool,
            settings.state_dir,
            settings.collector,
            self._models,
            self._source_states,
            retry=retry,
            probes=self._prober,
            clips=self._clip_uplink,
            clock=self.clock,
            checks=self._tell_checks,
            enrol=SelfEnrolment(settings),
        )
        self._examiner = Examiner(settings, self.workers, self.spool, self.uplink, self.clock)

    def _make_workers(
        self, clip_spool: ClipSpool, stop_after: int | None, pauses: Mapping[str, Pause]
    ) -> dict[str, Worker]:
        settings = self.settings
        hub = DeviceHub(settings, self.clock)
        return {
            sensor.name: Worker(
                sensor,
                make_source(sensor, Injections(settings.state_dir), hub, self.clock),
                self.spool,
                group=settings.spool.group,
                stop_after=stop_after,
                reservoir=self._reservoirs.get(sensor.name),
                clips=ClipRecorder(sensor, settings.clips, clip_spool) if settings.clips.enabled else None,
                pause=pauses.get(sensor.name),
                committer=self._committer,
            )
            for sensor in settings.sensors
        }

    def _microphones(self) -> dict[str, Microphone]:
        return {
            sensor.name: Microphone(self._reservoirs[sensor.name], sensor.sample_rate_hz)
            for sensor in self.settings.sensors
            if sensor.name in self._reservoirs
        }

    def stop(self, *, drain: bool = True) -> None:
        """Ask the agent to stop; safe in a signal handler. One that is followed by another does not ``drain``."""
        self._drains = drain
        self._stop.set()

    def pauses(self) -> dict[str, Pause]:
        """After ``run``: what the service that follows it needs to tell how much was not heard in between."""
        found = {name: worker.pause(self._hushed_s) for name, worker in self.workers.items()}
        return {name: pause for name, pause in found.items() if pause is not None}

    def run(self) -> None:
        """Run until stopped or until all sounds have ended, then send what is left for at most ten seconds."""
        self._prepare()
        workers = [
            threading.Thread(target=worker.run, args=(self._hush,), name=f"sensor {name}", daemon=True)
            for name, worker in self.workers.items()
        ]
        uplink_stop = threading.Event()
        uplink = threading.Thread(target=self.uplink.run, args=(uplink_stop,), name="uplink", daemon=True)
        prober = threading.Thread(target=self._prober.run, args=(uplink_stop,), name="prober", daemon=True)
        clips = threading.Thread(target=self._clip_uplink.run, args=(uplink_stop,), name="clips", daemon=True)
        examiner = threading.Thread(target=self._examiner.run, args=(uplink_stop,), name="health", daemon=True)
        tidy = Tidy()
        watchdog = Watchdog({name: worker.health.pulse for name, worker in self.workers.items()})
        for thread in (*workers, uplink, prober, clips, examiner):
            thread.start()
        try:
            while not self._stop.wait(_WATCH_S) and any(thread.is_alive() for thread in workers):
                watchdog.tick()
                tidy.tick()
        finally:
            self._shut_down(workers, uplink, uplink_stop)

    def _prepare(self) -> None:
        for worker in self.workers.values():
            worker.register()
        for event in self.spool.open_events():
            self.spool.append([], [replace(event, revision=event.revision + 1, state=EventState.CLOSE)])
        try:
            identity = load_identity(self.settings.state_dir)
        except EnrolmentError as error:
            log.warning("%s", error)
            return
        if identity is not None:
            self._models.load(identity)

    def _shut_down(self, workers: list[threading.Thread], uplink: threading.Thread, stop: threading.Event) -> None:
        drains = self._drains
        notify("STOPPING=1" if drains else "RELOADING=1")
        deadline = time.monotonic() + DRAIN_S
        if not drains:
            # The sound goes on while the uplink ends: a collector that does not answer must not cost any.
            self._end_uplink(uplink, stop, time.monotonic())
        self._hushed_s = time.monotonic()
        self._hush.set()
        self._committer.hurry()
        for thread in workers:
            thread.join(max(0.0, deadline - time.monotonic()))
        if drains:
            self._drain(uplink, stop, deadline)
        try:
            self.spool.close()
        except SpoolError as error:
            log.warning("%s", error)
        self._lock_file.close()

    def _drain(self, uplink: threading.Thread, stop: threading.Event, deadline: float) -> None:
        """Send what is left until the deadline, in a thread that can be left behind: an answer may drip for ever."""
        drained = threading.Event()

        def drain() -> None:
            uplink.join()
            if self.uplink.drain(deadline):
                drained.set()

        drainer = threading.Thread(target=drain, name="drain", daemon=True)
        drainer.start()
        self._end_uplink(drainer, stop, deadline)
        if not drained.is_set():
            log.info("stopped with measurements left in the spool; they are sent after the next start")

    def _end_uplink(self, thread: threading.Thread, stop: threading.Event, deadline: float) -> None:
        """End the thread that sends; at the deadline what it waits for is broken off."""
        stop.set()
        self._clip_uplink.stop()
        self.uplink.wake()
        thread.join(max(_LET_GO_S, deadline - time.monotonic()))
        self.uplink.cut()
        thread.join(_LET_GO_S)
        if not thread.is_alive():
            self.uplink.close()

    def _tell_checks(self, known: Mapping[str, UUID]) -> list[Check] | None:
        return self._examiner.tell(known)

    def _source_states(self) -> dict[str, str]:
        return {name: worker.state for name, worker in self.workers.items()}


def check_sensors(settings: Settings) -> None:
    """Make sure that there is something to hear.

    Raises:
        AgentError: the configuration names no sensor.
    """
    if not settings.sensors:
        raise AgentError("the configuration has no sensor; add a [[sensors]] table, see audiosense-agent.example.toml")


def _open_reservoirs(settings: Settings) -> dict[str, Reservoir]:
    """Open the sample of each sensor's windows; sensors that are no more, or none wanted, lose theirs.

    Where the disk or its permissions do not let it be read, the agent goes on without.
    """
    folder = settings.state_dir / "probes"
    try:
        return _read_reservoirs(settings, folder)
    except OSError as error:
        log.warning(
            "no windows are kept for probes: %s cannot be read: %s; make it a folder that the agent may write",
            folder,
            error.strerror or error,
        )
        return {}


def _read_reservoirs(settings: Settings, folder: Path) -> dict[str, Reservoir]:
    wanted = settings.probes
    names = [sensor.name for sensor in settings.sensors] if wanted.enabled else []
    drop_others(folder, names)
    return {
        sensor.name: Reservoir(
            reservoir_folder(folder, sensor.name),
            sensor.sample_rate_hz,
            sensor.window_samples,
            max_bytes=wanted.max_bytes,
        )
        for sensor in settings.sensors
        if sensor.name in names
    }


def _open_clips(settings: Settings) -> ClipSpool:
    """Open the clips that wait; where they are switched off, or their sensor is no more, they are deleted."""
    sources = {sensor.name: sensor.source.type for sensor in settings.sensors} if settings.clips.enabled else {}
    return ClipSpool(settings.state_dir / FOLDER, sources, settings.clips.max_bytes)
