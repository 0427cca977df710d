"""Users, API tokens and the log of changes over HTTP, for administrators."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from audiosense_collector.auth import audit, chain, service, tokens
from audiosense_collector.auth.principal import Caller
from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.auth.schemas import (
    ChangePage,
    ChangeTerms,
    LogFault,
    LogVerdict,
    NewToken,
    NewUser,
    TokenMade,
    TokenPage,
    UserChange,
    UserOut,
    UserPage,
)
from audiosense_collector.db.session import Session
from audiosense_collector.errors import ConflictError, InvalidError, NotFoundError, UnavailableError, responses
from audiosense_collector.paging import After, Before, BeforeId, Limit
from audiosense_collector.runtime import RuntimeOf

router = APIRouter(prefix="/api/v1", tags=["administration"], dependencies=[Requires(Role.ADMINISTRATOR)])
Wanted = Annotated[audit.ChangeFilter, Depends()]
Ended = Annotated[bool | None, Query(description="those that are revoked or expired, or the others")]
Mark = Annotated[
    str | None,
    Query(pattern="^[0-9]{1,18}:[0-9a-f]{64}$", description="`mark` of an earlier answer, kept elsewhere"),
]


@router.get("/users", responses=responses(InvalidError))
async def list_users(session: Session, limit: Limit = 100, after: After = None) -> UserPage:
    """Users by name."""
    return await service.page_users(session, limit=limit, after=after)


@router.post("/users", status_code=HTTPStatus.CREATED, responses=responses(ConflictError, UnavailableError))
async def create_user(user: NewUser, runtime: RuntimeOf) -> UserOut:
    """Make a user."""
    password = user.password.get_secret_value()
    return await service.create_with_password(runtime, user.name, user.role, password)


@router.patch("/users/{user_id}", responses=responses(NotFoundError, ConflictError, UnavailableError))
async def change_user(user_id: UUID, changes: UserChange, runtime: RuntimeOf) -> UserOut:
    """Change a user's role or password, disable or enable; it holds from that user's next request on."""
    return await service.change(runtime, user_id, changes)


@router.get("/tokens", responses=responses(InvalidError))
async def list_tokens(session: Session, ended: Ended = None, limit: Limit = 100, before: Before = None) -> TokenPage:
    """API tokens, the newest first; those that are revoked or expired stay."""
    return await tokens.page(session, ended=ended, limit=limit, before=before)


@router.post("/tokens", status_code=HTTPStatus.CREATED, responses=responses(ConflictError))
async def create_token(token: NewToken, session: Session, caller: Caller) -> TokenMade:
    """Make an API token; its secret is in this answer and never again."""
    return await tokens.create(session, token.name, token.scope, token.days, caller.user)


@router.delete("/tokens/{token_id}", status_code=HTTPStatus.NO_CONTENT, responses=responses(NotFoundError))
async def revoke_token(token_id: UUID, session: Session) -> None:
    """Refuse a token from its next request on."""
    await tokens.revoke(session, token_id)


@router.get("/audit")
async def read_audit(session: Session, wanted: Wanted, limit: Limit = 100, before: BeforeId = None) -> ChangePage:
    """Who changed what, the newest first."""
    return await audit.read(session, wanted, limit=limit, before=before)


@router.get("/audit/terms")
async def read_audit_terms(session: Session) -> ChangeTerms:
    """Who did what to what among the newest changes: the words that the log can be asked for."""
    return await audit.terms(session)


@router.get(
    "/audit/file",
    response_class=StreamingResponse,
    responses={200: {"description": "The changes", "content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def fetch_audit(wanted: Wanted, runtime: RuntimeOf) -> StreamingResponse:
    """Who changed what as CSV, the newest first; it ends with the line `# rows: N`, or was cut off."""
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"', "Cache-Control": "no-store"}
    rows = audit.write_csv(runtime.sessions, wanted)
    return StreamingResponse(rows, media_type="text/csv; charset=utf-8; header=present", headers=headers)


@router.get("/audit/verification", responses=responses(UnavailableError))
async def verify_audit(runtime: RuntimeOf, expect: Mark = None) -> LogVerdict:
    """Compute the log's chain of digests again: whether an entry was changed, added past the rules, or taken away.

    One at a time; it reads the whole log.
    """
    async with runtime.verifying.place(), runtime.sessions() as session:
        found = await chain.verify(session, expect=expect)
    faults = [LogFault(**asdict(fault)) for fault in found.faults]
    return LogVerdict(entries=found.entries, mark=found.mark if found.entries else None, faults=faults)
