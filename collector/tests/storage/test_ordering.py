"""Roll-ups are moved together while ingest goes on, and are the same roll-ups afterwards."""

import asyncio
import os
import sys
from types import SimpleNamespace
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from storage_testing import fetch, run

from audiosense_collector.clock import now_us
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.rollups import recompute
from audiosense_collector.rollups.rows import HOUR_US, MINUTE_US
from audiosense_collector.series import columns, sources
from audiosense_collector.series.plan import Resolution
from audiosense_collector.series.sources import Span
from audiosense_collector.storage import jobs, ordering
from audiosense_collector.storage.ordering import AT_ONCE, HOURS, MINUTES, RAW

ROWS = 60
SENSORS = AT_ONCE + 4
APART, TOGETHER = ROWS // 2, ROWS // 5
"""Pages that a sensor's rows take at least and at most."""
INDEX_PAGES = 8
WIDTH_US = {MINUTES: MINUTE_US, HOURS: HOUR_US, RAW: MINUTE_US}
RESOLUTIONS = {MINUTES: Resolution.MINUTE, HOURS: Resolution.HOUR}
STORED = {MINUTES: ROWS, HOURS: ROWS, RAW: 2 * ROWS}
"""Rows of a sensor: two windows are sent at a time."""
WAITING = """
SELECT {what} FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'SELECT FROM sensor%'
"""
OPEN = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE 'SELECT FROM sensor%' AND state <> 'idle'
"""
LIMIT_S = 120


def span_us(kind=MINUTES):
    """The newest span that is over for long enough."""
    return (now_us() - kind.settled_us) // kind.span_us * kind.span_us - kind.span_us


async def pages(runtime, sensor, kind=MINUTES):
    """In how many pages a sensor's rows lie."""
    query = f"SELECT count(*), count(DISTINCT (ctid::text::point)[0]) FROM {kind.table} WHERE sensor_id = :sensor"
    ((rows, found),) = await fetch(runtime, query, sensor=UUID(str(sensor)))
    assert rows == STORED[kind]
    return found


async def everything(runtime, kind=MINUTES):
    return await fetch(runtime, f"SELECT * FROM {kind.table} ORDER BY sensor_id, time")


@pytest.fixture
def scatter(runtime, make_agent, register):
    """Makes an agent whose sensors' rows were stored one after the other, each minute or hour of all of them.

    Nothing else is there, and nothing was moved yet.
    """

    async def make(kind):
        await run(runtime, "TRUNCATE measurement, rollup_minute, rollup_hour, ordering_mark")
        agent = await make_agent(*(register(name=f"sensor {n}", machine=f"Pump {n}") for n in range(SENSORS)))
        await store(agent, span_us(kind), ROWS, WIDTH_US[kind])
        return agent

    return make


@pytest.fixture
async def scattered(scatter):
    return await scatter(MINUTES)


