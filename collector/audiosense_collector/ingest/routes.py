"""Batches over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.exceptions import RequestValidationError

from audiosense_collector.agents.routes import describe_caller, recall_sender
from audiosense_collector.errors import (
    BadRequestError,
    ForbiddenError,
    InvalidError,
    RequestError,
    TooLargeError,
    TooManyError,
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
from audiosense_collector.runtime import Runtime
from audiosense_common.wire import Answer
from audiosense_common.wire_identity import INSTANCE_HEADER, WAITING_HEADER

PATH = "/api/v1/batches"
agent_router = APIRouter(tags=["ingest"])
_INSTANCE, _WAITING = INSTANCE_HEADER.lower().encode(), WAITING_HEADER.lower().encode()


def _headers(
    _encoding: Annotated[str | None, Header(alias="content-encoding")] = None,
    _authorization: Annotated[str | None, Header(alias="authorization")] = None,
    _instance: Annotated[str | None, Header(alias=INSTANCE_HEADER)] = None,
    _waiting: Annotated[str | None, Header(alias=WAITING_HEADER)] = None,
) -> None:
    """Name the headers that ``take_batch`` reads, for the document: the function takes the request as it is."""


@agent_router.post(
    PATH,
    dependencies=[Depends(_headers)],
    response_model=Answer,
    responses=responses(
        BadRequestError,
        UnauthorizedError,
        ForbiddenError,
        TooLargeError,
        UnsupportedError,
        InvalidError,
        TooManyError,
        UnavailableError,
    ),
)
async def take_batch(request: Request) -> Response:
    """Take a batch; the answer is sent after the commit.

    One that finds too many others in work is sent away (503; 429 where they are of its own agent): before its agent is
    looked up, so that a crowd does not wait for the database, and again once it is read, which a slow network may have
    made long.
    """
    runtime: Runtime = request.app.state.runtime
    # The first of a name counts, as where Starlette looks it up; one after the other that takes longer.
    headers = dict(reversed(request.scope["headers"]))
    authorization = _text(headers, b"authorization")
    runtime.gate.check()
    caller = describe_caller(request, _text(headers, _INSTANCE), _text(headers, _WAITING))
    sender = await recall_sender(runtime, caller, authorization)
    body = await read_body(request.stream(), _text(headers, b"content-length"))
    instruments.batch_read(len(body))
    with runtime.gate.entered(len(body), sender.agent):
        try:
            parsed = await parse_batch(body, _text(headers, b"content-encoding"))
        except (RequestError, RequestValidationError):
            # Who is not served any more is told that, and not what is wrong with the batch.
            runtime.remembered.forget(authorization)
            await recall_sender(runtime, caller, authorization)
            raise
        delivery = deliver(sender, parsed, caller, authorization)
        if delivery.is_backlog:
            runtime.gate.check_backlog()
        outcome = await runtime.writer.write(delivery, Taker(runtime))
    if isinstance(outcome, RequestError):
        runtime.remembered.forget(authorization)
        return problem(outcome)
    return Response(outcome.model_dump_json(), media_type="application/json")


def _text(headers: dict[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")
