"""Headers and checks that keep other sites' pages out of the browser's interface."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audiosense_collector.errors import BadRequestError, ForbiddenError, RequestError, TooLargeError, failure, problem
from audiosense_collector.settings import Settings

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
API = "/api/"
MAX_BODY_BYTES = 2**20
"""Of requests that have no limit of their own; a registration of 1,000 sensors is a quarter of it."""
MAX_PUBLIC_BYTES = 2**13
"""Of requests that anybody may send without signing in: a name and a password."""
HSTS_S = 365 * 86_400
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_PAGES = frozenset({"same-origin", "none"})
_FRAMES = "frame-ancestors 'none'; base-uri 'none'"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:; "
    f"connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; {_FRAMES}"
)
"""No inline script and no inline style: what is drawn by script sets its styles through the CSSOM, which is allowed."""
ANSWER_POLICY = f"default-src 'none'; form-action 'none'; {_FRAMES}"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Permissions-Policy": (
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), midi=(), "
        "display-capture=(), clipboard-read=(), fullscreen=(self)"
    ),
}


class Protection:
    """Takes requests for this computer's own names and those that were set, and changes from its own pages only.

    A page elsewhere could reach a collector on this computer by a name that it lets point here (DNS rebinding), so
    names are checked; an address in their place cannot be made to point here.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.hosts = LOCAL_HOSTS | frozenset(settings.hosts)
        self.any_address = settings.insecure_lan

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, pass on, add the headers."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answering = _Answering(_with_headers(scope, send))
        refused = self._refusal(scope)
        if refused is not None:
            await problem(refused)(scope, receive, answering.send)
            return
        try:
            await self.app(scope, receive, answering.send)
        except Exception:
            # Who answers what nobody foresaw stands further out, and would send it without these headers.
            if not answering.began:
                await failure()(scope, receive, answering.send)
            raise

    def _refusal(self, scope: Scope) -> RequestError | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        name = _host_name(f"//{host}")
        if name not in self.hosts and not (self.any_address and _is_address(name)):
            return BadRequestError(
                f"this address is for {', '.join(sorted(self.hosts))} only, the request names {host!r}; "
                "add the name to AUDIOSENSE_HOSTS if it is right"
            )
        if scope["method"] in _SAFE or not scope["path"].startswith(API):
            return None
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        foreign = site not in _OWN_PAGES if site is not None else origin is not None and urlsplit(origin).netloc != host
        if foreign:
            return ForbiddenError(
                f"a page of {origin or site!r} may not change anything here; use the collector's own page",
                kind="not_from_our_page",
            )
        return None


class _Answering:
    """Knows whether an answer has begun."""

    def __init__(self, send: Send) -> None:
        self.began = False
        self._send = send

    async def send(self, message: Message) -> None:
        self.began = True
        await self._send(message)


class BodyLimit:
    """Refuses bodies that are too large, before they are held in memory.

    ``own`` paths have limits of their own; one that ends in a slash stands for all below it. Bodies for ``public``
    paths, which nobody has to sign in for, are small.
    """

    def __init__(self, app: ASGIApp, own: frozenset[str], public: frozenset[str] = frozenset()) -> None:
        self.app = app
        self.own = own
        self.public = public
        self.own_below = tuple(path for path in own if path.endswith("/"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what arrives."""
        if scope["type"] != "http" or scope["path"] in self.own or scope["path"].startswith(self.own_below):
            await self.app(scope, receive, send)
            return
        most = MAX_PUBLIC_BYTES if scope["path"] in self.public else MAX_BODY_BYTES
        too_large = TooLargeError(f"the body is larger than {most} bytes; send less at once", loc="body")
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > most:
            await problem(too_large)(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                # Of what reading a body raises, FastAPI lets its own exception pass only.
                raise HTTPException(TooLargeError.status) from too_large
            return message

        await self.app(scope, counted, send)


def _host_name(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _is_address(name: str | None) -> bool:
    try:
        return name is not None and bool(ip_address(name))
    except ValueError:
        return False


def _with_headers(scope: Scope, send: Send) -> Send:
    answer = scope["path"].startswith(API)

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Content-Security-Policy", ANSWER_POLICY if answer else PAGE_POLICY)
            if answer:
                # What a browser keeps, whoever sits there next can read; a route with a reason says otherwise itself.
                headers.setdefault("Cache-Control", "no-store")
                headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
            if scope.get("scheme") == "https":
                headers.setdefault("Strict-Transport-Security", f"max-age={HSTS_S}")
                headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        await send(message)

    return wrapped
