"""The model stores of all sensors."""

import threading
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from audiosense_agent.config import SensorSettings
from audiosense_agent.detector import Detector
from audiosense_agent.model_store.limits import Limits
from audiosense_agent.model_store.sensor_store import SensorStore
from audiosense_agent.model_store.ward import Ward
from audiosense_common.errors import BundleError
from audiosense_common.wire import RunningModel


class ModelStore:
    """Keeps each sensor's current and previous bundle under ``folder/<sensor id>/``; safe for several threads.

    A new bundle is staged, verified, tested by its golden vectors and switched to by the rename of one small file. It
    is then on probation: its ``Ward`` watches it beside the one before, and commits it or sends it back. A crash at any
    step leaves the model before or the new one, never half of one.
    """

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self._folder = folder
        self._limits = limits or Limits()
        self._lock = threading.Lock()
        self._sensors: dict[UUID, SensorStore] = {}

    def running(self) -> dict[UUID, RunningModel]:
        """What each sensor runs and what it refused."""
        with self._lock:
            return {sensor_id: store.running for sensor_id, store in self._sensors.items()}

    def load(self, sensor: SensorSettings, sensor_id: UUID, keys: Mapping[str, str]) -> Detector | None:
        """Load what the sensor runs without writing anything, as a command beside a running agent does."""
        return SensorStore(self._folder / str(sensor_id), sensor, sensor_id, keys, self._limits).peek()

    def start(self, sensor: SensorSettings, sensor_id: UUID, keys: Mapping[str, str]) -> Ward:
        """Take up what the sensor ran last; see ``SensorStore.start``."""
        return self._of(sensor, sensor_id, keys).start()

    def install(
        self, sensor: SensorSettings, sensor_id: UUID, content: bytes, keys: Mapping[str, str], now_us: int | None
    ) -> Ward:
        """Stage a bundle (the ZIP's bytes), verify it, test it and make it the sensor's current one, on probation.

        Raises:
            BundleError: it was refused; the current one stays.
            OSError: the disk is full or failing; the current one stays.
        """
        return self._of(sensor, sensor_id, keys).install(content, now_us)

    def refuse(self, sensor_id: UUID, digest: str, error: BundleError) -> None:
        """Report a bundle of a started sensor that was not installed; what runs goes on."""
        self._sensors[sensor_id].refuse(digest, error)

    def is_sent_back(self, sensor_id: UUID, digest: str) -> bool:
        """Whether a started sensor sent a bundle back before: it is never installed again."""
        with self._lock:
            store = self._sensors.get(sensor_id)
        return store is not None and store.is_sent_back(digest)

    def _of(self, sensor: SensorSettings, sensor_id: UUID, keys: Mapping[str, str]) -> SensorStore:
        with self._lock:
            store = self._sensors.get(sensor_id)
            if store is None:
                folder = self._folder / str(sensor_id)
                store = self._sensors[sensor_id] = SensorStore(folder, sensor, sensor_id, keys, self._limits)
            store.keys = keys
            return store
