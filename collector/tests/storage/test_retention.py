"""Retention drops exactly what it says, whatever else goes on."""

import asyncio
import re
from types import SimpleNamespace
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import event, text
from storage_testing import LEARNING, NORMAL, fetch, hear, keep, roll_up, run

from audiosense_collector.clock import DAY_US, HOUR_US, now_us
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.storage import jobs, retention
from audiosense_collector.storage.partitions import list_partitions

RETENTION_DAYS = 30
COUNT = "SELECT count(*) FROM measurement WHERE sensor_id = :sensor"
KEPT = f"{COUNT} AND time >= from_us(:limit)"


def today_us():
    return now_us() // DAY_US * DAY_US


def limit_us():
    return today_us() - RETENTION_DAYS * DAY_US


async def count(runtime, query, **parameters):
    return (await fetch(runtime, query, **parameters))[0][0]


async def names(runtime, parent="measurement"):
    async with runtime.sessions() as session:
        return [partition.name for partition in await list_partitions(session, parent)]


async def partition_of(runtime, day):
    name = "SELECT 'measurement_' || to_char(from_us(:day) AT TIME ZONE 'UTC', 'YYYYMMDD')"
    return await count(runtime, name, day=day)


@pytest.fixture
async def old_days(runtime):
    """Partitions of three days that are over the limit, and one of a month that is."""
    made = []
    for days in (1, 2, 3):
        day = limit_us() - days * DAY_US
        await run(runtime, "SELECT make_measurement_partition((from_us(:day) AT TIME ZONE 'UTC')::date)", day=day)
        made.append(await partition_of(runtime, day))
    await run(runtime, "SELECT make_rollup_partition('2020-02-10')")
    return made


@pytest.fixture
async def sensor(runtime, make_agent):
    (sensor,) = (await make_agent()).sensors.values()
    await run(runtime, "UPDATE sensor SET running_digest = 'x' WHERE id = :sensor", sensor=sensor)
    return sensor


async def test_what_is_over_the_limit_goes_and_nothing_else(runtime, sensor, old_days):
    limit = limit_us()
    edges = [limit - 3 * DAY_US, limit - DAY_US - 1, limit - 1, limit, limit + 1, now_us()]
    for seed, time in enumerate(edges):
        await keep(runtime, sensor, hear(1, time, seed=seed, gap=0))
    far = hear(3, limit - 300 * DAY_US, seed=8, gap=0)
    await keep(runtime, sensor, far)
    assert (
        await count(runtime, "SELECT count(*) FROM measurement_default WHERE sensor_id = :sensor", sensor=sensor) == 3
    )
    told = await retention.preview(runtime)
    assert [each.name for each in told.partitions if each.parent == "measurement"] == sorted(old_days)
    assert told.stray["measurement"] == 3
    assert await count(runtime, COUNT, sensor=sensor) == 9, "a preview changes nothing"
    done = await retention.apply(runtime)
    assert [each.name for each in done.partitions] == [*sorted(old_days), "rollup_minute_202002"]
    assert (done.stray["measurement"], done.busy) == (3, [])
    assert await count(runtime, COUNT, sensor=sensor) == await count(runtime, KEPT, sensor=sensor, limit=limit) == 3
    assert not set(old_days) & set(await names(runtime))
    assert await count(runtime, "SELECT count(*) FROM pg_class WHERE relname = ANY(:names)", names=old_days) == 0
    again = await retention.apply(runtime)
    assert (again.partitions, again.stray, again.busy) == ([], {"measurement": 0, "rollup_minute": 0}, [])
    async with runtime.sessions() as session:
        assert (await retention.complete_since_us(session))["measurement"] == limit


async def test_late_rows_go_by_their_sensor_and_what_is_kept_among_them_stays(runtime, make_agent, sensor):
    """No statement goes through all of the default partition, or over all servers, to find a few rows."""
    (learner,) = (await make_agent()).sensors.values()
    start = limit_us() - 40 * DAY_US
    for hours in (0, 5, 13, 31):
        await keep(runtime, sensor, hear(20, start + hours * HOUR_US, seed=hours, gap=0))
        await keep(runtime, learner, hear(20, start + hours * HOUR_US, seed=hours, gap=0))
    ahead = now_us() + 90 * DAY_US
    await keep(runtime, sensor, hear(5, ahead, seed=1, gap=0))
    learning = "UPDATE sensor SET learning_windows = 1, baseline_since = from_us(:since) WHERE id = :sensor"
    await run(runtime, learning, sensor=learner, since=start)
    kept = await count(runtime, f"{COUNT} AND status = {LEARNING}", sensor=learner)
    sent = []
    event.listen(runtime.engine.sync_engine, "before_cursor_execute", lambda *told: sent.append(told[2]))
    done = await retention.apply(runtime)
    named = [each for each in sent if "measurement_default" in each and "LOCK" not in each]
    assert named
    bound = re.compile(r"sensor_id = (ANY\(CAST\()?%")
    assert [each for each in named if not bound.search(each)] == []
    assert await count(runtime, COUNT, sensor=sensor) == 5, "those of the future are not old"
    assert 0 < await count(runtime, COUNT, sensor=learner) == kept < 80
    assert done.stray["measurement"] == 80 + 80 - kept
    await run(runtime, "UPDATE sensor SET running_digest = 'x' WHERE id = :sensor", sensor=learner)


