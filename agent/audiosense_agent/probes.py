"""Mixes synthetic faults into kept windows when the collector asks, slowly, and hands over the feature vectors."""

import contextlib
import logging
import os
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import zstandard

from audiosense_agent.client import Client
from audiosense_agent.enrolment import Identity
from audiosense_agent.errors import LinkError
from audiosense_agent.reservoir import Reservoir
from audiosense_common.features import SCHEMA_ID, FeatureExtractor
from audiosense_common.synth.probes import PROBE_KINDS, mix
from audiosense_common.wire import FeatureMatrix, ProbeColumns

log = logging.getLogger(__name__)
_NICE = 5
_SEED_BITS = 2**32
_PASSING = frozenset({401, 403, 408, 425, 429})
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Microphone:
    """A sensor's kept windows and their sample rate."""

    reservoir: Reservoir
    sample_rate_hz: int


class Prober:
    """Mixes in a thread of its own, one sensor after the other, and sends when the uplink has its turn.

    Args:
        microphones: by the sensors' names.
        share: of one processor that it may take; what it worked it sleeps accordingly.
    """

    def __init__(self, microphones: Mapping[str, Microphone], share: float) -> None:
        self._microphones = microphones
        self._share = share
        self._lock = threading.Lock()
        self._wanted: dict[UUID, str] = {}
        self._made: dict[UUID, bytes] = {}
        self._refused: set[UUID] = set()
        self._wake = threading.Event()

    def exchange(self, wanted: Collection[UUID], identity: Identity, client: Client) -> None:
        """Note what the collector wants, and send what was made since; called by the uplink after an answer.

        Raises:
            LinkError: no answer; what was made is kept.
        """
        names = {sensor_id: name for name, sensor_id in identity.sensors.items()}
        with self._lock:
            asked = {each: names[each] for each in wanted if names.get(each) in self._microphones}
            self._wanted = {each: name for each, name in asked.items() if each not in self._refused}
            self._made = {each: body for each, body in self._made.items() if each in self._wanted}
            ready = dict(self._made)
        for sensor_id, body in ready.items():
            self._send(sensor_id, body, client)
        if self._wanted:
            self._wake.set()

    def run(self, stop: threading.Event) -> None:
        """Mix until stopped."""
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        while not stop.is_set():
            for sensor_id, name in self._open():
                try:
                    made = self._make(sensor_id, self._microphones[name], stop)
                except Exception:
                    log.exception("%s: its probes failed unexpectedly; they are not tried again", name)
                    self._refused.add(sensor_id)
                    continue
                if made is not None:
                    with self._lock:
                        self._made[sensor_id] = made
                    log.info("%s: probes are ready to be sent", name)
            self._wake.wait(1.0)
            self._wake.clear()

    def _open(self) -> list[tuple[UUID, str]]:
        with self._lock:
            return [
                (sensor_id, name)
                for sensor_id, name in self._wanted.items()
                if sensor_id not in self._made and self._microphones[name].reservoir.is_ready
            ]

    def _make(self, sensor_id: UUID, microphone: Microphone, stop: threading.Event) -> bytes | None:
        seed = sensor_id.int % _SEED_BITS
        extractor = FeatureExtractor(microphone.sample_rate_hz)
        kind, level_db, window_us, vectors = [], [], [], []
        for place in microphone.reservoir.places():
            kept = microphone.reservoir.read(place)
            if kept is None:
                continue
            started = time.thread_time()
            for probe, mixed in mix(kept.samples, microphone.sample_rate_hz, seed, place):
                kind.append(PROBE_KINDS.index(probe.kind))
                level_db.append(probe.level_db)
                window_us.append(kept.start_us)
                vectors.append(extractor.extract(mixed))
                worked, started = time.thread_time() - started, time.thread_time()
                if stop.wait(worked * (1.0 / self._share - 1.0)):
                    return None
        if not vectors:
            return None
        message = ProbeColumns(
            sensor=sensor_id,
            seed=seed,
            kinds=list(PROBE_KINDS),
            kind=kind,
            level_db=level_db,
            window_us=window_us,
            features=FeatureMatrix.pack(SCHEMA_ID, np.stack(vectors)),
        )
        return zstandard.compress(message.model_dump_json(by_alias=True).encode())

    def _send(self, sensor_id: UUID, body: bytes, client: Client) -> None:
        headers = {"Content-Type": "application/json", "Content-Encoding": "zstd"}
        reply = client.request("POST", "/api/v1/probes", body=body, headers=headers)
        if reply.code in _PASSING or reply.code >= _SERVER_ERROR:
            raise LinkError(f"the collector puts probes off ({reply.code}): {reply.problem()}")
        with self._lock:
            self._made.pop(sensor_id, None)
            self._wanted.pop(sensor_id, None)
        if not reply.is_success:
            self._refused.add(sensor_id)
            log.warning("the collector refused probes (%d): %s; they are not sent again", reply.code, reply.problem())
