"""Finds out who sends a request before anything of it is read, and sends those away who may not come in at all.

A changing request that a browser would send with a cookie from any page must show that the dashboard's own script made
it: by a header that other sites' pages cannot set (a cross-site form or picture cannot, and a script may only after a
preflight, which is never granted).
"""

from collections.abc import Collection

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from audiosense_collector.auth import cookies, sessions, tokens
from audiosense_collector.auth.address import address_of, is_local
from audiosense_collector.auth.digests import API_TOKEN_PREFIX
from audiosense_collector.auth.principal import SCOPE_KEY, Means, Principal
from audiosense_collector.auth.roles import SAFE_METHODS, Role, raise_unauthorized
from audiosense_collector.auth.streams import OpenStreams
from audiosense_collector.auth.trail import Trail, at_work
from audiosense_collector.errors import (
    DATABASE_AWAY,
    ForbiddenError,
    RequestError,
    UnauthorizedError,
    away,
    problem,
)
from audiosense_collector.runtime import Runtime

log = structlog.get_logger()
ANONYMOUS = "anonymous"
API = "/api"
PAGE_HEADER = "AudioSense-Page"
"""What the dashboard's script sends with each changing request; its value does not matter."""
DEMO = Principal("demo", Role.ADMINISTRATOR.value, Means.DEMO)


class Authentication:
    """Names the caller of each request under ``/api`` and the ``also`` paths; ``public`` operations need none."""

    def __init__(
        self, app: ASGIApp, runtime: Runtime, public: Collection[tuple[str, str]], also: Collection[str]
    ) -> None:
        self.app = app
        self.runtime = runtime
        self.public = frozenset(public)
        self.also = tuple(also)
        self.streams = OpenStreams(runtime.sessions, runtime.settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find the caller and pass the request on, or refuse it."""
        if scope["type"] != "http" or not self._concerns(scope["path"]):
            await self.app(scope, receive, send)
            return
        try:
            caller = await self._recognise(scope)
            if caller is None and self._is_closed(scope):
                raise_unauthorized()
        except RequestError as error:
            await problem(error)(scope, receive, send)
            return
        except DATABASE_AWAY as error:
            log.warning("database not available", error=" ".join(str(error).split())[:300])
            await problem(away(error))(scope, receive, send)
            return
        scope[SCOPE_KEY] = caller
        structlog.contextvars.bind_contextvars(user=caller.actor if caller else ANONYMOUS)
        # The developer interface's sandbox is nobody's plant.
        concerned = _is_below(scope["path"], API)
        trail = Trail(caller.actor if caller else ANONYMOUS, address_of(scope), scope=scope) if concerned else None
        with at_work(trail):
            if caller is None or caller.credential is None:
                await self.app(scope, receive, send)
            else:
                await self.streams.run(self.app, scope, receive, send, caller)

    def _concerns(self, path: str) -> bool:
        return _is_below(path, API) or any(_is_below(path, root) for root in self.also)

    def _is_closed(self, scope: Scope) -> bool:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        return _is_below(scope["path"], API) and (method, scope["path"]) not in self.public

    async def _recognise(self, scope: Scope) -> Principal | None:
        headers = Headers(scope=scope)
        given = headers.get("authorization")
        if given is not None and (_is_below(scope["path"], API) or API_TOKEN_PREFIX in given):
            return await self._by_token(given)
        caller: Principal | None = None
        secret = cookies.read(scope)
        if secret is not None:
            async with self.runtime.sessions.begin() as session:
                caller = await sessions.recognise(session, self.runtime.settings, secret)
        if caller is None and self.runtime.settings.demo and is_local(scope):
            caller = DEMO
        if caller is not None and scope["method"] not in SAFE_METHODS and PAGE_HEADER not in headers:
            if not _is_below(scope["path"], API):
                return None
            raise ForbiddenError(
                f"a change by cookie needs the header {PAGE_HEADER}, which other sites' pages cannot send; "
                "programs send 'Authorization: Bearer' with an API token instead",
                kind="not_from_our_page",
            )
        return caller

    async def _by_token(self, given: str) -> Principal:
        scheme, _, secret = given.partition(" ")
        caller: Principal | None = None
        if scheme.lower() == "bearer":
            async with self.runtime.sessions.begin() as session:
                caller = await tokens.recognise(session, secret.strip())
        if caller is None:
            raise UnauthorizedError(
                "the API token is unknown, expired or revoked; make one with `audiosense-collector tokens create`",
                kind="unknown_token",
            )
        return caller


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}/")
