"""The rules of users: making and changing them, signing in and out."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy import Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector import paging
from audiosense_collector.auth import sessions, setup, throttle
from audiosense_collector.auth.passwords import check_password
from audiosense_collector.auth.roles import Role
from audiosense_collector.auth.schemas import UserChange, UserOut, UserPage
from audiosense_collector.auth.sessions import Origin
from audiosense_collector.auth.tables import User, UserSession
from audiosense_collector.auth.trail import note
from audiosense_collector.clock import SECOND_US, now_us
from audiosense_collector.errors import ConflictError, InvalidError, NotFoundError, TooManyError, UnauthorizedError
from audiosense_collector.runtime import Runtime

_LIST = "`audiosense-collector users list` lists them"
_LOCK = 4_150_771_121
"""Advisory lock of changes after which an administrator must be left."""


@dataclass(frozen=True, slots=True)
class Started:
    """A session that was started; its secret goes into the cookie."""

    name: str
    role: Role
    secret: str


def name_key(name: str) -> str:
    """Return a name as it is compared: whatever its case and way of writing accents."""
    return unicodedata.normalize("NFKC", name.strip()).casefold()


async def create(session: AsyncSession, name: str, role: Role, hashed: str) -> User:
    """Make a user.

    Raises:
        ConflictError: there is one of that name.
    """
    if await session.scalar(select(User.id).where(User.name_key == name_key(name))):
        raise ConflictError(f"there is a user {name!r} already; {_LIST}", kind="name_taken")
    user = User(
        id=uuid4(),
        name=unicodedata.normalize("NFC", name),
        name_key=name_key(name),
        role=role.value,
        password=hashed,
        created=now_us(),
    )
    session.add(user)
    await session.flush()
    return user


async def create_with_password(runtime: Runtime, name: str, role: Role, password: str) -> UserOut:
    """Check a password, hash it while no connection is held, and make a user.

    Raises:
        InvalidError: the password is not taken.
        ConflictError: there is a user of that name.
    """
    check_password(password, name)
    hashed = await runtime.passwords.hash(password)
    async with runtime.sessions.begin() as session:
        user = await create(session, name, role, hashed)
        return _show(user)


async def set_up(runtime: Runtime, link: str, name: str, password: str, origin: Origin) -> Started:
    """Make the first administrator by the one-time link and sign in.

    Raises:
        ForbiddenError: the link is void.
        InvalidError: the password is not taken.
    """
    check_password(password, name)
    # Before the costly hash, and without spending the link.
    async with runtime.sessions() as session:
        await setup.use_link(session, link)
    hashed = await runtime.passwords.hash(password)
    async with runtime.sessions.begin() as session:
        await setup.use_link(session, link)
        user = await create(session, name, Role.ADMINISTRATOR, hashed)
        _, secret = await sessions.start(session, runtime.settings, user.id, origin)
        await note(session, "user_account", user.id, after={"name": user.name}, action="set_up", actor=user.name)
    return Started(user.name, Role.ADMINISTRATOR, secret)


async def sign_in(runtime: Runtime, name: str, password: str, origin: Origin, old: UUID | None = None) -> Started:
    """Sign a user in with a session of its own; the one that the browser had (``old``) ends.

    Raises:
        TooManyError: too many failures before; its Retry-After says how long to wait.
        UnauthorizedError: wrong name or password, or the user is disabled; it does not say which.
    """
    key = name_key(name)
    async with runtime.sessions.begin() as session:
        user = await session.scalar(select(User).where(User.name_key == key))
        known = await sessions.has_been_at(session, user.id if user else None, origin.address)
        attempt = throttle.Attempt(key, origin.address, known=known)
        wait_us = await throttle.charge(session, attempt)
    if wait_us > 0:
        seconds = -(-wait_us // SECOND_US)
        raise TooManyError(f"too many failed sign-ins; try again in {seconds} s", retry_after_s=seconds)
    right, rehashed = await runtime.passwords.verify(password, user.password if user else None)
    async with runtime.sessions.begin() as session:
        if user is not None and right:
            user = await session.get(User, user.id, with_for_update=True)
        if user is None or not right or user.disabled is not None:
            await note(session, "user_account", user.id if user else "(unknown)", action="sign_in_failed")
            started: Started | None = None
        else:
            if rehashed is not None:
                user.password = rehashed
            await throttle.succeeded(session, attempt)
            if old is not None:
                await sessions.end(session, old)
            _, secret = await sessions.start(session, runtime.settings, user.id, origin)
            await note(session, "user_account", user.id, action="sign_in", actor=user.name)
            started = Started(user.name, Role(user.role), secret)
    if started is None:
        raise UnauthorizedError("the name or the password is wrong, or the user is disabled", kind="wrong_password")
    return started


async def change_own_password(
    runtime: Runtime, own: tuple[UUID, UUID], *, current: str, new: str, address: str
) -> None:
    """Set another password for oneself; all other sessions end.

    Raises:
        InvalidError: the current password is wrong, or the new one is not taken.
        TooManyError: the current one was wrong too often.
    """
    user_id, session_id = own
    async with runtime.sessions.begin() as session:
        user = await _get(session, user_id)
        attempt = throttle.Attempt(user.name_key, address, known=True)
        wait_us = await throttle.charge(session, attempt)
    if wait_us > 0:
        seconds = -(-wait_us // SECOND_US)
        raise TooManyError(f"the password was wrong too often; try again in {seconds} s", retry_after_s=seconds)
    right, _ = await runtime.passwords.verify(current, user.password)
    if not right:
        raise InvalidError("the current password is wrong", loc="current", kind="wrong_current_password")
    check_password(new, user.name)
    hashed = await runtime.passwords.hash(new)
    async with runtime.sessions.begin() as session:
        (await _get(session, user_id)).password = hashed
        await throttle.succeeded(session, attempt)
        await sessions.end_all(session, user_id, but=session_id)


async def change(runtime: Runtime, user_id: UUID, changes: UserChange) -> UserOut:
    """Change a user; what changes holds from that user's next request on.

    Raises:
        NotFoundError: no such user.
        ConflictError: no administrator who can sign in would be left.
        InvalidError: the password is not taken.
    """
    hashed = None
    if changes.password is not None:
        async with runtime.sessions() as session:
            name = (await _get(session, user_id)).name
        check_password(changes.password.get_secret_value(), name)
        hashed = await runtime.passwords.hash(changes.password.get_secret_value())
    async with runtime.sessions.begin() as session:
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        user = await _get(session, user_id)
        if changes.role is not None:
            user.role = changes.role.value
        if changes.disabled is not None:
            user.disabled = (user.disabled or now_us()) if changes.disabled else None
        if hashed is not None:
            user.password = hashed
            await throttle.forgive(session, user.name_key)
        if hashed is not None or user.disabled is not None:
            await sessions.end_all(session, user_id)
        await session.flush()
        await _keep_an_administrator(session)
        return _show(user, await _read_usage(session, user_id))


async def list_users(session: AsyncSession) -> list[UserOut]:
    """Return all users by name."""
    return await _describe(session, await session.scalars(select(User).order_by(User.name_key)))


async def page_users(session: AsyncSession, *, limit: int, after: str | None) -> UserPage:
    """Return a page of users by name.

    Raises:
        InvalidError: ``after`` is not a ``next`` of another page.
    """
    query = select(User).order_by(User.name_key).limit(limit + 1)
    if after is not None:
        (name,) = paging.decode(after, (str,), loc="after")
        query = query.where(User.name_key > name)
    found = list(await session.scalars(query))
    last = found[limit - 1] if len(found) > limit else None
    return UserPage(
        items=await _describe(session, found[:limit]), next=None if last is None else paging.encode(last.name_key)
    )


async def find(session: AsyncSession, name: str) -> UUID:
    """Return the user of a name.

    Raises:
        NotFoundError: there is none.
    """
    found = await session.scalar(select(User.id).where(User.name_key == name_key(name)))
    if found is None:
        raise NotFoundError(f"there is no user {name!r}; {_LIST}")
    return found


async def _get(session: AsyncSession, user_id: UUID) -> User:
    user = await session.get(User, user_id, with_for_update=True, populate_existing=True)
    if user is None:
        raise NotFoundError(f"there is no user {user_id}; {_LIST}")
    return user


async def _keep_an_administrator(session: AsyncSession) -> None:
    query = select(func.count()).where(User.role == Role.ADMINISTRATOR.value, User.disabled.is_(None))
    if not await session.scalar(query):
        raise ConflictError(
            "no administrator would be left; make another user an administrator first", kind="last_administrator"
        )


@dataclass(frozen=True, slots=True)
class _Usage:
    """How many sessions of a user hold, and when the newest one began."""

    sessions: int = 0
    last_sign_in: int | None = None


def _usage() -> Select[UUID, int, int | None]:
    """Return the query of it; ended sessions are kept until the next one begins, so the newest is always there."""
    holds = UserSession.ended.is_(None) & (UserSession.expires > now_us())
    return select(UserSession.user_id, func.count().filter(holds), func.max(UserSession.created))


async def _describe(session: AsyncSession, users: Iterable[User]) -> list[UserOut]:
    shown = list(users)
    query = _usage().where(UserSession.user_id.in_([user.id for user in shown])).group_by(UserSession.user_id)
    usages = {row[0]: _Usage(*row[1:]) for row in await session.execute(query)}
    return [_show(user, usages.get(user.id, _Usage())) for user in shown]


async def _read_usage(session: AsyncSession, user_id: UUID) -> _Usage:
    query = _usage().where(UserSession.user_id == user_id).group_by(UserSession.user_id)
    found = (await session.execute(query)).one_or_none()
    return _Usage() if found is None else _Usage(*found[1:])


def _show(user: User, usage: _Usage = _Usage()) -> UserOut:
    return UserOut(
        id=user.id,
        name=user.name,
        role=Role(user.role),
        created_us=user.created,
        disabled_us=user.disabled,
        has_password=user.password is not None,
        sessions=usage.sessions,
        last_sign_in_us=usage.last_sign_in,
    )
