"""More batches at once than are worked on: the rest is sent away, comes back, and is stored once."""

import asyncio
import contextlib
import ssl
import uuid

import httpx
import psycopg
import pytest
from sqlalchemy import text

from audiosense_collector.app import create_agent_app
from audiosense_collector.db import engine
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.errors import RETRY_AFTER_S, TooManyError, UnavailableError
from audiosense_collector.ingest.gate import MOST_BYTES, Gate
from audiosense_collector.jobs import make_jobs
from audiosense_collector.runtime import open_runtime
from audiosense_collector.server import running

LIMIT_S = 180
AGENTS, BATCHES, QUEUE = 20, 2, 3


def check_sent_away(response):
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert RETRY_AFTER_S[0] <= int(response.headers["retry-after"]) <= RETRY_AFTER_S[1]
    return int(response.headers["retry-after"])


async def deliver(agent, dump, waits):
    """Send batches one after the other, each until it is stored."""
    for _ in range(BATCHES):
        body = dump(agent.batch(agent.columns(20)))
        while (response := await agent.post(body)).status_code != 200:
            waits.append(check_sent_away(response))
            await asyncio.sleep(waits[-1] / 20)
        assert response.json()["stored"] == 20
        agent.token = response.json()["token"]


async def test_a_crowd_is_sent_away_beyond_the_queue_and_nothing_is_lost(
    settings, database_url, make_agent, dump, runtime
):
    few = settings.model_copy(update={"ingest_queue": QUEUE})
    waits = []
    async with asyncio.timeout(LIMIT_S), running(few, database_url) as (addresses, served, _):
        trust = ssl.create_default_context(cadata=served.tls.ca_pem)
        limits = httpx.Limits(max_connections=AGENTS)
        async with httpx.AsyncClient(
            base_url=addresses.agents, verify=trust, trust_env=False, timeout=LIMIT_S, limits=limits
        ) as client:
            agents = [await make_agent(name=f"agent {number}", client=client) for number in range(AGENTS)]
            await asyncio.gather(*(deliver(agent, dump, waits) for agent in agents))
        gate = served.gate
    assert gate.turned_away == len(waits) >= AGENTS - QUEUE
    assert gate.peak == QUEUE
    assert gate.in_work == 0
    assert len(set(waits)) > 1, "the wait is drawn"
    async with runtime.sessions() as session:
        found = await session.execute(text("SELECT count(*), count(DISTINCT (sensor_id, epoch, seq)) FROM measurement"))
        assert found.one() == (AGENTS * BATCHES * 20, AGENTS * BATCHES * 20)


async def test_an_agent_with_more_than_its_share_in_work_is_told_429_and_nobody_else_is(
    runtime, make_agent, dump, database_url
):
    hog, other = [await make_agent(name=name) for name in ("hog", "other")]
    body = dump(hog.batch(hog.columns(5)))
    share, beyond = runtime.gate.share, 3
    async with asyncio.timeout(LIMIT_S), await psycopg.AsyncConnection.connect(libpq_url(database_url)) as holding:
        await holding.execute("SELECT 1 FROM agent WHERE id = %s FOR UPDATE", [hog.id])
        sent = [asyncio.create_task(hog.post(body)) for _ in range(share + beyond)]
        for refused, ended in enumerate(asyncio.as_completed(sent), 1):
            answer = await ended
            assert answer.status_code == 429, answer.text
            assert RETRY_AFTER_S[0] <= int(answer.headers["retry-after"]) <= RETRY_AFTER_S[1]
            assert f"{share} batches of this agent are in work" in answer.json()["detail"]
            if refused == beyond:
                break
        assert (await other.send(other.batch(other.columns(5))))["stored"] == 5
        assert runtime.gate.in_work == share
        await holding.rollback()
        answers = [answer for answer in await asyncio.gather(*sent) if answer.status_code == 200]
    # Once it is stored, and the same answer to its repeats.
    assert len(answers) == share
    assert len({answer.content for answer in answers}) == 1
    assert runtime.gate.in_work == 0
    hog.token = answers[0].json()["token"]
    assert (await hog.send(hog.batch(hog.columns(5))))["stored"] == 5


def test_an_agents_share_is_one_in_many_and_two_at_least():
    one = uuid.uuid4()
    assert (Gate(256).share, Gate(64).share, Gate(3).share) == (8, 2, 2)
    gate = Gate(64)
    with gate.entered(1, one), gate.entered(1, one):
        with pytest.raises(TooManyError), gate.entered(1, one):
            pass
        with gate.entered(1, uuid.uuid4()):
            assert gate.in_work == 3
    with gate.entered(1, one):
        assert (gate.in_work, gate.turned_away) == (1, 1)


def test_a_full_queue_is_told_503_also_to_who_has_less_than_its_share():
    gate = Gate(2)
    with gate.entered(), gate.entered(), pytest.raises(UnavailableError), gate.entered(1, uuid.uuid4()):
        pass


def test_the_gate_opens_again_when_a_batch_fails():
    gate = Gate(1)

    def fail():
        with gate.entered():
            raise ValueError

    for _ in range(3):
        with pytest.raises(ValueError):  # noqa: PT011 - whatever it is
            fail()
    assert gate.in_work == 0
    assert gate.turned_away == 0


def test_the_gate_bounds_bytes_but_lets_one_large_batch_in():
    gate = Gate(10)
    with gate.entered(MOST_BYTES + 1):
        with pytest.raises(UnavailableError), gate.entered(1):
            pass
        assert (gate.in_work, gate.turned_away) == (1, 1)
    with gate.entered(1), gate.entered(MOST_BYTES - 1):
        assert gate.in_work == 2
    assert gate.in_work == 0


def test_a_backlog_leaves_the_last_quarter_of_the_places_to_the_present():
    gate = Gate(8)
    with contextlib.ExitStack() as stack:
        for _ in range(6):
            stack.enter_context(gate.entered())
            gate.check_backlog()
        with gate.entered(), pytest.raises(UnavailableError, match="backlog"):
            gate.check_backlog()
    assert gate.in_work == 0


async def test_without_a_free_connection_a_batch_is_put_off_and_later_taken(
    settings, database_url, make_agent, dump, monkeypatch
):
    monkeypatch.setattr(engine, "POOL_TIMEOUT_S", 0.2)
    async with asyncio.timeout(LIMIT_S), open_runtime(settings, database_url, make_jobs(database_url)) as short:
        transport = httpx.ASGITransport(create_agent_app(short))
        async with httpx.AsyncClient(transport=transport, base_url="https://localhost:8443") as client:
            agent = await make_agent(client=client)
            body = dump(agent.batch(agent.columns(5)))
            held = [await short.engine.connect() for _ in range(15)]
            refused = [check_sent_away(await agent.post(body)) for _ in range(3)]
            for connection in held:
                await connection.close()
            response = await agent.post(body)
    assert len(refused) == 3
    assert response.json()["stored"] == 5
