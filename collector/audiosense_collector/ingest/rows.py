"""Measurements as database rows: copied in as they are, and only the new ones where some were stored before."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.errors import UniqueViolation
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import to_us
from audiosense_collector.db import binary_array, binary_copy
from audiosense_collector.db.binary_copy import Copying, copy_each, copy_in, encode
from audiosense_collector.db.driver import Query, Row, fetch
from audiosense_collector.ingest.measured import Measured
from audiosense_collector.ingest.tables import FeatureSchema, ModelDigest
from audiosense_collector.rollups.delta import Windows
from audiosense_collector.rollups.rows import NONE

_COLUMNS = (
    *("sensor_id", "time", "epoch", "seq", "model", "score", "level_dbfs", "dominant_hz"),
    *("status", "schema", "clock_suspect", "features", "reasons"),
)
_NAMES = ", ".join(_COLUMNS)
_KEY = "sensor_id, time, epoch, seq"
_STAGED = "staged_measurement"
_JSONB_VERSION = b"\x01"


@dataclass(frozen=True, slots=True)
class Part:
    """Measurements of one sensor of a batch, and what a row holds that the batch does not say."""

    measured: Measured
    epoch: UUID
    suspect: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Rows:
    """Measurements of many parts with the same schema; ``windows.sensor`` is the place of the part."""

    parts: Sequence[Part]
    seq: NDArray[np.int64]
    suspect: NDArray[np.bool_]
    windows: Windows
    reasons: Mapping[int, bytes]

    def __len__(self) -> int:
        return len(self.seq)

    def pick(self, places: NDArray[np.intp]) -> "Rows":
        """Return some rows, in the order of ``places``."""
        reasons = {new: self.reasons[old] for new, old in enumerate(places.tolist()) if old in self.reasons}
        return Rows(self.parts, self.seq[places], self.suspect[places], self.windows.pick(places), reasons)


def gather(parts: Sequence[Part], digests: Mapping[str, int]) -> Rows:
    """Put parts of the same schema one after the other; ``digests`` are the numbers of models."""
    windows = [part.measured.windows for part in parts]
    lengths = [len(part.measured) for part in parts]
    starts = np.cumsum([0, *lengths])
    models = []
    for part in parts:
        numbers = np.array([*(digests[digest] for digest in part.measured.digests), NONE], np.int64)
        models.append(numbers[part.measured.windows.model])

    def whole(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(each, name) for each in windows])

    return Rows(
        parts=parts,
        seq=np.concatenate([part.measured.seq for part in parts]),
        suspect=np.concatenate([part.suspect for part in parts]),
        windows=Windows(
            schema_id=windows[0].schema_id,
            sensor=np.repeat(np.arange(len(parts)), lengths),
            model=np.concatenate(models),
            **{name: whole(name) for name in ("time_us", "status", "score", "level_dbfs", "dominant_hz", "features")},
        ),
        reasons={
            int(start) + row: told
            for part, start in zip(parts, starts[:-1], strict=True)
            for row, told in part.measured.reasons.items()
        },
    )


class StoredBeforeError(Exception):
    """A measurement is there already: the transaction is to be undone, and made again by ``insert_new``."""


def copying(rows: Rows, schema: int) -> Copying:
    """Return how rows of which all are new go straight into the table."""
    return Copying(f"COPY measurement ({_NAMES}) FROM STDIN WITH (FORMAT BINARY)", _encode(rows, schema))


async def copy_new(connection: psycopg.AsyncConnection[Any], copies: Sequence[Copying]) -> None:
    """Copy in rows that should be new, and what goes with them.

    Raises:
        StoredBeforeError: one is not new.
    """
    try:
        await copy_each(connection, copies)
    except UniqueViolation as error:
        # The name is that of a partition.
        if (error.diag.table_name or "").startswith("measurement"):
            raise StoredBeforeError from error
        raise


async def insert_new(connection: psycopg.AsyncConnection[Any], rows: Rows, schema: int) -> NDArray[np.intp]:
    """Store those rows that are new, by way of a temporary table; returns their places."""
    places = _first_of_each_key(rows)
    chosen = rows if len(places) == len(rows) else rows.pick(np.array(list(places.values()), np.intp))
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {_STAGED} (LIKE measurement) ON COMMIT DELETE ROWS".encode()
        )
        # Rows of another schema may have gone the same way within the transaction.
        await cursor.execute(f"TRUNCATE {_STAGED}".encode())
        await copy_in(cursor, f"COPY {_STAGED} ({_NAMES}) FROM STDIN WITH (FORMAT BINARY)", _encode(chosen, schema))
        await cursor.execute(
            f"INSERT INTO measurement ({_NAMES}) SELECT {_NAMES} FROM {_STAGED}"  # noqa: S608 - constants of ours
            f" ON CONFLICT ({_KEY}) DO NOTHING RETURNING {_KEY}".encode()
        )
        stored = [places[sensor, to_us(time), epoch, seq] for sensor, time, epoch, seq in await cursor.fetchall()]
    return np.array(sorted(stored), np.intp)


def _first_of_each_key(rows: Rows) -> dict[tuple[UUID, int, UUID, int], int]:
    """Return the places of the rows by their key, the first one where several have the same."""
    places: dict[tuple[UUID, int, UUID, int], int] = {}
    columns = (rows.windows.sensor.tolist(), rows.windows.time_us.tolist(), rows.seq.tolist())
    for place, (part, time_us, seq) in enumerate(zip(*columns, strict=True)):
        whose = rows.parts[part]
        places.setdefault((whose.measured.sensor, time_us, whose.epoch, seq), place)
    return places


def _encode(rows: Rows, schema: int) -> list[bytes]:
    return encode(_fields(rows, schema), {row: _JSONB_VERSION + told for row, told in rows.reasons.items()})


def _fields(rows: Rows, schema: int) -> list[binary_copy.Field]:
    windows, count = rows.windows, len(rows)
    return [
        binary_copy.uuids([part.measured.sensor for part in rows.parts], windows.sensor),
        binary_copy.times(windows.time_us),
        binary_copy.uuids([part.epoch for part in rows.parts], windows.sensor),
        binary_copy.integers(rows.seq, 8),
        binary_copy.integers(windows.model, 4, windows.model == NONE),
        binary_copy.reals(windows.score, 4, np.isnan(windows.score)),
        binary_copy.reals(windows.level_dbfs),
        binary_copy.reals(windows.dominant_hz),
        binary_copy.integers(windows.status, 2),
        binary_copy.integers(np.full(count, schema), 2),
        binary_copy.booleans(rows.suspect),
        binary_copy.binaries(windows.features.astype("<f2", copy=False)),
    ]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers that stand for texts in rows: of model digests, whose thresholds are here too, and of all schemas."""

    digests: dict[str, int]
    thresholds: dict[str, float | None]
    schemas: dict[str, int]


