"""The rules of series: the finest source that serves a span, and no more points than a chart can show."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from pydantic import TypeAdapter
from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.db.migrate import Retention
from audiosense_collector.errors import InvalidError, NotFoundError
from audiosense_collector.ingest.tables import STATUSES
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.machines.units import LEVEL_A, VELOCITY, Scale, scale_of
from audiosense_collector.series import plan
from audiosense_collector.series.columns import nullable, shorten
from audiosense_collector.series.plan import Resolution
from audiosense_collector.series.points import Points, each_window, join_spans, pick_windows
from audiosense_collector.series.schemas import FeatureOut
from audiosense_collector.series.sources import Span, read_blocks, read_raw, read_rolled, thresholds
from audiosense_common.features import FEATURES, SCHEMAS, THIRD_OCTAVE_FEATURES
from audiosense_common.third_octaves import NOMINAL_HZ
from audiosense_common.wire import Reason

MAX_POINTS = 4_000
MAX_FEATURES = 16
_REASONS = TypeAdapter(list[Reason])
_WORDS = [status.value for status in STATUSES]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: of which sensor, from when to when (UTC microseconds), in how many points."""

    sensor_id: UUID
    from_us: int
    to_us: int
    points: int
    features: Sequence[str] = ()
    with_reasons: bool = False


async def read_series(session: AsyncSession, wanted: Wanted, retention: Retention) -> bytes:
    """Return the series of a span as JSON (``schemas.Series``), at most ``points`` points.

    Raises:
        NotFoundError: no such sensor.
        InvalidError: an unknown feature, or a span that ends before it begins.
    """
    check_span(wanted.from_us, wanted.to_us)
    _check_features(wanted.features)
    sensor = await read_sensor(session, wanted.sensor_id)
    scale = scale_of(sensor)
    names = list(dict.fromkeys([*wanted.features, *([scale.second] if scale.second else [])]))
    source = plan.choose(wanted.from_us, wanted.to_us, window_s=sensor.window_s, features=names, retention=retention)
    if source is Resolution.RAW:
        width, points = await _read_raw(session, wanted, names)
    else:
        width, points = await _read_rolled(session, wanted, source, names)
    document = _document(wanted, scale, source, width, points)
    document["threshold"] = shorten(await thresholds(session, points.model))
    return to_json(document)


