"""Minutes are moved together while ingest goes on, and are the same minutes afterwards."""

import asyncio
from types import SimpleNamespace
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from storage_testing import fetch, run

from audiosense_collector.clock import now_us
from audiosense_collector.rollups import recompute
from audiosense_collector.rollups.rows import MINUTE_US
from audiosense_collector.storage import jobs, ordering

MINUTES = 60
SENSORS = 12
APART, TOGETHER = MINUTES // 2, MINUTES // 6
"""Pages that a sensor's minutes take at least and at most."""
PAGES = """
SELECT count(*), count(DISTINCT (ctid::text::point)[0]) FROM rollup_minute WHERE sensor_id = :sensor
"""
ALL = "SELECT * FROM rollup_minute ORDER BY sensor_id, time"
WAITING = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'SELECT FROM sensor%'
"""
LIMIT_S = 120


def span_us():
    """The newest span that is over for long enough."""
    return (now_us() - ordering.SETTLED_US) // ordering.SPAN_US * ordering.SPAN_US - ordering.SPAN_US


async def pages(runtime, sensor):
    """In how many pages a sensor's minutes lie."""
    ((rows, found),) = await fetch(runtime, PAGES, sensor=UUID(str(sensor)))
    assert rows == MINUTES
    return found


@pytest.fixture
async def scattered(runtime, make_agent, register):
    """An agent whose sensors' minutes of an hour were stored one after the other, each minute of all of them.

    Nothing else is there, and nothing was moved yet.
    """
    await run(runtime, "TRUNCATE measurement, rollup_minute, rollup_hour, ordering_mark")
    agent = await make_agent(*(register(name=f"sensor {n}", machine=f"Pump {n}") for n in range(SENSORS)))
    await store(agent, span_us(), MINUTES)
    return agent


async def store(agent, since_us, minutes):
    for minute in range(minutes):
        await agent.send(agent.batch(*each_sensor(agent, since_us + minute * MINUTE_US)))


def each_sensor(agent, start_us):
    return [agent.columns(2, start_us=start_us, sensor=sensor) for sensor in agent.sensors.values()]


async def test_a_sensors_minutes_lie_side_by_side_and_nothing_else_has_changed(runtime, scattered):
    sensors = list(scattered.sensors.values())
    before = await fetch(runtime, ALL)
    assert min([await pages(runtime, sensor) for sensor in sensors]) > APART
    done = await ordering.order(runtime)
    assert (done.rows, done.spans, done.complete) == (SENSORS * MINUTES, SENSORS, True)
    assert await fetch(runtime, ALL) == before
    for sensor in sensors:
        assert await pages(runtime, sensor) <= TOGETHER
    assert done.until_us == span_us() + ordering.SPAN_US
    again = await ordering.order(runtime, since_us=span_us())
    assert again.rows == 0, "what is in order stays where it is"


async def differences(runtime):
    found = [each async for each in recompute.verify(runtime.sessions, {"measurement": 0, "rollup_minute": 0})]
    return sum(each.windows for each in found), [each.differences for each in found if each.differences]


async def test_measurements_that_come_late_meanwhile_reach_their_minutes(runtime, scattered, monkeypatch):
    # Whatever order they are in, they are moved again.
    monkeypatch.setattr(ordering, "FEW_ROWS", MINUTES // 2)
    moved = 0

    async def late():
        for minute in range(MINUTES):
            start = span_us() + minute * MINUTE_US + 20_000_000
            await scattered.send(scattered.batch(*each_sensor(scattered, start)))

    sending = asyncio.create_task(late())
    while not sending.done():
        moved += (await ordering.order(runtime, since_us=span_us())).rows
    await sending
    assert moved >= SENSORS * MINUTES
    windows = 2 * 2 * MINUTES * SENSORS
    assert await differences(runtime) == (windows, [])
    assert await fetch(runtime, "SELECT sum(windows), count(*) FROM rollup_minute") == [(windows, SENSORS * MINUTES)]


async def test_a_run_that_ends_early_or_is_cut_off_is_gone_on_with(runtime, scattered):
    before = await fetch(runtime, ALL)
    early = await ordering.order(runtime, seconds=0)
    assert (early.rows, early.complete) == (0, False)
    last = max(UUID(sensor) for sensor in scattered.sensors.values())
    async with runtime.sessions.begin() as session, asyncio.timeout(LIMIT_S):
        await session.execute(text("SELECT FROM sensor WHERE id = :sensor FOR UPDATE"), {"sensor": last})
        cut = asyncio.create_task(ordering.order(runtime))
        while not await fetch(runtime, WAITING):
            assert not cut.done()
        with pytest.raises(OperationalError):
            await cut
    assert await fetch(runtime, ALL) == before
    assert await pages(runtime, last) > APART
    rest = await ordering.order(runtime)
    assert (rest.rows, rest.spans, rest.complete) == (MINUTES, 1, True)
    assert await fetch(runtime, ALL) == before


async def test_a_span_that_is_not_over_for_an_hour_is_left_alone(runtime, make_agent, register):
    agent = await make_agent(*(register(name=f"sensor {n}", machine=f"Pump {n}") for n in range(SENSORS)))
    await store(agent, span_us() + ordering.SPAN_US, 8)
    assert (await ordering.order(runtime)).rows == 0


async def test_the_job_runs_unless_it_is_switched_off(runtime, scattered, monkeypatch):
    context = SimpleNamespace(additional_context={"runtime": runtime})
    monkeypatch.setitem(runtime.settings.__dict__, "order_minutes", False)
    await jobs.order_minutes(context, 0)
    sensor = next(iter(scattered.sensors.values()))
    assert await pages(runtime, sensor) > APART
    monkeypatch.setitem(runtime.settings.__dict__, "order_minutes", True)
    await jobs.order_minutes(context, 0)
    assert await pages(runtime, sensor) <= TOGETHER
