"""Batches go past the layers of the agents' application, which for small ones were a fifth of the time."""

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from audiosense_collector.ingest.routes import PATH, agent_router, take_batch
from audiosense_collector.metrics.requests import Observed
from audiosense_collector.slowness import Punctual


class BatchLane:
    """Answers batches as their route does: the same function, the same errors, the same patience with slow bodies.

    What is no batch goes on to ``app``, which holds the route, the runtime and the handlers of errors. ``access`` is as
    for ``Observed``, which numbers, counts and times batches here as it does all else there.
    """

    def __init__(self, app: FastAPI, *, access: bool) -> None:
        self.app = app
        self.route: BaseRoute = next(route for route in agent_router.routes if getattr(route, "path", None) == PATH)
        self.lane: ASGIApp = Observed(Punctual(self._answer), port="agent", access=access)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a batch, pass on all else."""
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        scope["app"], scope["route"] = self.app, self.route
        await self.lane(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await take_batch(request)
        except Exception as error:
            kind, handler = self._handler_of(error)
            response = await handler(request, error)
            await response(scope, receive, send)
            if kind is Exception:
                # Nobody foresaw it: the server's log tells it.
                raise
            return
        await response(scope, receive, send)

    def _handler_of(self, error: Exception) -> tuple[type[Exception], Any]:
        """Return the handler of the nearest class of an error; the last one is that of all errors."""
        handlers = self.app.exception_handlers
        return next((kind, handlers[kind]) for kind in type(error).__mro__ if kind in handlers)
