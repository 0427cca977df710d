"""The log of who allowed, heard, locked or deleted sound; it is only ever added to.

Listening changes nothing and stands here alone; what changes something stands in the log of changes (``auth``) as well.
"""

from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.auth.address import address_of
from audiosense_collector.auth.principal import Caller
from audiosense_collector.clips.schemas import AuditAction, AuditOut, AuditPage
from audiosense_collector.clips.tables import Clip, ClipAudit
from audiosense_collector.clock import SECOND_US, now_us
from audiosense_collector.paging import page_by_id

SAME_LISTENING_US = 600 * SECOND_US
"""A player asks for a clip in pieces, and again at each jump: within this time they are one listening."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who sends a request, and from where."""

    actor: str
    address: str


async def _person(request: Request, caller: Caller) -> Person:
    return Person(caller.actor, address_of(request.scope))


By = Annotated[Person, Depends(_person)]
SYSTEM = Person("collector", "")
"""What the collector does by itself."""


def note(
    session: AsyncSession,
    action: AuditAction,
    by: Person,
    *,
    sensor_id: UUID | None = None,
    site_id: UUID | None = None,
    clip_id: UUID | None = None,
    **detail: Any,
) -> None:
    """Add an entry."""
    session.add(
        ClipAudit(
            at=now_us(),
            action=action.value,
            actor=by.actor,
            address=by.address,
            sensor_id=sensor_id,
            site_id=site_id,
            clip_id=clip_id,
            detail=detail,
        )
    )


async def note_listening(
    session: AsyncSession, by: Person, clip: Clip, action: AuditAction = AuditAction.LISTENED
) -> None:
    """Add that somebody listened to a clip, or looked at it, once for the pieces of one listening."""
    query = (
        select(ClipAudit.id)
        .where(ClipAudit.clip_id == clip.id, ClipAudit.action == action.value)
        .where(ClipAudit.actor == by.actor, ClipAudit.address == by.address)
        .where(ClipAudit.at > now_us() - SAME_LISTENING_US)
        .limit(1)
    )
    if await session.scalar(query) is None:
        note(session, action, by, sensor_id=clip.sensor_id, clip_id=clip.id, kind=clip.kind)


async def read(
    session: AsyncSession, *, clip: UUID | None, sensor: UUID | None, site: UUID | None, limit: int, before: int | None
) -> AuditPage:
    """Return a page of entries, the newest first."""
    wanted = ((ClipAudit.clip_id, clip), (ClipAudit.sensor_id, sensor), (ClipAudit.site_id, site))
    conditions = [column == value for column, value in wanted if value is not None]
    rows, more = await page_by_id(session, ClipAudit, conditions, limit=limit, before=before)
    items = [
        AuditOut(
            id=row.id,
            at_us=row.at,
            action=AuditAction(row.action),
            actor=row.actor,
            address=row.address,
            sensor_id=row.sensor_id,
            site_id=row.site_id,
            clip_id=row.clip_id,
            detail=row.detail,
        )
        for row in rows
    ]
    return AuditPage(items=items, next=more)
