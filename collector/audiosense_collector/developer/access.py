"""Who may use the developer interface, and from which pages."""

import hmac

from fastapi import Depends, Request
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from audiosense_collector.auth.address import is_local
from audiosense_collector.auth.principal import principal_of
from audiosense_collector.auth.roles import Role
from audiosense_collector.developer.settings import DeveloperSettings
from audiosense_collector.errors import NotFoundError, UnauthorizedError
from audiosense_collector.settings import Settings

ROOTS = ("/analyses", "/v2", "/anomaly", "/analyze")


def is_developer_path(path: str) -> bool:
    """Tell the developer interface's paths from all others."""
    return any(path == root or path.startswith(f"{root}/") for root in ROOTS)


async def _allow(request: Request) -> None:
    if not request.app.state.runtime.settings.developer_mode:
        raise NotFoundError("the developer interface is off; start the collector with AUDIOSENSE_DEVELOPER_MODE=1")
    caller = principal_of(request.scope)
    if is_local(request.scope) or (caller is not None and Role(caller.role).covers(Role.OPERATOR)):
        return
    token = DeveloperSettings.load().token
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    right = token is not None and hmac.compare_digest(given.strip().encode(), token.encode())
    if scheme.lower() != "bearer" or not right:
        raise UnauthorizedError(
            "the developer interface answers this computer only, signed-in operators, or the bearer of "
            "AUDIOSENSE_DEVELOPER_TOKEN; send 'Authorization: Bearer TOKEN'"
        )


DeveloperOnly = Depends(_allow)


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
