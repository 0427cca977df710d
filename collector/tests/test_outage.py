"""The database goes away under a running collector, and comes back."""

import asyncio
import ssl

import httpx
import psycopg
import pytest

from audiosense_collector.db.engine import libpq_url
from audiosense_collector.server import running

LIMIT_S = 180


def cut(database_url):
    """End every connection that the collector has; returns how many that were."""
    query = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    with psycopg.connect(libpq_url(database_url), autocommit=True) as connection:
        return connection.execute(query).fetchone()[0]


async def test_cut_connections_are_made_again_and_nothing_acknowledged_is_lost(settings, database_url, make_agent):
    async with asyncio.timeout(LIMIT_S), running(settings, database_url) as (addresses, runtime, tasks):
        trust = ssl.create_default_context(cadata=runtime.tls.ca_pem)
        async with httpx.AsyncClient(base_url=addresses.agents, verify=trust, trust_env=False) as client:
            await runtime.hub.listening.wait()
            agent = await make_agent(client=client)
            await agent.send(agent.batch(agent.columns(20)))
            assert cut(database_url) >= 3
            batch = agent.batch(agent.columns(25))
            while (response := await agent.post(batch.model_dump_json(by_alias=True))).status_code == 503:
                assert response.headers["retry-after"]
                await asyncio.sleep(0.1)
            assert response.json()["stored"] == 25
            agent.token = response.json()["token"]
            desired = {}
            while not desired:
                desired = (await agent.send(agent.batch()))["desired"]
            assert not any(task.done() for task in tasks)


async def test_without_a_database_requests_are_put_off(browser, runtime, database_url, monkeypatch):
    def refuse(*_arguments, **_more):
        raise psycopg.OperationalError("the database system is shutting down")

    await runtime.engine.dispose()
    monkeypatch.setattr(runtime.engine.dialect.loaded_dbapi, "connect", refuse)
    response = await browser.get("/api/v1/fleet")
    assert response.status_code == 503
    assert 2 <= int(response.headers["retry-after"]) <= 10


@pytest.mark.parametrize("end", ["pg_terminate_backend", "pg_cancel_backend"])
async def test_an_insert_that_is_cut_short_puts_the_batch_off(make_agent, dump, database_url, end):
    agent = await make_agent()
    body = dump(agent.batch(agent.columns(3)))
    async with await psycopg.AsyncConnection.connect(libpq_url(database_url), autocommit=True) as other:
        async with other.transaction():
            await other.execute("LOCK TABLE measurement IN ACCESS EXCLUSIVE MODE")
            sending = asyncio.create_task(agent.post(body))
            here = "wait_event_type = 'Lock' AND datname = current_database()"
            query = f"SELECT {end}(pid) FROM pg_stat_activity WHERE {here}"
            async with asyncio.timeout(LIMIT_S):
                while not await (await other.execute(query)).fetchall():  # noqa: ASYNC110 - PostgreSQL tells nobody
                    await asyncio.sleep(0.02)
            response = await sending
        assert response.status_code == 503
        assert response.headers["retry-after"]
        assert (await agent.post(body)).json()["stored"] == 3
