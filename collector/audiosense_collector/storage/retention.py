"""Dropping measurements and minutes that are older than they are to be kept; hours stay for ever."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from psycopg.errors import LockNotAvailable
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.analyses import retention as analyses
from audiosense_collector.clips import retention as clips
from audiosense_collector.clock import to_datetime, to_us
from audiosense_collector.db.migrate import Retention
from audiosense_collector.exports import service as exports
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.runtime import Runtime
from audiosense_collector.series.plan import minutes_since_us, raw_since_us
from audiosense_collector.storage.kept import Kept, read_kept
from audiosense_collector.storage.partitions import PARENTS, Partition, list_partitions
from audiosense_collector.storage.tables import RetentionMark

log = structlog.get_logger()
LOCK_TIMEOUT_MS = 500
"""Longest wait for the lock of a whole table: whoever writes to it meanwhile waits behind."""
TRIES = 5
PAUSE_S = 2.0
DELETE_SPAN = timedelta(hours=6)
"""Of a sensor's rows in the default partition as much is deleted in one transaction: 4,320 windows of 5 s."""
SENSORS_AT_ONCE = 500
"""So many sensors are asked for what is old in one query."""
_MAKERS_LOCK = 4_150_771_102
"""The advisory lock of ``attach_partition``."""
_OLD = """
SELECT FROM {table} m WHERE m.time < :before{condition}
"""
_NOT_KEPT = """ AND NOT EXISTS (
    SELECT FROM unnest(CAST(:sensors AS uuid[]), CAST(:lows AS timestamptz[]), CAST(:highs AS timestamptz[]),
        CAST(:statuses AS smallint[])) AS k (sensor_id, low, high, status)
    WHERE k.sensor_id = m.sensor_id AND m.time >= k.low AND m.time < k.high
      AND (k.status IS NULL OR k.status = m.status)
)"""
_KEPT_ROWS = """
SELECT m.* FROM unnest(CAST(:sensors AS uuid[]), CAST(:lows AS timestamptz[]), CAST(:highs AS timestamptz[]),
    CAST(:statuses AS smallint[])) AS k (sensor_id, low, high, status)
JOIN {table} m ON m.sensor_id = k.sensor_id AND m.time >= k.low AND m.time < k.high
    AND (k.status IS NULL OR k.status = m.status)
"""


@dataclass(slots=True)
class Outcome:
    """What retention drops or, where it was applied, has dropped.

    ``stray`` counts rows of the default partitions by table. ``busy`` names partitions whose table others held each
    time; they go with the next run.
    """

    before_us: dict[str, int]
    partitions: list[Partition] = field(default_factory=list)
    stray: dict[str, int] = field(default_factory=dict)
    kept: Kept = field(default_factory=Kept)
    clips: int = 0
    clip_bytes: int = 0
    analyses: int = 0
    exports: int = 0
    export_bytes: int = 0
    busy: list[str] = field(default_factory=list)


def limits(retention: Retention) -> dict[str, int]:
    """Return before which time (UTC microseconds) each table's rows are dropped."""
    today = datetime.now(UTC).date()
    return {"measurement": raw_since_us(today, retention), "rollup_minute": minutes_since_us(today, retention)}


async def preview(runtime: Runtime) -> Outcome:
    """Return what retention would drop now."""
    await runtime.policies.refresh()
    outcome = Outcome(limits(runtime.settings.retention))
    async with runtime.sessions() as session:
        outcome.kept = await read_kept(session, runtime.settings, outcome.before_us["measurement"])
        for parent, before in outcome.before_us.items():
            outcome.partitions += await _old(session, parent, before)
            condition, parameters = _condition(parent, before, outcome.kept)
            query = f"SELECT count(*) FROM ({_OLD.format(table=f'{parent}_default', condition=condition)}) AS old"  # noqa: S608
            outcome.stray[parent] = int(await session.scalar(text(query), parameters) or 0)
        outcome.clips, outcome.clip_bytes = await clips.count_old(session, runtime.settings)
        outcome.analyses = await analyses.count_old(session, runtime.settings)
        outcome.exports, outcome.export_bytes = await exports.count_over(session, runtime.settings)
    return outcome


async def apply(runtime: Runtime) -> Outcome:
    """Drop what is too old. Each step is a transaction of its own: cut short, the next run goes on."""
    await runtime.policies.refresh()
    outcome = Outcome(limits(runtime.settings.retention))
    async with runtime.sessions.begin() as session:
        await _mark(session, outcome.before_us)
        outcome.kept = await read_kept(session, runtime.settings, outcome.before_us["measurement"])
        found = [each for parent in PARENTS for each in await _old(session, parent, outcome.before_us[parent])]
    for partition in found:
        kept = outcome.kept if partition.parent == "measurement" else Kept()
        if await _drop(runtime, partition, kept):
            outcome.partitions.append(partition)
        else:
            outcome.busy.append(partition.name)
    for parent, before in outcome.before_us.items():
        outcome.stray[parent] = await _delete_stray(runtime, parent, before, outcome.kept)
    outcome.clips, outcome.clip_bytes = await clips.clean(runtime)
    async with runtime.sessions.begin() as session:
        outcome.analyses = await analyses.delete_old(session, runtime.settings)
    async with runtime.sessions() as session:
        _, outcome.export_bytes = await exports.count_over(session, runtime.settings)
    outcome.exports = await exports.clean(runtime)
    if outcome.analyses:
        log.info("analyses deleted", analyses=outcome.analyses)
    if outcome.partitions or outcome.busy or any(outcome.stray.values()):
        names = [partition.name for partition in outcome.partitions]
        log.info("retention", dropped=names, busy=outcome.busy, deleted=outcome.stray)
    return outcome


