"""Export of what is stored of sensors, block by block: as much memory for a year as for an hour."""

import asyncio
import io
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import psycopg
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import now_us, to_datetime
from audiosense_collector.db.engine import Sessions
from audiosense_collector.errors import InvalidError
from audiosense_collector.ingest.tables import STATUSES, ModelDigest
from audiosense_collector.rollups.contents import hour_features, minute_features
from audiosense_collector.series.plan import Resolution
from audiosense_collector.series.sources import Span, number_schemas
from audiosense_common.features import FEATURES, SCHEMAS

if TYPE_CHECKING:
    import pyarrow as pa

BLOCK_ROWS = 10_000
"""Rows that are read at a time."""
GROUP_BYTES = 32 * 2**20
"""Of Parquet so much is gathered for a row group: each group has an entry in the footer, which is made in memory."""
MOST_GROUPS = 1_000
"""With all features the entries of so many groups take about 150 MB."""
FIRST_ROWS = 500
"""Of CSV the first rows come at once; in Parquet they would be a row group of their own."""
READER_TIMEOUT_S = 60
"""A reader that takes nothing for so long is cut off."""
AT_ONCE = 4
"""Exports at a time; each has a connection of its own until it ends."""
ALL = "*"
_RAW = {
    "time": "m.time",
    "epoch": "m.epoch::text",
    "seq": "m.seq",
    "status": "m.status",
    "score": "m.score",
    "model": "m.model",
    "level_dbfs": "m.level_dbfs",
    "dominant_hz": "m.dominant_hz",
    "clock_suspect": "m.clock_suspect",
}
_ROLLED = {
    "time": "m.time",
    **{name: f"m.{name}" for name in ("windows", *(status.value for status in STATUSES), "model", "scored")},
    "score_min": "m.score_min",
    "score_mean": "(m.score_sum / nullif(m.scored, 0))::real",
    "score_max": "m.score_max",
    **{
        f"{name}_{kind}": f"m.{name}_{kind}"
        if kind != "mean"
        else f"(m.{name}_sum / CASE WHEN m.windows > m.invalid THEN m.windows - m.invalid ELSE m.windows END)::real"
        for name in ("level_dbfs", "dominant_hz")
        for kind in ("min", "mean", "max")
    },
}
_TYPES = {
    "sensor": "string",
    "epoch": "string",
    "seq": "int64",
    "status": "string",
    "model": "string",
    "clock_suspect": "bool",
    **dict.fromkeys(("windows", *(status.value for status in STATUSES), "scored"), "int32"),
}
"""Columns that are neither the time nor float32, by Arrow's names."""
_TABLES = {
    Resolution.RAW: ("measurement", "m.features", "<f2", SCHEMAS.__getitem__),
    Resolution.MINUTE: ("rollup_minute", "m.means", "<f4", minute_features),
    Resolution.HOUR: ("rollup_hour", "m.means", "<f4", hour_features),
}


class Format(StrEnum):
    """What an export is written as."""

    CSV = "csv"
    PARQUET = "parquet"


MEDIA_TYPES = {Format.CSV: "text/csv; charset=utf-8; header=present", Format.PARQUET: "application/vnd.apache.parquet"}


