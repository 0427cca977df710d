"""Takes the models that the collector wants to be run to the sensors."""

import logging
from collections.abc import Mapping
from uuid import UUID

from audiosense_agent.client import Client
from audiosense_agent.clock import Clock
from audiosense_agent.enrolment import Identity
from audiosense_agent.errors import LinkError
from audiosense_agent.model_store import ModelStore
from audiosense_agent.worker import Worker
from audiosense_common.bundle import MAX_FILE_BYTES
from audiosense_common.errors import BundleError
from audiosense_common.wire import DesiredModel, RunningModel

log = logging.getLogger(__name__)
_MAX_TRIES = 3
_PASSING = frozenset({"damaged", "files", "too_long", "expired"})


class ModelFetcher:
    """Fetches, installs and switches models.

    What was refused for good is not fetched again before a restart, what was sent back from probation never.
    """

    def __init__(self, store: ModelStore, workers: Mapping[str, Worker], clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._workers = workers
        self._tries: dict[tuple[UUID, str], int] = {}

    def running(self) -> dict[UUID, RunningModel]:
        """What each sensor runs and what it refused."""
        return self._store.running()

    def load(self, identity: Identity) -> None:
        """Give each sensor the model that it ran last."""
        for name, worker in self._workers.items():
            sensor_id = identity.sensors.get(name)
            if sensor_id is not None:
                worker.use(self._store.start(worker.sensor, sensor_id, identity.trust.signing_keys))

    def take(self, desired: dict[UUID, DesiredModel], identity: Identity, client: Client) -> bool:
        """Fetch and install what does not run yet; say whether anything changed."""
        names = {sensor_id: name for name, sensor_id in identity.sensors.items()}
        running = self._store.running()
        changed = False
        for sensor_id, model in desired.items():
            worker = self._workers.get(names.get(sensor_id, ""))
            current = running.get(sensor_id)
            is_current = current is not None and current.digest == model.digest
            is_over = self._tries.get((sensor_id, model.digest), 0) >= _MAX_TRIES
            if worker is None or is_current or is_over or self._store.is_sent_back(sensor_id, model.digest):
                continue
            changed |= self._install(worker, sensor_id, model.digest, identity, client)
        return changed

    def _install(self, worker: Worker, sensor_id: UUID, digest: str, identity: Identity, client: Client) -> bool:
        key = (sensor_id, digest)
        try:
            reply = client.request("GET", f"/api/v1/bundles/{digest}", limit=2 * MAX_FILE_BYTES)
            if not reply.is_success:
                log.warning("%s: model %s cannot be fetched: %s", worker.sensor.name, digest[:12], reply.problem())
                return False
            keys = identity.trust.signing_keys
            now_us = self._clock.wall_us() if self._clock.is_wall_right else None
            ward = self._store.install(worker.sensor, sensor_id, reply.content, keys, now_us)
        except BundleError as error:
            self._tries[key] = self._tries.get(key, 0) + 1 if error.reason in _PASSING else _MAX_TRIES
            self._store.refuse(sensor_id, digest, error)
            log.warning("%s: model %s refused: %s", worker.sensor.name, digest[:12], error)
            return True
        except (LinkError, OSError) as error:
            log.warning("%s: model %s not installed yet: %s", worker.sensor.name, digest[:12], error)
            return False
        self._tries.pop(key, None)
        worker.use(ward)
        return True
