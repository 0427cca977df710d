"""Events over HTTP."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.db.session import Session
from audiosense_collector.events import service
from audiosense_collector.events.schemas import EventPage

router = APIRouter(prefix="/api/v1", tags=["events"], dependencies=[Requires(Role.VIEWER)])


@router.get("/events")
async def list_events(  # noqa: PLR0917 - FastAPI passes them by name
    session: Session,
    machine: UUID | None = None,
    sensor: UUID | None = None,
    state: Literal["open", "closed"] | None = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    before: Annotated[str | None, Query(max_length=80)] = None,
) -> EventPage:
    """Events, the newest first."""
    return await service.list_events(session, machine=machine, sensor=sensor, state=state, limit=limit, before=before)
