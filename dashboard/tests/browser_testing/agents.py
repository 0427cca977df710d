"""Agents that are enrolled over TLS and send made-up windows as real ones would."""

import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import numpy as np
import pytest

from audiosense_common import wire, wire_enrolment
from audiosense_common.features import FEATURES, SCHEMA_ID, SCHEMAS
from audiosense_common.synth.probes import LEVEL, PROBE_KINDS, STAGGER, levels_of
from audiosense_common.wire_checks import Check
from browser_testing.collector import Collector

WINDOW_US = 100_000
LAG_US = 10_000_000


@dataclass
class Agent:
    """An enrolled agent with one sensor; it sends made-up windows as a real one would."""

    client: httpx.Client
    identity: UUID
    machine: str
    sensor: UUID
    random: np.random.Generator
    epoch: UUID = field(default_factory=uuid4)
    token: str | None = None
    seq: int = 0
    heard_us: int = 0
    running: tuple[str, int] | None = None
    stage: Literal["probation", "committed"] | None = None
    sent_back: tuple[str, str] | None = None
    desired: wire.DesiredModel | None = None
    checks: list[Check] | None = None
    level_dbfs: float = -31.5

    @property
    def in_fleet(self) -> str:
        """Address of the fleet with this machine alone: no other's card moves in under a click, whatever is heard."""
        return f"/?q={quote(self.machine)}"

    def send(
        self,
        count: int = 1,
        *,
        score: float | None = None,
        status: str = "learning",
        reasons: list[wire.Reason] | None = None,
        louder_db: float = 0.0,
        start_us: int | None = None,
        step_us: int = WINDOW_US,
    ) -> wire.Answer:
        """Send the next ``count`` windows, each ``step_us`` after the one before.

        They begin where the last ones ended and none is older than ``LAG_US``, unless ``start_us`` says otherwise.
        """
        start = max(self.heard_us, time.time_ns() // 1000 - LAG_US) if start_us is None else start_us
        self.heard_us = start + count * step_us
        levels = [FEATURES[name].unit == "dBFS" for name in SCHEMAS[SCHEMA_ID]]
        vectors = self.random.normal(-40, 2, (count, len(levels))) + louder_db * np.array(levels)
        columns = wire.SensorColumns(
            sensor=self.sensor,
            seq=list(range(self.seq, self.seq + count)),
            time_us=[start + index * step_us for index in range(count)],
            score=[score] * count,
            status=[wire.Status(status)] * count,
            models=[self.running[0]] if self.running else [],
            model=[0 if self.running else None] * count,
            level_dbfs=[self.level_dbfs] * count,
            dominant_hz=[1480.0] * count,
            features=wire.FeatureMatrix.pack(SCHEMA_ID, vectors.astype(np.float16)),
            reasons={} if reasons is None else dict.fromkeys(range(count), reasons),
        )
        self.seq += count
        return self.post(sensors=[columns])

    def post(self, **parts: object) -> wire.Answer:
        digest, version = self.running or (None, None)
        refused, reason = self.sent_back or (None, None)
        model = wire.RunningModel(digest=digest, version=version, state=self.stage, refused=refused, reason=reason)
        batch = wire.Batch(
            agent=self.identity,
            epoch=self.epoch,
            token=self.token,
            sent_us=time.time_ns() // 1000,
            running={self.sensor: model},
            heartbeat=wire.Heartbeat(version="0.1.0", sources={self.sensor: "ok"}, checks=self.checks),
            **parts,
        )
        answer = self.client.post(
            "/api/v1/batches",
            content=batch.model_dump_json(by_alias=True),
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 200, answer.text
        parsed = wire.Answer.model_validate_json(answer.content)
        self.token = parsed.token
        self.desired = parsed.desired.get(self.sensor)
        return parsed

    def send_probes(self, strength: dict[str, float]) -> None:
        """Send probes of 24 windows: each kind grows with its level, by ``strength`` dB above its weakest one."""
        rows = [
            (number, kind, level)
            for number in range(24)
            for kind in PROBE_KINDS
            for level in levels_of(kind)[number % STAGGER :: STAGGER]
        ]
        growth = [
            max(0.0, (level - levels_of(kind)[0] + strength[kind]) * (2.0 if kind == LEVEL else 1.0))
            for _, kind, level in rows
        ]
        sign = self.random.choice((-1, 1), (len(rows), len(SCHEMAS[SCHEMA_ID])))
        vectors = self.random.normal(-40, 2, sign.shape) + 0.3 * np.array(growth)[:, np.newaxis] * sign
        message = wire.ProbeColumns(
            sensor=self.sensor,
            seed=1,
            kinds=list(PROBE_KINDS),
            kind=[PROBE_KINDS.index(kind) for _, kind, _ in rows],
            level_db=[level for *_, level in rows],
            window_us=[self.heard_us - (number + 1) * WINDOW_US for number, *_ in rows],
            features=wire.FeatureMatrix.pack(SCHEMA_ID, vectors.astype(np.float16)),
        )
        answer = self.client.post(
            "/api/v1/probes",
            content=message.model_dump_json(by_alias=True),
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 200, answer.text

    def run_what_is_desired(self, *, timeout_s: float = 60) -> str:
        """Ask until the collector wishes a model that is not running, then report that it runs."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self.post()
            if self.desired and (self.running is None or self.desired.digest != self.running[0]):
                self.running = (self.desired.digest, self.desired.version)
                self.post()
                return self.desired.digest
            time.sleep(0.2)
        pytest.fail(f"the collector offered no new model for {self.machine} within {timeout_s} s")

    def report_event(
        self,
        *,
        event: UUID,
        revision: int,
        state: str,
        started_s_ago: int = 30,
        reasons: Sequence[wire.Reason] = (),
    ) -> None:
        now = time.time_ns() // 1000
        assert self.running
        self.post(
            events=[
                wire.Event(
                    id=event,
                    sensor=self.sensor,
                    revision=revision,
                    state=wire.EventState(state),
                    start_us=now - started_s_ago * 1_000_000,
                    end_us=now,
                    peak_us=now - 5_000_000,
                    peak_score=0.8123,
                    threshold=0.55,
                    windows=6,
                    model=self.running[0],
                    reasons=list(reasons),
                )
            ]
        )


@contextmanager
def enrolling(collector: Collector, secret: str) -> Iterator[Callable[..., Agent]]:
    """Enrol agents that keep their connections until the end."""
    clients: list[httpx.Client] = []

    def enrol_agent(
        machine: str, *, replacing: UUID | None = None, with_secret: str | None = None, **registration: object
    ) -> Agent:
        trust = httpx.get(f"{collector.agents}/api/v1/trust", verify=_unverified())
        context = ssl.create_default_context(cadata=trust.json()["ca_pem"])
        client = httpx.Client(base_url=collector.agents, verify=context)
        clients.append(client)
        sensor = wire_enrolment.SensorRegistration(
            name=f"{machine} sensor",
            machine=machine,
            sample_rate_hz=48_000,
            schema_id=SCHEMA_ID,
            **{"source": "simulator pump", "window_s": WINDOW_US / 1e6} | registration,
        )
        request = wire_enrolment.EnrolmentRequest(
            secret=with_secret or secret,
            name=f"agent of {machine}",
            version="0.1.0",
            sensors=[sensor],
            replace=None if replacing is None else str(replacing),
        )
        answer = client.post("/api/v1/enrol", json=request.model_dump(mode="json", by_alias=True))
        assert answer.status_code == 201, answer.text
        enrolled = wire_enrolment.Enrolled.model_validate_json(answer.content)
        client.headers["Authorization"] = f"Bearer {enrolled.credential}"
        seed = int.from_bytes(machine.encode()[-6:])
        return Agent(client, enrolled.agent, machine, enrolled.sensors[sensor.name], np.random.default_rng(seed))

    yield enrol_agent
    for client in clients:
        client.close()


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
