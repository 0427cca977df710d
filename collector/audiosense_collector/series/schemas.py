"""Series, spectrograms and features as the interface shows them."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from audiosense_collector.machines.units import Unit
from audiosense_collector.series.plan import Resolution
from audiosense_common.wire import Quantity, Reason

_SERIES: dict[str, JsonValue] = {
    "sensor_id": "6f1c3a52-0b7e-4c1e-9a55-0d6f6f0f2b11",
    "from_us": 1_764_288_000_000_000,
    "to_us": 1_764_547_200_000_000,
    "resolution": "minute",
    "resolution_us": 300_000_000,
    "count": 51_840,
    "time_us": [1_764_288_000_000_000],
    "score": [0.71],
    "status": ["anomalous"],
    "level_dbfs": [-31.2],
    "quantity": "sound_pressure",
    "unit": "dB SPL",
    "level": [82.8],
    "level_a_db": [79.1],
    "velocity_mm_s": None,
    "dominant_hz": [118.4],
    "threshold": [0.62],
    "features": {"crest_db": [11.9]},
    "reasons": [],
    "windows": [60],
    "anomalous": [2],
    "score_min": [0.35],
    "score_mean": [0.41],
    "score_max": [0.71],
    "level_min": [81.9],
    "level_max": [88.0],
}
_BANDS: dict[str, JsonValue] = {
    "sensor_id": "6f1c3a52-0b7e-4c1e-9a55-0d6f6f0f2b11",
    "from_us": 1_764_288_000_000_000,
    "to_us": 1_764_288_120_000_000,
    "resolution": "minute",
    "resolution_us": 60_000_000,
    "centre_hz": [12.5, 16.0],
    "unit": "dB",
    "time_us": [1_764_288_000_000_000, 1_764_288_060_000_000],
    "shape": [2, 2],
    "data": "ANMA1ADTgNM=",
}


class Series(BaseModel):
    """Measurements of a sensor as columns.

    ``resolution`` says what the points were made of: ``raw`` rows, or roll-ups by ``minute`` or ``hour``; and
    ``resolution_us`` the span of each, where 0 says that each point is one window. ``count`` is the number of windows.

    A point of several windows has their highest ``score`` and their worst ``status``; what they ranged over, how many
    they were and how many of them were anomalous stands in the columns from ``windows`` on, which are null where each
    point is one window. Of raw rows, its time and other figures are those of the window with the highest score, the
    loudest where there is none; of roll-ups, its time is where the span begins, and the figures are means. Its
    threshold is that of the newest model that scored. A span of roll-ups begins and ends with whole points.

    ``level`` and what follows it are as in a sensor's card, null as a whole where the sensor has no such figure.
    """

    model_config = ConfigDict(json_schema_extra={"example": _SERIES})

    sensor_id: UUID
    from_us: int
    to_us: int
    resolution: Resolution
    resolution_us: int
    count: int
    time_us: list[int]
    score: list[float | None]
    status: list[Literal["learning", "normal", "anomalous", "stopped", "invalid"]]
    level_dbfs: list[float]
    quantity: Quantity
    unit: Unit
    level: list[float]
    level_a_db: list[float | None] | None
    velocity_mm_s: list[float | None] | None
    dominant_hz: list[float]
    threshold: list[float | None]
    features: dict[str, list[float | None]]
    reasons: Annotated[
        list[list[Reason] | None],
        Field(description="of anomalous windows, null for others; empty unless asked for, and for roll-ups"),
    ]
    windows: list[int] | None
    anomalous: list[int] | None
    score_min: list[float | None] | None
    score_mean: list[float | None] | None
    score_max: list[float | None] | None
    level_min: Annotated[list[float] | None, Field(description="in ``unit``")]
    level_max: Annotated[list[float] | None, Field(description="in ``unit``")]


class Bands(BaseModel):
    """Third-octave levels over time, for a spectrogram.

    ``data`` is base64 of ``shape`` (columns, bands) little-endian IEEE 754 half-precision numbers, column after column:
    a quarter of the size of the same as JSON numbers, which no screen tells from it (steps of at most 0.06 dB).
    ``centre_hz`` (bands,) are the bands' nominal centre frequencies (IEC 61260-1), ``time_us`` (columns,) where each
    column begins. A column is the mean of the levels of its windows in dB re full scale; spans without any have none.
    """

    model_config = ConfigDict(json_schema_extra={"example": _BANDS})

    sensor_id: UUID
    from_us: int
    to_us: int
    resolution: Resolution
    resolution_us: int
    centre_hz: list[float]
    unit: Literal["dB"]
    time_us: list[int]
    shape: tuple[int, int]
    data: str


class FeatureOut(BaseModel):
    """A feature that can be charted."""

    name: str
    label: str
    unit: str
    group: str
