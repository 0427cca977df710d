"""Reading measurements and roll-ups as columns of the same form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import to_datetime
from audiosense_collector.ingest.tables import STATUS_CODES, FeatureSchema, ModelDigest
from audiosense_collector.rollups.contents import hour_features, minute_features
from audiosense_collector.series.columns import JSON, TIME, Columns, read_columns
from audiosense_collector.series.plan import Resolution
from audiosense_common.features import SCHEMAS
from audiosense_common.wire import Status

WORST_FIRST = (Status.ANOMALOUS, Status.INVALID, Status.LEARNING, Status.STOPPED, Status.NORMAL)
"""Of several windows the status of the first of these is shown, as on a machine's card."""
_BADNESS = np.zeros(len(STATUS_CODES), np.int64)
_BADNESS[[STATUS_CODES[status] for status in WORST_FIRST]] = np.arange(len(WORST_FIRST))
_CODES = np.array([STATUS_CODES[status] for status in WORST_FIRST])
_TABLES = {Resolution.MINUTE: "rollup_minute", Resolution.HOUR: "rollup_hour"}
_NAN = {"<f2": r"'\x007e'::bytea", "<f4": r"'\x0000c07f'::bytea"}
_RAW: dict[str, tuple[str, str]] = {
    "time_us": (TIME, "m.time"),
    "score": ("float4", "coalesce(m.score, 'NaN')"),
    "status": ("int2", "m.status"),
    "level_dbfs": ("float4", "m.level_dbfs"),
    "dominant_hz": ("float4", "m.dominant_hz"),
    "model": ("int4", "coalesce(m.model, -1)"),
}
_SUMS = ("windows", "anomalous", "learning", "stopped", "invalid", "scored")
# Levels are sums over the valid windows, and over the invalid ones only where there are no others.
_ROLLED: dict[str, tuple[str, str]] = {
    "time_us": (TIME, "min(m.time)"),
    **{name: ("int8", f"sum(m.{name})") for name in _SUMS},
    "model": ("int4", "coalesce(max(m.model), -1)"),
    "score_min": ("float4", "coalesce(min(m.score_min), 'NaN')"),
    "score_sum": ("float8", "coalesce(sum(m.score_sum), 0)"),
    "score_max": ("float4", "coalesce(max(m.score_max), 'NaN')"),
    "level_min": ("float4", "min(m.level_dbfs_min)"),
    "level_sum": ("float8", "sum(m.level_dbfs_sum)"),
    "level_max": ("float4", "max(m.level_dbfs_max)"),
    "dominant_sum": ("float8", "sum(m.dominant_hz_sum)"),
}


@dataclass(frozen=True, slots=True)
class Span:
    """Of which sensor, from when to when; UTC microseconds, the end is not part of it."""

    sensor_id: UUID
    from_us: int
    to_us: int

    @property
    def parameters(self) -> dict[str, Any]:
        """As the queries name them."""
        return {"sensor": self.sensor_id, "low": to_datetime(self.from_us), "high": to_datetime(self.to_us)}


async def read_raw(
    session: AsyncSession, span: Span, features: Sequence[str], *, with_reasons: bool = False
) -> Columns:
    """Return the measurements of a span as columns, by time; features under their names, NaN where a row has none."""
    schemas = await number_schemas(session) if features else {}
    columns = dict(_RAW)
    if with_reasons:
        columns["reasons"] = (JSON, "m.reasons")
    places = {number: SCHEMAS[name] for number, name in schemas.items()}
    cells = _cells(features, places, "m.features", "<f2")
    columns |= {f"feature_{place}": ("bytes:2", cell) for place, cell in enumerate(cells.values())}
    found = await read_columns(session, _query("measurement", columns), span.parameters, _kinds(columns))
    for place, name in enumerate(cells):
        halves = np.ascontiguousarray(found.pop(f"feature_{place}"))
        found[name] = halves.view("<f2")[:, 0].astype(np.float64)
    return found


async def read_rolled(
    session: AsyncSession, span: Span, resolution: Resolution, features: Sequence[str], width_us: int
) -> Columns:
    """Return the roll-ups of a span as columns, by time, those of ``width_us`` microseconds from its start on as one.

    Two, in fact, where some are of invalid windows only: ``valid`` says which. PostgreSQL adds up what it can: to hand
    over rows takes it twice as long. It has no way to read a number out of a vector, so features come of each roll-up,
    under their names and with ``described``, ``length`` of them for each row.
    """
    schemas = await number_schemas(session) if features else {}
    kept = minute_features if resolution is Resolution.MINUTE else hour_features
    cells = _cells(features, {number: kept(name) for number, name in schemas.items()}, "m.means", "<f4")
    columns = dict(_ROLLED)
    cell = np.dtype([("described", ">i4"), *((name, "<f4") for name in cells)])
    if cells:
        joined = " || ".join(["int4send(m.described)", *cells.values()])
        columns["length"] = ("int8", "count(*)")
        columns["cells"] = (f"bytes:{cell.itemsize}", f"string_agg({joined}, ''::bytea)")
    query = f"""
    SELECT {_selected(columns)} FROM {_TABLES[resolution]} m
    WHERE m.sensor_id = %(sensor)s AND m.time >= %(low)s AND m.time < %(high)s
    GROUP BY date_bin(%(width)s, m.time, %(low)s), m.windows > m.invalid ORDER BY 1
    """  # noqa: S608 - constants
    parameters = span.parameters | {"width": timedelta(microseconds=width_us)}
    found = await read_columns(session, query, parameters, _kinds(columns))
    if cells:
        vectors = np.ascontiguousarray(found.pop("cells")).view(cell)[:, 0]
        found |= {name: vectors[name].astype(np.float64) for name in cell.names or ()}
    found["status"] = _worst_counted(found)
    found["valid"] = found["windows"] > found["invalid"]
    found["heard"] = np.where(found["valid"], found["windows"] - found["invalid"], found["windows"])
    return found


