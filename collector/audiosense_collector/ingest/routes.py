"""Batches over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from audiosense_collector.agents.routes import AgentId, CallerOf
from audiosense_collector.errors import (
    BadRequestError,
    ForbiddenError,
    InvalidError,
    RequestError,
    TooLargeError,
    UnauthorizedError,
    UnavailableError,
    UnsupportedError,
    problem,
    responses,
)
from audiosense_collector.ingest import service
from audiosense_collector.ingest.body import read_batch
from audiosense_collector.runtime import RuntimeOf
from audiosense_common.wire import Answer

agent_router = APIRouter(prefix="/api/v1", tags=["ingest"])


@agent_router.post(
    "/batches",
    response_model=Answer,
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
async def take_batch(
    request: Request,
    agent: AgentId,
    caller: CallerOf,
    runtime: RuntimeOf,
    content_encoding: Annotated[str | None, Header()] = None,
) -> Response | Answer:
    """Take a batch; the answer is sent after the commit."""
    parsed = await read_batch(request.stream(), content_encoding, request.headers.get("content-length"))
    async with runtime.sessions.begin() as session:
        result = await service.take(session, runtime, agent, parsed, caller)
    return problem(result) if isinstance(result, RequestError) else result
