"""Roll-ups in the database: what measurements add is merged with what is there, under the lock of their sensors."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray

from audiosense_collector.clock import to_us
from audiosense_collector.db import binary_array, binary_copy
from audiosense_collector.db.binary_copy import Copying, Field, copy_each, copy_in, encode
from audiosense_collector.db.driver import Query, Row
from audiosense_collector.db.pipelined import fetch_each
from audiosense_collector.errors import UnavailableError
from audiosense_collector.rollups.contents import hour_features, main_features, minute_features
from audiosense_collector.rollups.delta import Delta
from audiosense_collector.rollups.merge import add as add_stored
from audiosense_collector.rollups.merge import merge
from audiosense_collector.rollups.rows import (
    HOUR_US,
    INVALID,
    MINUTE_US,
    MOST_MAIN,
    NONE,
    SCHEMA_IDS,
    STATUS_COUNTS,
    Ints,
    Rollups,
    Spread,
    join,
)
from audiosense_collector.rollups.tables import HISTOGRAM_BINS

_COLUMNS = (
    *("sensor_id", "time", "windows", *STATUS_COUNTS, "model", "scored", "score_min", "score_sum", "score_max"),
    *("level_dbfs_min", "level_dbfs_sum", "level_dbfs_max", "dominant_hz_min", "dominant_hz_sum", "dominant_hz_max"),
    *("schema", "described", "means", "extremes", "histogram"),
)
_FULL_SMALLINT = 32_767


@dataclass(frozen=True, slots=True)
class Kind:
    """A table of roll-ups."""

    table: str
    span_us: int
    is_minute: bool

    def width(self, rank: int) -> int:
        """How many means a row has."""
        return _width(SCHEMA_IDS[rank], is_minute=self.is_minute)


@cache
def _width(schema_id: str, *, is_minute: bool) -> int:
    return len(minute_features(schema_id) if is_minute else hour_features(schema_id))


MINUTES = Kind("rollup_minute", MINUTE_US, is_minute=True)
HOURS = Kind("rollup_hour", HOUR_US, is_minute=False)


def names(table: str) -> str:
    """Return the columns that ``decode`` takes after the sensor's place; ``table`` stands before each, as ``r.``."""
    return ", ".join(f"{table}{name}" for name in _COLUMNS if name != "sensor_id")


async def add(
    connection: psycopg.AsyncConnection[Any],
    sensors: Sequence[UUID],
    deltas: Sequence[Delta],
    schemas: dict[str, int],
) -> None:
    """Add what new measurements give to the roll-ups of their minutes and hours; see ``take_out``."""
    if copies := await take_out(connection, sensors, deltas, schemas):
        await copy_each(connection, copies)


async def take_out(
    connection: psycopg.AsyncConnection[Any],
    sensors: Sequence[UUID],
    deltas: Sequence[Delta],
    schemas: dict[str, int],
) -> list[Copying]:
    """Take out the roll-ups to which new measurements add; returns what the transaction is to copy in in their place.

    The rows of ``sensors`` must be locked by the transaction, so that nobody else does so at the same time.

    Args:
        connection: of the transaction that stores the measurements.
        sensors: to which the places in the deltas refer.
        deltas: of the new measurements.
        schemas: number of each feature schema in the database, for all of the deltas and of the rows there are.
    """
    if not deltas:
        return []
    minutes = merge(join([delta.minutes for delta in deltas]), MINUTE_US)
    hours = merge(join([delta.hours for delta in deltas]), HOUR_US)
    added = ((MINUTES, minutes), (HOURS, hours))
    taken = await fetch_each(connection, [taking_out(kind, sensors, rows) for kind, rows in added])
    copies = []
    for (kind, rows), known in zip(added, taken, strict=True):
        whole = add_stored(rows, decode(kind, known, schemas), kind.span_us) if known else rows
        copies.append(Copying(_copy_statement(kind), _encode(kind, sensors, whole, schemas)))
    return copies


async def insert(
    connection: psycopg.AsyncConnection[Any],
    kind: Kind,
    sensors: Sequence[UUID],
    rows: Rollups,
    schemas: dict[str, int],
) -> None:
    """Store roll-ups of sensors and spans that have none; the sensors must be locked."""
    async with connection.cursor() as cursor:
        await copy_in(cursor, _copy_statement(kind), _encode(kind, sensors, rows, schemas))


def _copy_statement(kind: Kind) -> str:
    return f"COPY {kind.table} ({', '.join(_COLUMNS)}) FROM STDIN WITH (FORMAT BINARY)"


def taking_out(kind: Kind, sensors: Sequence[UUID], rows: Rollups) -> Query:
    """Return the query that takes out the rows of the same sensors and spans, each with the sensor's place in front.

    What comes in their place is copied in with all that is new. To others both happen at once, with the commit.
    """
    keys = "unnest(%(places)b::bigint[], %(sensors)b::uuid[], %(times)b::timestamptz[]) AS k (place, sensor_id, time)"
    query = (
        # A distributed database joins what it changes with a materialized list, and with no function.
        f"WITH k AS MATERIALIZED (SELECT * FROM {keys})"  # noqa: S608 - constants of ours
        f" DELETE FROM {kind.table} r USING k WHERE r.sensor_id = k.sensor_id AND r.time = k.time"
        # Said again, so that it asks these sensors' servers only.
        f" AND r.sensor_id = ANY(%(sensors)b::uuid[]) RETURNING k.place, {names('r.')}"
    )
    parameters = {
        "places": binary_array.bigints(rows.sensor),
        "sensors": binary_array.picked_uuids(sensors, rows.sensor),
        "times": binary_array.times(rows.time_us),
    }
    return Query(query, parameters)


