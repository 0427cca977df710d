"""Events as the interface shows them."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from audiosense_common.wire import Reason


class EventOut(BaseModel):
    """An event in its newest revision."""

    id: UUID
    machine_id: UUID
    machine_name: str
    sensor_id: UUID
    sensor_name: str
    state: Literal["open", "closed"]
    start_us: int
    end_us: int
    peak_us: int
    peak_score: float
    threshold: float
    windows: int
    model_digest: str
    reasons: Annotated[
        list[Reason], Field(description="how the event's windows differ from the baseline, most telling first")
    ]


class EventPage(BaseModel):
    """Events, the newest first; ``next`` goes into ``before`` for the page after this one."""

    items: list[EventOut]
    next: str | None
