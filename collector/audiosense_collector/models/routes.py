"""Models over HTTP: bundles for agents, lists and pushes for browsers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from audiosense_collector.agents.routes import AgentId
from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.db.session import Session
from audiosense_collector.errors import (
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnauthorizedError,
    UnavailableError,
    responses,
)
from audiosense_collector.models import service
from audiosense_collector.models.schemas import ModelPage, ModelSummary
from audiosense_collector.paging import Before, Limit
from audiosense_collector.revalidation import IMMUTABLE, NOT_MODIFIED, answer
from audiosense_collector.runtime import RuntimeOf

router = APIRouter(prefix="/api/v1", tags=["models"], dependencies=[Requires(Role.VIEWER)])
agent_router = APIRouter(prefix="/api/v1", tags=["models"])
DigestPath = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]


@router.get("/models", responses=responses(InvalidError, UnavailableError))
async def list_models(
    session: Session, sensor: UUID | None = None, limit: Limit = 100, before: Before = None
) -> ModelPage:
    """The models of a sensor, or all, the newest first."""
    return await service.page_models(session, sensor, limit=limit, before=before)


@router.post("/models/{digest}/push", dependencies=[Requires(Role.ADMINISTRATOR)], responses=responses(NotFoundError))
async def push_model(digest: DigestPath, session: Session, runtime: RuntimeOf) -> ModelSummary:
    """Make a model the one that its sensor's agent is to run."""
    return await service.push(session, runtime.signing_key, digest)


@agent_router.get(
    "/bundles/{digest}",
    response_class=Response,
    responses=responses(UnauthorizedError, ForbiddenError, NotFoundError) | NOT_MODIFIED,
)
async def read_bundle(digest: DigestPath, request: Request, agent: AgentId, session: Session) -> Response:
    """Fetch a bundle for one of the agent's own sensors; it never changes."""
    content = await service.read_bundle(session, agent, digest)
    return answer(request, content, media_type="application/zip", cache=IMMUTABLE)
