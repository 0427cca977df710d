"""Models as the interface shows them."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel


class BaselineSummary(BaseModel):
    """The span that a model was trained on."""

    from_us: int
    to_us: int
    windows: int


class ThresholdSummary(BaseModel):
    """A model's threshold and how it was chosen."""

    value: float
    method: str
    parameters: dict[str, float]


class ModelSummary(BaseModel):
    """A model; ``state`` says how its sensor's agent stands to it.

    ``heard_from_db`` says from which level on a kind of synthetic fault is heard, null where it is not; all of it is
    null where no probes are known.
    """

    digest: str
    version: int
    sensor_id: UUID
    detector: str
    created_us: int
    baseline: BaselineSummary
    threshold: ThresholdSummary
    evaluation: dict[str, float]
    state: Literal["offered", "running", "refused", "previous"]
    refused_reason: str | None
    heard_from_db: dict[str, float | None] | None = None
