"""Roll-ups are what their measurements give: compared, made again, and the same whichever way they came to be."""

import asyncio
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import text
from storage_testing import fetch, hear, keep, numbers, roll_up, run

from audiosense_collector.clock import HOUR_US, now_us
from audiosense_collector.ingest.tables import Measurement
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.rollups import recompute, store
from audiosense_collector.rollups.delta import Windows
from audiosense_collector.rollups.delta import roll_up as delta_of
from audiosense_collector.rollups.rows import HOUR_US as HOUR
from audiosense_collector.rollups.rows import NONE
from audiosense_collector.storage import jobs, retention

EVERYTHING = {"measurement": 0, "rollup_minute": 0}


async def check(runtime, sensor, since=EVERYTHING):
    (found,) = [each async for each in recompute.verify(runtime.sessions, since, only=UUID(sensor))]
    return found


@pytest.fixture
async def sensor(make_agent):
    (sensor,) = (await make_agent()).sensors.values()
    return sensor


async def test_what_was_stored_before_there_were_roll_ups_gets_them(runtime, sensor):
    start = now_us() - 30 * HOUR_US
    await keep(runtime, sensor, hear(2_000, start, seed=1))
    await keep(runtime, sensor, hear(300, start + HOUR_US, seed=2, schema_id="audiosense-1"))
    found = await check(runtime, sensor)
    assert {each.column for each in found.differences} == {"row"}
    assert len(found.differences) == found.rows > 100
    assert await roll_up(runtime, sensor) == 2_300
    found = await check(runtime, sensor)
    assert (found.windows, found.differences) == (2_300, [])
    assert await fetch(runtime, "SELECT 1 FROM rollup_rebuild") == []


async def test_roll_ups_that_grow_batch_by_batch_are_those_made_again(runtime, sensor):
    """Batches come out of order, of two schemas, some windows late: as ingest adds them, so they stay."""
    start = now_us() - 20 * HOUR_US
    heard = [
        hear(900, start, seed=3),
        hear(200, start + 1_000_000, seed=4, schema_id="audiosense-1", step_us=20_000_000),
    ]
    schemas, models = await numbers(runtime)
    rng = np.random.default_rng(5)
    for windows in heard:
        await keep(runtime, sensor, windows)
    parts = [(windows, rows) for windows in heard for rows in np.array_split(rng.permutation(len(windows)), 12)]
    for place in rng.permutation(len(parts)):
        windows, rows = parts[place]
        delta = delta_of(
            Windows(
                schema_id=windows.schema_id,
                sensor=np.zeros(len(rows), np.int64),
                time_us=windows.time_us[rows],
                status=windows.status[rows],
                model=np.where(windows.model[rows] == NONE, NONE, np.array(models)[windows.model[rows]]),
                score=windows.score[rows],
                level_dbfs=windows.level_dbfs[rows],
                dominant_hz=windows.dominant_hz[rows],
                features=windows.features[rows],
            )
        )
        async with runtime.sessions.begin() as session:
            await session.get(Sensor, UUID(sensor), with_for_update=True)
            raw = (await (await session.connection()).get_raw_connection()).driver_connection
            await store.add(raw, [UUID(sensor)], [delta], schemas)
    found = await check(runtime, sensor)
    assert (found.windows, found.differences) == (1_100, [])
    assert found.rows > 70
    assert await roll_up(runtime, sensor) == 1_100
    assert (await check(runtime, sensor)).differences == []


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ("anomalous = anomalous + 1", "statuses[2]"),
        ("score_max = score_max + 0.001", "score_max"),
        ("level_dbfs_sum = level_dbfs_sum * 1.001", "level_dbfs_sum"),
        ("means = set_byte(means, 7, get_byte(means, 7) # 1)", "means[1]"),
        ("histogram[3] = histogram[3] + 1", "histogram[2]"),
    ],
    ids=["count", "maximum", "sum", "mean", "histogram"],
)
@pytest.mark.parametrize("table", ["rollup_minute", "rollup_hour"])
async def test_a_difference_is_found_and_mended(runtime, make_agent, table, change, column):
    (sensor,) = (await make_agent()).sensors.values()
    await keep(runtime, sensor, hear(60, now_us() - HOUR_US, seed=6))
    await roll_up(runtime, sensor)
    assert (await check(runtime, sensor)).differences == []
    chosen = f"SELECT max(time) FROM {table} WHERE sensor_id = :sensor AND scored > 0"
    await run(runtime, f"UPDATE {table} SET {change} WHERE sensor_id = :sensor AND time = ({chosen})", sensor=sensor)
    (found,) = (await check(runtime, sensor)).differences
    assert (found.table, found.column) == (table, column)
    await roll_up(runtime, sensor)
    assert (await check(runtime, sensor)).differences == []


