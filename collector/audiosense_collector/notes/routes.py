"""Notes over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from audiosense_collector.auth.principal import Caller
from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.db.session import Session
from audiosense_collector.errors import ForbiddenError, InvalidError, NotFoundError, UnavailableError, responses
from audiosense_collector.notes import service
from audiosense_collector.notes.schemas import NewNote, NoteChange, NoteOut, NotePage
from audiosense_collector.paging import Before, Limit
from audiosense_common.wire import TIME_LIMIT_US

router = APIRouter(prefix="/api/v1/notes", tags=["notes"], dependencies=[Requires(Role.VIEWER)])
_ERRORS = responses(NotFoundError, ForbiddenError, InvalidError)
Time = Annotated[int | None, Query(ge=0, lt=TIME_LIMIT_US, description="UTC microseconds")]


@router.get("", responses=responses(InvalidError, UnavailableError))
async def list_notes(  # noqa: PLR0917 - FastAPI passes them by name
    session: Session,
    caller: Caller,
    machine: UUID | None = None,
    from_us: Time = None,
    to_us: Time = None,
    limit: Limit = 100,
    before: Before = None,
) -> NotePage:
    """Notes and maintenance, or those that touch a span, the newest first."""
    return await service.list_notes(
        session, caller, machine=machine, from_us=from_us, to_us=to_us, limit=limit, before=before
    )


@router.post("", status_code=201, dependencies=[Requires(Role.OPERATOR)], responses=_ERRORS)
async def add_note(new: NewNote, session: Session, caller: Caller) -> NoteOut:
    """Add a note, or maintenance: while it lasts nobody is notified, and its sound is left out of baselines."""
    return await service.add(session, caller, new)


@router.patch("/{note_id}", dependencies=[Requires(Role.OPERATOR)], responses=_ERRORS)
async def change_note(note_id: UUID, changes: NoteChange, session: Session, caller: Caller) -> NoteOut:
    """Change a note of one's own; an administrator changes any."""
    return await service.change(session, caller, note_id, changes)


@router.delete("/{note_id}", status_code=204, dependencies=[Requires(Role.OPERATOR)], responses=_ERRORS)
async def delete_note(note_id: UUID, session: Session, caller: Caller) -> None:
    """Delete a note of one's own; an administrator deletes any. It can be brought back."""
    await service.delete(session, caller, note_id)


@router.post("/{note_id}/restore", dependencies=[Requires(Role.OPERATOR)], responses=_ERRORS)
async def restore_note(note_id: UUID, session: Session, caller: Caller) -> NoteOut:
    """Bring a deleted note back."""
    return await service.restore(session, caller, note_id)
