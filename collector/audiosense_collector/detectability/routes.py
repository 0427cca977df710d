"""Probes from agents, reports for browsers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Request

from audiosense_collector.agents.routes import AgentId
from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.db.session import Session
from audiosense_collector.detectability import service
from audiosense_collector.detectability.schemas import DetectabilityOut
from audiosense_collector.errors import (
    BadRequestError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnauthorizedError,
    UnavailableError,
    UnsupportedError,
    responses,
)
from audiosense_collector.ingest.body import read_message
from audiosense_collector.runtime import RuntimeOf
from audiosense_common.wire import ProbeColumns, ProbesTaken

router = APIRouter(prefix="/api/v1", tags=["detectability"], dependencies=[Requires(Role.VIEWER)])
agent_router = APIRouter(prefix="/api/v1", tags=["detectability"])


@router.get("/sensors/{sensor_id}/detectability", responses=responses(NotFoundError))
async def read_detectability(sensor_id: UUID, session: Session) -> DetectabilityOut:
    """How small a fault the sensor's model would hear."""
    return await service.read(session, sensor_id)


@agent_router.post(
    "/probes",
    responses=responses(
        BadRequestError,
        UnauthorizedError,
        ForbiddenError,
        TooLargeError,
        UnsupportedError,
        InvalidError,
        UnavailableError,
    ),
)
async def take_probes(
    request: Request, agent: AgentId, runtime: RuntimeOf, content_encoding: Annotated[str | None, Header()] = None
) -> ProbesTaken:
    """Take a sensor's probes; they replace the ones before, so a repeat changes nothing."""
    message, _ = await read_message(
        ProbeColumns, request.stream(), content_encoding, request.headers.get("content-length")
    )
    async with runtime.sessions.begin() as session:
        stored = await service.take(session, runtime, agent, message)
    return ProbesTaken(stored=stored)
