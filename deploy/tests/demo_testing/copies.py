"""Processes of one agent whose disk was copied or set back: real spools and uplinks, measurements that are known."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np

from audiosense_agent.config import Settings
from audiosense_agent.enrolment import Identity, describe_sensor, load_identity
from audiosense_agent.errors import LinkError
from audiosense_agent.sections import CollectorSettings
from audiosense_agent.spool import Spool
from audiosense_agent.spool.rows import Measurement
from audiosense_agent.uplink import Retry, Uplink
from audiosense_common.features import SCHEMA_ID, SCHEMAS
from audiosense_common.wire import Status

QUICK = Retry(first_s=0.001, cap_s=0.002, slow_s=0.003)
SENSOR = "pump"


@dataclass(frozen=True)
class Heard:
    """One measurement as it must be found in the database."""

    epoch: UUID
    seq: int
    time_us: int
    features: bytes


class NoModels:
    """Runs no model; the collector is not asked to train one."""

    def running(self):
        return {}

    def take(self, *_):
        return False


def configuration(folder: Path, name: str) -> Settings:
    """The configuration that each copy has."""
    sensor = {"name": SENSOR, "machine": f"Pump of {name}", "source": {"type": "simulator"}}
    return Settings.model_validate({"name": name, "state_dir": folder, "sensors": [sensor]})


class Process:
    """What one process of the agent does on its state directory, with an instance of its own."""

    def __init__(self, folder: Path, heard: set[Heard] | None = None) -> None:
        self.folder, self.instance = folder, uuid4()
        self.heard = set(heard or ())
        self.lost_answers = 0
        self.spool = Spool(folder / "spool.db")
        sensor = configuration(folder, "copied").sensors[0]
        self.spool.note_sensor(SENSOR, registration=describe_sensor(sensor).model_dump_json(by_alias=True))
        settings = CollectorSettings(batch_interval_s=0.001, heartbeat_s=60, max_batch=20)
        self.uplink = Uplink(self.spool, folder, settings, NoModels(), dict, retry=QUICK, instance=self.instance)

    def close(self) -> None:
        self.uplink.close()
        self.spool.close()

    def copied_to(self, folder: Path) -> Path:
        """Copy the disk as it is, while the process has it open."""
        shutil.copytree(self.folder, folder)
        return folder

    @property
    def identity(self) -> Identity:
        found = load_identity(self.folder)
        assert found is not None
        return found

    def hear(self, count: int) -> None:
        generator = np.random.default_rng()
        for _ in range(count):
            vector = generator.normal(-40, 3, len(SCHEMAS[SCHEMA_ID])).astype(np.float16)
            now = time.time_ns() // 1_000
            found = Measurement(SENSOR, now, None, Status.LEARNING, None, -30.0, 120.0, SCHEMA_ID, vector)
            (seq,) = self.spool.append([found])
            self.heard.add(Heard(self.spool.epoch, seq, now, vector.astype("<f2").tobytes()))

    def held(self) -> set[Heard]:
        """What its spool still holds."""
        epoch = self.spool.epoch
        rows = self.spool.read(10**6)
        return {Heard(epoch, row.seq, row.time_us, row.features.astype("<f2").tobytes()) for row in rows}

    def lose_next_answer(self) -> None:
        """The collector gets the next batch, its answer is lost."""
        _, client = self.uplink._link.open()
        real = client.request

        def request(method, path, **options):
            reply = real(method, path, **options)
            if path != "/api/v1/batches" or not reply.is_success:
                return reply
            client.request = real
            self.lost_answers += 1
            raise LinkError("the answer was lost")

        client.request = request
        self.hear(1)
        self.until(lambda: client.request is real)

    def step(self, count: int = 1) -> None:
        for _ in range(count):
            self.uplink.step()
            time.sleep(0.001)

    def until(self, done, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline, self.uplink.state
            self.step()

    def deliver(self) -> None:
        self.until(lambda: self.spool.status().rows == 0 and self.spool.in_flight() is None)

    def deliver_and_rotate(self, before: str) -> None:
        """Deliver all, until the credential is another one than before and the collector took it."""
        self.deliver()
        self.uplink.wake()
        self.until(lambda: self.identity.credential != before and self.identity.next is None)
