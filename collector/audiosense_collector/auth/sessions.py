"""Sessions of browsers: a random secret in a cookie, its SHA-256 in the database, two expiries."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import ColumnElement, delete, exists, literal, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector import paging
from audiosense_collector.auth.digests import digest, draw_secret
from audiosense_collector.auth.principal import Means, Principal
from audiosense_collector.auth.schemas import SessionOut, SessionPage
from audiosense_collector.auth.tables import User, UserSession
from audiosense_collector.clock import DAY_US, HOUR_US, SECOND_US, now_us
from audiosense_collector.db.base import MicrosecondTime
from audiosense_collector.errors import NotFoundError
from audiosense_collector.settings import Settings

TOUCH_US = 60 * SECOND_US
"""A session's last use is written once in this time."""
KEEP_ENDED_US = 30 * DAY_US
"""Ended ones are kept that long, to know at which addresses a user has been."""
MAX_BROWSER = 200


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from."""

    address: str
    browser: str


async def start(session: AsyncSession, settings: Settings, user_id: UUID, origin: Origin) -> tuple[UUID, str]:
    """Start a session; returns its id and its secret, which is known this once."""
    await _forget_old(session, user_id)
    secret, now, identity = draw_secret(), now_us(), uuid4()
    session.add(
        UserSession(
            id=identity,
            sha256=digest(secret),
            user_id=user_id,
            created=now,
            last_used=now,
            expires=now + settings.session_days * DAY_US,
            address=origin.address,
            browser=origin.browser[:MAX_BROWSER],
        )
    )
    await session.flush()
    return identity, secret


async def recognise(session: AsyncSession, settings: Settings, secret: str) -> Principal | None:
    """Return whose session a secret is of, None if it is unknown, ended or expired, or its user is disabled."""
    now = now_us()
    query = select(UserSession.id, UserSession.last_used, User.id, User.name, User.role).join_from(UserSession, User)
    query = query.where(UserSession.sha256 == digest(secret), *_live(settings, now))
    found = (await session.execute(query)).one_or_none()
    if found is None:
        return None
    identity, last_used, user_id, name, role = found
    if last_used < now - TOUCH_US:
        await session.execute(update(UserSession).where(UserSession.id == identity).values(last_used=now))
    return Principal(actor=name, role=role, means=Means.SESSION, credential=identity, user=user_id)


async def living(session: AsyncSession, settings: Settings, ids: Collection[UUID]) -> set[UUID]:
    """Return those of some sessions that still hold."""
    query = select(UserSession.id).join_from(UserSession, User)
    return set(await session.scalars(query.where(UserSession.id.in_(ids), *_live(settings, now_us()))))


async def end(session: AsyncSession, session_id: UUID) -> None:
    """End a session."""
    await session.execute(update(UserSession).where(UserSession.id == session_id).values(ended=now_us()))


async def end_all(session: AsyncSession, user_id: UUID, *, but: UUID | None = None) -> int:
    """End a user's sessions, all or all but one; returns how many that were."""
    query = update(UserSession).where(UserSession.user_id == user_id, UserSession.ended.is_(None))
    if but is not None:
        query = query.where(UserSession.id != but)
    ended = await session.scalars(query.values(ended=now_us()).returning(UserSession.id))
    return len(list(ended))


async def end_one_of(session: AsyncSession, user_id: UUID, session_id: UUID) -> None:
    """End one of a user's sessions.

    Raises:
        NotFoundError: the user has no such session.
    """
    query = update(UserSession).where(UserSession.id == session_id, UserSession.user_id == user_id)
    found = await session.scalar(
        query.where(UserSession.ended.is_(None)).values(ended=now_us()).returning(UserSession.id)
    )
    if found is None:
        raise NotFoundError(f"you have no session {session_id}, or it has ended")


async def page_of(
    session: AsyncSession, settings: Settings, own: tuple[UUID, UUID], *, limit: int, before: str | None
) -> SessionPage:
    """Return a page of a user's sessions that hold, the newest first.

    Args:
        session: in whose transaction they are read.
        settings: for how long unused ones hold.
        own: the ids of the user and of the session that asks.
        limit: items on the page.
        before: ``next`` of the page before.

    Raises:
        InvalidError: ``before`` is not a ``next`` of another page.
    """
    user_id, current = own
    query = select(UserSession).join_from(UserSession, User)
    query = query.where(UserSession.user_id == user_id, *_live(settings, now_us()))
    if before is not None:
        created, session_id = paging.decode(before, (int, UUID))
        place = tuple_(literal(created, MicrosecondTime()), literal(session_id))
        query = query.where(tuple_(UserSession.created, UserSession.id) < place)
    # By when they began: by their last use they would change places while the pages are read.
    query = query.order_by(UserSession.created.desc(), UserSession.id.desc()).limit(limit + 1)
    rows = list(await session.scalars(query))
    items = [
        SessionOut(
            id=row.id,
            created_us=row.created,
            last_used_us=row.last_used,
            expires_us=min(row.expires, row.last_used + _idle_us(settings)),
            address=row.address,
            browser=row.browser,
            current=row.id == current,
        )
        for row in rows[:limit]
    ]
    last = items[-1] if len(rows) > limit else None
    return SessionPage(items=items, next=None if last is None else paging.encode(last.created_us, last.id))


async def has_been_at(session: AsyncSession, user_id: UUID | None, address: str) -> bool:
    """Whether a user has signed in from an address lately."""
    query = select(exists().where(UserSession.user_id == user_id, UserSession.address == address))
    return bool(await session.scalar(query))


def _live(settings: Settings, now: int) -> tuple[ColumnElement[bool], ...]:
    return (
        UserSession.ended.is_(None),
        UserSession.expires > now,
        UserSession.last_used > now - _idle_us(settings),
        User.disabled.is_(None),
    )


def _idle_us(settings: Settings) -> int:
    return round(settings.session_idle_h * HOUR_US)


async def _forget_old(session: AsyncSession, user_id: UUID) -> None:
    before = now_us() - KEEP_ENDED_US
    await session.execute(delete(UserSession).where(UserSession.user_id == user_id, UserSession.expires < before))
