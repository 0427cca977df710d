"""Evaluations of models as the interface shows them."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from audiosense_collector.queue.schemas import JobState
from audiosense_common.wire import TIME_LIMIT_US, Digest

TimeUs = Annotated[int | None, Field(ge=0, lt=TIME_LIMIT_US, description="UTC microseconds")]


class EvaluationRequest(BaseModel):
    """Over which stored windows; without ``to_us`` up to now, without ``from_us`` a week.

    ``compare_with`` is another model of the same sensor; without it, the one that the agent runs.
    """

    model_config = ConfigDict(extra="forbid")

    from_us: TimeUs = None
    to_us: TimeUs = None
    compare_with: Digest | None = None


class LeftOut(BaseModel):
    """Windows of the span that give no figures, and why; ``in_baseline``: one of the models had learnt them.

    ``maintenance``: the machine was worked on, whenever that was told.
    """

    stopped: int
    invalid: int
    maintenance: int = 0
    other_features: int
    in_baseline: int


class ModelFigures(BaseModel):
    """What a model makes of the windows.

    ``alarms`` are events after debouncing; if the machine was well in the span, all of them are false. The interval
    (95 %, exact for a Poisson count: Garwood 1936) takes them as independent. ``score_histogram`` counts windows in
    equal parts of [0, 1].
    """

    digest: str
    version: int
    threshold: float
    alarms: int
    alarms_per_day: float
    alarms_per_day_ci: tuple[float, float]
    budget_per_day: Annotated[float | None, Field(description="what the threshold was made for; null: a percentile")]
    over_threshold: Annotated[float, Field(ge=0, le=1, description="share of the windows")]
    score_quantiles: Annotated[dict[str, float], Field(description="scores by share of the windows below them")]
    score_histogram: list[int]


class StoredScores(BaseModel):
    """Windows that the agent scored with this model, and how many of the scores came out the same, bit for bit."""

    windows: int
    equal: int


class Agreement(BaseModel):
    """Windows that are anomalous to both models, or to one of them alone."""

    both: int
    only_model: int
    only_compared: int


class ScoreCourse(BaseModel):
    """A model's scores over time, in the spans of the course; null where a span holds no windows that count."""

    median: list[float | None]
    highest: list[float | None]


class Course(BaseModel):
    """Scores over time in at most 300 spans of equal length; ``time_us`` are their starts."""

    time_us: list[int]
    span_us: int
    model: ScoreCourse
    compared: ScoreCourse | None


class EvaluationReport(BaseModel):
    """Figures over windows that neither model has learnt; null where there were none.

    ``compared`` is the model that was asked for, or the one that the sensor's agent ran when the job was done; null if
    that is the same one. Reports of collectors before have no ``course``.
    """

    windows: Annotated[int, Field(description="that the figures are of")]
    hours: Annotated[float, Field(description="that these windows last together")]
    first_us: int | None
    last_us: int | None
    left_out: LeftOut
    model: ModelFigures | None
    compared: ModelFigures | None
    agreement: Agreement | None
    stored_scores: StoredScores
    course: Course | None = None


class EvaluationOut(BaseModel):
    """An evaluation of a model; ``report`` is null until its job is done."""

    id: UUID
    digest: str
    sensor_id: UUID
    job_id: int
    state: JobState
    progress: Annotated[float, Field(ge=0, le=1)]
    error: str | None
    asked_us: int
    from_us: int
    to_us: int
    compare_with: str | None
    finished_us: int | None
    report: EvaluationReport | None


class EvaluationPage(BaseModel):
    """Evaluations, the newest first; ``next`` goes into ``before`` for the page after this one."""

    items: list[EvaluationOut]
    next: str | None
