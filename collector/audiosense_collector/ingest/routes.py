"""Batches over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response

from audiosense_collector.agents.routes import CallerOf, RememberedSenderOf
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
from audiosense_collector.ingest.body import parse_batch, read_body
from audiosense_collector.ingest.delivery import deliver
from audiosense_collector.ingest.service import Taker
from audiosense_collector.metrics import instruments
from audiosense_collector.runtime import RuntimeOf
from audiosense_common.wire import Answer

agent_router = APIRouter(prefix="/api/v1", tags=["ingest"])


async def _pass_gate(runtime: RuntimeOf) -> None:
    runtime.gate.check()


@agent_router.post(
    "/batches",
    dependencies=[Depends(_pass_gate)],
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
async def take_batch(  # noqa: PLR0917 - FastAPI passes them by name
    request: Request,
    sender: RememberedSenderOf,
    caller: CallerOf,
    runtime: RuntimeOf,
    content_encoding: Annotated[str | None, Header()] = None,
    authorization: Annotated[str | None, Header()] = None,
) -> Response:
    """Take a batch; the answer is sent after the commit.

    One that finds too many others in work is sent away: before its agent is looked up, so that a crowd does not wait
    for the database, and again once it is read, which a slow network may have made long.
    """
    body = await read_body(request.stream(), request.headers.get("content-length"))
    instruments.batch_read(len(body))
    with runtime.gate.entered(len(body)):
        parsed = await parse_batch(body, content_encoding)
        delivery = deliver(sender, parsed, caller, authorization)
        if delivery.is_backlog:
            runtime.gate.check_backlog()
        outcome = await runtime.writer.write(delivery, Taker(runtime))
    if isinstance(outcome, RequestError):
        runtime.remembered.forget(authorization)
        return problem(outcome)
    return Response(outcome.model_dump_json(), media_type="application/json")
