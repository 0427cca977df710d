"""Roll-ups made once more from the measurements that are stored, to compare with those there or to replace them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from sqlalchemy import delete, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import DAY_US, SECOND_US, now_us, to_datetime
from audiosense_collector.db.base import MicrosecondTime
from audiosense_collector.db.engine import Sessions
from audiosense_collector.ingest.tables import FeatureSchema, Measurement
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.rollups import store
from audiosense_collector.rollups.delta import Windows, roll_up
from audiosense_collector.rollups.merge import merge
from audiosense_collector.rollups.rows import HOUR_US, MINUTE_US, NONE, Rollups, Spread, empty, join
from audiosense_collector.rollups.store import HOURS, MINUTES, Kind
from audiosense_collector.rollups.tables import HourRollup, MinuteRollup, RollupRebuild
from audiosense_common.features import SCHEMAS

KINDS: dict[Kind, type[MinuteRollup] | type[HourRollup]] = {MINUTES: MinuteRollup, HOURS: HourRollup}
SLICE_WINDOWS = 20_000
"""About so many windows are held in memory, and so long ingest of a sensor may wait for one: well below a second."""
FULL_SMALLINT = 32_767
"""The most that a bin of a minute's histogram counts."""
TOLERANCE = 1e-5
"""Of sums and means, relative to the figure's magnitude (at least 1): they were added up in another order."""
_WINDOWS = (
    *(Measurement.time, Measurement.status, Measurement.model, Measurement.score, Measurement.level_dbfs),
    *(Measurement.dominant_hz, Measurement.schema, Measurement.features),
)


@dataclass(frozen=True, slots=True)
class Difference:
    """A roll-up that is not what its measurements give; ``column`` is ``row`` where one is missing or too many."""

    sensor_id: UUID
    table: str
    time_us: int
    column: str
    stored: str
    expected: str


@dataclass(slots=True)
class Checked:
    """What a comparison covered, and what it found."""

    sensors: int = 0
    windows: int = 0
    rows: int = 0
    differences: list[Difference] = field(default_factory=list)


async def recompute(session: AsyncSession, sensor_id: UUID, low_us: int, high_us: int) -> dict[Kind, Rollups]:
    """Make the roll-ups of a span of whole hours of a sensor from its measurements; the sensor's place is 0."""
    names = {number: name for name, number in (await schema_numbers(session)).items()}
    query = select(*_WINDOWS).where(
        Measurement.sensor_id == sensor_id, Measurement.time >= low_us, Measurement.time < high_us
    )
    rows = (await session.execute(query.order_by(Measurement.time))).all()
    deltas = [
        roll_up(_windows(names[number], [row for row in rows if row.schema == number]))
        for number in sorted({row.schema for row in rows} & names.keys())
    ]
    return {
        MINUTES: merge(join([empty(0), *(delta.minutes for delta in deltas)]), MINUTE_US),
        HOURS: merge(join([empty(0), *(delta.hours for delta in deltas)]), HOUR_US),
    }


async def read_stored(session: AsyncSession, kind: Kind, sensor_id: UUID, low_us: int, high_us: int) -> Rollups:
    """Return the roll-ups of a span of a sensor as they are stored."""
    schemas = await schema_numbers(session)
    query = (
        f"SELECT 0, {store.names('r.')} FROM {kind.table} r WHERE r.sensor_id = :sensor AND r.time >= :low "  # noqa: S608
        "AND r.time < :high AND r.schema = ANY(:schemas) ORDER BY r.time"
    )
    parameters = {
        "sensor": sensor_id,
        "low": to_datetime(low_us),
        "high": to_datetime(high_us),
        "schemas": list(schemas.values()),
    }
    rows = (await session.execute(text(query), parameters)).all()
    return store.decode(kind, [tuple(row) for row in rows], schemas) if rows else empty(0)


async def schema_numbers(session: AsyncSession) -> dict[str, int]:
    """Return the numbers of the feature schemas that this release knows."""
    rows = await session.execute(select(FeatureSchema.name, FeatureSchema.id))
    return {row.name: row.id for row in rows if row.name in SCHEMAS}


