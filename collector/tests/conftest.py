"""A collector on a real database, without its servers, and agents that talk to it."""

import contextlib
import uuid
from dataclasses import dataclass, field, replace

import httpx
import numpy as np
import pytest

from audiosense_collector.agents.keys import create_key
from audiosense_collector.app import create_agent_app, create_app
from audiosense_collector.auth import cookies, sessions
from audiosense_collector.auth import service as users
from audiosense_collector.auth.middleware import PAGE_HEADER
from audiosense_collector.auth.roles import Role
from audiosense_collector.clock import DAY_US, now_us
from audiosense_collector.jobs import make_jobs
from audiosense_collector.runtime import open_runtime, prepare_data_dir
from audiosense_collector.settings import Settings
from audiosense_collector.training.process import Trainer
from audiosense_common.features import SCHEMA_ID, SCHEMAS
from audiosense_common.wire import Batch, FeatureMatrix, Reason, SensorColumns, Status

REASONS = [
    Reason(key="band", low_hz=3_951.5, high_hz=5_040.0, value=-51.0, normal=-62.1, unit="dBFS", deviation=22.0),
    Reason(key="impulsiveness", feature="kurtosis_log", value=14.0, normal=3.2, unit="", deviation=20.5),
]
WIDTH = len(SCHEMAS[SCHEMA_ID])
WINDOW_US = 5_000_000


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("collector")
    prepare_data_dir(data_dir)
    return Settings(
        _env_file=None,
        data_dir=data_dir,
        agent_url="https://localhost:8443",
        baseline_windows=40,
        trees=20,
        http_port=0,
        agent_port=0,
        agent_host="127.0.0.1",
        dashboard_dir=tmp_path_factory.mktemp("dashboard"),
    )


@pytest.fixture(scope="session")
def trainer():
    """One training process for all tests: its start takes longer than a training."""
    shared = Trainer()
    yield shared
    shared.close()


@pytest.fixture
async def runtime(settings, database_url, trainer):
    async with open_runtime(settings, database_url, make_jobs(database_url)) as opened:
        yield replace(opened, trainer=trainer)


@pytest.fixture
async def app(runtime):
    return create_app(runtime)


@pytest.fixture
async def open_browser(runtime, app):
    """Opens a browser in which somebody of a role is signed in, or nobody."""
    async with contextlib.AsyncExitStack() as stack:

        async def opened(role=None, *, name=None, base_url="http://127.0.0.1:8000"):
            user = name or f"{role}-{uuid.uuid4().hex[:12]}"
            options = {} if role is None else await sign_in(runtime, role, name=user)
            transport = httpx.ASGITransport(app)
            client = httpx.AsyncClient(transport=transport, base_url=base_url, **options)
            client.user = user
            return await stack.enter_async_context(client)

        yield opened


@pytest.fixture
async def browser(open_browser):
    """An administrator's browser."""
    return await open_browser(Role.ADMINISTRATOR)


@pytest.fixture
async def operator(open_browser):
    return await open_browser(Role.OPERATOR)


@pytest.fixture
async def viewer(open_browser):
    return await open_browser(Role.VIEWER)


@pytest.fixture
async def anonymous(open_browser):
    """A browser in which nobody is signed in."""
    return await open_browser()


async def sign_in(runtime, role, *, name=None, password=None):
    """Make a user and a session, without the costly hash; returns what a client needs to be that browser."""
    async with runtime.sessions.begin() as session:
        user = await users.create(session, name or f"{role}-{uuid.uuid4().hex[:12]}", Role(role), password)
        _, secret = await sessions.start(session, runtime.settings, user.id, sessions.Origin("127.0.0.1", "tests"))
    return {"cookies": {cookies.PLAIN: secret}, "headers": {PAGE_HEADER: "1"}}


@pytest.fixture
def sign_in_to():
    """The same for a runtime that a test has opened itself."""
    return sign_in


