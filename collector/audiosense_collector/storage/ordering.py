"""Minutes side by side: a sensor's roll-ups of a span that is over are moved together.

Ingest writes the minutes of all sensors one after the other, so that each of a sensor's minutes lies in a page of its
own, and a chart of a week reads ten thousand pages. Here a sensor's minutes of a few hours are taken out and put in
again at once, in a transaction that holds the sensor's row as ingest does: nothing can come in between, nothing is lost
or there twice, and no table is locked or copied. What is taken out is used again by what comes next, once the
database's own upkeep (autovacuum) has been there.
"""

import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import sql
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import DAY_US, HOUR_US, now_us, to_datetime
from audiosense_collector.db.driver import driver
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.runtime import Runtime
from audiosense_collector.storage.tables import OrderingMark

log = structlog.get_logger()
TABLE = "rollup_minute"
SPAN_US = 6 * HOUR_US
"""Some 360 minutes of a sensor, 30 pages; spans begin at midnight UTC, so none is of two months."""
SETTLED_US = HOUR_US
"""So long after its end a span is moved; what agents send later than that lies apart, and is as right as before."""
FIRST_US = 8 * DAY_US
"""So far back the first run goes: what is older than a week is shown by the hour."""
RUN_S = 300.0
"""A run ends after this time, and the next one goes on: other jobs have their turn."""
FEW_ROWS = 4
"""A page holds ten or so minutes; where there are fewer than these of one sensor in it, they are moved."""
_PLACES = """
SELECT count(*), count(DISTINCT (ctid::text::point)[0]) FROM rollup_minute
WHERE sensor_id = %(sensor)s AND time >= %(low)s AND time < %(high)s
"""
_LOCK = "SELECT FROM sensor WHERE id = %(sensor)s FOR NO KEY UPDATE"
_TAKE = "DELETE FROM rollup_minute WHERE sensor_id = %(sensor)s AND time >= %(low)s AND time < %(high)s"
_READ = sql.SQL(
    "COPY (SELECT * FROM rollup_minute WHERE sensor_id = {sensor} AND time >= {low} AND time < {high} ORDER BY time)"
    " TO STDOUT (FORMAT BINARY)"
)


@dataclass(slots=True)
class Ordered:
    """What a run moved: rows, and spans of single sensors. Before ``until_us`` (UTC microseconds) all is in order."""

    until_us: int
    rows: int = 0
    spans: int = 0
    complete: bool = True


async def order(runtime: Runtime, *, since_us: int | None = None, seconds: float = RUN_S) -> Ordered:
    """Move together what is over; cut short at any place, the next run goes on.

    Args:
        runtime: of the collector.
        since_us: go back to this time (UTC microseconds), not only to where the last run ended.
        seconds: after which it ends, between two sensors.
    """
    ends = time.monotonic() + seconds
    async with runtime.sessions() as session:
        mark = await ordered_before_us(session)
        sensors = list(await session.scalars(select(Sensor.id).order_by(Sensor.id)))
    low = now_us() - FIRST_US if mark is None else mark
    low = (low if since_us is None else min(low, since_us)) // SPAN_US * SPAN_US
    done = Ordered(low)
    while done.complete and done.until_us + SPAN_US <= now_us() - SETTLED_US:
        for sensor in sensors:
            if time.monotonic() > ends:
                done.complete = False
                break
            if moved := await _order(runtime, sensor, done.until_us):
                done.rows, done.spans = done.rows + moved, done.spans + 1
        else:
            done.until_us += SPAN_US
            async with runtime.sessions.begin() as session:
                await _mark(session, done.until_us)
    if done.rows:
        log.info(
            "minutes moved together",
            rows=done.rows,
            spans=done.spans,
            until=to_datetime(done.until_us).isoformat(),
            complete=done.complete,
        )
    return done


async def ordered_before_us(session: AsyncSession) -> int | None:
    """Return before which time the minutes of all sensors were moved together; None before the first run."""
    mark = await session.get(OrderingMark, TABLE)
    return None if mark is None else mark.ordered_before


async def _order(runtime: Runtime, sensor: UUID, low_us: int) -> int:
    """Move a sensor's minutes of a span together, where they are not; returns how many were moved."""
    span = {"sensor": sensor, "low": to_datetime(low_us), "high": to_datetime(low_us + SPAN_US)}
    async with runtime.sessions.begin() as session:
        connection = await driver(session)
        if not await _is_scattered(connection, span):
            return 0
        await connection.execute(_LOCK, span)
        async with connection.cursor() as cursor:
            async with cursor.copy(_READ.format(**{name: sql.Literal(value) for name, value in span.items()})) as copy:
                rows = [bytes(block) async for block in copy]
            taken = (await cursor.execute(_TAKE, span)).rowcount
            async with cursor.copy(f"COPY {TABLE} FROM STDIN (FORMAT BINARY)".encode()) as copy:
                for block in rows:
                    await copy.write(block)
            # Else what came in between would be gone; the sensor's lock keeps that from happening.
            if cursor.rowcount != taken:
                raise RuntimeError(f"{taken} minutes of sensor {sensor} were taken out and {cursor.rowcount} put in")
    return taken


async def _is_scattered(connection: psycopg.AsyncConnection[Any], span: dict[str, Any]) -> bool:
    found = await (await connection.execute(_PLACES, span)).fetchone()
    assert found is not None
    rows, pages = found
    return bool(rows > FEW_ROWS and pages * FEW_ROWS > rows)


async def _mark(session: AsyncSession, before_us: int) -> None:
    mark = insert(OrderingMark).values(name=TABLE, ordered_before=before_us)
    later = func.greatest(OrderingMark.ordered_before, mark.excluded.ordered_before)
    await session.execute(mark.on_conflict_do_update(index_elements=["name"], set_={"ordered_before": later}))