@dataclass(frozen=True, slots=True)
class Export:
    """What is asked for; ``features`` are names, or ``ALL`` of the sensor's schema.

    With ``sensors`` it is of them, one after the other, and each row begins with the sensor that it is of.
    """

    span: Span
    resolution: Resolution
    format: Format
    features: tuple[str, ...] = ()
    sensors: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of an export, the rows up to their end, and how much of the time that was asked for they cover."""

    content: bytes
    rows: int
    done: float


def check_features(features: Sequence[str], resolution: Resolution) -> None:
    """Refuse features that are unknown, or that a resolution does not hold.

    Raises:
        InvalidError: one is.
    """
    held = {name for schema_id in SCHEMAS for name in _TABLES[resolution][3](schema_id)}
    for name in features:
        if name != ALL and name not in FEATURES:
            raise InvalidError(f"features: {name!r} is unknown; GET /api/v1/features lists them", loc="features")
        if name != ALL and name not in held:
            raise InvalidError(
                f"features: roll-ups by minute do not hold {name!r}; ask for resolution=raw or hour", loc="features"
            )


def _arrow() -> Any:
    """Return Arrow, which is imported when something is first exported: it takes 40 MB, and a thread."""
    import pyarrow.csv  # noqa: PLC0415
    import pyarrow.parquet  # noqa: PLC0415

    return pyarrow


def _type(name: str) -> "pa.DataType":
    arrow = _arrow()
    return arrow.timestamp("us", tz="UTC") if name == "time" else arrow.type_for_alias(_TYPES.get(name, "float32"))


async def write(sessions: Sessions, export: Export) -> AsyncGenerator[bytes]:
    """Yield an export piece by piece, as ``pieces`` does."""
    async with aclosing(pieces(sessions, export)) as found:
        async for piece in found:
            yield piece.content


async def pieces(sessions: Sessions, export: Export) -> AsyncGenerator[Piece]:
    """Yield an export piece by piece: each sensor of one snapshot, through a cursor of the server.

    CSV ends with a line ``# rows: N``; without it, it is not whole. Parquet has the number in its footer, which comes
    last, and as metadata ``rows``.
    """
    async with sessions() as session:
        # A reader that has stopped reading gives back the connection and the locks.
        timeout = text("SELECT set_config('idle_in_transaction_session_timeout', :ms, true)")
        await session.execute(timeout, {"ms": f"{READER_TIMEOUT_S * 1000}"})
        schemas = await number_schemas(session)
        names = _names(export, schemas)
        arrow = await asyncio.to_thread(_arrow)
        schema = arrow.schema([(name, _type(name)) for name in (*_heads(export), *names)])
        sink = io.BytesIO()
        writer = _Csv(sink, schema) if export.format is Format.CSV else _Parquet(sink, schema)
        rows = 0
        spans = [replace(export.span, sensor_id=sensor) for sensor in export.sensors] or [export.span]
        for place, span in enumerate(spans):
            own = replace(export, span=span)
            async with aclosing(_blocks(session, own, schemas, names, schema)) as blocks:
                async for block, covered in blocks:
                    rows += block.num_rows
                    content = await asyncio.to_thread(_drain, writer, sink, block)
                    yield Piece(content, rows, (place + covered) / len(spans))
        yield Piece(await asyncio.to_thread(_finish, writer, sink, rows), rows, 1.0)


class _Csv:
    def __init__(self, sink: io.BytesIO, schema: "pa.Schema") -> None:
        self._sink = sink
        self._writer = _arrow().csv.CSVWriter(sink, schema)

    def write(self, block: "pa.RecordBatch") -> None:
        """Add rows."""
        self._writer.write_batch(block)

    def close(self, rows: int) -> None:
        """Write the end."""
        self._writer.close()
        self._sink.write(f"# rows: {rows}\n".encode())


class _Parquet:
    def __init__(self, sink: io.BytesIO, schema: "pa.Schema") -> None:
        self._writer = _arrow().parquet.ParquetWriter(_Stream(sink), schema, compression="zstd")
        self._gathered: list[pa.RecordBatch] = []
        self._bytes = self._groups = 0

    def write(self, block: "pa.RecordBatch") -> None:
        """Add rows; they are written when there are enough for a row group.

        Raises:
            InvalidError: so many row groups that their footer would not fit into memory.
        """
        self._gathered.append(block)
        self._bytes += block.nbytes
        if self._bytes >= GROUP_BYTES:
            self._write_group()

    def _write_group(self) -> None:
        if self._groups == MOST_GROUPS:
            most = MOST_GROUPS * GROUP_BYTES // 2**30
            raise InvalidError(
                f"the export is more than {most} GiB before it is compressed, too much for one Parquet file; "
                "ask for fewer sensors, a shorter span or fewer features, or for CSV"
            )
        table = _arrow().Table.from_batches(self._gathered)
        self._writer.write_table(table, row_group_size=len(self._gathered) * BLOCK_ROWS)
        self._groups += 1
        self._gathered, self._bytes = [], 0

    def close(self, rows: int) -> None:
        """Write what is left, and the end."""
        if self._gathered:
            self._write_group()
        self._writer.add_key_value_metadata({"rows": str(rows)})
        self._writer.close()


class _Stream(io.RawIOBase):
    """Goes on counting where it is while what was written is taken away: a footer names places in the file."""

    def __init__(self, sink: io.BytesIO) -> None:
        self._sink = sink
        self._place = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = self._sink.write(data)
        self._place += size
        return size

    def tell(self) -> int:
        return self._place


def _drain(writer: _Csv | _Parquet, sink: io.BytesIO, block: "pa.RecordBatch") -> bytes:
    writer.write(block)
    return _take(sink)


def _finish(writer: _Csv | _Parquet, sink: io.BytesIO, rows: int) -> bytes:
    writer.close(rows)
    return _take(sink)


def _take(sink: io.BytesIO) -> bytes:
    content = sink.getvalue()
    sink.seek(0)
    sink.truncate()
    return content


def _columns(export: Export) -> Mapping[str, str]:
    return _RAW if export.resolution is Resolution.RAW else _ROLLED


def _heads(export: Export) -> list[str]:
    return [*(["sensor"] if export.sensors else []), *_columns(export)]


def _names(export: Export, schemas: Mapping[int, str]) -> list[str]:
    """Return the features' columns; all means those of every schema that agents have sent."""
    held = _TABLES[export.resolution][3]
    names: list[str] = [name for name in export.features if name != ALL]
    if ALL in export.features:
        names += [name for schema_id in SCHEMAS if schema_id in schemas.values() for name in held(schema_id)]
    return list(dict.fromkeys(names))


