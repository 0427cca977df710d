"""Runs the self-checks every few seconds, keeps the latest on disk, and tells them to the uplink."""

import json
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

from audiosense_agent.batches import now_us
from audiosense_agent.clock import Clock
from audiosense_agent.config import Settings
from audiosense_agent.enrolment import identity_path, load_identity
from audiosense_agent.errors import DamagedIdentityError, EnrolmentError, SpoolError
from audiosense_agent.files import write_atomically
from audiosense_agent.health import (
    clock,
    data_path,
    disk,
    link,
    metrics,
    model,
    overflow,
    registration,
    sensor,
    source,
    spool_space,
    temperature,
    throttling,
)
from audiosense_agent.health.base import Check
from audiosense_agent.health.latest import FILE
from audiosense_agent.spool import Spool
from audiosense_agent.spool.rows import SpoolStatus
from audiosense_agent.uplink import Uplink
from audiosense_agent.worker import Worker
from audiosense_common import wire_checks

log = logging.getLogger(__name__)
_EVERY_S = 5.0
_WRITE_EVERY_S = 60.0
_TELL_EVERY_S = 60.0
_DROPS_S = 3_600.0
_MOST_DROPS_KEPT = 1_000


class Examiner:
    """Runs all self-checks; changes of state are logged, told and written at once, figures once a minute."""

    def __init__(
        self, settings: Settings, workers: Mapping[str, Worker], spool: Spool, uplink: Uplink, clock: Clock
    ) -> None:
        self._started = time.monotonic()
        self._clock = clock
        self._settings = settings
        self._workers = workers
        self._spool = spool
        self._uplink = uplink
        self._path = settings.state_dir / FILE
        self._lock = threading.Lock()
        self._latest: list[Check] = []
        self._told: Any = None
        self._tell_due = self._write_due = 0.0
        self._written: Any = None
        self._drops: deque[tuple[float, int]] = deque(maxlen=_MOST_DROPS_KEPT)
        self._status = SpoolStatus()

    def run(self, stop: threading.Event) -> None:
        """Check until stopped, and serve metrics if wanted."""
        server = None
        if self._settings.metrics.port is not None:
            server = metrics.serve(self._settings.metrics.port, self.render_metrics)
        try:
            while not stop.is_set():
                self._step()
                stop.wait(_EVERY_S)
            self._step()
        finally:
            if server is not None:
                server.shutdown()
                server.server_close()

    def examine(self) -> list[Check]:
        """Run all checks now."""
        offset, answered = self._read_spool()
        settings = self._settings
        found = [
            link.check(
                self._uplink.state,
                is_enrolled=identity_path(settings.state_dir).exists(),
                is_damaged=_has_damaged_identity(settings.state_dir),
                silent_s=self._silent_s(answered),
                running_s=time.monotonic() - self._started,
            ),
            registration.check(
                self._uplink.refused_sensors, self._status.withheld, is_linked=self._uplink.silent_s is not None
            ),
            clock.check(offset, is_right=self._clock.is_wall_right),
            spool_space.check(self._status, settings.spool.max_bytes, self._dropped_lately()),
            disk.check(settings.state_dir),
            temperature.check(),
            throttling.check(),
        ]
        for name, worker in self._workers.items():
            found += _check_sensor(name, worker)
        return found

    def tell(self, known: Mapping[str, UUID]) -> list[wire_checks.Check] | None:
        """Return the checks for a heartbeat, None where no state changed and the figures are not due.

        Args:
            known: the sensors' identities by name; those that have none yet are left out.
        """
        with self._lock:
            latest = list(self._latest)
        states = _states(latest)
        if not latest or (states == self._told and time.monotonic() < self._tell_due):
            return None
        self._told, self._tell_due = states, time.monotonic() + _TELL_EVERY_S
        return [_to_wire(check, known) for check in latest if check.sensor is None or check.sensor in known]

    def render_metrics(self) -> str:
        """Return all figures in Prometheus's text format."""
        with self._lock:
            latest = list(self._latest)
        counts = {name: worker.health for name, worker in self._workers.items()}
        return metrics.render(latest, counts, self._status, self._uplink.batches)

    def _step(self) -> None:
        try:
            found = self.examine()
        except Exception:
            log.exception("the self-checks failed unexpectedly; they are tried again")
            return
        with self._lock:
            before, self._latest = {(check.key, check.sensor): check for check in self._latest}, found
        for check in found:
            _log_change(before.get((check.key, check.sensor)), check)
        self._keep(found)

    def _keep(self, found: list[Check]) -> None:
        """Write the latest for ``status``: seldom, for an SD card wears, but a change at once."""
        states = _states(found)
        if states == self._written and time.monotonic() < self._write_due:
            return
        content = {"time_us": self._clock.now_us(), "checks": [asdict(check) for check in found]}
        try:
            write_atomically(self._path, json.dumps(content).encode())
        except OSError:
            return
        self._written, self._write_due = states, time.monotonic() + _WRITE_EVERY_S

    def _read_spool(self) -> tuple[int | None, int | None]:
        """Return the clock's offset and the time of the last answer, None where there was none."""
        try:
            self._status = self._spool.status()
            offset, answered = self._spool.get("clock_offset_us"), self._spool.get("last_answer_us")
        except SpoolError:
            return None, None
        return int(offset) if offset else None, int(answered) if answered else None

    def _silent_s(self, answered_us: int | None) -> float | None:
        """Return the seconds since the last answer; of one before the start, as the clock tells them."""
        if self._uplink.silent_s is not None or answered_us is None:
            return self._uplink.silent_s
        return max(0.0, (self._clock.now_us() - answered_us) / 1e6)

    def _dropped_lately(self) -> int:
        now = time.monotonic()
        if not self._drops or self._status.dropped != self._drops[-1][1]:
            self._drops.append((now, self._status.dropped))
        while len(self._drops) > 1 and self._drops[1][0] < now - _DROPS_S:
            self._drops.popleft()
        return self._status.dropped - self._drops[0][1]


