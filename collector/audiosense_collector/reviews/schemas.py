"""Verdicts as the interface takes and shows them."""

from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

MOST_EVENTS = 500
MOST_COMMENT = 2_000


class Verdict(StrEnum):
    """What an event was."""

    CONFIRMED = "confirmed"
    FALSE_ALARM = "false_alarm"
    EXPECTED = "expected"


class VerdictCause(StrEnum):
    """The kind of fault, why it was a false alarm, or what was going on; ``CAUSES`` says which go with which."""

    BEARING = "bearing"
    IMBALANCE = "imbalance"
    MISALIGNMENT = "misalignment"
    LOOSENESS = "looseness"
    GEAR = "gear"
    BELT = "belt"
    LUBRICATION = "lubrication"
    CAVITATION = "cavitation"
    LEAK = "leak"
    ELECTRICAL = "electrical"
    BLOCKAGE = "blockage"
    NEIGHBOUR = "neighbour"
    PEOPLE = "people"
    SENSOR_MOVED = "sensor_moved"
    USUAL = "usual"
    MAINTENANCE = "maintenance"
    START_UP = "start_up"
    SHUT_DOWN = "shut_down"
    CHANGE_OVER = "change_over"
    OTHER = "other"


CAUSES: dict[Verdict, tuple[VerdictCause, ...]] = {
    Verdict.CONFIRMED: (
        VerdictCause.BEARING,
        VerdictCause.IMBALANCE,
        VerdictCause.MISALIGNMENT,
        VerdictCause.LOOSENESS,
        VerdictCause.GEAR,
        VerdictCause.BELT,
        VerdictCause.LUBRICATION,
        VerdictCause.CAVITATION,
        VerdictCause.LEAK,
        VerdictCause.ELECTRICAL,
        VerdictCause.BLOCKAGE,
        VerdictCause.OTHER,
    ),
    Verdict.FALSE_ALARM: (
        VerdictCause.USUAL,
        VerdictCause.NEIGHBOUR,
        VerdictCause.PEOPLE,
        VerdictCause.SENSOR_MOVED,
        VerdictCause.OTHER,
    ),
    Verdict.EXPECTED: (
        VerdictCause.MAINTENANCE,
        VerdictCause.START_UP,
        VerdictCause.SHUT_DOWN,
        VerdictCause.CHANGE_OVER,
        VerdictCause.OTHER,
    ),
}


class VerdictOut(BaseModel):
    """What somebody has said of an event.

    ``kept`` says whether the event's windows are learnt from: those of false alarms are, those of confirmed faults and
    of maintenance are left out of every baseline from now on, others that were expected as was chosen.
    """

    id: int
    at_us: int
    actor: str
    verdict: Verdict
    cause: VerdictCause
    comment: str
    kept: bool


class HistoryEntry(BaseModel):
    """A line of an event's history: what held from then on, null for nothing; ``undoes`` names what it took back."""

    id: int
    event_id: UUID
    at_us: int
    actor: str
    verdict: Verdict | None
    cause: VerdictCause | None
    comment: str
    kept: bool | None
    undoes: int | None


class ReviewRequest(BaseModel):
    """Say the same of one event or of many.

    ``kept`` is asked for ``expected`` only, by default false: whether the windows are learnt from all the same, such as
    those of a start-up that is to be known. Those of maintenance never are.
    """

    model_config = ConfigDict(extra="forbid")

    events: Annotated[list[UUID], Field(min_length=1, max_length=MOST_EVENTS)]
    verdict: Verdict
    cause: VerdictCause
    comment: Annotated[str, Field(max_length=MOST_COMMENT, pattern=r"^[^\x00]*$")] = ""
    kept: bool | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        fitting = CAUSES[self.verdict]
        if self.cause not in fitting:
            raise ValueError(f"cause is {self.cause.value}; {self.verdict.value} goes with {', '.join(fitting)}")
        if self.kept is not None and self.verdict is not Verdict.EXPECTED:
            raise ValueError(f"kept is for expected events; that of {self.verdict.value} follows from the verdict")
        if self.kept and self.cause is VerdictCause.MAINTENANCE:
            raise ValueError("kept is true; a machine that is worked on is never learnt from, leave it out")
        return self

    @property
    def is_kept(self) -> bool:
        """Whether the events' windows are learnt from."""
        return self.verdict is Verdict.FALSE_ALARM or bool(self.kept)


class UndoRequest(BaseModel):
    """Take back what was said, by its id: what held before holds again. Only what holds now can be taken back."""

    model_config = ConfigDict(extra="forbid")

    verdicts: Annotated[list[Annotated[int, Field(ge=1, lt=2**63)]], Field(min_length=1, max_length=MOST_EVENTS)]


class Reviewed(BaseModel):
    """What was added to the events' histories, in the order of the request."""

    entries: list[HistoryEntry]


class History(BaseModel):
    """What was said of an event, the newest first; ``next`` goes into ``before`` for the page after this one."""

    items: list[HistoryEntry]
    next: int | None