@pytest.fixture
def chart_pages(runtime, monkeypatch):
    """Counts the pages that PostgreSQL reads for a chart of a sensor's span."""
    read = []
    execute = psycopg.AsyncCursor.execute

    async def explain(cursor, query, parameters=None, **options):
        if isinstance(query, bytes) and b"array_send" in query:
            async with cursor.connection.cursor() as other:
                await execute(other, b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + query, parameters)
                plan = (await other.fetchone())[0][0]["Plan"]
                read.append(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
        return await execute(cursor, query, parameters, **options)

    async def count(kind, sensor):
        span = Span(UUID(sensor), span_us(kind), span_us(kind) + kind.span_us)
        async with runtime.sessions() as session:
            await (await session.connection()).exec_driver_sql("SET LOCAL enable_seqscan = off")
            if kind is RAW:
                found = await sources.read_raw(session, span, ["crest_db"])
            else:
                found = await sources.read_rolled(session, span, RESOLUTIONS[kind], ["crest_db"], WIDTH_US[kind])
        assert len(found["time_us"]) == STORED[kind]
        return read.pop()

    monkeypatch.setattr(columns.psycopg.AsyncCursor, "execute", explain)
    return count


@pytest.fixture
def vacuum(database_url):
    """Does what the database does by itself after a while: the index forgets what was moved."""

    async def done(kind):
        async with await psycopg.AsyncConnection.connect(libpq_url(database_url), autocommit=True) as connection:
            await connection.execute(f"VACUUM (ANALYZE) {kind.table}")

    return done


async def store(agent, since_us, count, width_us=MINUTE_US):
    for place in range(count):
        await agent.send(agent.batch(*each_sensor(agent, since_us + place * width_us)))


def each_sensor(agent, start_us):
    return [agent.columns(2, start_us=start_us, sensor=sensor) for sensor in agent.sensors.values()]


@pytest.mark.parametrize("kind", ordering.KINDS, ids=lambda kind: kind.table)
async def test_a_sensors_rows_lie_side_by_side_and_nothing_else_has_changed(
    runtime, scatter, chart_pages, vacuum, kind
):
    sensors = list((await scatter(kind)).sensors.values())
    before = await everything(runtime, kind)
    assert min([await pages(runtime, sensor, kind) for sensor in sensors]) > APART
    assert await chart_pages(kind, sensors[0]) > APART
    done = await ordering.order(runtime, kind)
    assert (done.rows, done.spans, done.complete) == (SENSORS * STORED[kind], SENSORS, True)
    assert await everything(runtime, kind) == before
    for sensor in sensors:
        assert await pages(runtime, sensor, kind) <= TOGETHER
    await vacuum(kind)
    assert await chart_pages(kind, sensors[0]) <= TOGETHER + INDEX_PAGES
    assert done.until_us == span_us(kind) + kind.span_us
    again = await ordering.order(runtime, kind, since_us=span_us(kind))
    assert again.rows == 0, "what is in order stays where it is"


async def differences(runtime):
    found = [each async for each in recompute.verify(runtime.sessions, {"measurement": 0, "rollup_minute": 0})]
    return sum(each.windows for each in found), [each.differences for each in found if each.differences]


async def test_measurements_that_come_late_meanwhile_reach_their_minutes(runtime, scattered, monkeypatch):
    # Whatever order they are in, they are moved again.
    monkeypatch.setattr(ordering, "FEW_ROWS", ROWS // 2)
    moved = 0

    async def late():
        for minute in range(ROWS):
            start = span_us() + minute * MINUTE_US + 20_000_000
            await scattered.send(scattered.batch(*each_sensor(scattered, start)))

    sending = asyncio.create_task(late())
    while not sending.done():
        moved += (await ordering.order(runtime, MINUTES, since_us=span_us())).rows
    await sending
    assert moved >= SENSORS * ROWS
    windows = 2 * 2 * ROWS * SENSORS
    assert await differences(runtime) == (windows, [])
    assert await fetch(runtime, "SELECT sum(windows), count(*) FROM rollup_minute") == [(windows, SENSORS * ROWS)]


async def test_a_run_that_ends_early_or_is_cut_off_is_gone_on_with(runtime, scattered):
    before = await everything(runtime)
    early = await ordering.order(runtime, MINUTES, seconds=0)
    assert (early.rows, early.complete) == (0, False)
    last = max(UUID(sensor) for sensor in scattered.sensors.values())
    async with runtime.sessions.begin() as session, asyncio.timeout(LIMIT_S):
        await session.execute(text("SELECT FROM sensor WHERE id = :sensor FOR UPDATE"), {"sensor": last})
        cut = asyncio.create_task(ordering.order(runtime, MINUTES))
        while not await fetch(runtime, WAITING.format(what="pg_terminate_backend(pid)")):
            assert not cut.done()
        with pytest.raises(OperationalError):
            await cut
    assert await everything(runtime) == before
    assert await pages(runtime, last) > APART
    rest = await ordering.order(runtime, MINUTES)
    # Those before were moved and stay so.
    assert (rest.rows, rest.spans, rest.complete) == ((SENSORS - AT_ONCE) * ROWS, SENSORS - AT_ONCE, True)
    assert await everything(runtime) == before


async def test_rows_are_moved_though_another_one_locks_the_sensors_in_another_order(runtime, scattered):
    before = await everything(runtime)
    sensors = sorted(UUID(sensor) for sensor in scattered.sensors.values())
    lock = text("SELECT FROM sensor WHERE id = :sensor FOR UPDATE")
    async with runtime.sessions.begin() as session, asyncio.timeout(LIMIT_S):
        # So the database ends the other one.
        await session.execute(text("SET LOCAL deadlock_timeout = '1h'"))
        await session.execute(lock, {"sensor": sensors[AT_ONCE - 1]})
        moving = asyncio.create_task(ordering.order(runtime, MINUTES))
        while not await fetch(runtime, WAITING.format(what="pid")):
            assert not moving.done()
        await session.execute(lock, {"sensor": sensors[0]})
    done = await moving
    assert (done.rows, done.complete) == (SENSORS * ROWS, True)
    assert await everything(runtime) == before
    assert await pages(runtime, sensors[0]) <= TOGETHER


async def test_a_command_that_is_killed_in_the_middle_is_gone_on_with(runtime, scattered, settings, database_url):
    before = await everything(runtime)
    first, *_, last = sorted(UUID(sensor) for sensor in scattered.sensors.values())
    environment = os.environ | {"DATABASE_URL": database_url, "AUDIOSENSE_DATA_DIR": str(settings.data_dir)}
    command = [sys.executable, "-m", "audiosense_collector", "db", "order"]
    async with runtime.sessions.begin() as session, asyncio.timeout(LIMIT_S):
        await session.execute(text("SELECT FROM sensor WHERE id = :sensor FOR UPDATE"), {"sensor": last})
        process = await asyncio.create_subprocess_exec(*command, env=environment)
        while not await fetch(runtime, WAITING.format(what="pid")):
            assert process.returncode is None
        process.kill()
        await process.wait()
    # It reads what it waited for, finds nobody to tell it to, and undoes it.
    async with asyncio.timeout(LIMIT_S):
        while await fetch(runtime, OPEN):
            pass
    assert await everything(runtime) == before
    assert await pages(runtime, first) <= TOGETHER
    assert await pages(runtime, last) > APART
    rest = await ordering.order(runtime, MINUTES)
    assert (rest.rows, rest.complete) == ((SENSORS - AT_ONCE) * ROWS, True)
    assert await everything(runtime) == before


async def test_a_span_that_is_not_over_for_an_hour_is_left_alone(runtime, make_agent, register):
    agent = await make_agent(*(register(name=f"sensor {n}", machine=f"Pump {n}") for n in range(SENSORS)))
    await store(agent, span_us() + MINUTES.span_us, 8)
    assert (await ordering.order(runtime, MINUTES)).rows == 0


async def test_the_job_runs_unless_it_is_switched_off(runtime, scattered, monkeypatch):
    context = SimpleNamespace(additional_context={"runtime": runtime})
    sensor = next(iter(scattered.sensors.values()))
    for switched in ("", "order_minutes", "order_raw"):
        for name in ("order_minutes", "order_raw"):
            monkeypatch.setitem(runtime.settings.__dict__, name, name == switched)
        await jobs.order_minutes(context, 0)
        assert (await pages(runtime, sensor) <= TOGETHER) is bool(switched)
        assert (await pages(runtime, sensor, RAW) <= TOGETHER) is (switched == "order_raw")
