"""The cookie that holds a session's secret."""

from starlette.requests import cookie_parser
from starlette.responses import Response
from starlette.types import Scope

from audiosense_collector.auth.address import is_encrypted
from audiosense_collector.clock import DAY_US, SECOND_US

PLAIN = "audiosense_session"
SECURE = f"__Host-{PLAIN}"
"""Browsers take this one over TLS only, for this host alone and for all its paths."""


def name_of(scope: Scope) -> str:
    """Return the cookie's name for a request's connection; one that came in the clear opens nothing over TLS."""
    return SECURE if is_encrypted(scope) else PLAIN


def read(scope: Scope) -> str | None:
    """Return the secret in a request's cookie."""
    wanted = name_of(scope)
    for name, value in scope["headers"]:
        if name == b"cookie" and (found := cookie_parser(value.decode("latin-1")).get(wanted)):
            return str(found)
    return None


def put(scope: Scope, response: Response, secret: str, days: int) -> None:
    """Have the browser keep a session."""
    response.set_cookie(
        name_of(scope),
        secret,
        max_age=days * DAY_US // SECOND_US,
        path="/",
        secure=is_encrypted(scope),
        httponly=True,
        samesite="strict",
    )


def drop(scope: Scope, response: Response) -> None:
    """Have the browser forget it."""
    response.delete_cookie(name_of(scope), path="/", secure=is_encrypted(scope), httponly=True, samesite="strict")
