"""Says in the OpenAPI document who may call what, and how callers show who they are."""

from typing import Any

from audiosense_collector.auth.cookies import PLAIN
from audiosense_collector.auth.middleware import PAGE_HEADER
from audiosense_collector.auth.roles import Demands
from audiosense_collector.errors import (
    BadRequestError,
    ForbiddenError,
    TooLargeError,
    UnauthorizedError,
    UnavailableError,
    responses,
)

_SCHEMES = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API token, `as_…`; `audiosense-collector tokens create` makes one.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": PLAIN,
        "description": (
            f"Set by `POST /api/v1/session`; over TLS its name begins with `__Host-`. Changes need the header "
            f"`{PAGE_HEADER}` as well."
        ),
    },
}
_TOO_SLOW = 408
_PROBLEM = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}}


def document_demands(document: dict[str, Any], demands: Demands) -> None:
    """Add the schemes, and to each operation its least role and the errors of who may not."""
    document.setdefault("components", {})["securitySchemes"] = _SCHEMES
    everywhere = {
        str(status): {"description": found["description"], **_PROBLEM}
        for status, found in responses(UnauthorizedError, ForbiddenError, UnavailableError).items()
    }
    everywhere[str(int(BadRequestError.status))] = {
        "description": "Asked for under a name that is not the collector's, or the body cannot be read.",
        **_PROBLEM,
    }
    # A body may come in too slowly, or be larger than what is taken.
    large = responses(TooLargeError)[int(TooLargeError.status)]
    of_bodies = {
        str(_TOO_SLOW): {"description": "The body came in too slowly.", **_PROBLEM},
        str(int(TooLargeError.status)): {"description": large["description"], **_PROBLEM},
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            role = demands.get((method.upper(), path))
            operation["security"] = [] if role is None else [{"token": []}, {"session": []}]
            if role is not None:
                operation["x-required-role"] = role.value
            more = everywhere | (of_bodies if "requestBody" in operation else {})
            for status, response in more.items():
                operation["responses"].setdefault(status, response)