async def complete_since_us(session: AsyncSession) -> dict[str, int]:
    """Return from when on each table holds every row that it ever held (UTC microseconds)."""
    marks = {mark.name: mark.complete_since for mark in await session.scalars(select(RetentionMark))}
    return {parent: marks.get(parent, 0) for parent in PARENTS}


async def _old(session: AsyncSession, parent: str, before_us: int) -> list[Partition]:
    return [each for each in await list_partitions(session, parent) if each.high_us <= before_us]


async def _drop(runtime: Runtime, partition: Partition, kept: Kept) -> bool:
    """Detach a partition under a short lock, then drop what nobody sees any more."""
    if partition.attached and not await _try(lambda: _detach(runtime, partition, kept)):
        return False
    return await _try(lambda: _drop_detached(runtime, partition))


async def _try(step: Callable[[], Awaitable[None]]) -> bool:
    for left in reversed(range(TRIES)):
        try:
            await step()
        except OperationalError as error:
            if not isinstance(error.orig, LockNotAvailable):
                raise
            if left:
                await asyncio.sleep(PAUSE_S)
        else:
            return True
    return False


async def _detach(runtime: Runtime, partition: Partition, kept: Kept) -> None:
    async with runtime.sessions.begin() as session:
        if kept.spans:
            # Before the lock, for it takes its time; afterwards they go to the default partition.
            copy = f"CREATE TEMPORARY TABLE kept_rows ON COMMIT DROP AS {_KEPT_ROWS.format(table=partition.name)}"
            await session.execute(text(copy), kept.parameters)
        await _limit_waiting(session)
        await session.execute(text(f"ALTER TABLE {partition.parent} DETACH PARTITION {partition.name}"))
        if kept.spans:
            again = f"INSERT INTO {partition.parent} SELECT * FROM kept_rows ON CONFLICT DO NOTHING"  # noqa: S608
            await session.execute(text(again))


async def _drop_detached(runtime: Runtime, partition: Partition) -> None:
    async with runtime.sessions.begin() as session:
        await _limit_waiting(session)
        await session.execute(text(f"DROP TABLE IF EXISTS {partition.name}"))


async def _limit_waiting(session: AsyncSession) -> None:
    await session.execute(text("SELECT set_config('lock_timeout', :ms, true)"), {"ms": f"{LOCK_TIMEOUT_MS}ms"})
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MAKERS_LOCK})


async def _mark(session: AsyncSession, before_us: dict[str, int]) -> None:
    mark = insert(RetentionMark).values([{"name": name, "complete_since": time} for name, time in before_us.items()])
    later = func.greatest(RetentionMark.complete_since, mark.excluded.complete_since)
    await session.execute(mark.on_conflict_do_update(index_elements=["name"], set_={"complete_since": later}))


async def _delete_stray(runtime: Runtime, parent: str, before_us: int, kept: Kept) -> int:
    """Delete old rows of the default partition: those that came too late for a partition of their own.

    It also holds rows of the future, and those that are kept. So each sensor's are looked up by the key, which is
    ordered by sensor and time, and which names the one server that has them where there are many.
    """
    async with runtime.sessions() as session:
        sensors = list(await session.scalars(select(Sensor.id).order_by(Sensor.id)))
    oldest = text(
        f"SELECT sensor_id, min(time) FROM {parent}_default "  # noqa: S608
        "WHERE sensor_id = ANY(CAST(:sensors AS uuid[])) AND time < :before GROUP BY sensor_id"
    )
    total = 0
    before = to_datetime(before_us)
    for place in range(0, len(sensors), SENSORS_AT_ONCE):
        asked = {"sensors": sensors[place : place + SENSORS_AT_ONCE], "before": before}
        async with runtime.sessions() as session:
            found = (await session.execute(oldest, asked)).all()
        for sensor_id, first in found:
            total += await _delete_of(runtime, parent, sensor_id, (first, before), kept)
    return total


async def _delete_of(
    runtime: Runtime, parent: str, sensor_id: UUID, span: tuple[datetime, datetime], kept: Kept
) -> int:
    """Delete a sensor's rows of a span from the default partition, a few hours in a transaction."""
    condition, parameters = _condition(parent, to_us(span[1]), kept.of(sensor_id))
    where = f"FROM {parent}_default m WHERE m.sensor_id = :sensor AND m.time >= :low"
    delete = text(f"DELETE {where} AND m.time < :before{condition}")
    following = text(f"SELECT min(time) {where} AND m.time < :before")
    low: datetime | None = span[0]
    total = 0
    while low is not None:
        high = min(span[1], low + DELETE_SPAN)
        async with runtime.sessions.begin() as session:
            deleted: Any = await session.execute(delete, parameters | {"sensor": sensor_id, "low": low, "before": high})
            total += int(deleted.rowcount)
            low = await session.scalar(following, {"sensor": sensor_id, "low": high, "before": span[1]})
    return total


def _condition(parent: str, before_us: int, kept: Kept) -> tuple[str, dict[str, Any]]:
    parameters: dict[str, Any] = {"before": to_datetime(before_us)}
    if parent != "measurement" or not kept.spans:
        return "", parameters
    return _NOT_KEPT, parameters | kept.parameters
