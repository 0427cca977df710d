"""Who sends a request: a user by a session, an API token, or the demo's visitor."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from starlette.types import Scope

SCOPE_KEY = "audiosense.principal"


class Means(StrEnum):
    """How a caller was recognised."""

    SESSION = "session"
    TOKEN = "token"  # noqa: S105 - a kind, no secret
    DEMO = "demo"


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller; ``actor`` is how logs name it: ``anna``, ``token:reporting``, ``demo``.

    ``credential`` is the id of the session or token; ``user`` is None for tokens of nobody and in the demo.
    """

    actor: str
    role: str
    means: Means
    credential: UUID | None = None
    user: UUID | None = None


def principal_of(scope: Scope) -> Principal | None:
    """Return the caller of a request, None if nobody is signed in."""
    found: Any = scope.get(SCOPE_KEY)
    assert found is None or isinstance(found, Principal)
    return found


async def _caller(request: Request) -> Principal:
    found = principal_of(request.scope)
    assert found is not None, "a route that asks for its caller demands a role"
    return found


Caller = Annotated[Principal, Depends(_caller)]
"""The caller of a route that demands a role."""
