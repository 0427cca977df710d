"""Bundles on disk: verify, stage, self-test, switch; the one before is kept to fall back on."""

import json
import threading
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from audiosense_agent.config import SensorSettings
from audiosense_agent.detector import Detector
from audiosense_agent.files import sync_folder, write_atomically
from audiosense_common.bundle import Bundle, open_bundle
from audiosense_common.errors import BundleError
from audiosense_common.features import SCHEMA_ID, FeatureError, definition_digest
from audiosense_common.install import check_install
from audiosense_common.wire import RunningModel


@dataclass(frozen=True, slots=True)
class _Pointer:
    """Which bundle a sensor runs, and the highest version that it ever ran."""

    current: str | None = None
    previous: str | None = None
    version: int | None = None


class ModelStore:
    """Keeps each sensor's current and previous bundle under ``folder/<sensor id>/``; safe for several threads.

    The file ``current.json`` is replaced by a rename after the bundle it names is durable: a crash at any step leaves
    the model before or the new one, never half of one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._running: dict[UUID, RunningModel] = {}

    def running(self) -> dict[UUID, RunningModel]:
        """What each sensor runs and what it refused."""
        with self._lock:
            return dict(self._running)

    def load(self, sensor: SensorSettings, sensor_id: UUID, keys: dict[str, str]) -> Detector | None:
        """Load what the sensor ran last; a damaged bundle gives way to the previous one, that to None."""
        pointer = self._read_pointer(sensor_id)
        first: tuple[str, str] | None = None
        for digest in (pointer.current, pointer.previous):
            if digest is None:
                continue
            try:
                bundle = self._read(sensor_id, digest, keys)
                detector = _prepare(bundle, sensor, sensor_id, pointer=_Pointer(), now_us=None)
            except BundleError as error:
                first = first or (digest, f"{error.reason}: {error}")
                continue
            self._report(sensor_id, detector, first)
            return detector
        self._report(sensor_id, None, first)
        return None

    def install(
        self, sensor: SensorSettings, sensor_id: UUID, content: bytes, keys: dict[str, str], now_us: int | None
    ) -> Detector:
        """Verify a bundle (the ZIP's bytes), stage it, test it and make it the sensor's current one.

        Raises:
            BundleError: it was refused; the current one stays.
            OSError: the disk is full or failing; the current one stays.
        """
        bundle = open_bundle(content, keys)
        pointer = self._read_pointer(sensor_id)
        detector = _prepare(bundle, sensor, sensor_id, pointer, now_us)
        folder = self._folder / str(sensor_id)
        write_atomically(folder / _file_name(bundle.digest), content)
        previous = pointer.previous if pointer.current == bundle.digest else pointer.current
        version = max(bundle.manifest.bundle_version, pointer.version or 0)
        chosen = {"current": bundle.digest, "previous": previous, "version": version}
        write_atomically(folder / "current.json", json.dumps(chosen).encode())
        self._prune(folder, {_file_name(digest) for digest in (bundle.digest, previous) if digest})
        self._report(sensor_id, detector, None)
        return detector

    def refuse(self, sensor_id: UUID, digest: str, error: BundleError) -> None:
        """Report a bundle that was not installed; what runs goes on."""
        with self._lock:
            running = self._running.get(sensor_id, RunningModel())
            reason = f"{error.reason}: {error}"[:500]
            self._running[sensor_id] = running.model_copy(update={"refused": digest, "reason": reason})

    def _report(self, sensor_id: UUID, detector: Detector | None, refused: tuple[str, str] | None) -> None:
        digest, reason = refused or (None, None)
        with self._lock:
            self._running[sensor_id] = RunningModel(
                digest=None if detector is None else detector.digest,
                version=None if detector is None else detector.manifest.bundle_version,
                refused=digest,
                reason=None if reason is None else reason[:500],
            )

    def _read(self, sensor_id: UUID, digest: str, keys: dict[str, str]) -> Bundle:
        path = self._folder / str(sensor_id) / _file_name(digest)
        try:
            bundle = open_bundle(path.read_bytes(), keys)
        except OSError as error:
            raise BundleError("damaged", f"{path} cannot be read: {error.strerror}; it is fetched again") from None
        if bundle.digest != digest:
            raise BundleError("damaged", f"{path} holds another bundle than its name says; it is fetched again")
        return bundle

    def _read_pointer(self, sensor_id: UUID) -> _Pointer:
        try:
            return _Pointer(**json.loads((self._folder / str(sensor_id) / "current.json").read_bytes()))
        except (OSError, ValueError, TypeError):
            return _Pointer()

    def _prune(self, folder: Path, kept: set[str]) -> None:
        for path in folder.iterdir():
            if path.name not in kept | {"current.json"}:
                path.unlink(missing_ok=True)
        sync_folder(folder)


def prepare_alone(bundle: Bundle) -> Detector:
    """Check a bundle's features, graph and golden vectors on this machine, whatever sensor it is for.

    Raises:
        BundleError: it cannot be scored with here.
    """
    own = bundle.manifest
    rate = own.sample_rate_hz
    return _check(bundle, _Pointer(), sensor=own.sensor, sample_rate_hz=rate, window_s=own.window_s, now_us=None)


def _prepare(
    bundle: Bundle, sensor: SensorSettings, sensor_id: UUID, pointer: _Pointer, now_us: int | None
) -> Detector:
    rate = sensor.sample_rate_hz
    return _check(bundle, pointer, sensor=sensor_id, sample_rate_hz=rate, window_s=sensor.window_s, now_us=now_us)


def _check(
    bundle: Bundle, pointer: _Pointer, *, sensor: UUID, sample_rate_hz: int, window_s: float, now_us: int | None
) -> Detector:
    def digest(name: str) -> str:
        try:
            return definition_digest(name, sample_rate_hz)
        except FeatureError as error:
            raise KeyError(name) from error

    check_install(
        bundle,
        sensor=sensor,
        sample_rate_hz=sample_rate_hz,
        window_s=window_s,
        current_version=pointer.version,
        current_digest=pointer.current,
        now_us=now_us,
        schema_id=SCHEMA_ID,
        digests=digest,
    )
    detector = Detector(bundle)
    bundle.check_golden(detector.score_matrix)
    return detector


def _file_name(digest: str) -> str:
    return f"{digest}.zip"
