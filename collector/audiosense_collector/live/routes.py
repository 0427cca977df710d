"""Live updates over HTTP: one stream of server-sent events for each browser."""

from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.sse import EventSourceResponse, ServerSentEvent

from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.runtime import RuntimeOf

router = APIRouter(prefix="/api/v1", tags=["live"], dependencies=[Requires(Role.VIEWER)])


@router.get("/live", response_class=EventSourceResponse)
async def live(runtime: RuntimeOf) -> AsyncIterator[ServerSentEvent]:
    """Stream ``hello``, then ``measurements``, ``event``, ``model`` and ``resync`` as they come; pings in between."""
    async for message in runtime.hub.messages():
        yield ServerSentEvent(event=message.event, data=message.data)
