"""Models as the interface shows them."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from audiosense_common.bundle import Mode


class BaselineSummary(BaseModel):
    """What a model was trained on; see the manifest's baseline. Older models tell no modes."""

    from_us: int
    to_us: int
    windows: int
    left_out: int = 0
    odd: int = 0
    modes: list[Mode] = []


class ThresholdSummary(BaseModel):
    """A model's threshold and how it was chosen."""

    value: float
    method: str
    parameters: dict[str, float]


class ModelSummary(BaseModel):
    """A model; ``state`` says how its sensor's agent stands to it.

    ``on_probation``: the agent scores with it, but watches it and will send it back if it fails. A model that was
    refused, or sent back, is not in use: its push is not done.

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
    running_level_dbfs: float | None
    learned_running_level_dbfs: float | None
    settling_windows: int
    evaluation: dict[str, float]
    state: Literal["offered", "running", "refused", "previous"]
    on_probation: bool = False
    refused_reason: str | None
    heard_from_db: dict[str, float | None] | None = None


class ModelPage(BaseModel):
    """Models, the newest first; ``next`` goes into ``before`` for the page after this one."""

    items: list[ModelSummary]
    next: str | None
