"""Events as the interface shows them."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel


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


class EventPage(BaseModel):
    """Events, the newest first; ``next`` goes into ``before`` for the page after this one."""

    items: list[EventOut]
    next: str | None
