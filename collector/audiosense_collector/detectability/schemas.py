"""How small a fault a model hears, as it is stored and shown; apart from its computation, which needs scikit-learn."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field


class LevelHeard(BaseModel):
    """One level of one kind of probe."""

    level_db: float = Field(description="of the synthetic fault, relative to the machine's own sound")
    probes: int
    share: float = Field(description="of the probes that score at or above the threshold, 0 to 1")


class KindHeard(BaseModel):
    """One kind of probe at all its levels, the weakest first."""

    kind: str
    heard_from_db: float | None = Field(
        description="the level from which on at least half of the probes are heard; null if not even at the largest"
    )
    levels: list[LevelHeard]


class Detectability(BaseModel):
    """How small a fault a model would hear."""

    windows: int = Field(description="of the baseline that synthetic faults were mixed into")
    threshold: float
    false_alarm_rate: float = Field(description="share of the baseline's held-out windows at or above the threshold")
    kinds: list[KindHeard]


class DetectabilityOut(BaseModel):
    """How small a fault a sensor's model would hear, or why that is not known.

    ``state`` is ``no_model`` until the first model, ``waiting`` until the agent has sent probes, ``computing`` until
    they were scored, then ``known``; or ``unavailable`` where they cannot be, for a ``reason``.
    """

    sensor_id: UUID
    state: Literal["no_model", "waiting", "computing", "known", "unavailable"]
    digest: str | None = Field(description="of the model that the report is of")
    version: int | None
    detector: str | None
    probes_created_us: int | None
    report: Detectability | None
    reason: str | None = None