async def verify(
    sessions: Sessions, complete_since: dict[str, int], *, only: UUID | None = None
) -> AsyncIterator[Checked]:
    """Compare the roll-ups with what measurements give, where all of these are still there; a result for each sensor.

    Each slice is read in one snapshot, so that ingest may go on. Counts, minima and maxima must be equal, sums and
    means within ``TOLERANCE``.

    Args:
        sessions: of the database.
        complete_since: from when on each table holds all rows that it ever held (UTC microseconds).
        only: the one sensor that is looked at.
    """
    async with sessions() as session:
        query = select(Sensor.id).order_by(Sensor.id)
        sensors = list(await session.scalars(query if only is None else query.where(Sensor.id == only)))
    since = _whole_hour(complete_since["measurement"])
    for sensor_id in sensors:
        found = Checked(sensors=1)
        async for low, high in _slices(sessions, sensor_id, since):
            async with sessions() as session:
                await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
                made = await recompute(session, sensor_id, low, high)
                found.windows += int(made[HOURS].windows.sum())
                for kind, expected in made.items():
                    kept = max(low, complete_since.get(kind.table, 0))
                    there = await read_stored(session, kind, sensor_id, kept, high)
                    wanted = expected.pick(np.flatnonzero(expected.time_us >= kept))
                    found.rows += len(wanted)
                    found.differences += _compare(sensor_id, kind, there, wanted)
        yield found


async def ask(session: AsyncSession, only: UUID | None = None) -> None:
    """Have roll-ups made again: of a sensor, or of all that were ever heard; those under way begin anew."""
    chosen = Sensor.measurements > 0 if only is None else Sensor.id == only
    asked = insert(RollupRebuild).from_select(
        ["sensor_id", "asked"], select(Sensor.id, literal(now_us(), MicrosecondTime())).where(chosen)
    )
    changes = {"asked": asked.excluded.asked, "done_before": None}
    await session.execute(asked.on_conflict_do_update(index_elements=["sensor_id"], set_=changes))


async def rebuild(sessions: Sessions, complete_since: dict[str, int]) -> AsyncIterator[int]:
    """Make the roll-ups again that were asked for, slice by slice; tells how many windows each slice had.

    Ingest of the sensor waits for a slice at most: its row is locked, as ingest does it. How far it is stands in the
    database, so that it goes on there after a crash, and any number of processes can share the work.
    """
    since = _whole_hour(complete_since["measurement"])
    while True:
        async with sessions.begin() as session:
            next_one = select(RollupRebuild).order_by(RollupRebuild.asked, RollupRebuild.sensor_id).limit(1)
            task = await session.scalar(next_one.with_for_update(skip_locked=True))
            if task is None:
                return
            windows = await _rebuild_slice(session, task, since, complete_since)
        yield windows


async def _rebuild_slice(session: AsyncSession, task: RollupRebuild, since: int, complete_since: dict[str, int]) -> int:
    sensor = await session.scalar(select(Sensor).where(Sensor.id == task.sensor_id).with_for_update())
    low = since if task.done_before is None else task.done_before
    first = await session.scalar(_first(task.sensor_id, low)) if sensor is not None else None
    if sensor is None or first is None:
        if sensor is not None:
            await _delete(session, task.sensor_id, low, None, complete_since)
        await session.delete(task)
        return 0
    high = _whole_hour(first) + _slice_us(sensor)
    made = await recompute(session, task.sensor_id, low, high)
    await _delete(session, task.sensor_id, low, high, complete_since)
    raw = (await (await session.connection()).get_raw_connection()).driver_connection
    assert isinstance(raw, psycopg.AsyncConnection)
    schemas = await schema_numbers(session)
    for kind, rows in made.items():
        kept = rows.pick(np.flatnonzero(rows.time_us >= complete_since.get(kind.table, 0)))
        if len(kept):
            await store.insert(raw, kind, [task.sensor_id], kept, schemas)
    await session.execute(
        update(RollupRebuild).where(RollupRebuild.sensor_id == task.sensor_id).values(done_before=high)
    )
    return int(made[HOURS].windows.sum())


async def _delete(
    session: AsyncSession, sensor_id: UUID, low: int, high: int | None, complete_since: dict[str, int]
) -> None:
    """Delete what is replaced: roll-ups of windows that are not there would stay for ever."""
    for kind, table in KINDS.items():
        kept = max(low, complete_since.get(kind.table, 0))
        statement = delete(table).where(table.sensor_id == sensor_id, table.time >= kept)
        await session.execute(statement if high is None else statement.where(table.time < high))


