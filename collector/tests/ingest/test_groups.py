"""Batches that are stored together: each is answered for itself, and what one does touches no other."""

import asyncio
import uuid
from collections import Counter

import numpy as np
import psycopg
import pytest
from sqlalchemy import text

from audiosense_collector.db.engine import libpq_url
from audiosense_collector.ingest.service import Taker
from audiosense_collector.rollups.delta import Windows, roll_up
from audiosense_collector.rollups.merge import merge
from audiosense_collector.rollups.rows import NONE, join
from audiosense_collector.rollups.store import HOURS, MINUTES, decode, names
from audiosense_common.features import FIRST_SCHEMA_ID, SCHEMAS
from audiosense_common.wire import Status

AGENTS = 6
LIMIT_S = 120


@pytest.fixture
def groups(monkeypatch):
    """How many batches each group held, and how many were stored alone."""
    seen = {"together": [], "alone": 0}
    together, alone = Taker.together, Taker.alone

    async def count_together(self, deliveries):
        seen["together"].append(len(deliveries))
        return await together(self, deliveries)

    async def count_alone(self, delivery):
        seen["alone"] += 1
        return await alone(self, delivery)

    monkeypatch.setattr(Taker, "together", count_together)
    monkeypatch.setattr(Taker, "alone", count_alone)
    return seen


@pytest.fixture
async def fleet(make_agent, groups):
    """Agents whose credentials were used before."""
    agents = [await make_agent(name=f"agent {number}") for number in range(AGENTS)]
    for agent in agents:
        await agent.send(agent.batch(agent.columns(1)))
    groups.update(together=[], alone=0)
    return agents


async def count(runtime, agent):
    query = text("SELECT count(*) FROM measurement WHERE sensor_id = ANY(:ids)")
    async with runtime.sessions() as session:
        return await session.scalar(query, {"ids": [uuid.UUID(str(each)) for each in agent.sensors.values()]})


async def test_batches_that_come_together_are_stored_together(runtime, fleet, dump, groups):
    bodies = [dump(agent.batch(agent.columns(5))) for agent in fleet]
    answers = await asyncio.gather(*(agent.post(body) for agent, body in zip(fleet, bodies, strict=True)))
    assert [answer.json()["stored"] for answer in answers] == [5] * AGENTS
    assert len({answer.json()["token"] for answer in answers}) == AGENTS
    assert sum(groups["together"]) == AGENTS > len(groups["together"])
    assert groups["alone"] == 0
    assert [await count(runtime, agent) for agent in fleet] == [6] * AGENTS


async def test_one_bad_batch_refuses_itself_only(runtime, fleet, dump, groups):
    batches = [agent.batch(agent.columns(5)) for agent in fleet]
    batches[2] = fleet[2].batch(fleet[2].columns(5), heartbeat={"version": "a\0b"})
    batches[3] = fleet[3].batch(fleet[3].columns(5, sensor=next(iter(fleet[0].sensors.values()))))
    sending = (agent.post(dump(batch)) for agent, batch in zip(fleet, batches, strict=True))
    answers = await asyncio.gather(*sending)
    assert [answer.status_code for answer in answers] == [200, 200, 422, 422, 200, 200]
    assert "NUL" in answers[2].json()["detail"]
    assert answers[3].json()["errors"][0]["loc"] == "sensors.0.sensor"
    assert groups["alone"] >= 1, "the group failed and each batch of it was stored by itself"
    assert [await count(runtime, agent) for agent in fleet] == [6, 6, 1, 1, 6, 6]


async def test_the_same_batch_many_times_at_once_is_stored_once(runtime, fleet, dump):
    body = dump(fleet[0].batch(fleet[0].columns(7)))
    others = [agent.post(dump(agent.batch(agent.columns(1)))) for agent in fleet[1:]]
    answers = await asyncio.gather(*(fleet[0].post(body) for _ in range(5)), *others)
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers[:5]}) == 1
    assert await count(runtime, fleet[0]) == 8


