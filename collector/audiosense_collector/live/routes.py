"""Live updates over HTTP: one stream of server-sent events for each browser."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse

from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.errors import InvalidError, responses
from audiosense_collector.live.messages import Wanted
from audiosense_collector.machines.lookup import sensors_of
from audiosense_collector.runtime import RuntimeOf

router = APIRouter(prefix="/api/v1", tags=["live"], dependencies=[Requires(Role.VIEWER)])
MOST_WANTED = 500
_STREAM = "text/event-stream"
_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {_STREAM: {"schema": {"type": "string"}}}, "description": "Server-sent events."}
}
Names = Annotated[
    str | None,
    Query(max_length=MOST_WANTED * 37, description="identities, separated by commas; more narrow the stream"),
]


class EventStream(StreamingResponse):
    """A stream that no proxy keeps back or stores."""

    media_type = _STREAM


@router.get("/live", response_class=EventStream, responses=_ANSWER | responses(InvalidError))
async def live(
    runtime: RuntimeOf,
    sensors: Names = None,
    machines: Names = None,
    last_event_id: Annotated[str | None, Header(max_length=100)] = None,
) -> EventStream:
    """Stream ``hello``, then ``measurements``, ``event``, ``model``, ``job`` and ``resync`` as they come.

    With ``sensors`` or ``machines`` only what is about one of them. A client that comes back with ``Last-Event-ID``
    within a minute, at any process, is sent what it missed; else ``resync``: load everything again.
    """
    named = _identities("machines", machines)
    own = _identities("sensors", sensors)
    if named:
        async with runtime.sessions() as session:
            own |= await sensors_of(session, named)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return EventStream(runtime.hub.chunks(Wanted.of(own, named), last_event_id), headers=headers)


def _identities(name: str, value: str | None) -> set[UUID]:
    words = [word for word in (value or "").split(",") if word]
    try:
        found = {UUID(word) for word in words}
    except ValueError:
        raise InvalidError(f"{name}: expected identities separated by commas, found {value!r}", loc=name) from None
    if len(found) > MOST_WANTED:
        raise InvalidError(f"{name}: {len(found)} were named, at most {MOST_WANTED} can be; leave it out", loc=name)
    return found