async def test_hours_stay_when_their_measurements_and_minutes_are_gone(runtime, sensor, old_days):
    await run(runtime, "DELETE FROM retention_mark")
    await keep(runtime, sensor, hear(500, limit_us() - 2 * DAY_US, seed=1))
    await roll_up(runtime, sensor)
    hours = "SELECT time, windows FROM rollup_hour WHERE sensor_id = :sensor ORDER BY time"
    before = await fetch(runtime, hours, sensor=sensor)
    minutes = "SELECT count(*) FROM rollup_minute WHERE sensor_id = :sensor"
    assert len(before) >= 1
    assert await count(runtime, minutes, sensor=sensor) > 30
    await retention.apply(runtime)
    await roll_up(runtime, sensor)
    assert await count(runtime, COUNT, sensor=sensor) == 0
    assert await fetch(runtime, hours, sensor=sensor) == before
    assert await count(runtime, minutes, sensor=sensor) > 30, "minutes have a longer retention"


async def test_a_baseline_that_is_not_complete_and_a_locked_event_keep_their_windows(runtime, make_agent, old_days):
    (sensor,) = (await make_agent()).sensors.values()
    start = limit_us() - 2 * DAY_US
    part = hear(300, start, seed=2)
    learning = int((part.status == LEARNING).sum())
    await keep(runtime, sensor, part)
    await keep(runtime, sensor, hear(20, limit_us() - 200 * DAY_US, seed=3))
    changes = "learning_windows = :n, baseline_since = from_us(:since), baseline_windows = 200"
    learns = f"UPDATE sensor SET {changes} WHERE id = :s"
    await run(runtime, learns, n=learning, since=start, s=sensor)
    outcome = await retention.apply(runtime)
    assert outcome.kept.learning == 1
    assert await count(runtime, f"{COUNT} AND status = {LEARNING}", sensor=sensor) == learning
    assert await count(runtime, COUNT, sensor=sensor) == learning
    assert (await retention.preview(runtime)).stray["measurement"] == 0, "what is kept is not told as old"
    # Once it has its model, they go; but for what stands around a locked event.
    await run(runtime, "UPDATE sensor SET running_digest = 'x' WHERE id = :s", s=sensor)
    kept = part.time_us[part.status == LEARNING]
    event = uuid4()
    await run(
        runtime,
        'INSERT INTO event (id, sensor_id, revision, state, start, "end", peak, peak_score, threshold, windows, '
        "model_digest) VALUES (:e, :s, 1, 'close', from_us(:t), from_us(:t), from_us(:t), 0.9, 0.6, 1, 'x')",
        e=event, s=UUID(sensor), t=int(kept[0]),
    )  # fmt: skip
    await run(
        runtime,
        "INSERT INTO clip (id, sensor_id, event_id, kind, start, opening, sample_rate_hz, frames, bytes, sha256, "
        "received, locked) VALUES (:e, :s, :e, 'event', from_us(:t), from_us(:t), 16000, 1, 1, 'none', now(), true)",
        e=event, s=UUID(sensor), t=int(kept[0]),
    )  # fmt: skip
    around = int((kept < kept[0] + 600_000_000).sum())
    assert 0 < around < learning
    outcome = await retention.apply(runtime)
    assert (outcome.kept.learning, len(outcome.kept.spans)) == (0, 1)
    assert await count(runtime, COUNT, sensor=sensor) == around
    await run(runtime, "UPDATE clip SET locked = false WHERE id = :e", e=event)
    await retention.apply(runtime)
    assert await count(runtime, COUNT, sensor=sensor) == 0


async def test_a_drop_that_was_killed_between_its_steps_is_finished(runtime, sensor, old_days):
    await run(runtime, f"ALTER TABLE measurement DETACH PARTITION {old_days[1]}")
    outcome = await retention.apply(runtime)
    assert {each.name: each.attached for each in outcome.partitions}[old_days[1]] is False
    assert old_days[1] not in await names(runtime)


async def test_a_partition_that_was_detached_is_attached_again_if_it_is_to_be_kept(runtime, sensor):
    day = today_us() - 5 * DAY_US
    await keep(runtime, sensor, hear(10, day + HOUR_US, seed=4, gap=0))
    name = await partition_of(runtime, day)
    await run(runtime, f"ALTER TABLE measurement DETACH PARTITION {name}")
    await keep(runtime, sensor, hear(5, day + 2 * HOUR_US, seed=5, gap=0))
    assert await count(runtime, COUNT, sensor=sensor) == 5
    await run(runtime, "SELECT make_measurement_partitions(30)")
    assert await count(runtime, COUNT, sensor=sensor) == 15
    assert await count(runtime, f"SELECT count(*) FROM {name} WHERE sensor_id = :sensor", sensor=sensor) == 15


