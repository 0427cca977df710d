"""One sensor's models: what runs, what it falls back on, and what was sent back for good."""

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from audiosense_agent.config import SensorSettings
from audiosense_agent.detector import Detector
from audiosense_agent.model_store import guard
from audiosense_agent.model_store.checks import prepare
from audiosense_agent.model_store.guard import Guard
from audiosense_agent.model_store.limits import DEATHS, Limits
from audiosense_agent.model_store.probation import Probation
from audiosense_agent.model_store.record import (
    FLOOR,
    RECORD,
    DamagedRecordError,
    Record,
    read_floor,
    read_record,
    write_record,
)
from audiosense_agent.model_store.shelf import Shelf
from audiosense_agent.model_store.ward import Ward
from audiosense_common.bundle import open_bundle
from audiosense_common.errors import BundleError
from audiosense_common.wire import RunningModel

log = logging.getLogger(__name__)
_KEPT = (RECORD, FLOOR, guard.LOADING, guard.SCORING)
_MAX_REASON = 500
_CRASHES = f"probation:crashes: the agent died {DEATHS} times in a row in it, loading or scoring; train a smaller one"

Refusal = tuple[str, str]
"""A bundle's digest and why it does not run."""


class SensorStore:
    """The record, the bundles and the crash guard of one sensor; the ``Keeper`` of its wards."""

    def __init__(
        self, folder: Path, sensor: SensorSettings, sensor_id: UUID, keys: Mapping[str, str], limits: Limits
    ) -> None:
        self.keys = keys
        self._sensor = sensor
        self._sensor_id = sensor_id
        self._limits = limits
        self._shelf = Shelf(folder)
        self._lock = threading.RLock()
        self._record: Record | None = None
        self._running = RunningModel()
        self._passed: Detector | None = None
        self._loading = Guard(folder / guard.LOADING)
        self._scoring = Guard(folder / guard.SCORING)

    @property
    def running(self) -> RunningModel:
        """What the sensor runs and what it refused."""
        with self._lock:
            return self._running

    def peek(self) -> Detector | None:
        """Load what the sensor runs; nothing is written."""
        detector, _ = self._first(self._read(), None)
        return detector

    def start(self) -> Ward:
        """Take up what the sensor ran last.

        A damaged bundle gives way to the previous one, that to any that is intact (on probation, for nothing tells
        whether it ever passed), that to none; a damaged record to what lies on disk. A bundle that the process died in
        three times in a row is sent back first.
        """
        with self._lock:
            self._record = record = self._bury_the_dead(self._open())
            self._sweep()
        detector, failure = self._first(record, self._loading)
        if failure is None and record.told is not None:
            failure = (record.told, record.refused[record.told])
        is_new, before = False, None
        if detector is not None and detector.digest == record.current:
            is_new, before = record.on_probation, record.previous
        elif detector is not None and detector.digest != record.previous:
            is_new = self._limits.windows > 0
        self._passed = self._load_quietly(before, self._loading) if is_new else detector
        return self._take(detector, failure, on_probation=is_new)

    def install(self, content: bytes, now_us: int | None) -> Ward:
        """Verify, test, stage and switch to a bundle; see ``ModelStore.install``."""
        digest = open_bundle(content, self.keys).digest
        record = self._current_record()
        if digest in record.refused:
            raise BundleError("sent_back", f"it was sent back before: {record.refused[digest]}")
        try:
            bundle = self._shelf.stage(digest, content, self.keys)
            with self._loading.inside(digest):
                detector = prepare(bundle, self._sensor, self._sensor_id, record, now_us)
            chosen = self._switch_to(digest, bundle.manifest.bundle_version)
        finally:
            self._loading.close()
            self._sweep()
        if not chosen.on_probation:
            self._passed = detector
        elif self._passed is None or self._passed.digest != chosen.previous:
            self._passed = self._load_quietly(chosen.previous, self._loading)
        return self._take(detector, None, on_probation=chosen.on_probation)

    def _switch_to(self, digest: str, version: int) -> Record:
        with self._lock:
            self._shelf.accept(digest)
            chosen = self._current_record().install(digest, version, on_probation=self._limits.windows > 0)
            write_record(self._shelf.folder, chosen)
            self._record = chosen
            self._tidy(chosen)
            return chosen

    def refuse(self, digest: str, error: BundleError) -> None:
        """Report a bundle that was not installed; what runs goes on."""
        reason = f"{error.reason}: {error}"[:_MAX_REASON]
        with self._lock:
            self._running = self._running.model_copy(update={"refused": digest, "reason": reason})

    def is_sent_back(self, digest: str) -> bool:
        """Whether a bundle has failed here before."""
        return digest in self._current_record().refused

    def commit(self, detector: Detector) -> None:
        """Keep a model that has passed; where the disk fails it is on probation again after a restart.

        So is one that the record does not name: it stands in for those that are damaged.
        """
        with self._lock:
            if self._running.digest != detector.digest:
                return
            self._passed = detector
            self._running = self._running.model_copy(update={"state": "committed"})
            record = self._current_record()
            if record.current == detector.digest:
                self._write(record.commit())

    def prove(self, digest: str) -> None:
        """Forget the deaths that a model seemed to cause."""
        with self._lock:
            record = self._current_record()
            if digest in record.deaths:
                self._write(record.forget_deaths(digest))

    def send_back(self, digest: str, reason: str) -> None:
        """Go back to the bundle before, for good; where the disk fails, until a restart."""
        with self._lock:
            was_current = self._running.digest == digest
            chosen = self._current_record().send_back(digest, reason)
            self._write(chosen)
            self._tidy(chosen)
            if not was_current:
                return
            if self._passed is not None and self._passed.digest == digest:
                self._passed = self._load_quietly(chosen.current, self._scoring)
            self._report(self._passed, (digest, reason), on_probation=False)

    def spare(self) -> Detector | None:
        """Load the model before."""
        return self._load_quietly(self._current_record().previous, self._scoring)

    def _take(self, detector: Detector | None, failure: Refusal | None, *, on_probation: bool) -> Ward:
        with self._lock:
            self._report(detector, failure, on_probation=on_probation)
            told = self._current_record().told
        return Ward(
            detector,
            self,
            self._scoring,
            probation=Probation(self._limits, self._sensor.window_s) if on_probation else None,
            before=self._passed if on_probation else None,
            sent_back=None if told is None else self._current_record().refused[told],
        )

    def _report(self, detector: Detector | None, refusal: Refusal | None, *, on_probation: bool) -> None:
        digest, reason = refusal or (None, None)
        state = "probation" if on_probation else "committed"
        self._running = RunningModel(
            digest=None if detector is None else detector.digest,
            version=None if detector is None else detector.manifest.bundle_version,
            state=None if detector is None else state,
            refused=digest,
            reason=None if reason is None else reason[:_MAX_REASON],
        )

    def _first(self, record: Record, mark: Guard | None) -> tuple[Detector | None, Refusal | None]:
        """Load the first bundle that can be, and tell why the one that should run does not."""
        failure: Refusal | None = None
        named = [digest for digest in (record.current, record.previous) if digest is not None]
        for digest in named:
            try:
                return self._load(digest, mark), failure
            except BundleError as error:
                failure = failure or (digest, f"{error.reason}: {error}")
        for bundle in self._shelf.intact(self.keys) if named else []:
            if bundle.digest not in record.refused and bundle.digest not in named:
                detector = self._load_quietly(bundle.digest, mark)
                if detector is not None:
                    return detector, failure
        return None, failure

    def _load(self, digest: str, mark: Guard | None) -> Detector:
        bundle = self._shelf.read(digest, self.keys)
        if mark is None:
            return prepare(bundle, self._sensor, self._sensor_id, Record(), None)
        with mark.inside(digest):
            detector = prepare(bundle, self._sensor, self._sensor_id, Record(), None)
        mark.close()
        return detector

    def _load_quietly(self, digest: str | None, mark: Guard | None) -> Detector | None:
        if digest is None:
            return None
        try:
            return self._load(digest, mark)
        except BundleError as error:
            log.warning("%s: model %s cannot be loaded: %s", self._sensor.name, digest[:12], error)
            return None

    def _bury_the_dead(self, record: Record) -> Record:
        """Count the bundles that the process before died in; the third time in a row they are sent back."""
        found = record
        for mark in (self._loading, self._scoring):
            digest = mark.dead_within()
            mark.forget()
            if digest is None:
                continue
            found = found.count_death(digest)
            log.warning("%s: the agent died in model %s", self._sensor.name, digest[:12])
            if found.deaths[digest] >= DEATHS:
                found = found.send_back(digest, _CRASHES)
                log.warning("%s: model %s is sent back: %s", self._sensor.name, digest[:12], _CRASHES)
        if found != record:
            self._write(found)
            self._tidy(found)
        return found

    def _current_record(self) -> Record:
        with self._lock:
            if self._record is None:
                self._record = self._open()
            return self._record

    def _open(self) -> Record:
        """Read the record; one that is damaged or lost is made anew from what lies on disk."""
        record = self._read()
        if not self._is_readable() and record != Record():
            log.warning("%s: the record of its models is lost; made anew from the bundles", self._sensor.name)
            self._write(record)
        return record

    def _is_readable(self) -> bool:
        try:
            return read_record(self._shelf.folder) is not None
        except DamagedRecordError:
            return False

    def _read(self) -> Record:
        try:
            record = read_record(self._shelf.folder)
        except DamagedRecordError as error:
            log.warning("%s: the record of its models is damaged: %s", self._sensor.name, error)
            record = None
        if record is not None:
            return record
        intact = self._shelf.intact(self.keys)
        digests = [bundle.digest for bundle in intact][:2]
        floor = read_floor(self._shelf.folder)
        versions = [bundle.manifest.bundle_version for bundle in intact] + ([floor] if floor else [])
        return Record(
            current=digests[0] if digests else None,
            previous=digests[1] if len(digests) > 1 else None,
            version=max(versions, default=None),
            on_probation=bool(digests) and self._limits.windows > 0,
        )

    def _write(self, record: Record) -> None:
        """Write the record; where the disk fails it holds until a restart."""
        self._record = record
        try:
            write_record(self._shelf.folder, record)
        except OSError as error:
            log.warning("%s: the record of its models cannot be written: %s", self._sensor.name, error.strerror)

    def _sweep(self) -> None:
        try:
            with self._lock:
                self._shelf.sweep(_KEPT)
        except OSError as error:
            log.warning("%s: remains of an installation cannot be deleted: %s", self._sensor.name, error.strerror)

    def _tidy(self, record: Record) -> None:
        try:
            self._shelf.keep_only((record.current, record.previous))
        except OSError as error:
            log.warning("%s: old models cannot be deleted: %s", self._sensor.name, error.strerror)