_NUMBERS = """
SELECT digest, id, threshold, true FROM model_digest WHERE digest = ANY(%(digests)b::text[])
UNION ALL SELECT name, id, NULL, false FROM feature_schema
"""


def query_numbers(digests: Collection[str]) -> Query:
    """Return the query whose rows ``read_numbers`` takes."""
    return Query(_NUMBERS, {"digests": binary_array.texts(sorted(digests))})


def read_numbers(rows: Sequence[Row]) -> Numbers:
    """Return what is numbered so far."""
    return Numbers(
        digests={text: id_ for text, id_, _, is_digest in rows if is_digest},
        thresholds={text: threshold for text, _, threshold, is_digest in rows if is_digest},
        schemas={text: id_ for text, id_, _, is_digest in rows if not is_digest},
    )


async def number(session: AsyncSession, known: Numbers, digests: Collection[str], schemas: Collection[str]) -> Numbers:
    """Return the numbers of model digests and feature schemas; what has none yet in what is ``known`` gets its own."""
    while True:
        new_digests = [{"digest": digest} for digest in sorted(set(digests) - known.digests.keys())]
        new_schemas = [{"name": name} for name in sorted(set(schemas) - known.schemas.keys())]
        if not new_digests and not new_schemas:
            return known
        if new_digests:
            await session.execute(insert(ModelDigest).values(new_digests).on_conflict_do_nothing())
        if new_schemas:
            await session.execute(insert(FeatureSchema).values(new_schemas).on_conflict_do_nothing())
        query = query_numbers(digests)
        known = read_numbers(await fetch(session, query.text, query.parameters or {}))
