"""PostgreSQL itself is stopped and started under load: agents are put off, nothing is lost, nothing needs a restart."""

import asyncio
import collections
import ssl
import tempfile
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from audiosense_collector.db.embedded import EmbeddedServer
from audiosense_collector.db.migrate import migrate
from audiosense_collector.server import running

LIMIT_S = 90
AGENTS, STOPS = 6, 3
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@pytest.fixture(scope="module")
def server():
    with tempfile.TemporaryDirectory(prefix="audiosense-away-") as folder:
        Path(folder).chmod(0o755)
        made = EmbeddedServer(Path(folder), FAST)
        made.start()
        yield made
        made.release()


@pytest.fixture(scope="module")
def database_url(server):
    migrate(server.url())
    return server.url()


async def deliver(agent, dump, stop, answers):
    """Send batches until told to stop, each until it is stored; returns how many measurements were acknowledged."""
    acknowledged = 0
    while not stop.is_set():
        body = dump(agent.batch(agent.columns(10)))
        while (response := await agent.post(body)).status_code != 200:
            answers[response.status_code] += 1
            assert response.headers.get("retry-after"), response.text
            await asyncio.sleep(0.1)
        answers[200] += 1
        agent.token = response.json()["token"]
        acknowledged += 10
        await asyncio.sleep(0.01)
    return acknowledged


async def wait_for(condition):
    while not condition():  # noqa: ASYNC110 - the test's own time-out is over it
        await asyncio.sleep(0.05)


async def restart(server, answers):
    """Stop the database, wait until agents notice, start it again and wait until batches are taken."""
    put_off = answers[503]
    await asyncio.to_thread(server.release)
    await wait_for(lambda: answers[503] >= put_off + AGENTS)
    await asyncio.to_thread(server.start)
    taken = answers[200]
    await wait_for(lambda: answers[200] >= taken + 3 * AGENTS)


async def test_a_database_that_stops_and_starts_puts_agents_off_and_loses_nothing(
    settings, server, make_agent, dump, runtime
):
    answers, stop = collections.Counter(), asyncio.Event()
    async with asyncio.timeout(LIMIT_S), running(settings, server.url()) as (addresses, served, _):
        trust = ssl.create_default_context(cadata=served.tls.ca_pem)
        async with httpx.AsyncClient(base_url=addresses.agents, verify=trust, trust_env=False, timeout=30) as client:
            agents = [await make_agent(name=f"agent {number}", client=client) for number in range(AGENTS)]
            sending = [asyncio.create_task(deliver(agent, dump, stop, answers)) for agent in agents]
            for _ in range(STOPS):
                await restart(server, answers)
            stop.set()
            acknowledged = sum(await asyncio.gather(*sending))
    assert set(answers) == {200, 503}, "never 500"
    assert answers[503] >= STOPS * AGENTS
    async with runtime.sessions() as session:
        found = await session.execute(text("SELECT count(*), count(DISTINCT (sensor_id, epoch, seq)) FROM measurement"))
        assert found.one() == (acknowledged, acknowledged)
