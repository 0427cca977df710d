"""Training as the interface shows it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainRequest(BaseModel):
    """Train on the newest ``windows`` windows, or on the first baseline; threshold at ``percentile``.

    ``accept_drift`` takes windows that have not settled, which are refused otherwise.
    """

    model_config = ConfigDict(extra="forbid")

    windows: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    percentile: Annotated[float, Field(ge=50, le=100)] | None = None
    accept_drift: bool = False


class JobAccepted(BaseModel):
    """The job that was queued."""

    job_id: int


class JobOut(BaseModel):
    """How a job stands; ``error`` is the reason of its last failure."""

    id: int
    status: Literal["todo", "doing", "succeeded", "failed", "cancelled", "aborting", "aborted"]
    error: str | None
