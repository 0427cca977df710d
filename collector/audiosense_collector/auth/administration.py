"""Users, API tokens and the log of changes over HTTP, for administrators."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from audiosense_collector.auth import audit, service, tokens
from audiosense_collector.auth.principal import Caller
from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.auth.schemas import ChangePage, NewToken, NewUser, TokenMade, TokenOut, UserChange, UserOut
from audiosense_collector.db.session import Session
from audiosense_collector.errors import ConflictError, NotFoundError, UnavailableError, responses
from audiosense_collector.runtime import RuntimeOf

router = APIRouter(prefix="/api/v1", tags=["administration"], dependencies=[Requires(Role.ADMINISTRATOR)])
Word = Annotated[str | None, Query(max_length=100)]


@router.get("/users")
async def list_users(session: Session) -> list[UserOut]:
    """All users."""
    return await service.list_users(session)


@router.post("/users", status_code=HTTPStatus.CREATED, responses=responses(ConflictError, UnavailableError))
async def create_user(user: NewUser, runtime: RuntimeOf) -> UserOut:
    """Make a user."""
    password = user.password.get_secret_value()
    return await service.create_with_password(runtime, user.name, user.role, password)


@router.patch("/users/{user_id}", responses=responses(NotFoundError, ConflictError, UnavailableError))
async def change_user(user_id: UUID, changes: UserChange, runtime: RuntimeOf) -> UserOut:
    """Change a user's role or password, disable or enable; it holds from that user's next request on."""
    return await service.change(runtime, user_id, changes)


@router.get("/tokens")
async def list_tokens(session: Session) -> list[TokenOut]:
    """All API tokens, the newest first."""
    return await tokens.list_all(session)


@router.post("/tokens", status_code=HTTPStatus.CREATED, responses=responses(ConflictError))
async def create_token(token: NewToken, session: Session, caller: Caller) -> TokenMade:
    """Make an API token; its secret is in this answer and never again."""
    return await tokens.create(session, token.name, token.scope, token.days, caller.user)


@router.delete("/tokens/{token_id}", status_code=HTTPStatus.NO_CONTENT, responses=responses(NotFoundError))
async def revoke_token(token_id: UUID, session: Session) -> None:
    """Refuse a token from its next request on."""
    await tokens.revoke(session, token_id)


@router.get("/audit")
async def read_audit(  # noqa: PLR0917 - FastAPI passes them by name
    session: Session,
    actor: Word = None,
    action: Word = None,
    subject: Word = None,
    subject_id: Word = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    before: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> ChangePage:
    """Who changed what, the newest first."""
    return await audit.read(
        session, actor=actor, action=action, subject=subject, subject_id=subject_id, limit=limit, before=before
    )