@pytest.fixture
def signed_in(runtime):
    """Signs somebody in: what a client of a collector that listens for real needs."""

    async def make(role=Role.ADMINISTRATOR, **more):
        return await sign_in(runtime, role, **more)

    return make


@pytest.fixture
async def agents_port(runtime):
    transport = httpx.ASGITransport(create_agent_app(runtime))
    async with httpx.AsyncClient(transport=transport, base_url="https://localhost:8443") as client:
        yield client


def registration(name="drive-end", machine="Pump 1", **changes):
    return {
        "name": name,
        "machine": machine,
        "sample_rate_hz": 16_000,
        "window_s": 5.0,
        "schema": SCHEMA_ID,
        "source": "simulator",
    } | changes


@dataclass
class FakeAgent:
    """Speaks the wire protocol as an agent does."""

    client: httpx.AsyncClient
    id: uuid.UUID
    credential: str
    sensors: dict
    epoch: uuid.UUID = field(default_factory=uuid.uuid4)
    token: str | None = None
    seq: int = 0
    instance: uuid.UUID = field(default_factory=uuid.uuid4)

    def columns(
        self,
        count,
        *,
        sensor=None,
        start_us=None,
        status=Status.LEARNING,
        score=None,
        digest=None,
        rng=None,
        schema=SCHEMA_ID,
    ):
        """Measurements of ``count`` windows, the last of which has just ended."""
        start = now_us() - count * WINDOW_US if start_us is None else start_us
        generator = rng or np.random.default_rng(self.seq)
        matrix = generator.normal(-40, 3, (count, len(SCHEMAS[schema]))).astype(np.float16)
        seqs = list(range(self.seq, self.seq + count))
        self.seq += count
        return SensorColumns(
            sensor=sensor or next(iter(self.sensors.values())),
            seq=seqs,
            time_us=[start + place * WINDOW_US for place in range(count)],
            score=[score] * count,
            status=[status] * count,
            models=[digest] if digest else [],
            model=[0 if digest else None] * count,
            level_dbfs=[-30.0] * count,
            dominant_hz=[120.0] * count,
            features=FeatureMatrix.pack(schema, matrix),
        )

    def batch(self, *columns, **more):
        return Batch(
            **({"agent": self.id, "epoch": self.epoch, "token": self.token, "sent_us": now_us()} | more),
            sensors=list(columns),
        )

    @property
    def headers(self):
        return {"Authorization": f"Bearer {self.credential}", "AudioSense-Instance": str(self.instance)}

    async def post(self, content, **headers):
        return await self.client.post("/api/v1/batches", content=content, headers=self.headers | headers)

    async def send(self, batch):
        response = await self.post(encode(batch))
        assert response.status_code == 200, response.text
        answer = response.json()
        self.token = answer["token"]
        return answer


def encode(batch):
    return batch.model_dump_json(by_alias=True).encode()


@pytest.fixture
def make_agent(runtime, agents_port):
    async def make(*sensors, name="agent-1", client=agents_port):
        async with runtime.sessions.begin() as session:
            key = await create_key(session, url="https://localhost:8443", trust="0" * 64, uses=1, lifetime_us=DAY_US)
        request = {
            "secret": key.secret,
            "name": name,
            "version": "0.1.0",
            "sensors": list(sensors) or [registration(machine=f"Pump {uuid.uuid4()}")],
        }
        response = await client.post("/api/v1/enrol", json=request)
        assert response.status_code == 201, response.text
        found = response.json()
        return FakeAgent(client, uuid.UUID(found["agent"]), found["credential"], found["sensors"])

    return make


@pytest.fixture
def register():
    return registration


@pytest.fixture
def reasons():
    """As an agent tells them."""
    return list(REASONS)


@pytest.fixture
def told():
    """The same as the interface answers them."""
    return [reason.model_dump() for reason in REASONS]


@pytest.fixture
def dump():
    return encode
