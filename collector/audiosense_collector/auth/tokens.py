"""API tokens: secrets for programs, with a scope and an expiry."""

import re
from uuid import UUID, uuid4

from sqlalchemy import Select, literal, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector import paging
from audiosense_collector.auth.digests import API_TOKEN_PREFIX, digest, draw_secret
from audiosense_collector.auth.principal import Means, Principal
from audiosense_collector.auth.roles import Role
from audiosense_collector.auth.schemas import TokenMade, TokenOut, TokenPage
from audiosense_collector.auth.sessions import TOUCH_US
from audiosense_collector.auth.tables import ApiToken, User
from audiosense_collector.clock import DAY_US, now_us
from audiosense_collector.db.base import MicrosecondTime
from audiosense_collector.errors import ConflictError, NotFoundError

ACTOR_PREFIX = "token:"
"""No user's name has a colon."""
_SHAPE = re.compile(re.escape(API_TOKEN_PREFIX) + r"[A-Za-z0-9_-]{43}")


async def create(session: AsyncSession, name: str, scope: Role, days: int, owner: UUID | None) -> TokenMade:
    """Make a token; this is the only time that its secret is known.

    Raises:
        ConflictError: a valid one has that name.
    """
    now = now_us()
    holds = (ApiToken.revoked.is_(None), ApiToken.expires > now)
    if await session.scalar(select(ApiToken.id).where(ApiToken.name == name, *holds).limit(1)):
        raise ConflictError(f"there is a token {name!r} already; revoke it, or choose another name", kind="name_taken")
    secret = draw_secret(API_TOKEN_PREFIX)
    row = ApiToken(
        id=uuid4(),
        name=name,
        sha256=digest(secret),
        scope=scope.value,
        owner_id=owner,
        created=now,
        expires=now + days * DAY_US,
    )
    session.add(row)
    await session.flush()
    user = None if owner is None else await session.get(User, owner)
    return TokenMade(token=secret, **_show(row, user).model_dump())


async def recognise(session: AsyncSession, secret: str) -> Principal | None:
    """Return the caller that a token stands for, None if it is unknown, expired or revoked, or its owner disabled.

    Its owner's role bounds what it may do, as that role is now.
    """
    if not _SHAPE.fullmatch(secret):
        return None
    now = now_us()
    query = select(ApiToken, User).outerjoin(User, User.id == ApiToken.owner_id)
    live = (ApiToken.sha256 == digest(secret), ApiToken.revoked.is_(None), ApiToken.expires > now)
    found = (await session.execute(query.where(*live, User.disabled.is_(None)))).one_or_none()
    if found is None:
        return None
    token, owner = found
    role = min(Role(token.scope), Role(owner.role) if owner else Role.ADMINISTRATOR, key=lambda each: each.rank)
    if token.last_used is None or token.last_used < now - TOUCH_US:
        await session.execute(update(ApiToken).where(ApiToken.id == token.id).values(last_used=now))
    return Principal(ACTOR_PREFIX + token.name, role.value, Means.TOKEN, credential=token.id, user=token.owner_id)


async def living(session: AsyncSession, ids: set[UUID]) -> set[UUID]:
    """Return those of some tokens that still hold."""
    query = select(ApiToken.id).outerjoin(User, User.id == ApiToken.owner_id).where(ApiToken.id.in_(ids))
    query = query.where(ApiToken.revoked.is_(None), ApiToken.expires > now_us(), User.disabled.is_(None))
    return set(await session.scalars(query))


async def list_all(session: AsyncSession) -> list[TokenOut]:
    """Return all tokens, the newest first."""
    return [_show(row, owner) for row, owner in await session.execute(_newest_first())]


async def page(session: AsyncSession, *, ended: bool | None, limit: int, before: str | None) -> TokenPage:
    """Return a page of tokens, the newest first.

    Args:
        session: in whose transaction they are read.
        ended: those that are revoked or expired, or the others; both by default.
        limit: items on the page.
        before: ``next`` of the page before.

    Raises:
        InvalidError: ``before`` is not a ``next`` of another page.
    """
    query = _newest_first().limit(limit + 1)
    if ended is not None:
        over = or_(ApiToken.revoked.is_not(None), ApiToken.expires <= now_us())
        query = query.where(over if ended else ~over)
    if before is not None:
        created, token_id = paging.decode(before, (int, UUID))
        place = tuple_(literal(created, MicrosecondTime()), literal(token_id))
        query = query.where(tuple_(ApiToken.created, ApiToken.id) < place)
    found = [(row, owner) for row, owner in await session.execute(query)]
    last = found[limit - 1][0] if len(found) > limit else None
    return TokenPage(
        items=[_show(row, owner) for row, owner in found[:limit]],
        next=None if last is None else paging.encode(last.created, last.id),
    )


async def revoke(session: AsyncSession, token_id: UUID) -> None:
    """Refuse a token from its next request on.

    Raises:
        NotFoundError: no such token.
    """
    row = await session.get(ApiToken, token_id, with_for_update=True)
    if row is None:
        raise NotFoundError(f"there is no token {token_id}; `audiosense-collector tokens list` lists them")
    if row.revoked is None:
        row.revoked = now_us()


async def find(session: AsyncSession, wanted: str) -> UUID:
    """Return the valid token of a name, or the one of an id.

    Raises:
        NotFoundError: there is none.
    """
    for row in await session.scalars(select(ApiToken).order_by(ApiToken.created.desc())):
        if str(row.id) == wanted.lower() or (row.name == wanted and _state(row) == "valid"):
            return row.id
    raise NotFoundError(f"there is no valid token {wanted!r}; `audiosense-collector tokens list` lists them")


def _newest_first() -> Select[ApiToken, User | None]:
    query = select(ApiToken, User).outerjoin(User, User.id == ApiToken.owner_id)
    return query.order_by(ApiToken.created.desc(), ApiToken.id.desc())


def _show(row: ApiToken, owner: User | None) -> TokenOut:
    state = _state(row)
    if state == "valid" and owner is not None and owner.disabled is not None:
        state = "suspended"
    return TokenOut(
        id=row.id,
        name=row.name,
        scope=Role(row.scope),
        owner=None if owner is None else owner.name,
        created_us=row.created,
        expires_us=row.expires,
        last_used_us=row.last_used,
        state=state,
    )


def _state(row: ApiToken) -> str:
    if row.revoked is not None:
        return "revoked"
    return "expired" if row.expires <= now_us() else "valid"
