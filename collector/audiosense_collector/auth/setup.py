"""The one-time link by which the first administrator is made where nobody can sign in yet."""

from sqlalchemy import delete, exists, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.auth.digests import digest, draw_secret
from audiosense_collector.auth.tables import SetupLink, User
from audiosense_collector.clock import HOUR_US, now_us
from audiosense_collector.errors import ForbiddenError

LIFETIME_H = 1
_LOCK = 4_150_771_120
"""Advisory lock: one first administrator, whoever comes at once."""
_REMEDY = (
    "start the collector again for another link, or run `audiosense-collector users create NAME --role administrator`"
)


async def is_needed(session: AsyncSession) -> bool:
    """Whether there is no user yet."""
    return not await session.scalar(select(exists().where(User.id.is_not(None))))


async def make_link(session: AsyncSession) -> str | None:
    """Make the secret of a link if there is no user yet; it holds for an hour and until there is one."""
    if not await is_needed(session):
        return None
    now, secret = now_us(), draw_secret()
    await session.execute(delete(SetupLink).where(SetupLink.expires < now))
    session.add(SetupLink(sha256=digest(secret), created=now, expires=now + LIFETIME_H * HOUR_US))
    return secret


async def use_link(session: AsyncSession, secret: str) -> None:
    """Use a link up, and all others with it; undone if the transaction is not committed.

    Raises:
        ForbiddenError: it is unknown, expired or used, or there is a user already.
    """
    await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    known = select(exists().where(SetupLink.sha256 == digest(secret), SetupLink.expires > now_us()))
    if not await session.scalar(known) or not await is_needed(session):
        raise ForbiddenError(f"this link is unknown, has expired or was used; {_REMEDY}", kind="link_void")
    await session.execute(delete(SetupLink))
