"""Several collectors on one database: an agent is served alike by each, and one that dies loses nothing."""

import asyncio
import contextlib
import hashlib
import json
import os
import signal
import ssl
import subprocess
import sys
from uuid import uuid4

import httpx
import psycopg
import pytest

from audiosense_collector import tls
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.settings import Settings

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "clips"))  # noqa: PTH118, PTH120

from clip_testing import event_of, flac, put

from deploy.testing import warm

LIMIT_S = 120
URL = "https://localhost:8443"


class Collector:
    """A process ``serve`` with a data directory of its own; keys, clips and database are everybody's."""

    def __init__(self, folder, name, database_url):
        self.data_dir = folder / name
        self.data_dir.mkdir()
        keep = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
        self.process = warm.Popen(
            [sys.executable, "-m", "audiosense_collector", "serve"],
            cwd=self.data_dir,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=keep
            | {
                "DATABASE_URL": database_url,
                "AUDIOSENSE_DATA_DIR": str(self.data_dir),
                "AUDIOSENSE_KEYS_DIR": str(folder / "keys"),
                "AUDIOSENSE_CLIPS_URL": f"file://{folder}/clips",
                "AUDIOSENSE_AGENT_URL": URL,
                "AUDIOSENSE_AGENT_HOST": "127.0.0.1",
                "AUDIOSENSE_AGENT_PORT": "0",
                "AUDIOSENSE_HTTP_PORT": "0",
            },
        )

    async def addresses(self):
        path = self.data_dir / "run" / "addresses.json"
        async with asyncio.timeout(LIMIT_S):
            while not path.exists():
                assert self.process.poll() is None
                await asyncio.sleep(0.05)
        return json.loads(path.read_text())

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(timeout=LIMIT_S)


@pytest.fixture
async def pair(tmp_path, database_url, signed_in):
    """Two collectors that were started at once, and clients of the agents' and the browsers' ports of each.

    Both browsers are in one session, which neither of the two has begun.
    """
    known = {"agents": {}, "http": await signed_in()}
    collectors = [Collector(tmp_path, name, database_url) for name in ("one", "two")]
    async with contextlib.AsyncExitStack() as stack:
        for collector in collectors:
            stack.callback(collector.process.wait)
            stack.callback(collector.process.kill)
        found = [await collector.addresses() for collector in collectors]
        trust = ssl.create_default_context(cafile=tmp_path / "keys" / "tls" / "ca.pem")
        to = {
            port: [
                await stack.enter_async_context(
                    httpx.AsyncClient(
                        base_url=addresses[port], verify=trust, trust_env=False, timeout=LIMIT_S, **known[port]
                    )
                )
                for addresses in found
            ]
            for port in ("agents", "http")
        }
        yield collectors, to["agents"], to["http"]


async def send_somewhere(agent, batch, clients, first):
    """Send a batch as an agent behind a proxy does: to one, and to the next when that one dies under it."""
    for turn in range(len(clients) + 1):
        agent.client = clients[(first + turn) % len(clients)]
        try:
            return await agent.send(batch)
        except httpx.TransportError:
            continue
    raise AssertionError("no collector answers")


def stored(database_url):
    query = "SELECT count(*), count(DISTINCT (sensor_id, epoch, seq)) FROM measurement"
    with psycopg.connect(libpq_url(database_url)) as connection:
        return connection.execute(query).fetchone()


async def test_two_collectors_are_one_to_agents_and_browsers(pair, make_agent, database_url, tmp_path):
    collectors, agents, browsers = pair
    agent = await make_agent(client=agents[0])
    (sensor,) = agent.sensors.values()
    sent = 0
    for turn in range(6):
        agent.client = agents[(turn + 1) % 2]
        answer = await agent.send(agent.batch(agent.columns(5)))
        sent += answer["stored"]
    assert sent == 30
    repeated = agent.batch(agent.columns(3))
    answers = []
    for client in agents:
        agent.client = client
        answers.append((await agent.post(repeated.model_dump_json(by_alias=True).encode())).json())
    assert answers[0]["token"] == answers[1]["token"], "a repeat gets the same answer from the other one"
    agent.token = answers[0]["token"]

    clip, content = uuid4(), flac()
    agent.client = agents[0]
    assert (await put(agent, clip, content, sensor=sensor, kind="reference")).status_code == 200
    assert (await browsers[1].get(f"/api/v1/clips/{clip}")).content == content
    digest = hashlib.sha256(content).hexdigest()
    assert [path.stem for path in (tmp_path / "clips").glob("??/*")] == [digest]

    fleets = [(await client.get("/api/v1/fleet")).json()["machines"] for client in browsers]
    assert [[machine["id"] for machine in fleet] for fleet in fleets] == [[fleets[0][0]["id"]]] * 2

    await what_one_takes_the_others_browsers_hear(agent, agents, browsers)
    await events_that_many_change_at_once_stand_in_nobodys_way(agent, agents, browsers, database_url)
    sent += 2

    # The first one is killed while the agent's batches go to both by turns.
    for turn in range(12):
        batch = agent.batch(agent.columns(5))
        if turn == 4:
            sending = asyncio.create_task(send_somewhere(agent, batch, agents, 0))
            await asyncio.sleep(0)
            collectors[0].process.send_signal(signal.SIGKILL)
            await sending
        else:
            await send_somewhere(agent, batch, agents, turn)
    assert collectors[0].end(signal.SIGKILL) == -signal.SIGKILL
    assert stored(database_url) == (agent.seq, agent.seq)
    assert collectors[1].end() == 0


