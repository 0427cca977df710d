"""The rules of enrolment keys."""

import hashlib
import secrets
from typing import Literal
from uuid import UUID, uuid4

from sqlalchemy import Select, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector import paging
from audiosense_collector.agents.schemas import (
    EnrolledAgent,
    EnrolmentKeyDetail,
    EnrolmentKeyMade,
    EnrolmentKeyOut,
    EnrolmentKeyPage,
    EnrolmentKeyWanted,
)
from audiosense_collector.agents.tables import Agent, EnrolmentKeyRow
from audiosense_collector.clock import SECOND_US, now_us
from audiosense_collector.db.base import MicrosecondTime
from audiosense_collector.errors import ForbiddenError, NotFoundError
from audiosense_common.enrolment import EnrolmentKey

SECRET_BYTES = 32
MOST_AGENTS = 100
"""Of the agents that enrolled with a key, so many are told."""
_REMEDY = "create a new one with `audiosense-collector enrolment-key create`"


def digest(secret: str) -> bytes:
    """Return what is kept of a secret; a plain hash is enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


async def create_key(
    session: AsyncSession, *, url: str, trust: str, uses: int, lifetime_us: int, may_replace: bool = False
) -> EnrolmentKey:
    """Make an enrolment key; this is the only time that its secret is known.

    Only with ``may_replace`` can an agent that enrols with it take over another one's sensors and history.
    """
    _, secret = await _add(session, uses, lifetime_us, may_replace=may_replace)
    return EnrolmentKey(url=url, trust=trust, secret=secret)


async def make_key(session: AsyncSession, wanted: EnrolmentKeyWanted, *, url: str, trust: str) -> EnrolmentKeyMade:
    """Make an enrolment key as ``create_key`` does, and say which one it is."""
    row, secret = await _add(session, wanted.uses, wanted.lifetime_s * SECOND_US, may_replace=wanted.may_replace)
    key = EnrolmentKey(url=url, trust=trust, secret=secret)
    return EnrolmentKeyMade(made=_key(row), enrolment_key=key.encode(), address=url)


async def _add(session: AsyncSession, uses: int, lifetime_us: int, *, may_replace: bool) -> tuple[EnrolmentKeyRow, str]:
    secret = secrets.token_urlsafe(SECRET_BYTES)
    now = now_us()
    row = EnrolmentKeyRow(
        id=uuid4(),
        secret_sha256=digest(secret),
        created=now,
        expires=now + lifetime_us,
        uses=uses,
        used=0,
        may_replace=may_replace,
    )
    session.add(row)
    await session.flush()
    return row, secret


async def use_key(session: AsyncSession, secret: str, attempt: UUID | None) -> tuple[EnrolmentKeyRow, Agent | None]:
    """Use a key once; it is unused again if the transaction is not committed.

    An attempt that made an agent before, whose answer was lost then, is no other use: it gives that agent, locked.
    Once the agent has used its credential there is no such attempt any more: whoever shows its number again has a copy
    of the disk, and is enrolled as another agent.

    Raises:
        ForbiddenError: unknown, revoked, expired or used up; the message says which.
    """
    row = await session.scalar(
        select(EnrolmentKeyRow).where(EnrolmentKeyRow.secret_sha256 == digest(secret)).with_for_update()
    )
    if row is None:
        raise ForbiddenError(f"the enrolment key is unknown to this collector; {_REMEDY}", kind="unknown_key")
    state = _state(row)
    made = None if attempt is None else await _find_made(session, secret, attempt)
    if made is not None and state in {"valid", "used up"}:
        return row, made
    if state != "valid":
        reason = f"used up ({row.used} of {row.uses} uses)" if state == "used up" else state
        raise ForbiddenError(f"the enrolment key is {reason}; {_REMEDY}", kind=f"key_{state.replace(' ', '_')}")
    row.used += 1
    return row, None


def attempt_digest(secret: str, attempt: UUID | None) -> bytes | None:
    """Return what is kept of an attempt to enrol; only the agent itself knows its number."""
    return None if attempt is None else digest(f"{secret} {attempt}")


async def list_keys(session: AsyncSession) -> list[EnrolmentKeyOut]:
    """Return all keys, the newest first."""
    return [_key(row) for row in await session.scalars(_newest_first())]


async def page_keys(session: AsyncSession, *, limit: int, after: str | None, address: str) -> EnrolmentKeyPage:
    """Return a page of keys, the newest first.

    Raises:
        InvalidError: ``after`` is not a ``next`` of another page.
    """
    query = _newest_first().limit(limit + 1)
    if after is not None:
        created, key_id = paging.decode(after, (int, UUID), loc="after")
        place = tuple_(literal(created, MicrosecondTime()), literal(key_id))
        query = query.where(tuple_(EnrolmentKeyRow.created, EnrolmentKeyRow.id) < place)
    found = list(await session.scalars(query))
    last = found[limit - 1] if len(found) > limit else None
    return EnrolmentKeyPage(
        items=[_key(row) for row in found[:limit]],
        next=None if last is None else paging.encode(last.created, last.id),
        address=address,
    )


async def read_key(session: AsyncSession, key_id: UUID) -> EnrolmentKeyDetail:
    """Return a key with the agents that it enrolled.

    Raises:
        NotFoundError: no such key.
    """
    row = await session.get(EnrolmentKeyRow, key_id)
    if row is None:
        raise _no_key(key_id)
    query = select(Agent.id, Agent.name, Agent.created, Agent.last_seen).where(Agent.enrolment_key_id == key_id)
    found = await session.execute(query.order_by(Agent.created, Agent.id).limit(MOST_AGENTS))
    agents = [
        EnrolledAgent(id=each.id, name=each.name, enrolled_us=each.created, last_seen_us=each.last_seen)
        for each in found
    ]
    return EnrolmentKeyDetail(**_key(row).model_dump(), agents=agents)


def _newest_first() -> Select[EnrolmentKeyRow]:
    return select(EnrolmentKeyRow).order_by(EnrolmentKeyRow.created.desc(), EnrolmentKeyRow.id.desc())


def _key(row: EnrolmentKeyRow) -> EnrolmentKeyOut:
    return EnrolmentKeyOut(
        id=row.id,
        created_us=row.created,
        expires_us=row.expires,
        uses=row.uses,
        used=row.used,
        may_replace=row.may_replace,
        state=_state(row),
    )


def _no_key(key_id: UUID) -> NotFoundError:
    return NotFoundError(f"there is no enrolment key {key_id}; `audiosense-collector enrolment-key list` lists them")


async def revoke_key(session: AsyncSession, key_id: UUID) -> EnrolmentKeyOut:
    """Revoke a key; agents that it enrolled stay enrolled.

    Raises:
        NotFoundError: no such key.
    """
    row = await session.get(EnrolmentKeyRow, key_id, with_for_update=True)
    if row is None:
        raise _no_key(key_id)
    row.revoked = row.revoked or now_us()
    return _key(row)


async def _find_made(session: AsyncSession, secret: str, attempt: UUID) -> Agent | None:
    made_by = Agent.enrolment_sha256 == attempt_digest(secret, attempt)
    found: Agent | None = await session.scalar(select(Agent).where(made_by).with_for_update())
    return found


def _state(row: EnrolmentKeyRow) -> Literal["valid", "expired", "used up", "revoked"]:
    if row.revoked is not None:
        return "revoked"
    if row.expires <= now_us():
        return "expired"
    return "used up" if row.used >= row.uses else "valid"