async def read_bands(session: AsyncSession, wanted: Wanted, retention: Retention) -> bytes:
    """Return third-octave levels over time as JSON (``schemas.Bands``), at most ``points`` columns.

    Raises:
        NotFoundError: no such sensor.
        InvalidError: a span that ends before it begins.
    """
    check_span(wanted.from_us, wanted.to_us)
    sensor = await read_sensor(session, wanted.sensor_id)
    names = THIRD_OCTAVE_FEATURES
    source = plan.choose(wanted.from_us, wanted.to_us, window_s=sensor.window_s, features=names, retention=retention)
    span = Span(wanted.sensor_id, wanted.from_us, wanted.to_us)
    width, origin = round(sensor.window_s * 1e6), wanted.from_us
    if source is Resolution.RAW:
        if (wanted.to_us - wanted.from_us) > width * wanted.points:
            width = -(-(wanted.to_us - wanted.from_us) // wanted.points)
    else:
        cells = plan.grid(source, wanted.from_us, wanted.to_us, wanted.points)
        width, origin = cells.width_us, cells.origin_us
        span = Span(wanted.sensor_id, origin, wanted.to_us)
    times, windows, levels = await read_blocks(session, span, source, names)
    groups = (times - origin) // width
    starts = np.flatnonzero(np.append(True, groups[1:] != groups[:-1])) if len(groups) else np.zeros(0, np.intp)
    if len(starts):
        levels = np.add.reduceat(levels * windows[:, None], starts) / np.add.reduceat(windows, starts)[:, None]
    return to_json(
        {
            "sensor_id": wanted.sensor_id,
            "from_us": wanted.from_us,
            "to_us": wanted.to_us,
            "resolution": source,
            "resolution_us": width,
            "centre_hz": list(NOMINAL_HZ),
            "unit": "dB",
            "time_us": (origin + groups[starts] * width).tolist(),
            "shape": levels.shape,
            "data": base64.b64encode(levels.astype("<f2").tobytes()).decode(),
        }
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


async def read_sensor(session: AsyncSession, sensor_id: UUID) -> Sensor:
    """Return a sensor.

    Raises:
        NotFoundError: no such sensor.
    """
    sensor = await session.get(Sensor, sensor_id)
    if sensor is None:
        raise NotFoundError(f"there is no sensor {sensor_id}")
    return sensor


def check_span(from_us: int, to_us: int) -> None:
    """Refuse a span that ends before it begins.

    Raises:
        InvalidError: it does.
    """
    if to_us <= from_us:
        raise InvalidError(f"to_us: {to_us} is not after from_us, {from_us}", loc="to_us")


def _check_features(features: Sequence[str]) -> None:
    unknown = [name for name in features if name not in FEATURES]
    if unknown:
        raise InvalidError(f"features: {unknown[0]!r} is unknown; GET /api/v1/features lists them", loc="features")
    if len(features) > MAX_FEATURES:
        raise InvalidError(f"features: {len(features)} asked for, at most {MAX_FEATURES} are given", loc="features")


async def _read_raw(session: AsyncSession, wanted: Wanted, names: list[str]) -> tuple[int, Points]:
    span = Span(wanted.sensor_id, wanted.from_us, wanted.to_us)
    rows = await read_raw(session, span, names, with_reasons=wanted.with_reasons)
    if len(rows["time_us"]) <= wanted.points:
        return 0, each_window(rows, names)
    width = -(-(wanted.to_us - wanted.from_us) // wanted.points)
    return width, pick_windows(rows, names, from_us=wanted.from_us, width_us=width)


async def _read_rolled(
    session: AsyncSession, wanted: Wanted, source: Resolution, names: list[str]
) -> tuple[int, Points]:
    cells = plan.grid(source, wanted.from_us, wanted.to_us, wanted.points)
    span = Span(wanted.sensor_id, cells.origin_us, wanted.to_us)
    rows = await read_rolled(session, span, source, names, cells.width_us)
    return cells.width_us, join_spans(rows, names, origin_us=cells.origin_us, width_us=cells.width_us)


def _document(wanted: Wanted, scale: Scale, source: Resolution, width: int, points: Points) -> dict[str, Any]:
    second = None if scale.second is None else shorten(scale.seconds(points.features[scale.second]))
    joined = width > 0
    # A feature of a window is told to the last bit, means of several to single precision.
    written = shorten if joined and source is not Resolution.RAW else nullable
    return {
        "sensor_id": wanted.sensor_id,
        "from_us": wanted.from_us,
        "to_us": wanted.to_us,
        "resolution": source,
        "resolution_us": width,
        "count": int(points.windows.sum()),
        "time_us": points.time_us.tolist(),
        "score": shorten(points.score),
        "status": [_WORDS[code] for code in points.status.tolist()],
        "level_dbfs": shorten(points.level),
        "quantity": scale.quantity,
        "unit": scale.unit,
        "level": shorten(scale.levels(points.level)),
        "level_a_db": second if scale.second == LEVEL_A else None,
        "velocity_mm_s": second if scale.second == VELOCITY else None,
        "dominant_hz": shorten(points.dominant_hz),
        "features": {name: written(points.features[name]) for name in wanted.features},
        "reasons": [None if told is None else _REASONS.validate_python(told) for told in points.reasons],
        "windows": points.windows.tolist() if joined else None,
        "anomalous": points.anomalous.tolist() if joined else None,
        "score_min": shorten(points.score_min) if joined else None,
        "score_mean": shorten(points.score_mean) if joined else None,
        "score_max": shorten(points.score) if joined else None,
        "level_min": shorten(scale.levels(points.level_min)) if joined else None,
        "level_max": shorten(scale.levels(points.level_max)) if joined else None,
    }