def _has_damaged_identity(state_dir: Path) -> bool:
    try:
        load_identity(state_dir)
    except EnrolmentError as error:
        return isinstance(error, DamagedIdentityError)
    return False


def _check_sensor(name: str, worker: Worker) -> list[Check]:
    health = worker.health
    figures, pulse = health.monitor.figures, health.pulse
    return [
        *sensor.check(name, health.monitor.standing, None if figures is None else figures.level_dbfs),
        source.check(name, worker.state),
        overflow.check(name, recent=health.recent_overflows, overflows=health.overflows, gaps=health.gaps),
        _check_model(name, worker),
        data_path.check(name, is_alive=pulse.is_alive, silent_s=pulse.silent_s, limit_s=pulse.limit_s),
    ]


def _check_model(name: str, worker: Worker) -> Check:
    health, ward = worker.health, worker.ward
    return model.check(
        name,
        health.model_created_us,
        now_us(),
        health.windows * worker.sensor.window_s,
        progress=None if ward is None else ward.progress(),
        sent_back=None if ward is None else ward.sent_back,
    )


def _states(checks: list[Check]) -> list[tuple[str, str | None, str, str | None]]:
    return [(check.key, check.sensor, check.state.value, check.cause) for check in checks]


def _log_change(before: Check | None, now: Check) -> None:
    if before is not None and before.state is now.state and before.cause == now.cause:
        return
    of = "" if now.sensor is None else f"{now.sensor}: "
    if now.state in {wire_checks.CheckState.WARNING, wire_checks.CheckState.FAILED}:
        log.warning("%scheck %s %s (%s): %s", of, now.key, now.state.value, now.cause, now.remedy)
    elif before is not None and now.state is wire_checks.CheckState.OK:
        log.info("%scheck %s ok", of, now.key)


def _to_wire(check: Check, known: Mapping[str, UUID]) -> wire_checks.Check:
    return wire_checks.Check(
        key=check.key,
        sensor=None if check.sensor is None else known[check.sensor],
        state=check.state,
        cause=check.cause,
        evidence=[wire_checks.CheckFigure(key=each.key, value=each.value, unit=each.unit) for each in check.evidence],
        remedy=check.remedy,
    )