async def read_blocks(
    session: AsyncSession, span: Span, resolution: Resolution, names: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return features that stand side by side: times (rows,), windows (rows,) of each, values (rows, names).

    Rows of a schema that lacks them are left out, and so are invalid windows and roll-ups of none but those.
    """
    schemas = await number_schemas(session)
    raw = resolution is Resolution.RAW
    kept = {Resolution.RAW: SCHEMAS.__getitem__, Resolution.MINUTE: minute_features, Resolution.HOUR: hour_features}
    kind, source = ("<f2", "m.features") if raw else ("<f4", "m.means")
    size = np.dtype(kind).itemsize
    starts = {
        number: kept[resolution](name).index(names[0]) * size + 1
        for number, name in schemas.items()
        if names[0] in kept[resolution](name)
    }
    if not starts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, len(names)))
    start = _case(starts)
    width = size * len(names)
    columns = {
        "time_us": (TIME, "m.time"),
        "windows": ("int4", "1" if raw else "m.described"),
        "block": (f"bytes:{width}", f"substring({source} FROM {start} FOR {width})"),
    }
    condition = f" AND m.schema IN ({', '.join(map(str, starts))})"
    condition += f" AND m.status <> {STATUS_CODES[Status.INVALID]}" if raw else " AND m.windows > m.invalid"
    table = "measurement" if raw else _TABLES[resolution]
    found = await read_columns(session, _query(table, columns, condition), span.parameters, _kinds(columns))
    values = np.ascontiguousarray(found["block"]).view(kind).astype(np.float64)
    return found["time_us"], found["windows"].astype(np.int64), values.reshape(-1, len(names))


async def number_schemas(session: AsyncSession) -> dict[int, str]:
    """Return the schemas that rows name by number; those of later releases are left out."""
    rows = await session.execute(select(FeatureSchema.id, FeatureSchema.name))
    return {number: name for number, name in rows if name in SCHEMAS}


async def thresholds(session: AsyncSession, models: NDArray[Any]) -> NDArray[np.float64]:
    """Return the threshold of each model number, NaN where it has none or there is no model."""
    numbers = np.unique(models[models >= 0]).tolist()
    known: dict[int, float | None] = {}
    if numbers:
        query = select(ModelDigest.id, ModelDigest.threshold).where(ModelDigest.id.in_(numbers))
        known = {row.id: row.threshold for row in await session.execute(query)}
    values = np.array([np.nan if known.get(number) is None else known[number] for number in numbers], np.float64)
    found = np.full(len(models), np.nan)
    of_model = models >= 0
    found[of_model] = values[np.searchsorted(numbers, models[of_model])] if numbers else np.nan
    return found


def worst(status: NDArray[Any], starts: NDArray[np.intp]) -> NDArray[np.int64]:
    """Return the code of the worst status in each group of rows."""
    return np.asarray(_CODES[np.minimum.reduceat(_BADNESS[status], starts)])


def _worst_counted(counts: Columns) -> NDArray[np.int64]:
    """Return the code of the worst status that a row counts windows of."""
    *bad, best = WORST_FIRST
    some = [counts[status.value] > 0 for status in bad]
    return np.select(some, [STATUS_CODES[status] for status in bad], STATUS_CODES[best])


def _query(table: str, columns: Mapping[str, tuple[str, str]], condition: str = "") -> str:
    last = ", m.epoch, m.seq" if table == "measurement" else ""
    return (
        f"SELECT {_selected(columns)} FROM {table} m WHERE m.sensor_id = %(sensor)s AND m.time >= %(low)s "  # noqa: S608 - constants
        f"AND m.time < %(high)s{condition} ORDER BY m.time{last}"
    )


def _selected(columns: Mapping[str, tuple[str, str]]) -> str:
    return ", ".join(f"{expression} AS {name}" for name, (_, expression) in columns.items())


def _kinds(columns: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    return {name: kind for name, (kind, _) in columns.items()}


def _cells(features: Sequence[str], places: Mapping[int, Sequence[str]], source: str, kind: str) -> dict[str, str]:
    """Return for each feature how its number is cut out of the vector, whichever schema a row has."""
    size = np.dtype(kind).itemsize
    cells = {}
    for name in dict.fromkeys(features):
        starts = {number: names.index(name) * size + 1 for number, names in places.items() if name in names}
        cut = f"substring({source} FROM {_case(starts)} FOR {size})" if starts else "NULL"
        cells[name] = f"coalesce({cut}, {_NAN[kind]})"
    return cells


def _case(starts: Mapping[int, int]) -> str:
    whens = " ".join(f"WHEN {number} THEN {start}" for number, start in starts.items())
    return f"CASE m.schema {whens} END"