async def test_only_what_all_measurements_are_there_of_is_compared_or_replaced(runtime, sensor):
    now = now_us()
    start = now - now % HOUR - 6 * HOUR
    await keep(runtime, sensor, hear(3_000, start, seed=7))
    await roll_up(runtime, sensor)
    kept = "SELECT time, windows FROM rollup_hour WHERE sensor_id = :sensor ORDER BY time"
    before = await fetch(runtime, kept, sensor=sensor)
    await run(
        runtime, "DELETE FROM measurement WHERE sensor_id = :s AND time < from_us(:t)", s=sensor, t=start + 2 * HOUR
    )
    assert (await check(runtime, sensor)).differences
    since = {"measurement": start + 2 * HOUR, "rollup_minute": start + 3 * HOUR}
    found = await check(runtime, sensor, since)
    assert found.differences == []
    assert 0 < found.windows < 3_000
    async with runtime.sessions.begin() as session:
        await recompute.ask(session, UUID(sensor))
    assert sum([count async for count in recompute.rebuild(runtime.sessions, since)]) == found.windows
    assert await fetch(runtime, kept, sensor=sensor) == before


async def test_a_rebuild_that_was_killed_goes_on_where_it_was(runtime, sensor, monkeypatch):
    monkeypatch.setattr(recompute, "SLICE_WINDOWS", 720)
    now = now_us()
    await keep(runtime, sensor, hear(3_600, now - now % HOUR - 8 * HOUR, seed=8, gap=0))
    async with runtime.sessions.begin() as session:
        await recompute.ask(session, UUID(sensor))
    first = recompute.rebuild(runtime.sessions, EVERYTHING)
    done = [await anext(first) for _ in range(2)]
    await first.aclose()
    assert await fetch(runtime, "SELECT 1 FROM rollup_rebuild WHERE done_before IS NOT NULL")
    assert sum(done) + await jobs.rebuild(runtime) == 3_600
    assert (await check(runtime, sensor)).differences == []


async def test_ingest_of_the_sensor_waits_for_a_slice(runtime, sensor):
    """Else windows that come while a slice is made would be counted twice, or not at all."""
    await keep(runtime, sensor, hear(100, now_us() - HOUR_US, seed=9))
    async with runtime.sessions.begin() as session:
        await session.get(Sensor, UUID(sensor), with_for_update=True)
        rebuilding = asyncio.create_task(roll_up(runtime, sensor))
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        async with runtime.sessions() as other:
            while not await other.scalar(waiting):
                await other.rollback()
                await asyncio.sleep(0.01)
        late = hear(40, now_us() - HOUR_US + 1_000, seed=10)
        await keep_in(session, runtime, sensor, late)
    assert await rebuilding == 140
    assert (await check(runtime, sensor)).differences == []


async def keep_in(session, runtime, sensor, heard):
    schemas, models = await numbers(runtime)
    for place in range(len(heard)):
        model, score = int(heard.model[place]), float(heard.score[place])
        session.add(
            Measurement(
                sensor_id=UUID(sensor), time=int(heard.time_us[place]), epoch=UUID(int=1), seq=place,
                model=None if model == NONE else models[model], score=None if np.isnan(score) else score,
                level_dbfs=float(heard.level_dbfs[place]), dominant_hz=float(heard.dominant_hz[place]),
                status=int(heard.status[place]), schema=schemas[heard.schema_id],
                features=heard.features[place].tobytes(),
            )
        )  # fmt: skip
    await session.flush()


async def test_after_an_upgrade_the_job_makes_what_is_missing(runtime, sensor):
    await keep(runtime, sensor, hear(50, now_us() - HOUR_US, seed=11))
    await run(
        runtime, "INSERT INTO rollup_rebuild (sensor_id, asked) SELECT id, now() FROM sensor WHERE measurements > 0"
    )
    context = type("Context", (), {"additional_context": {"runtime": runtime}})
    await jobs.rebuild_rollups(context, timestamp=0)
    assert (await check(runtime, sensor)).differences == []
    async with runtime.sessions() as session:
        assert await retention.complete_since_us(session) == EVERYTHING