def decode(kind: Kind, rows: Sequence[Row], schemas: dict[str, int]) -> Rollups:
    """Return database rows as arrays; their first column is the sensor's place, then come the table's from ``time``.

    Raises:
        UnavailableError: a row is of a feature schema that this release does not know.
    """
    columns = dict(zip(_COLUMNS, zip(*rows, strict=True), strict=True))
    ranks = {number: SCHEMA_IDS.index(schema_id) for schema_id, number in schemas.items() if schema_id in SCHEMA_IDS}
    if not ranks.keys() >= set(columns["schema"]):
        raise UnavailableError("a roll-up was written by a newer release of the collector; it is for that one to go on")
    rank = np.array([ranks[number] for number in columns["schema"]], np.int64)
    means = np.zeros((len(rows), kind.width(int(rank.max()))), np.float32)
    extremes = np.zeros((len(rows), 2, MOST_MAIN), np.float16)
    histogram = np.zeros((len(rows), HISTOGRAM_BINS), np.int64)
    for place, each in enumerate(rank):
        means[place, : kind.width(int(each))] = np.frombuffer(columns["means"][place], "<f4")
        main = len(main_features(SCHEMA_IDS[each]))
        extremes[place, :, :main] = np.frombuffer(columns["extremes"][place], "<f2").reshape(2, main)
        if columns["histogram"][place] is not None:
            histogram[place] = columns["histogram"][place]

    def ints(name: str) -> Ints:
        return np.array([NONE if value is None else value for value in columns[name]], np.int64)

    def spread(name: str) -> Spread:
        least, total, most = (columns[f"{name}_{part}"] for part in ("min", "sum", "max"))
        sums = np.array([0.0 if value is None else value for value in total])
        return Spread(np.array(least, np.float32), sums, np.array(most, np.float32))

    return Rollups(
        sensor=ints("sensor_id"),
        time_us=np.array([to_us(time) for time in columns["time"]], np.int64),
        statuses=np.stack([ints(name) for name in STATUS_COUNTS], axis=1),
        model=ints("model"),
        scored=ints("scored"),
        score=spread("score"),
        level_dbfs=spread("level_dbfs"),
        dominant_hz=spread("dominant_hz"),
        rank=rank,
        described=ints("described"),
        means=means,
        extremes=extremes,
        histogram=histogram,
    )


def _encode(kind: Kind, sensors: Sequence[UUID], rows: Rollups, schemas: dict[str, int]) -> list[bytes]:
    first = int(rows.rank[0]) if len(rows) else 0
    if (rows.rank == first).all():
        return encode(_fields(kind, sensors, rows, first, schemas[SCHEMA_IDS[first]]))
    blocks = []
    for rank in np.unique(rows.rank).tolist():
        chosen = rows.pick(np.flatnonzero(rows.rank == rank))
        blocks += encode(_fields(kind, sensors, chosen, rank, schemas[SCHEMA_IDS[rank]]))
    return blocks


def _fields(kind: Kind, sensors: Sequence[UUID], rows: Rollups, rank: int, schema: int) -> list[Field]:
    unscored = rows.scored == 0
    main = len(main_features(SCHEMA_IDS[rank]))
    counts = [rows.windows, *(rows.statuses[:, code] for code in range(INVALID + 1))]
    if kind.is_minute:
        histogram = binary_copy.smallint_arrays(np.minimum(rows.histogram, _FULL_SMALLINT), unscored)
    else:
        histogram = binary_copy.integer_arrays(rows.histogram, unscored)
    return [
        binary_copy.uuids(sensors, rows.sensor),
        binary_copy.times(rows.time_us),
        *(binary_copy.integers(values, 4) for values in counts),
        binary_copy.integers(rows.model, 4, rows.model == NONE),
        binary_copy.integers(rows.scored, 4),
        *_spread_fields(rows.score, unscored),
        *_spread_fields(rows.level_dbfs),
        *_spread_fields(rows.dominant_hz),
        binary_copy.integers(np.full(len(rows), schema), 2),
        binary_copy.integers(rows.described, 4),
        binary_copy.binaries(rows.means[:, : kind.width(rank)].astype("<f4", copy=False)),
        binary_copy.binaries(rows.extremes[:, :, :main].astype("<f2", copy=False)),
        histogram,
    ]


def _spread_fields(spread: Spread, null: NDArray[np.bool_] | None = None) -> list[Field]:
    return [
        binary_copy.reals(spread.least, 4, null),
        binary_copy.reals(spread.total, 8, null),
        binary_copy.reals(spread.most, 4, null),
    ]
