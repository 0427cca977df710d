"""Clips, permissions and the log as the interface shows them."""

from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

from audiosense_common.wire_clips import ClipKind


class ReferenceOut(BaseModel):
    """A short piece of a sensor's normal sound; ``GET /api/v1/clips/{id}`` plays it."""

    id: UUID
    start_us: int
    duration_s: float


class ClipOut(BaseModel):
    """A clip; ``GET /api/v1/clips/{id}`` plays it. ``reference`` is the sensor's nearest in time, to compare by ear."""

    id: UUID
    sensor_id: UUID
    event_id: UUID | None
    kind: ClipKind
    start_us: int
    opening_us: Annotated[int, Field(description="start of the event's first anomalous window")]
    duration_s: float
    sample_rate_hz: int
    bytes: int
    received_us: int
    locked: Annotated[bool, Field(description="kept whatever its age and the space that clips take")]
    reference: ReferenceOut | None


class ClipPage(BaseModel):
    """Clips, the newest first; ``next`` goes into ``before`` for the page after this one."""

    items: list[ClipOut]
    next: str | None


class Spectrogram(BaseModel):
    """Levels over time and frequency, and how loud the whole is; see ``spectrogram.ClipPicture``."""

    duration_s: float
    sample_rate_hz: int
    shape: tuple[PositiveInt, PositiveInt]
    centre_hz: list[float]
    low_db: float
    high_db: float
    level_dbfs: float
    level_a_dbfs: float
    data: str


class ClipSpectrogram(Spectrogram):
    """Levels of a clip over time and frequency, and how loud it is.

    ``data`` is base64 of ``shape`` (columns, rows) bytes, column after column, each from the lowest frequency up: 0 is
    ``low_db``, 255 is ``high_db``, dB re full scale within a row's band of a sixteenth of an octave. The columns divide
    ``duration_s`` evenly. A row's ``centre_hz`` is the same in all clips, as far as their sample rates reach.
    To hear two clips equally loud, raise one by the difference of their ``level_a_dbfs``, the A-weighted levels.
    """

    clip_id: UUID
    start_us: int


class NormalClipOut(BaseModel):
    """The normal sound of a sensor that is the most like what it heard right before an event.

    ``level_difference_db`` is how much louder the machine was then, and ``speed_ratio`` by which factor its dominant
    frequency was higher; null where it is not known any more.
    """

    id: UUID
    sensor_id: UUID
    start_us: int
    duration_s: float
    apart_us: int
    level_difference_db: float | None
    speed_ratio: float | None


class NormalClip(BaseModel):
    """``clip`` is null while the sensor has no piece of normal sound."""

    clip: NormalClipOut | None


class ClipChange(BaseModel):
    """What can be changed of a clip."""

    model_config = ConfigDict(extra="forbid")

    locked: bool


class PermissionChange(BaseModel):
    """Whether sound clips are kept; null: as the site, or without its word as the source, says."""

    model_config = ConfigDict(extra="forbid")

    allowed: bool | None


class PermissionOut(BaseModel):
    """Whether a sensor's sound is kept as clips, and who says so.

    The sensor's own word stands over its site's, and that over the source: microphones are off, for speech may be in
    their sound; simulators and recordings are on.
    """

    sensor_id: UUID
    allowed: bool
    origin: Literal["sensor", "site", "source"]
    sensor: bool | None
    site: bool | None
    site_id: UUID
    site_name: str
    may_hear_speech: bool


class SitePermissionOut(BaseModel):
    """What a site says of the clips of its sensors."""

    site_id: UUID
    allowed: bool | None


class AuditAction(StrEnum):
    """What was done with sound."""

    LISTENED = "listened"
    VIEWED = "viewed"
    ALLOWED = "allowed"
    WITHDRAWN = "withdrawn"
    RESET = "reset"
    LOCKED = "locked"
    UNLOCKED = "unlocked"
    DELETED = "deleted"


class AuditOut(BaseModel):
    """One entry of the log."""

    id: int
    at_us: int
    action: AuditAction
    actor: str
    address: str
    sensor_id: UUID | None
    site_id: UUID | None
    clip_id: UUID | None
    detail: dict[str, Any]


class AuditPage(BaseModel):
    """Entries, the newest first; ``next`` goes into ``before`` for the page after this one."""

    items: list[AuditOut]
    next: int | None
