"""Self-checks of an agent as they travel in its heartbeat."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

MAX_CHECKS = 10_000
MAX_FIGURES = 8
MAX_REMEDY = 500

CheckWord = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")]


class CheckState(StrEnum):
    """How a check turned out; ``unknown``: this agent cannot tell."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


class CheckFigure(BaseModel):
    """One number of a check's evidence."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

    key: CheckWord
    value: Annotated[float, Field(ge=-1e18, le=1e18)]
    unit: Annotated[str, Field(max_length=12)] = ""


class Check(BaseModel):
    """One self-check: of a sensor, or of the agent as a whole where ``sensor`` is null.

    ``key`` says what was checked and ``cause`` which variant was found; both are stable words. ``remedy`` is a sentence
    in English for readers that do not know the words; empty where nothing is to be done.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    key: CheckWord
    sensor: UUID | None = None
    state: CheckState
    cause: CheckWord | None = None
    evidence: Annotated[list[CheckFigure], Field(max_length=MAX_FIGURES)] = Field(default_factory=list)
    remedy: Annotated[str, Field(max_length=MAX_REMEDY)] = ""
