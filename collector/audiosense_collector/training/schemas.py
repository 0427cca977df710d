"""Training as the interface shows it."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from audiosense_collector.training.settings import LEAST_PER_WEEK, MOST_PER_WEEK

MOST_NAMED = 1_000


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


class FleetTrainRequest(TrainRequest):
    """Train many sensors, each as ``TrainRequest`` says: ``all``, or those named and those of machines and sites."""

    all: bool = False
    sites: Annotated[list[UUID], Field(max_length=MOST_NAMED)] = []
    machines: Annotated[list[UUID], Field(max_length=MOST_NAMED)] = []
    sensors: Annotated[list[UUID], Field(max_length=MOST_NAMED)] = []

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.all == bool(self.sites or self.machines or self.sensors):
            raise ValueError("expected either `all`: true or some of `sites`, `machines`, `sensors`")
        return self


class FleetTraining(BaseModel):
    """Jobs that were queued, by sensor; ``waiting`` counts the sensors that had one waiting already."""

    jobs: dict[UUID, int]
    waiting: int
