"""What the analysis of a recording answers."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from audiosense_collector.clips.schemas import Spectrogram
from audiosense_common.wire import Reason


class FormatFacts(BaseModel):
    """The file as decoded, and which of its channels was analysed."""

    container: str
    subtype: str
    sample_rate_hz: int
    channels: int
    channel: int
    frames: int
    duration_s: float


class AnalysisWarning(BaseModel):
    """Something that a user should know and that did not keep the recording from being analysed."""

    code: Annotated[
        str, Field(description="silent, clipped, short, 8-bit, rate, resampled, no-model, decoded, decoded-resampled")
    ]
    message: str


class FeatureValues(BaseModel):
    """One row of values per window, one column per name."""

    schema_id: str
    names: list[str]
    values: list[list[float]]


class AnalysisModel(BaseModel):
    """The model that scored the windows."""

    digest: str
    threshold: float


class AnalysisResult(BaseModel):
    """Facts, warnings, features and scores; ``start_s``, ``features``, ``score``, ``anomalous`` are per window."""

    format: FormatFacts
    warnings: list[AnalysisWarning]
    window_s: float
    sample_rate_hz: Annotated[int, Field(description="at which the features were computed")]
    start_s: list[float]
    features: FeatureValues
    summary: Annotated[
        dict[str, float], Field(description="per plain feature: mean power, highest peak, else the median of windows")
    ]
    model: AnalysisModel | None
    score: list[float] | None
    anomalous: list[bool] | None
    reasons: Annotated[
        list[list[Reason] | None] | None, Field(description="of anomalous windows, null for others or without a model")
    ] = None


class AnalysisSensor(BaseModel):
    """The sensor that a recording was analysed for."""

    id: UUID
    name: str
    machine_id: UUID
    machine: str


class AnalysisOut(AnalysisResult):
    """A stored analysis."""

    id: UUID
    created_us: int
    filename: str
    sensor_id: UUID | None
    sensor: AnalysisSensor | None
    author: Annotated[str | None, Field(description="who made it; null of releases that did not keep it")]
    yours: Annotated[bool, Field(description="whether the caller may delete it")]
    has_spectrogram: bool


class AnalysisBrief(BaseModel):
    """A stored analysis in a list; ``anomalous``, ``highest`` and ``threshold`` are null where nothing was scored."""

    id: UUID
    created_us: int
    filename: str
    sensor: AnalysisSensor | None
    author: str | None
    yours: bool
    duration_s: float
    windows: int
    anomalous: int | None
    highest: float | None
    threshold: float | None
    warnings: list[str]


class AnalysisPage(BaseModel):
    """Analyses, the newest first; ``next`` goes into ``before`` for the page after this one."""

    items: list[AnalysisBrief]
    next: str | None


class AnalysisSpectrogram(Spectrogram):
    """Levels of a recording over time and frequency, as it was analysed: one channel, at ``sample_rate_hz``.

    ``data`` is base64 of ``shape`` (columns, rows) bytes, column after column, each from the lowest frequency up: 0 is
    ``low_db``, 255 is ``high_db``, dB re full scale within a row's band. At most 1,000 columns divide ``duration_s``
    evenly, each the loudest of its moments; at most 128 rows are equally wide in octaves.
    """


MOST_SENSORS = 50
"""Whose models judge an analysis in one answer."""


class Refusal(StrEnum):
    """Why a model cannot judge an analysis."""

    NO_MODEL = "no-model"
    RATE = "rate"
    WINDOW = "window"
    SHORT = "short"
    FEATURES = "features"


class SensorScore(BaseModel):
    """What the model of a sensor says of an analysis; all is null where it cannot judge it, for the reason ``refused``.

    ``score`` and ``anomalous`` are per window. ``reasons`` are those of the twenty strangest anomalous windows.
    """

    sensor_id: UUID
    sensor: str
    machine_id: UUID
    machine: str
    sample_rate_hz: Annotated[int, Field(description="of the sensor: the model judges features at this rate alone")]
    window_s: Annotated[float, Field(description="of the sensor: the model judges windows of this length alone")]
    refused: Refusal | None
    model: AnalysisModel | None = None
    score: list[float] | None = None
    anomalous: list[bool] | None = None
    median: float | None = None
    reasons: list[list[Reason] | None] | None = None


class AnalysisScores(BaseModel):
    """One entry per sensor; ``left_out`` counts sensors whose models can judge it beyond the 50 of an answer."""

    items: list[SensorScore]
    left_out: int