async def _slices(sessions: Sessions, sensor_id: UUID, since: int) -> AsyncIterator[tuple[int, int]]:
    """Return spans of whole hours that cover a sensor's measurements and roll-ups, empty time left out."""
    async with sessions() as session:
        sensor = await session.get(Sensor, sensor_id)
    low = since
    while sensor is not None:
        async with sessions() as session:
            tables = (Measurement, *KINDS.values())
            firsts = [await session.scalar(_first(sensor_id, low, table)) for table in tables]
        known = [first for first in firsts if first is not None]
        if not known:
            return
        low = _whole_hour(min(known))
        yield low, low + _slice_us(sensor)
        low += _slice_us(sensor)


def _first(sensor_id: UUID, low: int, table: Any = Measurement) -> Any:
    return select(func.min(table.time)).where(table.sensor_id == sensor_id, table.time >= low)


def _slice_us(sensor: Sensor) -> int:
    span = SLICE_WINDOWS * sensor.window_s * SECOND_US
    return int(min(max(HOUR_US, span // HOUR_US * HOUR_US), 7 * DAY_US))


def _whole_hour(time_us: int) -> int:
    return time_us - time_us % HOUR_US


def _windows(schema_id: str, rows: Sequence[Any]) -> Windows:
    features = np.frombuffer(b"".join(row.features for row in rows), "<f2").reshape(len(rows), len(SCHEMAS[schema_id]))
    return Windows(
        schema_id=schema_id,
        sensor=np.zeros(len(rows), np.int64),
        time_us=np.array([row.time for row in rows], np.int64),
        status=np.array([row.status for row in rows], np.int64),
        model=np.array([NONE if row.model is None else row.model for row in rows], np.int64),
        score=np.array([np.nan if row.score is None else row.score for row in rows], np.float32),
        level_dbfs=np.array([row.level_dbfs for row in rows], np.float32),
        dominant_hz=np.array([row.dominant_hz for row in rows], np.float32),
        features=features.astype(np.float16),
    )


def _compare(sensor_id: UUID, kind: Kind, there: Rollups, wanted: Rollups) -> list[Difference]:
    found = []
    for time_us in np.setxor1d(there.time_us, wanted.time_us).tolist():
        missing = time_us in wanted.time_us
        words = ("missing", "there") if missing else ("there", "missing")
        found.append(Difference(sensor_id, kind.table, time_us, "row", *words))
    both = np.intersect1d(there.time_us, wanted.time_us)
    if not len(both):
        return found
    left, right = (_columns(each.pick(np.flatnonzero(np.isin(each.time_us, both))), kind) for each in (there, wanted))
    for name, (stored, exact) in left.items():
        expected, _ = right[name]
        width = max(stored.shape[1], expected.shape[1])
        one, other = (np.pad(each, ((0, 0), (0, width - each.shape[1]))) for each in (stored, expected))
        allowed = 0.0 if exact else TOLERANCE * np.maximum(1.0, np.abs(np.nan_to_num(other)))
        wrong = ~((np.abs(one - other) <= allowed) | (np.isnan(one) & np.isnan(other)))
        for row in np.flatnonzero(wrong.any(axis=1)).tolist():
            place = int(np.flatnonzero(wrong[row])[0])
            figures = (f"{each[row, place]:.9g}" for each in (one, other))
            label = f"{name}[{place}]" if width > 1 else name
            found.append(Difference(sensor_id, kind.table, int(both[row]), label, *figures))
    return found


def _columns(rows: Rollups, kind: Kind) -> dict[str, tuple[Any, bool]]:
    """Return each column as (rows, width), and whether it must be equal."""
    columns: dict[str, tuple[Any, bool]] = {}
    for each in fields(Rollups):
        value = getattr(rows, each.name)
        if isinstance(value, Spread):
            columns |= {f"{each.name}_min": (value.least, True), f"{each.name}_max": (value.most, True)}
            columns[f"{each.name}_sum"] = (value.total, False)
        elif each.name not in {"sensor", "time_us"}:
            columns[each.name] = (value, each.name != "means")
    if kind.is_minute:
        columns["histogram"] = (np.minimum(rows.histogram, FULL_SMALLINT), True)
    return {
        name: (np.asarray(value, np.float64).reshape(len(rows), -1), exact) for name, (value, exact) in columns.items()
    }
