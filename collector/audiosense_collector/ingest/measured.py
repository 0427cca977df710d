"""A batch's columns as arrays, checked as far as that needs no database."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import pybase64
from numpy.typing import NDArray
from pydantic import TypeAdapter

from audiosense_collector.errors import InvalidError
from audiosense_collector.ingest.tables import STATUS_CODES
from audiosense_collector.rollups.delta import Windows
from audiosense_collector.rollups.rows import NONE
from audiosense_common.features import SCHEMAS
from audiosense_common.wire import FeatureMatrix, Reason, SensorColumns

_REASONS = TypeAdapter(list[Reason])


@dataclass(frozen=True, slots=True)
class Measured:
    """Measurements of one sensor; in ``windows`` the sensor is 0 and ``model`` a place in ``digests``.

    ``estimated`` marks times that the agent only guessed, ``reasons`` holds JSON by window.
    """

    sensor: UUID
    seq: NDArray[np.int64]
    windows: Windows
    digests: list[str]
    estimated: NDArray[np.bool_]
    reasons: dict[int, bytes]

    def __len__(self) -> int:
        return len(self.seq)


def measure(columns: SensorColumns, place: int) -> Measured:
    """Turn a sensor's columns into arrays; ``place`` is its position in the batch.

    Raises:
        InvalidError: the feature matrix does not fit its schema, or a number does not fit its column.
    """
    features = _matrix(columns.features, f"sensors.{place}.features")
    count = len(columns.seq)
    estimated = np.zeros(count, np.bool_)
    estimated[columns.time_estimated] = True
    windows = Windows(
        schema_id=columns.features.schema_id,
        sensor=np.zeros(count, np.int64),
        time_us=np.array(columns.time_us, np.int64),
        status=np.array([STATUS_CODES[status] for status in columns.status], np.int64),
        model=np.array([NONE if index is None else index for index in columns.model], np.int64),
        score=_reals(columns.score, f"sensors.{place}.score"),
        level_dbfs=_reals(columns.level_dbfs, f"sensors.{place}.level_dbfs"),
        dominant_hz=_reals(columns.dominant_hz, f"sensors.{place}.dominant_hz"),
        features=features,
    )
    return Measured(
        sensor=columns.sensor,
        seq=np.array(columns.seq, np.int64),
        windows=windows,
        digests=columns.models,
        estimated=estimated,
        reasons={row: _REASONS.dump_json(told, exclude_none=True) for row, told in columns.reasons.items()},
    )


def _reals(values: Sequence[float | None], where: str) -> NDArray[np.float32]:
    """Return numbers in single precision; null becomes NaN."""
    given = np.array(values, np.float64)
    with np.errstate(over="ignore"):
        rounded = given.astype(np.float32)
    if np.isinf(rounded).any():
        index = int(np.flatnonzero(np.isinf(rounded))[0])
        field = f"{where}.{index}"
        raise InvalidError(f"{field}: {values[index]} is beyond single precision; send a physical value", loc=field)
    return rounded


def _matrix(matrix: FeatureMatrix, where: str) -> NDArray[np.float16]:
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
        return matrix.unpack(_decode)
    except ValueError as error:
        raise InvalidError(f"{where}.data: {error}", loc=f"{where}.data") from None


def _decode(text: str) -> bytes:
    return pybase64.b64decode(text, validate=True)


def newest_us(measured: Sequence[Measured]) -> float:
    """Return the newest time of a batch's measurements in UTC microseconds, infinity if there are none."""
    return max((int(each.windows.time_us.max()) for each in measured if len(each)), default=math.inf)


def first_scored_us(measured: Sequence[Measured], sensor: UUID, digest: str | None) -> int | None:
    """Return the first time of a sensor's measurements that a model scored, UTC microseconds; None without any."""
    times = [
        each.windows.time_us[each.windows.model == each.digests.index(digest)]
        for each in measured
        if each.sensor == sensor and digest in each.digests
    ]
    return min((int(some.min()) for some in times if len(some)), default=None)
