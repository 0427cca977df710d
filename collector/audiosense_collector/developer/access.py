"""Who may use the developer interface, and from which pages."""

import hmac
import ipaddress

from fastapi import Depends, Request
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from audiosense_collector.developer.settings import DeveloperSettings
from audiosense_collector.errors import NotFoundError, UnauthorizedError
from audiosense_collector.settings import Settings

ROOTS = ("/analyses", "/v2", "/anomaly", "/analyze")
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


def is_developer_path(path: str) -> bool:
    """Tell the developer interface's paths from all others."""
    return any(path == root or path.startswith(f"{root}/") for root in ROOTS)


async def _allow(request: Request) -> None:
    if not request.app.state.runtime.settings.developer_mode:
        raise NotFoundError("the developer interface is off; start the collector with AUDIOSENSE_DEVELOPER_MODE=1")
    if _is_local(request):
        return
    token = DeveloperSettings.load().token
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    right = token is not None and hmac.compare_digest(given.strip().encode(), token.encode())
    if scheme.lower() != "bearer" or not right:
        raise UnauthorizedError(
            "the developer interface answers this computer only, or the bearer of AUDIOSENSE_DEVELOPER_TOKEN; "
            "send 'Authorization: Bearer TOKEN'"
        )


DeveloperOnly = Depends(_allow)


def _is_local(request: Request) -> bool:
    """Behind a reverse proxy every client seems to be local, so a forwarded request is not."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        address = ipaddress.ip_address(request.client.host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


class DeveloperCors:
    """Cross-origin headers for the developer interface alone: any origin, or those of AUDIOSENSE_CORS_ORIGINS."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._enabled = settings.developer_mode
        self._cors = CORSMiddleware(
            app,
            allow_origins=settings.cors_origins or ["*"],
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            max_age=600,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer preflights and add the headers where they belong."""
        cross = self._enabled and scope["type"] == "http" and is_developer_path(scope["path"])
        await (self._cors if cross else self.app)(scope, receive, send)
