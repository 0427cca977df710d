"""A number for each request, and one line about it: who asked for what, how it ended, how long it took."""

import re
import time
import uuid
from typing import Any

import structlog
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audiosense_collector.metrics import instruments
from audiosense_common.wire import REQUEST_ID_HEADER

log = structlog.get_logger(__name__)
UNKNOWN_ROUTE = "none"
"""Label of paths that no route has: what is asked for in vain must not make new series."""
_SANE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
CLIENT_GONE = 499
"""As nginx counts clients that leave before their answer begins."""
_FAILED = 500
_PUT_OFF = 503
_NUMBER, _STREAM = REQUEST_ID_HEADER.lower().encode(), b"text/event-stream"


class Observed:
    """Outermost layer of an application; ``port`` is ``browser`` or ``agent``.

    Failures are always logged; with ``access`` every request is.
    """

    def __init__(self, app: ASGIApp, port: str, *, access: bool) -> None:
        self.app = app
        self.port = port
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Number, count and time a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = next((value.decode("latin-1") for name, value in scope["headers"] if name == _NUMBER), "")
        number = given if _SANE.fullmatch(given) else uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=number)
        seen = _Seen(receive, send, number)
        try:
            await self.app(scope, seen.receive, seen.send)
        finally:
            self._account(scope, seen)

    def _account(self, scope: Scope, seen: "_Seen") -> None:
        route, method = route_of(scope), scope["method"]
        seconds = time.perf_counter() - seen.began
        instruments.request_answered(
            self.port, method, route, seen.status, seconds=None if seen.is_stream else seconds, sent=seen.sent
        )
        failed = seen.status >= _FAILED and seen.status != _PUT_OFF
        if not failed and not self.access:
            return
        client = scope.get("client")
        fields: dict[str, Any] = {
            "port": self.port,
            "method": method,
            "route": route,
            "status": seen.status,
            "duration_ms": round(seconds * 1e3, 2),
            "bytes": seen.sent,
            "address": client[0] if client else None,
        }
        (log.warning if failed else log.info)("request", **fields)


class _Seen:
    """What came in and went out."""

    def __init__(self, receive: Receive, send: Send, number: str) -> None:
        self.began = time.perf_counter()
        self.status = _FAILED
        self._receive = receive
        self.sent = 0
        self.is_stream = False
        self._send = send
        self._number = number
        self._answering = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" and not self._answering:
            self.status = CLIENT_GONE
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            if self.status != CLIENT_GONE:
                self.status = message["status"]
            self._answering = True
            headers = [header for header in message.get("headers", ()) if header[0] != _NUMBER]
            message["headers"] = [*headers, (_NUMBER, self._number.encode())]
            self.is_stream = any(name == b"content-type" and value.startswith(_STREAM) for name, value in headers)
        elif message["type"] == "http.response.body":
            self.sent += len(message.get("body", b""))
        await self._send(message)


def route_of(scope: Scope) -> str:
    """Return the template of the route that took a request, such as ``/api/v1/sensors/{sensor_id}``.

    Pages and files of the dashboard are one, whatever their path.
    """
    if isinstance(scope.get("endpoint"), (StaticFiles, GZipMiddleware)):
        return "dashboard"
    return str(getattr(scope.get("route"), "path", UNKNOWN_ROUTE))