async def test_a_locked_agent_is_waited_for_alone(runtime, fleet, dump, groups, database_url):
    locked, others = fleet[0], fleet[1:]
    async with asyncio.timeout(LIMIT_S), await psycopg.AsyncConnection.connect(libpq_url(database_url)) as other:
        await other.execute("SELECT FROM agent WHERE id = %s FOR UPDATE", [locked.id])
        waiting = asyncio.create_task(locked.post(dump(locked.batch(locked.columns(3)))))
        for agent in others:
            assert (await agent.send(agent.batch(agent.columns(2))))["stored"] == 2
        assert not waiting.done()
        await other.rollback()
        assert (await waiting).json()["stored"] == 3
    assert groups["alone"] == 1


async def test_a_locked_sensor_is_waited_for_alone_and_no_sensor_is_left_out_of_the_answer(
    make_agent, register, dump, groups, database_url
):
    agent = await make_agent(register("a"), register("b"))
    await agent.send(agent.batch())
    groups.update(together=[], alone=0)
    async with asyncio.timeout(LIMIT_S), await psycopg.AsyncConnection.connect(libpq_url(database_url)) as other:
        await other.execute("SELECT FROM sensor WHERE id = %s FOR UPDATE", [agent.sensors["b"]])
        waiting = asyncio.create_task(agent.post(dump(agent.batch(agent.columns(3, sensor=agent.sensors["a"])))))
        while not groups["alone"]:  # noqa: ASYNC110 - nothing else tells
            await asyncio.sleep(0.01)
        await other.rollback()
        answer = (await waiting).json()
    assert answer["stored"] == 3
    assert set(answer["clips_allowed"]) == set(agent.sensors.values())


async def test_a_revoked_agent_is_refused_at_once_though_its_credential_is_remembered(fleet, browser, dump):
    revoked, other = fleet[:2]
    assert (await browser.post(f"/api/v1/agents/{revoked.id}/revoke")).status_code == 200
    answers = await asyncio.gather(
        *(agent.post(dump(agent.batch(agent.columns(1)))) for agent in (other, revoked, other))
    )
    assert [answer.status_code for answer in answers][:2] == [200, 403]
    assert answers[1].json()["type"] == "revoked"


async def test_a_connection_that_is_cut_puts_all_of_its_group_off_and_nothing_is_stored_twice(
    runtime, fleet, dump, database_url
):
    bodies = [dump(agent.batch(agent.columns(4))) for agent in fleet]
    waiting = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    waiting += " AND datname = current_database()"
    async with (
        asyncio.timeout(LIMIT_S),
        await psycopg.AsyncConnection.connect(libpq_url(database_url), autocommit=True) as other,
        other.transaction(),
    ):
        await other.execute("LOCK TABLE measurement IN ACCESS EXCLUSIVE MODE")
        sending = [asyncio.create_task(agent.post(body)) for agent, body in zip(fleet, bodies, strict=True)]
        while not all(task.done() for task in sending):
            await other.execute(waiting)
            await asyncio.sleep(0.02)
    assert {task.result().status_code for task in sending} == {503}
    assert all(task.result().headers["retry-after"] for task in sending)
    assert [await count(runtime, agent) for agent in fleet] == [1] * AGENTS
    again = await asyncio.gather(*(agent.post(body) for agent, body in zip(fleet, bodies, strict=True)))
    assert [answer.json()["stored"] for answer in again] == [4] * AGENTS


