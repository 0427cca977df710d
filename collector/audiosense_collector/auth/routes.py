"""Signing in and out, the first administrator, one's own account, over HTTP."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from audiosense_collector.auth import cookies, service, sessions, setup
from audiosense_collector.auth.address import address_of, is_encrypted
from audiosense_collector.auth.principal import Caller, Means, Principal, principal_of
from audiosense_collector.auth.roles import PUBLIC, Requires, Role
from audiosense_collector.auth.schemas import PasswordChange, SessionPage, SessionState, Setup, SignedIn, SignIn
from audiosense_collector.auth.sessions import Origin
from audiosense_collector.db.session import Session
from audiosense_collector.errors import (
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TooManyError,
    UnavailableError,
    responses,
)
from audiosense_collector.paging import Before, Limit
from audiosense_collector.runtime import RuntimeOf

router = APIRouter(prefix="/api/v1", tags=["session"])
OWN = Requires(Role.VIEWER, own=True)


async def _origin(request: Request) -> Origin:
    return Origin(address_of(request.scope), request.headers.get("user-agent", ""))


OriginOf = Annotated[Origin, Depends(_origin)]


async def _own_session(caller: Caller) -> tuple[UUID, UUID]:
    if caller.means is not Means.SESSION or caller.user is None or caller.credential is None:
        raise ForbiddenError(
            "this is for signed-in users; an API token and the demo have no account", kind="no_account"
        )
    return caller.user, caller.credential


Own = Annotated[tuple[UUID, UUID], Depends(_own_session)]
"""The ids of the signed-in user and of the session."""


@router.get("/session", dependencies=[PUBLIC])
async def read_session(request: Request, session: Session, runtime: RuntimeOf) -> SessionState:
    """Who is signed in, and what a page must say and offer before anybody is."""
    caller = principal_of(request.scope)
    settings = runtime.settings
    return SessionState(
        user=None if caller is None else _signed_in(caller),
        demo=settings.demo,
        insecure=settings.insecure_lan and not is_encrypted(request.scope),
        setup_needed=not settings.demo and caller is None and await setup.is_needed(session),
    )


@router.post(
    "/session",
    dependencies=[PUBLIC],
    status_code=HTTPStatus.CREATED,
    responses=responses(TooManyError, UnavailableError),
)
async def sign_in(
    credentials: SignIn, request: Request, response: Response, origin: OriginOf, runtime: RuntimeOf
) -> SignedIn:
    """Sign in with name and password; the answer sets the session's cookie."""
    caller = principal_of(request.scope)
    started = await service.sign_in(
        runtime,
        credentials.name,
        credentials.password.get_secret_value(),
        origin,
        old=caller.credential if caller and caller.means is Means.SESSION else None,
    )
    cookies.put(request.scope, response, started.secret, runtime.settings.session_days)
    return SignedIn(name=started.name, role=started.role, means=Means.SESSION)


@router.delete("/session", dependencies=[OWN], status_code=HTTPStatus.NO_CONTENT)
async def sign_out(own: Own, request: Request, response: Response, session: Session) -> None:
    """Sign out in this browser."""
    await sessions.end(session, own[1])
    cookies.drop(request.scope, response)


@router.post(
    "/setup",
    dependencies=[PUBLIC],
    status_code=HTTPStatus.CREATED,
    responses=responses(UnavailableError),
)
async def set_up(wanted: Setup, request: Request, response: Response, origin: OriginOf, runtime: RuntimeOf) -> SignedIn:
    """Make the first administrator with the secret of the one-time link, and sign in."""
    started = await service.set_up(
        runtime,
        wanted.link.get_secret_value(),
        wanted.name,
        wanted.password.get_secret_value(),
        origin,
    )
    cookies.put(request.scope, response, started.secret, runtime.settings.session_days)
    return SignedIn(name=started.name, role=started.role, means=Means.SESSION)


@router.get("/account/sessions", dependencies=[OWN], responses=responses(InvalidError))
async def list_sessions(
    own: Own, session: Session, runtime: RuntimeOf, limit: Limit = 100, before: Before = None
) -> SessionPage:
    """The browsers in which one is signed in, the newest sign-in first."""
    return await sessions.page_of(session, runtime.settings, own, limit=limit, before=before)


@router.delete("/account/sessions", dependencies=[OWN], status_code=HTTPStatus.NO_CONTENT)
async def sign_out_everywhere(own: Own, request: Request, response: Response, session: Session) -> None:
    """Sign out in all browsers, this one too."""
    await sessions.end_all(session, own[0])
    cookies.drop(request.scope, response)


@router.delete(
    "/account/sessions/{session_id}",
    dependencies=[OWN],
    status_code=HTTPStatus.NO_CONTENT,
    responses=responses(NotFoundError),
)
async def end_session(session_id: UUID, own: Own, session: Session) -> None:
    """Sign out in another browser."""
    await sessions.end_one_of(session, own[0], session_id)


@router.put(
    "/account/password",
    dependencies=[OWN],
    status_code=HTTPStatus.NO_CONTENT,
    responses=responses(TooManyError, UnavailableError),
)
async def change_password(change: PasswordChange, own: Own, origin: OriginOf, runtime: RuntimeOf) -> None:
    """Set another password; all other sessions end."""
    await service.change_own_password(
        runtime,
        own,
        current=change.current.get_secret_value(),
        new=change.new.get_secret_value(),
        address=origin.address,
    )


def _signed_in(caller: Principal) -> SignedIn:
    return SignedIn(name=caller.actor, role=Role(caller.role), means=caller.means)