async def what_one_takes_the_others_browsers_hear(agent, agents, browsers):
    """LISTEN and NOTIFY reach every process: each browser hears of each batch once, whichever process took it."""
    (sensor,) = agent.sensors.values()

    async def hear(client, ready):
        heard = []
        async with client.stream("GET", "/api/v1/live", params={"sensors": str(sensor)}) as stream:
            name = None
            async for line in stream.aiter_lines():
                field, _, value = line.partition(": ")
                name = value if field == "event" else name
                if field == "data" and name == "hello":
                    ready.set()
                if field == "data" and name == "measurements":
                    heard += json.loads(value)["time_us"]
                    if len(heard) >= len(wanted):
                        break
        return heard

    columns = [agent.columns(1) for _ in agents]
    wanted = [column.time_us[0] for column in columns]
    async with asyncio.timeout(LIMIT_S):
        opened = [asyncio.Event() for _ in browsers]
        hearing = [asyncio.create_task(hear(client, ready)) for client, ready in zip(browsers, opened, strict=True)]
        await asyncio.gather(*(ready.wait() for ready in opened))
        for client, column in zip(agents, columns, strict=True):
            agent.client = client
            await agent.send(agent.batch(column))
        assert await asyncio.gather(*hearing) == [wanted] * len(browsers)


async def events_that_many_change_at_once_stand_in_nobodys_way(agent, agents, browsers, database_url):
    """An agent revises events by one process while people judge them by both, from the other end of the list."""
    (sensor,) = agent.sensors.values()
    known = [event_of(sensor) for _ in range(60)]
    agent.client = agents[0]
    await agent.send(agent.batch(events=known))
    ids = [str(each.id) for each in known]
    rounds, judged = 12, []

    async def revise():
        for number in range(2, rounds + 2):
            agent.client = agents[number % 2]
            revised = [each.model_copy(update={"revision": number, "windows": number}) for each in known]
            await agent.send(agent.batch(events=revised[::-1] if number % 2 else revised))

    async def judge(client, order):
        for number in range(rounds):
            said = {"events": order, "verdict": "confirmed", "cause": "bearing", "comment": f"round {number}"}
            answer = await client.post("/api/v1/reviews", json=said)
            assert answer.status_code == 200, answer.text
            judged.append(len(answer.json()["entries"]))

    with psycopg.connect(libpq_url(database_url), autocommit=True) as connection:
        deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        (before,) = connection.execute(deadlocks).fetchone()
        await asyncio.gather(revise(), judge(browsers[0], ids), judge(browsers[1], ids[::-1]))
        (after,) = connection.execute(deadlocks).fetchone()
        of_all = "SELECT count(*), min(revision), max(revision) FROM event WHERE id = ANY(%s)"
        assert connection.execute(of_all, [[each.id for each in known]]).fetchone() == (60, rounds + 1, rounds + 1)
        verdicts = "SELECT count(*) FROM event_verdict WHERE event_id = ANY(%s)"
        assert connection.execute(verdicts, [[each.id for each in known]]).fetchone() == (60 * 2 * rounds,)
    assert (after, judged) == (before, [60] * 2 * rounds)


def test_collectors_that_share_a_trust_have_one_ca_and_a_certificate_each(tmp_path):
    (tmp_path / "keys").mkdir()
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        own = {"data_dir": tmp_path / name, "keys_dir": tmp_path / "keys", "agent_url": URL}
        found.append(tls.ensure_tls(Settings(_env_file=None, **own)))
    one, two = found
    assert one.ca_pem == two.ca_pem
    assert one.ca_digest == two.ca_digest
    assert one.key.read_bytes() != two.key.read_bytes()
    assert sorted(path.name for path in (tmp_path / "keys" / "tls").iterdir()) == [".lock", "ca.key", "ca.pem"]
