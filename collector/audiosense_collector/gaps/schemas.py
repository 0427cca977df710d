"""Gaps as the interface shows them."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field


class GapOut(BaseModel):
    """Windows that were measured and lost, or, with reason ``rescued``, windows of earlier gaps that came back.

    ``reason`` is a stable word; a reader shows one that it does not know as it stands. Times are the starts of the
    first and last window, null where the agent does not know them.
    """

    id: int
    agent_id: UUID
    sensor_id: UUID | None
    epoch: UUID
    number: int
    reason: str
    windows: Annotated[int | None, Field(description="null: nobody knows how many")]
    first_us: int | None
    last_us: int | None
    first_seq: int | None
    last_seq: int | None
    told_us: int


class GapPage(BaseModel):
    """Gaps, the latest told first; ``next`` goes into ``before`` for the page after this one.

    ``windows_lost`` is the sum over all pages, less what was rescued.
    """

    items: list[GapOut]
    next: int | None
    windows_lost: int
