"""Roles, each of which may do all that the one before may, and what a route demands of its caller."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NoReturn

from fastapi import Depends, Request
from fastapi.params import Depends as Dependency
from fastapi.routing import APIRoute, APIRouter

from audiosense_collector.auth.principal import principal_of
from audiosense_collector.errors import ForbiddenError, UnauthorizedError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Role(StrEnum):
    """What somebody may do; the scopes of API tokens have the same ranks."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"

    @property
    def rank(self) -> int:
        """Place among the roles, from 0."""
        return list(Role).index(self)

    def covers(self, other: "Role") -> bool:
        """Whether whoever has this role may do what the other one may."""
        return self.rank >= other.rank


Demands = dict[tuple[str, str], Role | None]
"""The least role of each operation, by method and path; None for public ones."""


class _Demand:
    """Lets a request pass whose caller has at least a role; ``role`` None lets everybody pass."""

    def __init__(self, role: Role | None, *, own: bool = False) -> None:
        self.role = role
        self.own = own

    async def __call__(self, request: Request) -> None:
        """Check the caller that the middleware has found."""
        if self.role is None:
            return
        caller = principal_of(request.scope)
        if caller is None:
            raise_unauthorized()
        if not Role(caller.role).covers(self.role):
            raise ForbiddenError(
                f"this needs the role {self.role.value}, {caller.actor!r} has {caller.role}; "
                "ask an administrator to do it, or for the role",
                kind=f"needs_{self.role.value}",
            )


def Requires(role: Role, *, own: bool = False) -> Any:  # noqa: N802 - stands where FastAPI's Depends would
    """Demand a role of whoever calls a route, or all routes of a router.

    ``own`` says that a changing route of the least role touches nothing but the caller's own account.
    """
    return Depends(_Demand(role, own=own))


PUBLIC: Any = Depends(_Demand(None))
"""Marks a route that answers without signing in."""


def raise_unauthorized() -> NoReturn:
    """Say that nobody is signed in.

    Raises:
        UnauthorizedError: always.
    """
    raise UnauthorizedError(
        "nobody is signed in; sign in on the dashboard, or send 'Authorization: Bearer' with an API token",
        kind="sign_in",
    )


def demand_of(route: APIRoute) -> Role | None:
    """Return the least role that a route demands, None if it is public.

    Raises:
        TypeError: it declares nothing, or changes something and demands no more than reading does.
    """
    methods = route.methods or set()
    demands = [found for found in map(_demand, route.dependencies) if found is not None]
    name = f"{sorted(methods)} {route.path}"
    if not demands:
        raise TypeError(f"{name} declares no role; give it Requires(Role.…) or PUBLIC")
    if any(demand.role is None for demand in demands):
        return None
    strongest = max(demands, key=lambda demand: demand.role.rank if demand.role else -1)
    changes = not methods <= SAFE_METHODS
    if changes and strongest.role is Role.VIEWER and not any(demand.own for demand in demands):
        raise TypeError(f"{name} changes something and declares no role of its own; give it Requires(Role.…)")
    return strongest.role


def demands_of(routers: Iterable[APIRouter]) -> Demands:
    """Return the least role of every operation, by method and path.

    Raises:
        TypeError: an operation declares none.
    """
    return {
        (method, route.path): demand_of(route)
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in sorted(route.methods or ())
    }


def _demand(dependency: Dependency) -> _Demand | None:
    return dependency.dependency if isinstance(dependency.dependency, _Demand) else None
