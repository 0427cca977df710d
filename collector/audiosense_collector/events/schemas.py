"""Events as the interface shows them."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from audiosense_collector.reviews.schemas import VerdictOut
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
    verdict: Annotated[VerdictOut | None, Field(description="what people say that it was, if anything")] = None


class EventPage(BaseModel):
    """Events in the order that was asked for; ``next`` goes into ``before`` for the page after this one."""

    items: list[EventOut]
    next: str | None
    unreviewed: Annotated[int, Field(description="events of these places and times without a verdict")]
