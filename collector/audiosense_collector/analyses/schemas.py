"""What the analysis of a recording answers."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

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

    code: Annotated[str, Field(description="silent, clipped, short, 8-bit, rate, resampled, no-model")]
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


class AnalysisOut(AnalysisResult):
    """A stored analysis."""

    id: UUID
    created_us: int
    filename: str
    sensor_id: UUID | None