async def _blocks(
    session: AsyncSession, export: Export, schemas: Mapping[int, str], names: list[str], schema: "pa.Schema"
) -> AsyncGenerator[tuple["pa.RecordBatch", float]]:
    """Yield the rows of one sensor, and how much of the time from its first one on they cover."""
    table, vector, _, _ = _TABLES[export.resolution]
    columns = _columns(export)
    order = "m.time, m.epoch, m.seq" if export.resolution is Resolution.RAW else "m.time"
    selected = ", ".join([*columns.values(), *([f"m.schema, {vector}"] if names else [])])
    query = (
        f"SELECT {selected} FROM {table} m WHERE m.sensor_id = %(sensor)s AND m.time >= %(low)s "  # noqa: S608
        f"AND m.time < %(high)s ORDER BY {order}"
    )
    digests: dict[int, str] = {}
    sensor = str(export.span.sensor_id) if export.sensors else None
    first: datetime | None = None
    end = min(to_datetime(export.span.to_us), to_datetime(now_us()))
    raw = (await (await session.connection()).get_raw_connection()).driver_connection
    assert isinstance(raw, psycopg.AsyncConnection)
    async with psycopg.AsyncServerCursor(raw, "export") as cursor:
        await cursor.execute(query.encode(), export.span.parameters, binary=True)
        size = min(FIRST_ROWS, BLOCK_ROWS) if export.format is Format.CSV else BLOCK_ROWS
        while rows := await cursor.fetchmany(size):
            size = BLOCK_ROWS
            unknown = {row[_place(columns, "model")] for row in rows} - digests.keys() - {None}
            if unknown:
                found = await session.execute(
                    select(ModelDigest.id, ModelDigest.digest).where(ModelDigest.id.in_(unknown))
                )
                digests |= {row.id: row.digest for row in found}
            made = _Block(export.resolution, schemas, names, schema, digests, sensor)
            last = rows[-1][0]
            first = first or rows[0][0]
            covered = (last - first) / (end - first) if end > first else 1.0
            yield await asyncio.to_thread(made.make, rows), min(1.0, covered)


def _place(columns: Mapping[str, str], name: str) -> int:
    return list(columns).index(name)


@dataclass(frozen=True, slots=True)
class _Block:
    """How rows of the database become those of an export."""

    resolution: Resolution
    schemas: Mapping[int, str]
    names: list[str]
    schema: "pa.Schema"
    digests: Mapping[int, str]
    sensor: str | None = None

    def make(self, rows: list[tuple[Any, ...]]) -> "pa.RecordBatch":
        """Return rows as columns."""
        arrow = _arrow()
        values: list[Any] = list(zip(*rows, strict=True))
        arrays = [] if self.sensor is None else [arrow.repeat(arrow.scalar(self.sensor), len(rows))]
        for place, name in enumerate(_RAW if self.resolution is Resolution.RAW else _ROLLED):
            cells = values[place]
            if name == "model":
                cells = [None if number is None else self.digests[number] for number in cells]
            if name == "status":
                cells = [STATUSES[code].value for code in cells]
            arrays.append(arrow.array(cells, self.schema.field(name).type))
        if self.names:
            vectors = _unpack(self.resolution, values[-2], values[-1], self.schemas, self.names)
            arrays += [arrow.array(column, arrow.float32(), mask=np.isnan(column)) for column in vectors]
        return arrow.RecordBatch.from_arrays(arrays, schema=self.schema)


def _unpack(
    resolution: Resolution,
    numbers: Sequence[int],
    vectors: Sequence[bytes],
    schemas: Mapping[int, str],
    names: list[str],
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return features as (names, rows); NaN where a row's schema does not hold one."""
    _, _, kind, held = _TABLES[resolution]
    columns = np.full((len(names), len(vectors)), np.nan, np.float32)
    schema_of = np.array(numbers)
    for number in set(numbers) & schemas.keys():
        places = np.flatnonzero(schema_of == number)
        known = held(schemas[number])
        matrix = np.frombuffer(b"".join(vectors[place] for place in places.tolist()), kind).reshape(
            len(places), len(known)
        )
        for row, name in enumerate(names):
            if name in known:
                columns[row, places] = matrix[:, known.index(name)]
    return columns
