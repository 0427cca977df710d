"""Events over HTTP."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.db.session import Session
from audiosense_collector.errors import InvalidError, NotFoundError, UnavailableError, responses
from audiosense_collector.events import listing, service
from audiosense_collector.events.schemas import EventOut, EventPage
from audiosense_collector.paging import Before, Limit
from audiosense_collector.reviews.schemas import Verdict

router = APIRouter(prefix="/api/v1", tags=["events"], dependencies=[Requires(Role.VIEWER)])
MAX_TIME_US = 253_402_300_799_000_000


@router.get("/events", responses=responses(InvalidError, UnavailableError))
async def list_events(  # noqa: PLR0917 - FastAPI passes them by name
    session: Session,
    site: UUID | None = None,
    machine: UUID | None = None,
    sensor: UUID | None = None,
    since_us: Annotated[int | None, Query(ge=0, le=MAX_TIME_US, description="that lasted until then or longer")] = None,
    state: Literal["open", "closed"] | None = None,
    reviewed: Annotated[bool | None, Query(description="that people have judged, or not yet")] = None,
    verdict: Verdict | None = None,
    order: listing.Order = "newest",
    limit: Limit = 100,
    before: Before = None,
) -> EventPage:
    """Events, the newest first, or the worst: those whose peak goes the furthest beyond its threshold."""
    wanted = listing.Wanted(
        site=site,
        machine=machine,
        sensor=sensor,
        since_us=since_us,
        state=state,
        reviewed=reviewed,
        verdict=verdict,
    )
    return await listing.list_events(session, wanted, order=order, limit=limit, before=before)


@router.get("/events/{event_id}", responses=responses(NotFoundError))
async def read_event(event_id: UUID, session: Session) -> EventOut:
    """One event."""
    return await service.get(session, event_id)
