"""What the developer interface answers: the predecessor's keys, types and defaults."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from audiosense_collector.developer.settings import MAX_WINDOW_SIZE, MIN_WINDOW_SIZE

StatusWord = Literal["OK", "Anomalo"]
MachineType = Literal["generic", "motor", "compressor"]
BandLevels = Annotated[
    list[float], Field(min_length=5, max_length=5, description="dBFS; 0-500-1000-4000-8000-12000 Hz, -120 where empty")
]
Hundredfold = Annotated[float, Field(description="100 times the linear RMS: no decibels; the name is as it was")]


class AnalysisRow(BaseModel):
    """A measurement of the sandbox with its score: lower is stranger, null without a model or a complete window."""

    id: int
    timestamp: datetime
    rms_db: Hundredfold
    dominant_freq_hz: float
    status: StatusWord
    snr_db: float
    flatness: float
    band_levels: BandLevels
    model_score: float | None
    model_margin: float | None
    model_threshold: float | None

    model_config = ConfigDict(protected_namespaces=())


class LogRow(BaseModel):
    """A measurement of the sandbox in short."""

    timestamp: datetime
    value: float
    frequency: float
    status: StatusWord


class Kpis(BaseModel):
    """Figures of the last ``window_minutes``; the last measurement is null in an empty sandbox."""

    last_timestamp: datetime | None
    last_value: float | None
    last_frequency: float | None
    last_status: StatusWord | None
    anomalies_percent_window: float
    total_measurements: int
    ingest_rate_per_min: float
    window_minutes: int
    last_anomaly_ts: datetime | None


class SandboxEvent(LogRow):
    """A declared anomaly with its score, null without a model or a complete window."""

    score: float | None
    threshold: float | None
    margin: float | None


class SandboxEvents(BaseModel):
    """A page of declared anomalies, newest first."""

    items: list[SandboxEvent]
    page: int
    per_page: int
    total: int


class Message(BaseModel):
    """What was done."""

    message: str


class Deprecated(Message):
    """Says what to call instead."""

    deprecated: Literal[True]


class TrainParameters(BaseModel):
    """How to train; what is not given has the default of ``MODEL_WINDOW_SIZE`` and ``MODEL_THRESHOLD_PCT``."""

    window_size: Annotated[int | None, Field(ge=MIN_WINDOW_SIZE, le=MAX_WINDOW_SIZE)] = None
    threshold_pct: Annotated[float | None, Field(gt=0, lt=100)] = None


class Trained(Message):
    """A model of the sandbox."""

    window_size: int
    threshold: float
    threshold_pct: float
    train_windows: int
    train_samples: int
    note: str


class AnomalyTrained(Trained):
    """The same with the distribution of its training scores."""

    success: Literal[True]
    score_mean: float
    score_std: float


class AnomalyNotTrained(BaseModel):
    """Why there is no model."""

    success: Literal[False]
    error: str


class StreamScore(BaseModel):
    """The score of the newest window; ``detail`` says why there is none."""

    status: StatusWord
    anomaly_score: float | None
    threshold: float | None
    margin: float | None
    score_mean: float | None
    score_std: float | None
    z_score: float | None
    threshold_pct: float | None
    window_size: int | None
    detail: str | None


class Diagnosis(BaseModel):
    """What a recording says of a machine, by plain limits."""

    rms_db: Hundredfold
    dominant_freq_hz: float
    confidence_percent: float
    status: Literal["Normal", "Anómalo"]
    mensaje: str
    snr_db: float
    flatness: float
    crest_factor: float
    band_levels: BandLevels
    filename: str
