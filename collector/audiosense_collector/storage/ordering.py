"""Rows side by side: a sensor's minutes, hours and raw measurements of a span that is over are moved together.

Ingest writes the rows of all sensors one after the other, so that each of a sensor's lies in a page of its own, and a
chart of a week or of a year reads ten thousand pages. Here the rows of some sensors and a span are taken out and put
in again at once, sensor by sensor, in a transaction that holds the sensors' rows as ingest does: nothing can come in
between, nothing is lost or there twice, and no table is locked or copied. What is taken out is used again by what comes
next, once the database's own upkeep (autovacuum) has been there.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import sql
from psycopg.errors import DeadlockDetected
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import DAY_US, HOUR_US, now_us, to_datetime
from audiosense_collector.db.driver import driver
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.runtime import Runtime
from audiosense_collector.storage.tables import OrderingMark

log = structlog.get_logger()
RUN_S = 300.0
"""A run ends after this time, and the next one goes on: other jobs have their turn."""
FEW_ROWS = 4
"""A page holds at least seven rows of any kind; where there are fewer than these of one sensor, they are moved."""
LOOKED_AT = 200
"""Sensors of which it is asked at once whether their rows are apart."""
AT_ONCE = 16
"""Sensors whose rows are moved in one transaction: a few megabytes, and their ingest waits for a tenth of a second."""
TRIES = 3


@dataclass(frozen=True, slots=True)
class Kind:
    """A table whose rows are moved, ``span_us`` of a sensor at a time, ``settled_us`` after the end of the span.

    What agents send later than that lies apart, and is as right as before. The first run goes back ``first_us``, as far
    as charts that are made of these rows do; so does one that comes after a long time, or did not keep up.
    """

    table: str
    span_us: int
    settled_us: int
    first_us: int


MINUTES = Kind("rollup_minute", 6 * HOUR_US, HOUR_US, 8 * DAY_US)
"""Some 360 rows, 30 pages; spans begin at midnight UTC, so none is of two months."""
HOURS = Kind("rollup_hour", 7 * DAY_US, DAY_US, 54 * 7 * DAY_US)
"""Some 168 rows, 25 pages."""
RAW = Kind("measurement", HOUR_US, HOUR_US, 2 * DAY_US)
"""Some 720 rows, 40 pages."""
KINDS = (MINUTES, HOURS, RAW)


@dataclass(slots=True)
class Ordered:
    """What a run moved: rows, and spans of single sensors. Before ``until_us`` (UTC microseconds) all is in order."""

    until_us: int
    rows: int = 0
    spans: int = 0
    complete: bool = True


async def order(runtime: Runtime, kind: Kind, *, since_us: int | None = None, seconds: float = RUN_S) -> Ordered:
    """Move together what is over; cut short at any place, the next run goes on.

    Args:
        runtime: of the collector.
        kind: which rows.
        since_us: go back to this time (UTC microseconds), not only to where the last run ended.
        seconds: after which it ends, between two transactions.
    """
    ends = time.monotonic() + seconds
    async with runtime.sessions() as session:
        mark = await ordered_before_us(session, kind)
        sensors = list(await session.scalars(select(Sensor.id).order_by(Sensor.id)))
    low = max(now_us() - kind.first_us, mark or 0)
    low = (low if since_us is None else min(low, since_us)) // kind.span_us * kind.span_us
    done = Ordered(low)
    while done.complete and done.until_us + kind.span_us <= now_us() - kind.settled_us:
        await _order_span(runtime, kind, sensors, done, ends)
        if done.complete:
            done.until_us += kind.span_us
            async with runtime.sessions.begin() as session:
                await _mark(session, kind, done.until_us)
    if done.rows:
        log.info(
            "rows moved together",
            table=kind.table,
            rows=done.rows,
            spans=done.spans,
            until=to_datetime(done.until_us).isoformat(),
            complete=done.complete,
        )
    return done


async def ordered_before_us(session: AsyncSession, kind: Kind) -> int | None:
    """Return before which time the rows of all sensors were moved together; None before the first run."""
    mark = await session.get(OrderingMark, kind.table)
    return None if mark is None else mark.ordered_before


async def _order_span(runtime: Runtime, kind: Kind, sensors: list[UUID], done: Ordered, ends: float) -> None:
    """Move what is apart in the span that begins at ``done.until_us``, and count it there."""
    span = {"low": to_datetime(done.until_us), "high": to_datetime(done.until_us + kind.span_us)}
    for asked in _groups(sensors, LOOKED_AT):
        async with runtime.sessions() as session:
            apart = await _apart(await driver(session), kind, span | {"sensors": asked})
        for some in _groups(apart, AT_ONCE):
            if time.monotonic() > ends:
                done.complete = False
                return
            done.rows += await _move_in_turn(runtime, kind, span | {"sensors": some})
            done.spans += len(some)


async def _move_in_turn(runtime: Runtime, kind: Kind, span: dict[str, Any]) -> int:
    """Move rows, once more where another transaction locked the same sensors in another order."""
    for _ in range(TRIES - 1):
        try:
            async with runtime.sessions.begin() as session:
                return await _move(await driver(session), kind, span)
        except DeadlockDetected:
            log.info("rows are moved together once more: the database ended a deadlock", table=kind.table)
    async with runtime.sessions.begin() as session:
        return await _move(await driver(session), kind, span)


def _groups(sensors: list[UUID], size: int) -> Iterator[list[UUID]]:
    for start in range(0, len(sensors), size):
        yield sensors[start : start + size]


async def _apart(connection: psycopg.AsyncConnection[Any], kind: Kind, span: dict[str, Any]) -> list[UUID]:
    """Return the sensors whose rows of a span lie in too many pages."""
    query = f"""
    SELECT sensor_id FROM {kind.table}
    WHERE sensor_id = ANY(%(sensors)s) AND time >= %(low)s AND time < %(high)s
    GROUP BY sensor_id
    HAVING count(*) > %(few)s AND count(DISTINCT (ctid::text::point)[0]) * %(few)s > count(*)
    ORDER BY sensor_id
    """  # noqa: S608 - constants
    cursor = await connection.execute(query.encode(), span | {"few": FEW_ROWS})
    return [sensor for (sensor,) in await cursor.fetchall()]


async def _move(connection: psycopg.AsyncConnection[Any], kind: Kind, span: dict[str, Any]) -> int:
    """Take the rows of sensors and a span out and put them in again, sensor by sensor; returns how many."""
    table = sql.Identifier(kind.table)
    values = {name: sql.Literal(value) for name, value in span.items()}
    chosen = sql.SQL("FROM {table} WHERE sensor_id = ANY({sensors}) AND time >= {low} AND time < {high}")
    rows = chosen.format(table=table, **values)
    # In the order in which ingest locks them.
    await connection.execute("SELECT FROM sensor WHERE id = ANY(%(sensors)s) ORDER BY id FOR NO KEY UPDATE", span)
    async with connection.cursor() as cursor:
        reading = sql.SQL("COPY (SELECT * {rows} ORDER BY sensor_id, time) TO STDOUT (FORMAT BINARY)")
        async with cursor.copy(reading.format(rows=rows)) as copy:
            blocks = [bytes(block) async for block in copy]
        taken = (await cursor.execute(sql.SQL("DELETE {rows}").format(rows=rows))).rowcount
        async with cursor.copy(sql.SQL("COPY {table} FROM STDIN (FORMAT BINARY)").format(table=table)) as copy:
            for block in blocks:
                await copy.write(block)
        # Else what came in between would be gone; the sensors' locks keep that from happening.
        if cursor.rowcount != taken:
            raise RuntimeError(f"{taken} rows of {kind.table} were taken out and {cursor.rowcount} put in")
    return taken


async def _mark(session: AsyncSession, kind: Kind, before_us: int) -> None:
    mark = insert(OrderingMark).values(name=kind.table, ordered_before=before_us)
    later = func.greatest(OrderingMark.ordered_before, mark.excluded.ordered_before)
    await session.execute(mark.on_conflict_do_update(index_elements=["name"], set_={"ordered_before": later}))
