"""Headers and checks that keep other sites' pages out of the browser's interface."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audiosense_collector.errors import BadRequestError, ForbiddenError, TooLargeError, problem

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
API = "/api/v1"
MAX_BODY_BYTES = 2**20
"""Of requests that have no limit of their own; a registration of 1,000 sensors is a quarter of it."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


class Protection:
    """Takes requests for local host names only and, to change anything, from pages of the same host only."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, pass on, add the headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if _host_name(f"//{host}") not in LOCAL_HOSTS:
            error = BadRequestError(f"this address is for {sorted(LOCAL_HOSTS)} only, the request names {host!r}")
            await problem(error)(scope, receive, send)
            return
        origin = headers.get("origin")
        guarded = scope["method"] not in _SAFE and scope["path"].startswith(API)
        if guarded and origin is not None and urlsplit(origin).netloc != host:
            refused = ForbiddenError(f"a page of {origin!r} may not change anything here; use the collector's own page")
            await problem(refused)(scope, receive, send)
            return
        await self.app(scope, receive, _with_headers(send))


class BodyLimit:
    """Refuses bodies that are too large, before they are held in memory.

    ``own`` paths have limits of their own; one that ends in a slash stands for all below it.
    """

    def __init__(self, app: ASGIApp, own: frozenset[str]) -> None:
        self.app = app
        self.own = own
        self.own_below = tuple(path for path in own if path.endswith("/"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what arrives."""
        if scope["type"] != "http" or scope["path"] in self.own or scope["path"].startswith(self.own_below):
            await self.app(scope, receive, send)
            return
        too_large = TooLargeError(f"the body is larger than {MAX_BODY_BYTES} bytes; send less at once", loc="body")
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > MAX_BODY_BYTES:
            await problem(too_large)(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_BODY_BYTES:
                # Of what reading a body raises, FastAPI lets its own exception pass only.
                raise HTTPException(TooLargeError.status) from too_large
            return message

        await self.app(scope, counted, send)


def _host_name(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _with_headers(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return wrapped