async def read_windows(runtime, sensor):
    """Return a sensor's measurements by schema, and the numbers of all schemas."""
    async with runtime.sessions() as session:
        schemas = dict((await session.execute(text("SELECT name, id FROM feature_schema"))).all())
        query = text(
            "SELECT schema, to_us(time), status, model, score, level_dbfs, dominant_hz, features FROM measurement"
            " WHERE sensor_id = :sensor"
        )
        rows = (await session.execute(query, {"sensor": sensor})).all()
    found = []
    for name in SCHEMAS:
        of_schema = [row for row in rows if row[0] == schemas.get(name)]
        if of_schema:
            _, time, status, model, score, level, dominant, features = zip(*of_schema, strict=True)
            found.append(
                Windows(
                    schema_id=name,
                    sensor=np.zeros(len(of_schema), np.int64),
                    time_us=np.array(time, np.int64),
                    status=np.array(status, np.int64),
                    model=np.array([NONE if each is None else each for each in model], np.int64),
                    score=np.array(score, np.float32),
                    level_dbfs=np.array(level, np.float32),
                    dominant_hz=np.array(dominant, np.float32),
                    features=np.frombuffer(b"".join(features), "<f2").reshape(len(of_schema), -1),
                )
            )
    return found, schemas


async def read_rollups(database_url, kind, sensor, schemas):
    async with await psycopg.AsyncConnection.connect(libpq_url(database_url), options="-c timezone=UTC") as connection:
        query = f"SELECT 0, {names('')} FROM {kind.table} WHERE sensor_id = %s ORDER BY time"
        async with connection.cursor(binary=True) as cursor:
            return decode(kind, await (await cursor.execute(query, [sensor])).fetchall(), schemas)


def check_same(found, wanted):
    for name in ("time_us", "statuses", "model", "scored", "rank", "described", "histogram", "extremes"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), err_msg=name)
    for name in ("score", "level_dbfs", "dominant_hz"):
        for part in ("least", "total", "most"):
            ours, theirs = getattr(getattr(found, name), part), getattr(getattr(wanted, name), part)
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, err_msg=name)
    width = wanted.means.shape[1]
    np.testing.assert_allclose(found.means[:, :width], wanted.means, rtol=1e-5, atol=1e-4)


async def test_late_repeated_and_mixed_windows_reach_the_roll_ups_once(runtime, make_agent, dump, database_url):
    agent, rng = await make_agent(), np.random.default_rng(3)
    start_us = 1_764_000_000_000_000
    sent = []
    statuses = Counter()
    for number in range(12):
        status = list(Status)[number % 5]
        statuses[status] += 1
        columns = agent.columns(
            9,
            start_us=start_us + int(rng.integers(0, 200)) * 7_000_000,
            status=status,
            score=None if status in (Status.LEARNING, Status.INVALID) else float(rng.random()),
            digest=None if status is Status.LEARNING else f"{number:064x}",
            rng=rng,
            schema=FIRST_SCHEMA_ID if number in (4, 7) else list(SCHEMAS)[-1],
        )
        sent.append(columns)
        again = [sent[int(place)] for place in rng.integers(0, len(sent), 2)] if number > 2 else []
        answer = await agent.send(agent.batch(*again, columns, columns))
        assert answer["stored"] == 9
    assert min(statuses.values()) >= 2
    sensor = uuid.UUID(str(next(iter(agent.sensors.values()))))
    windows, schemas = await read_windows(runtime, sensor)
    assert len(windows) == 2
    deltas = [roll_up(each) for each in windows]
    for kind, parts in ((MINUTES, [each.minutes for each in deltas]), (HOURS, [each.hours for each in deltas])):
        check_same(await read_rollups(database_url, kind, sensor, schemas), merge(join(parts), kind.span_us))


async def test_what_cannot_be_decided_by_a_group_is_decided_alone_as_before(fleet, dump):
    """An old token among others' batches stops its agent and nobody else."""
    stale = fleet[0].token
    await fleet[0].send(fleet[0].batch(fleet[0].columns(1)))
    bodies = [dump(agent.batch(agent.columns(1))) for agent in fleet[1:]]
    copy = dump(fleet[0].batch(fleet[0].columns(1), token=stale))
    answers = await asyncio.gather(
        fleet[0].post(copy), *(agent.post(body) for agent, body in zip(fleet[1:], bodies, strict=True))
    )
    assert [answer.status_code for answer in answers] == [403, 200, 200, 200, 200, 200]
    assert answers[0].json()["type"] == "quarantined"
