"""Training as the interface shows it."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from audiosense_collector.training.settings import LEAST_PER_WEEK, MOST_PER_WEEK


class TrainRequest(BaseModel):
    """Train on the newest ``windows`` windows, or on the first baseline.

    The threshold keeps a budget of false alarms, or stands at a percentile; without both, as the sensor is set.
    ``accept_drift`` takes windows that have not settled, which are refused otherwise.
    """

    model_config = ConfigDict(extra="forbid")

    windows: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    percentile: Annotated[float, Field(ge=50, le=100)] | None = None
    false_alarms_per_week: Annotated[float, Field(ge=LEAST_PER_WEEK, le=MOST_PER_WEEK)] | None = None
    accept_drift: bool = False

    @model_validator(mode="after")
    def _one_rule(self) -> Self:
        if self.percentile is not None and self.false_alarms_per_week is not None:
            raise ValueError("percentile and false_alarms_per_week were both given; leave one of them out")
        return self


class JobAccepted(BaseModel):
    """The job that was queued."""

    job_id: int


class JobOut(BaseModel):
    """How a job stands; ``error`` is the reason of its last failure."""

    id: int
    status: Literal["todo", "doing", "succeeded", "failed", "cancelled", "aborting", "aborted"]
    error: str | None
