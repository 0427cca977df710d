"""Events over HTTP."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter

from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.db.session import Session
from audiosense_collector.errors import InvalidError, UnavailableError, responses
from audiosense_collector.events import service
from audiosense_collector.events.schemas import EventPage
from audiosense_collector.paging import Before, Limit

router = APIRouter(prefix="/api/v1", tags=["events"], dependencies=[Requires(Role.VIEWER)])


@router.get("/events", responses=responses(InvalidError, UnavailableError))
async def list_events(  # noqa: PLR0917 - FastAPI passes them by name
    session: Session,
    machine: UUID | None = None,
    sensor: UUID | None = None,
    state: Literal["open", "closed"] | None = None,
    limit: Limit = 100,
    before: Before = None,
) -> EventPage:
    """Events, the newest first."""
    return await service.list_events(session, machine=machine, sensor=sensor, state=state, limit=limit, before=before)