async def test_a_table_that_others_hold_is_let_go_and_tried_again(runtime, sensor, old_days, monkeypatch):
    monkeypatch.setattr(retention, "LOCK_TIMEOUT_MS", 50)
    monkeypatch.setattr(retention, "PAUSE_S", 0.01)
    async with runtime.sessions.begin() as session:
        await session.execute(text("SELECT count(*) FROM measurement"))
        outcome = await retention.apply(runtime)
        assert set(outcome.busy) == set(old_days)
        # Ingest went on meanwhile, and nothing was lost.
        await keep(runtime, sensor, hear(3, now_us() - HOUR_US, seed=6, gap=0))
    assert set(old_days) <= set(await names(runtime))
    assert not (await retention.apply(runtime)).busy
    assert not set(old_days) & set(await names(runtime))


async def test_a_days_partition_is_made_beside_a_batch_that_is_not_committed_yet(runtime, sensor):
    """Neither waits for the other, and rows that the default partition held are in the new one."""
    day = today_us() + 40 * DAY_US
    part = hear(4, day + HOUR_US, seed=7, gap=0)
    await keep(runtime, sensor, part)
    made = "SELECT make_measurement_partition((from_us(:day) AT TIME ZONE 'UTC')::date)"
    async with runtime.sessions.begin() as session:
        insert = (
            "INSERT INTO measurement (sensor_id, time, epoch, seq, level_dbfs, dominant_hz, status, schema, features) "
            f"VALUES (:s, now(), :e, 1, -30, 100, {NORMAL}, 1, '')"
        )
        await session.execute(text(insert), {"s": UUID(sensor), "e": uuid4()})
        async with asyncio.timeout(120):
            assert await count(runtime, made, day=day) is True
        await session.execute(text(insert), {"s": UUID(sensor), "e": uuid4()})
    where = (
        "SELECT DISTINCT tableoid::regclass::text FROM measurement WHERE sensor_id = :sensor AND time >= from_us(:day)"
    )
    assert (await fetch(runtime, where, sensor=sensor, day=day))[0][0] in await names(runtime)
    assert await count(runtime, COUNT, sensor=sensor) == 6
    assert await count(runtime, made, day=day) is False


async def test_it_runs_by_the_clock(runtime, sensor, old_days):
    await jobs.apply_retention(SimpleNamespace(additional_context={"runtime": runtime}), timestamp=0)
    assert not set(old_days) & set(await names(runtime))


async def test_no_step_of_retention_reads_a_partition_that_is_kept(runtime, make_agent, old_days, database_url):
    """A full scan of the others would take what ingest needs, each hour, and the more the longer all is kept."""
    (sensor,) = (await make_agent()).sensors.values()
    for days in (40, 31, 2, 1):
        await keep(runtime, sensor, hear(300, today_us() - days * DAY_US, seed=days))
    for days in (60, 45):
        await keep(runtime, sensor, hear(50, today_us() - days * DAY_US, seed=days))
    learning = "UPDATE sensor SET learning_windows = 30, baseline_since = from_us(:since) WHERE id = :sensor"
    await run(runtime, learning, sensor=sensor, since=today_us() - 90 * DAY_US)
    before = {*await names(runtime), *await names(runtime, "rollup_minute")}
    plans = []

    def explain(_connection, _cursor, statement, parameters, _context, _many):
        """As PostgreSQL would read it, asked for on a connection of its own right before."""
        first = statement.split(maxsplit=1)[0]
        if first in {"SELECT", "DELETE", "CREATE", "WITH"} and re.search("measurement|rollup", statement):
            with psycopg.connect(libpq_url(database_url)) as other:
                plan = "\n".join(row[0] for row in other.execute(f"EXPLAIN {statement}", parameters))
            plans.append((first, set(re.findall(r" (?:on|using \w+ on) (measurement\w*|rollup_\w+)", plan)), plan))

    event.listen(runtime.engine.sync_engine, "before_cursor_execute", explain)
    try:
        outcome = await retention.apply(runtime)
    finally:
        event.remove(runtime.engine.sync_engine, "before_cursor_execute", explain)
    gone = {partition.name for partition in outcome.partitions}
    kept = before - gone
    assert gone >= set(old_days)
    assert outcome.kept.spans
    assert outcome.stray["measurement"] > 0
    read = {name for _, found, _ in plans for name in found}
    assert {first for first, found, _ in plans if found} == {"CREATE", "DELETE", "SELECT"}
    assert {"measurement_default", "rollup_minute_default"} <= read
    assert gone & read, "the rows that are kept of a partition are copied from it alone"
    assert not kept & read, "\n".join(plan for _, found, plan in plans if kept & found)
    assert len(kept) > 30
