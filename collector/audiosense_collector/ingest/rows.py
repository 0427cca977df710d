"""Measurements as database rows: checked against the sensor's schema, inserted in one statement."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import DAY_US
from audiosense_collector.errors import InvalidError
from audiosense_collector.ingest.tables import STATUS_CODES, FeatureSchema, ModelDigest
from audiosense_common.features import SCHEMAS
from audiosense_common.wire import Reason, SensorColumns, Status

_COLUMNS = {
    "sensor_id": "uuid",
    "time": "bigint",
    "seq": "bigint",
    "model": "integer",
    "score": "real",
    "level_dbfs": "real",
    "dominant_hz": "real",
    "status": "smallint",
    "schema": "smallint",
    "clock_suspect": "boolean",
    "features": "bytea",
    "reasons": "text",
}
_CONVERTED = {"time": "from_us(time)", "reasons": "reasons::jsonb"}
_REASONS = TypeAdapter(list[Reason])
_INSERT = f"""
WITH stored AS (
    INSERT INTO measurement ({", ".join(_COLUMNS)}, epoch)
    SELECT {", ".join(_CONVERTED.get(name, name) for name in _COLUMNS)}, %(epoch)s
    FROM unnest({", ".join(f"%({name})b::{kind}[]" for name, kind in _COLUMNS.items())}) AS row ({", ".join(_COLUMNS)})
    ON CONFLICT DO NOTHING
    RETURNING sensor_id, status, schema, clock_suspect
)
SELECT r.sensor_id, count(*),
    count(*) FILTER (WHERE r.status = %(learning)s AND NOT r.clock_suspect AND f.name = s.schema_id)
FROM stored r JOIN sensor s ON s.id = r.sensor_id JOIN feature_schema f ON f.id = r.schema
GROUP BY r.sensor_id
"""  # noqa: S608 - made of the constants above


@dataclass(frozen=True, slots=True)
class Stored:
    """How many measurements of a sensor were new, and how many of these are for its baseline."""

    new: int = 0
    learning: int = 0


@dataclass(slots=True)
class Rows:
    """Rows of all sensors of a batch, column by column."""

    columns: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in _COLUMNS})

    def __len__(self) -> int:
        return len(self.columns["seq"])

    def add(self, measured: SensorColumns, place: int, *, digests: Mapping[str, int], schema: int, now: int) -> None:
        """Append a sensor's columns; ``place`` is its position in the batch.

        Raises:
            InvalidError: the feature matrix does not fit its schema, or a number does not fit its column.
        """
        vectors = _vectors(measured, place)
        count = len(measured.seq)
        models = [digests[digest] for digest in measured.models]
        add = self.columns
        add["sensor_id"] += [measured.sensor] * count
        add["time"] += measured.time_us
        add["seq"] += measured.seq
        add["model"] += [None if index is None else models[index] for index in measured.model]
        for name in ("score", "level_dbfs", "dominant_hz"):
            add[name] += _reals(getattr(measured, name), f"sensors.{place}.{name}")
        add["status"] += [STATUS_CODES[status] for status in measured.status]
        add["schema"] += [schema] * count
        guessed = set(measured.time_estimated)
        add["clock_suspect"] += [
            row in guessed or self._suspect(time_us, now) for row, time_us in enumerate(measured.time_us)
        ]
        add["features"] += vectors
        add["reasons"] += [_json(measured.reasons.get(row)) for row in range(count)]

    retention_us: int = 30 * DAY_US

    def _suspect(self, time_us: int, now: int) -> bool:
        return not now - self.retention_us <= time_us <= now + DAY_US


def _json(reasons: list[Reason] | None) -> str | None:
    return None if reasons is None else _REASONS.dump_json(reasons, exclude_none=True).decode()


def single(value: float | None) -> float | None:
    """Round a finite number to single precision as a column does; PostgreSQL refuses what underflows, here it is 0."""
    return None if value is None else float(np.float32(value))


def _reals(values: Sequence[float | None], where: str) -> list[float | None]:
    with np.errstate(over="ignore"):
        rounded = [single(value) for value in values]
    for index, value in enumerate(rounded):
        if value is not None and math.isinf(value):
            field = f"{where}.{index}"
            raise InvalidError(f"{field}: {values[index]} is beyond single precision; send a physical value", loc=field)
    return rounded


def _vectors(measured: SensorColumns, place: int) -> list[bytes]:
    matrix, where = measured.features, f"sensors.{place}.features"
    names = SCHEMAS.get(matrix.schema_id)
    if names is None:
        raise InvalidError(
            f"{where}.schema: {matrix.schema_id!r} is unknown, this collector knows {sorted(SCHEMAS)}; upgrade it",
            loc=f"{where}.schema",
        )
    if matrix.shape[1] != len(names):
        raise InvalidError(
            f"{where}.shape: {matrix.shape[1]} features, schema {matrix.schema_id!r} has {len(names)}",
            loc=f"{where}.shape",
        )
    try:
        content = matrix.unpack().tobytes()
    except ValueError as error:
        raise InvalidError(f"{where}.data: {error}", loc=f"{where}.data") from None
    width = 2 * len(names)
    return [content[start : start + width] for start in range(0, len(content), width)]


async def insert_rows(session: AsyncSession, rows: Rows, epoch: UUID) -> dict[UUID, Stored]:
    """Insert what is new in one statement; returns per sensor how much that was."""
    if not len(rows):
        return {}
    raw = (await (await session.connection()).get_raw_connection()).driver_connection
    assert isinstance(raw, psycopg.AsyncConnection)
    parameters = rows.columns | {"epoch": epoch, "learning": STATUS_CODES[Status.LEARNING]}
    async with raw.cursor() as cursor:
        await cursor.execute(_INSERT, parameters)
        return {sensor: Stored(new, learning) for sensor, new, learning in await cursor.fetchall()}


async def number_digests(session: AsyncSession, digests: Sequence[str]) -> dict[str, int]:
    """Return the numbers of model digests, given on first sight."""
    return await _number(session, ModelDigest, ModelDigest.digest, digests)


async def number_schemas(session: AsyncSession, names: Sequence[str]) -> dict[str, int]:
    """Return the numbers of feature schemas, given on first sight."""
    return await _number(session, FeatureSchema, FeatureSchema.name, names)


async def _number(session: AsyncSession, table: Any, column: Any, values: Sequence[str]) -> dict[str, int]:
    wanted = sorted(set(values))
    if not wanted:
        return {}
    query = select(column, table.id).where(column.in_(wanted))
    found: dict[str, int] = dict((await session.execute(query)).all())
    missing = [value for value in wanted if value not in found]
    if missing:
        rows = [{column.key: value} for value in missing]
        await session.execute(insert(table).values(rows).on_conflict_do_nothing())
        found = dict((await session.execute(query)).all())
    return found
