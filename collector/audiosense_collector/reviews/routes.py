"""Verdicts on events over HTTP."""

from uuid import UUID

from fastapi import APIRouter

from audiosense_collector.auth.principal import Caller
from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.db.session import Session
from audiosense_collector.errors import ConflictError, NotFoundError, responses
from audiosense_collector.paging import BeforeId, Limit
from audiosense_collector.reviews import service
from audiosense_collector.reviews.schemas import History, Reviewed, ReviewRequest, UndoRequest

router = APIRouter(prefix="/api/v1", tags=["reviews"], dependencies=[Requires(Role.VIEWER)])


@router.post("/reviews", dependencies=[Requires(Role.OPERATOR)], responses=responses(NotFoundError))
async def review_events(said: ReviewRequest, session: Session, caller: Caller) -> Reviewed:
    """Say what events were: a confirmed fault, a false alarm, or expected; it replaces what was said before."""
    return Reviewed(entries=await service.judge(session, said, caller.actor))


@router.post("/reviews/undo", dependencies=[Requires(Role.OPERATOR)], responses=responses(NotFoundError, ConflictError))
async def undo_reviews(which: UndoRequest, session: Session, caller: Caller) -> Reviewed:
    """Take verdicts back: what held before holds again, and the history shows both."""
    return Reviewed(entries=await service.undo(session, which.verdicts, caller.actor))


@router.get("/events/{event_id}/history", responses=responses(NotFoundError))
async def read_event_history(event_id: UUID, session: Session, limit: Limit = 100, before: BeforeId = None) -> History:
    """All that was ever said of an event, the newest first."""
    return await service.history(session, event_id, limit=limit, before=before)
