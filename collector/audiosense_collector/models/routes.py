"""Models over HTTP: bundles for agents, lists and pushes for browsers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response

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
from audiosense_collector.models import detail, fleet, service
from audiosense_collector.models.schemas import ModelDetail, ModelPage, ModelSummary, SensorModelsPage, Standing
from audiosense_collector.paging import After, Before, Limit
from audiosense_collector.revalidation import IMMUTABLE, NOT_MODIFIED, answer
from audiosense_collector.runtime import RuntimeOf

router = APIRouter(prefix="/api/v1", tags=["models"], dependencies=[Requires(Role.VIEWER)])
agent_router = APIRouter(prefix="/api/v1", tags=["models"])
Words = Annotated[
    str | None, Query(max_length=200, description="each word must be in the name of the sensor, its machine or site")
]
Standings = Annotated[list[Standing] | None, Query(description="only of these; may be given several times")]
DigestPath = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]


@router.get("/models", responses=responses(InvalidError, UnavailableError))
async def list_models(
    session: Session, sensor: UUID | None = None, limit: Limit = 100, before: Before = None
) -> ModelPage:
    """The models of a sensor, or all, the newest first."""
    return await service.page_models(session, sensor, limit=limit, before=before)


@router.get("/sensor-models", responses=responses(InvalidError))
async def list_sensor_models(
    session: Session,
    runtime: RuntimeOf,
    *,
    site: UUID | None = None,
    machine: UUID | None = None,
    q: Words = None,
    standing: Standings = None,
    limit: Limit = 100,
    after: After = None,
) -> SensorModelsPage:
    """Which sensor runs which model and which one it is to run, by site, machine and name."""
    choice = fleet.Choice(site=site, machine=machine, words=q, standings=standing or ())
    return await fleet.page(session, runtime.settings, choice, limit=limit, after=after)


@router.get("/models/{digest}", responses=responses(NotFoundError))
async def read_model(digest: DigestPath, session: Session, runtime: RuntimeOf) -> ModelDetail:
    """All that is known of a model: its manifest, its sensor, when it ran, what it hears of probes."""
    return await detail.read(session, runtime.settings, digest)


@router.get(
    "/models/{digest}/bundle",
    response_class=Response,
    dependencies=[Requires(Role.OPERATOR)],
    responses=responses(NotFoundError) | NOT_MODIFIED | {200: {"content": {"application/zip": {}}}},
)
async def download_bundle(digest: DigestPath, request: Request, session: Session) -> Response:
    """A model's bundle as a file: manifest, graph, golden vectors and signature."""
    content, name = await detail.read_bundle(session, digest)
    found = answer(request, content, media_type="application/zip", cache=IMMUTABLE)
    found.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return found


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
