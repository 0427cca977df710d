"""Lets go of clients that hold a connection or a request open on purpose: requests that never come to their end."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS_S = 20.0
"""Within this time of connecting, or of the first byte of a later request, its headers must be complete."""
PATIENCE_S = 30.0
LEAST_BYTES_PER_S = 512
"""A body may take this long, and as much more as this rate allows; slow mobile networks are ten times as fast."""


class Punctual:
    """Refuses bodies that come in too slowly (408); it counts no time in which nothing was asked for."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look at how long each part of a body is waited for."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            await self.app(scope, receive, send)
            return
        left_s, complete = PATIENCE_S, False

        async def timely() -> Message:
            nonlocal left_s, complete
            if complete:
                return await receive()
            began = time.monotonic()
            try:
                async with asyncio.timeout(left_s):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "the body came in too slowly; send it again over a better network") from None
            left_s += len(message.get("body", b"")) / LEAST_BYTES_PER_S - (time.monotonic() - began)
            complete = message["type"] != "http.request" or not message.get("more_body", False)
            return message

        await self.app(scope, timely, send)


class Headless:
    """The connections of a server that have sent no complete headers yet, and since when."""

    def __init__(self) -> None:
        self._since: dict[Any, float] = {}

    def drop(self, connections: Iterable[Any]) -> int:
        """Cut those that have been so for too long; returns how many. To be called every few seconds."""
        now = time.monotonic()
        waiting = {each: self._since.get(each, now) for each in connections if _is_headless(each)}
        late = [each for each, since in waiting.items() if now - since > HEADERS_S]
        for each in late:
            each.transport.abort()
            del waiting[each]
        self._since = waiting
        return len(late)


def _is_headless(connection: Any) -> bool:
    """Whether a connection has no request in work and does not rest between two, for which uvicorn has a clock."""
    cycle = getattr(connection, "cycle", None)
    resting = getattr(connection, "timeout_keep_alive_task", None) is not None
    return not resting and (cycle is None or bool(cycle.response_complete))
