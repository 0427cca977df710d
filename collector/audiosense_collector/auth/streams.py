"""Ends streams whose session or token has ended since they were opened."""

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audiosense_collector.auth import sessions, tokens
from audiosense_collector.auth.principal import Means, Principal
from audiosense_collector.db.engine import Sessions
from audiosense_collector.errors import DATABASE_AWAY
from audiosense_collector.settings import Settings

log = structlog.get_logger()
RECHECK_S = 10.0
"""A stream outlives its session by no more than this, and what one query takes."""


class OpenStreams:
    """The streams of a process; one query looks after all of them."""

    def __init__(self, sessions_of: Sessions, settings: Settings) -> None:
        self._sessions = sessions_of
        self._settings = settings
        self._open: dict[anyio.CancelScope, Principal] = {}
        self._task: asyncio.Task[None] | None = None

    async def run(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send, caller: Principal) -> None:
        """Run a request; one that turns out to be a stream ends, in good order, with its caller's credential."""
        with anyio.CancelScope() as cancel:
            try:
                await app(scope, receive, self._watching(send, cancel, caller))
            finally:
                self._open.pop(cancel, None)
        if cancel.cancelled_caught:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _watching(
        self, send: Send, cancel: anyio.CancelScope, caller: Principal
    ) -> Callable[[Message], Awaitable[None]]:
        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_stream(message):
                self._open[cancel] = caller
                if self._task is None or self._task.done():
                    self._task = asyncio.create_task(self._recheck(), name="open streams")
            await send(message)

        return watched

    async def _recheck(self) -> None:
        while self._open:
            await asyncio.sleep(RECHECK_S)
            try:
                holding = await self._holding()
            except DATABASE_AWAY as error:
                log.warning("open streams were not looked after", error=" ".join(str(error).split())[:200])
                continue
            for cancel, caller in list(self._open.items()):
                if caller.credential not in holding:
                    cancel.cancel()

    async def _holding(self) -> set[object]:
        ids = {
            means: {caller.credential for caller in self._open.values() if caller.means is means and caller.credential}
            for means in Means
        }
        async with self._sessions() as session:
            return {
                *await sessions.living(session, self._settings, ids[Means.SESSION]),
                *await tokens.living(session, ids[Means.TOKEN]),
            }


def _is_stream(message: Message) -> bool:
    return Headers(raw=message["headers"]).get("content-type", "").startswith("text/event-stream")
