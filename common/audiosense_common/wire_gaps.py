"""Gaps as they travel in a batch: windows that an agent measured and cannot deliver."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

MAX_GAPS = 1_000
"""Most gaps in one batch."""
_END_US = 253_402_300_800_000_000

GapWord = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
_TimeUs = Annotated[int, Field(ge=0, lt=_END_US, description="UTC microseconds since 1970")]
_Seq = Annotated[int, Field(ge=0, lt=2**63)]


class Gap(BaseModel):
    """Windows of one sensor that were lost for one reason.

    ``(epoch, number)`` names a gap within its agent for ever, so that a repeat is known. ``reason`` is a stable word:
    ``spool_full``, ``too_old``, ``damaged``, ``set_aside``, ``not_stored``, ``paused``, ``refused``; or ``rescued``, of
    which ``windows`` are no loss but came back from earlier gaps. A reader shows one that it does not know as it is.
    ``sensor`` is null where nobody knows whose they were, ``windows`` where nobody knows how many.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    epoch: UUID
    number: Annotated[int, Field(ge=1, lt=2**63)]
    sensor: UUID | None = None
    reason: GapWord
    windows: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    first_us: _TimeUs | None = None
    last_us: _TimeUs | None = None
    first_seq: _Seq | None = None
    last_seq: _Seq | None = None
