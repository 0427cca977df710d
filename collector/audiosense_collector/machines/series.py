"""A sensor's measurements over time, thinned to the points that a chart can show."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import to_datetime
from audiosense_collector.errors import InvalidError, NotFoundError
from audiosense_collector.ingest.tables import STATUSES
from audiosense_collector.machines.schemas import FeatureOut, Series
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.machines.units import LEVEL_A, VELOCITY, scale_of
from audiosense_common.features import FEATURES, SCHEMAS

MAX_POINTS = 4_000
MAX_FEATURES = 16
_RANGE = "m.sensor_id = :sensor AND m.time >= :low AND m.time < :high"
_COUNT = text(f"SELECT count(*) FROM measurement m WHERE {_RANGE}")  # noqa: S608 - constants
_ROWS = """
SELECT to_us(p.time) AS time_us, p.score, p.status, p.level_dbfs, p.dominant_hz, d.threshold{more}
FROM ({picked}) p
LEFT JOIN model_digest d ON d.id = p.model
LEFT JOIN feature_schema f ON f.id = p.schema
ORDER BY p.time, p.seq
"""
_ALL = f"SELECT m.* FROM measurement m WHERE {_RANGE}"  # noqa: S608 - constants
_PICKED = f"""
SELECT DISTINCT ON ((to_us(m.time) - :from_us) / :width) m.* FROM measurement m WHERE {_RANGE}
ORDER BY (to_us(m.time) - :from_us) / :width, m.score DESC NULLS LAST, m.level_dbfs DESC, m.time, m.seq
"""  # noqa: S608 - constants


async def read_series(
    session: AsyncSession,
    sensor_id: UUID,
    *,
    from_us: int,
    to_us: int,
    points: int,
    features: Sequence[str],
    with_reasons: bool = False,
) -> Series:
    """Return the measurements of a span, at most ``points``.

    Raises:
        NotFoundError: no such sensor.
        InvalidError: an unknown feature, or a span that ends before it begins.
    """
    _check(from_us, to_us, features)
    sensor = await session.get(Sensor, sensor_id)
    if sensor is None:
        raise NotFoundError(f"there is no sensor {sensor_id}")
    parameters: dict[str, Any] = {"sensor": sensor_id, "low": to_datetime(from_us), "high": to_datetime(to_us)}
    count = int(await session.scalar(_COUNT, parameters) or 0)
    width = 0 if count <= points else -(-(to_us - from_us) // points)
    scale = scale_of(sensor)
    unpacked = [*features, *([scale.second] if scale.second else [])]
    more = ", p.features, f.name AS schema" if unpacked else ""
    more += ", p.reasons" if with_reasons else ""
    query = _ROWS.format(picked=_PICKED if width else _ALL, more=more)
    if width:
        parameters |= {"from_us": from_us, "width": width}
    rows = (await session.execute(text(query), parameters)).all()
    columns = _unpack(rows, unpacked) if unpacked else {}
    second = columns.get(scale.second or "", [])
    return Series(
        sensor_id=sensor_id,
        from_us=from_us,
        to_us=to_us,
        resolution_us=width,
        count=count,
        time_us=[row.time_us for row in rows],
        score=[row.score for row in rows],
        status=[STATUSES[row.status].value for row in rows],
        level_dbfs=[row.level_dbfs for row in rows],
        quantity=scale.quantity,
        unit=scale.unit,
        level=[scale.level(row.level_dbfs) for row in rows],
        level_a_db=[scale.level_a(value) for value in second] if scale.second == LEVEL_A else None,
        velocity_mm_s=[scale.velocity(value) for value in second] if scale.second == VELOCITY else None,
        dominant_hz=[row.dominant_hz for row in rows],
        threshold=[row.threshold for row in rows],
        features={name: columns[name] for name in features},
        reasons=[row.reasons for row in rows] if with_reasons else [],
    )


def list_features(schema_id: str) -> list[FeatureOut]:
    """Return the features of a schema in its order.

    Raises:
        NotFoundError: no such schema.
    """
    names = SCHEMAS.get(schema_id)
    if names is None:
        raise NotFoundError(f"there is no feature schema {schema_id!r}; known are {sorted(SCHEMAS)}")
    return [
        FeatureOut(name=name, label=FEATURES[name].label, unit=FEATURES[name].unit, group=FEATURES[name].group)
        for name in names
    ]


def _check(from_us: int, to_us: int, features: Sequence[str]) -> None:
    if to_us <= from_us:
        raise InvalidError(f"to_us: {to_us} is not after from_us, {from_us}", loc="to_us")
    unknown = [name for name in features if name not in FEATURES]
    if unknown:
        raise InvalidError(f"features: {unknown[0]!r} is unknown; GET /api/v1/features lists them", loc="features")
    if len(features) > MAX_FEATURES:
        raise InvalidError(f"features: {len(features)} asked for, at most {MAX_FEATURES} are given", loc="features")


def _unpack(rows: Sequence[Row[Any]], names: Sequence[str]) -> dict[str, list[float | None]]:
    """Read columns out of the stored vectors; rows of a schema that lacks a feature give null."""
    columns: dict[str, list[float | None]] = {name: [None] * len(rows) for name in names}
    for schema_id in {row.schema for row in rows}:
        places = [place for place, row in enumerate(rows) if row.schema == schema_id]
        known = SCHEMAS.get(schema_id, ())
        if not known:
            continue
        matrix = np.frombuffer(b"".join(rows[place].features for place in places), dtype="<f2")
        matrix = matrix.reshape(len(places), len(known))
        for name in set(names) & set(known):
            for place, value in zip(places, matrix[:, known.index(name)].tolist(), strict=True):
                columns[name][place] = value
    return columns
