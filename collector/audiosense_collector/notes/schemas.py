"""Notes as the interface takes and shows them."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from audiosense_common.wire import TIME_LIMIT_US

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000, pattern=r"^[^\x00]*$")]
Time = Annotated[int, Field(ge=0, lt=TIME_LIMIT_US, description="UTC microseconds")]


class NoteKind(StrEnum):
    """A remark, or work on the machine: then nobody is notified, and nothing is learnt from its sound."""

    NOTE = "note"
    MAINTENANCE = "maintenance"


class NoteOut(BaseModel):
    """A note; ``end_us`` is null for a moment and, of maintenance, while it lasts. Without a sensor, it is of all."""

    id: UUID
    machine_id: UUID
    sensor_id: UUID | None
    kind: NoteKind
    start_us: int
    end_us: int | None
    text: str
    author: str
    created_us: int
    edited_us: int | None
    yours: Annotated[bool, Field(description="whether whoever asks may change it")]


class NotePage(BaseModel):
    """Notes, the newest first; ``next`` goes into ``before`` for the page after this one."""

    items: list[NoteOut]
    next: str | None


class NewNote(BaseModel):
    """A note to add; ``start_us`` is now unless given."""

    model_config = ConfigDict(extra="forbid")
    machine_id: UUID
    sensor_id: UUID | None = None
    kind: NoteKind = NoteKind.NOTE
    start_us: Time | None = None
    end_us: Time | None = None
    text: Text


class NoteChange(BaseModel):
    """What is to change of a note; what is left out or null stays, but an end that is null: that takes it away."""

    model_config = ConfigDict(extra="forbid")
    kind: NoteKind | None = None
    start_us: Time | None = None
    end_us: Time | None = None
    text: Text | None = None
