"""The collector's error tree; each class carries its status code and becomes a problem document (RFC 9457).

AudioSenseError
├── StartError                  printed in one line by the commands
│   ├── SettingsError
│   └── DatabaseError
└── RequestError                answered as a problem document
    ├── BadRequestError         400
    ├── UnauthorizedError       401
    ├── ForbiddenError          403
    ├── NotFoundError           404
    ├── ConflictError           409
    ├── TooLargeError           413
    ├── UnsupportedError        415
    ├── InvalidError            422
    ├── TooManyError            429, with Retry-After
    └── UnavailableError        503, with Retry-After
"""

import random
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

import psycopg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from procrastinate.exceptions import ConnectorException
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException

from audiosense_collector.metrics.identity import numbered, request_id
from audiosense_common.errors import AudioSenseError
from audiosense_common.wire import Problem

log = structlog.get_logger()
RETRY_AFTER_S = (2, 10)
DATABASE_AWAY = (
    OperationalError,
    InterfaceError,
    PoolTimeoutError,
    ConnectorException,
    # Rows are inserted past SQLAlchemy.
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
STORAGE_AWAY = "storage_away"
"""The type of the problem of what lies in a storage that does not answer."""
PROBLEM_MEDIA_TYPE = "application/problem+json"


class StartError(AudioSenseError):
    """The collector cannot start or a command cannot run."""


class SettingsError(StartError):
    """A setting has a value that cannot be used."""


class DatabaseError(StartError):
    """PostgreSQL cannot be reached, started or used."""


class RequestError(AudioSenseError):
    """A request that is not served; ``loc`` names the field and ``kind`` becomes the problem's type."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR

    def __init__(self, message: str, *, loc: str | None = None, kind: str = "about:blank") -> None:
        super().__init__(message)
        self.loc = loc
        self.kind = kind

    @property
    def headers(self) -> dict[str, str]:
        """Headers that the answer carries."""
        return {}


class BadRequestError(RequestError):
    """The body is not what it says it is: damaged compression or JSON."""

    status = HTTPStatus.BAD_REQUEST


class UnauthorizedError(RequestError):
    """No credential, or an unknown one."""

    status = HTTPStatus.UNAUTHORIZED

    @property
    def headers(self) -> dict[str, str]:
        """Say which scheme is expected."""
        return {"WWW-Authenticate": "Bearer"}


class ForbiddenError(RequestError):
    """Known, but not allowed: revoked, quarantined, expired, used up, or another site's page."""

    status = HTTPStatus.FORBIDDEN


class NotFoundError(RequestError):
    """The thing does not exist, or not for the one who asks."""

    status = HTTPStatus.NOT_FOUND


class ConflictError(RequestError):
    """The thing is in a state in which this cannot be done."""

    status = HTTPStatus.CONFLICT


class TooLargeError(RequestError):
    """The body is larger than what is taken."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class UnsupportedError(RequestError):
    """A content encoding or type that is not taken."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE


class InvalidError(RequestError):
    """A field of the request has a value that is not taken."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class TooManyError(RequestError):
    """Too many attempts; try again after ``retry_after_s``."""

    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, message: str, *, retry_after_s: int, kind: str = "about:blank") -> None:
        super().__init__(message, kind=kind)
        self.retry_after_s = retry_after_s

    @property
    def headers(self) -> dict[str, str]:
        """Say when to come back."""
        return {"Retry-After": str(self.retry_after_s)}


class UnavailableError(RequestError):
    """Not now; try again after ``retry_after_s``, which is drawn, so that a fleet does not come back at once."""

    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self, message: str, *, loc: str | None = None, kind: str = "about:blank") -> None:
        super().__init__(message, loc=loc, kind=kind)
        self.retry_after_s = random.randint(*RETRY_AFTER_S)  # noqa: S311

    @property
    def headers(self) -> dict[str, str]:
        """Say when to come back."""
        return {"Retry-After": str(self.retry_after_s)}


def problem(error: RequestError) -> JSONResponse:
    """Make the problem document of an error."""
    errors = [{"loc": error.loc, "msg": str(error)}] if error.loc else None
    return _respond(error.status, str(error), kind=error.kind, errors=errors, headers=error.headers)


def failure() -> JSONResponse:
    """Make the problem document of what nobody foresaw."""
    return _respond(HTTPStatus.INTERNAL_SERVER_ERROR, "the collector failed; its log says why", headers=numbered())


def field_errors(errors: Sequence[Mapping[str, Any]], *, skip: Sequence[str] = ()) -> list[dict[str, str]]:
    """Turn pydantic's errors into where (``sensors.0.score.3`` or ``body``) and what, without the values themselves."""
    return [
        {"loc": ".".join(str(step) for step in item["loc"] if step not in skip) or "body", "msg": _words(item)}
        for item in errors
    ]


def _words(item: Mapping[str, Any]) -> str:
    words = str(item["msg"]).removeprefix("Value error, ")
    return "this key is unknown; see the interface's description" if item["type"] == "extra_forbidden" else words


def invalid(errors: Sequence[Mapping[str, Any]], *, skip: Sequence[str] = ()) -> JSONResponse:
    """Make the problem document of a body that does not validate; it names the first field in its detail."""
    fields = field_errors(errors, skip=skip)
    more = f" (and {len(fields) - 1} more)" if len(fields) > 1 else ""
    detail = f"{fields[0]['loc']}: {fields[0]['msg']}{more}"
    return _respond(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=fields[:20])


def _respond(
    status: HTTPStatus,
    detail: str,
    *,
    kind: str = "about:blank",
    errors: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    document = Problem(type=kind, title=status.phrase, status=status, detail=detail, errors=errors)
    content = document.model_copy(update={"request_id": request_id()}).model_dump(exclude_none=True)
    return JSONResponse(content, status, headers=dict(headers or {}), media_type=PROBLEM_MEDIA_TYPE)


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, RequestError):
        return problem(error.__cause__)
    status, detail = HTTPStatus(error.status_code), error.detail
    if detail == status.phrase:
        asked = f"{request.method} {request.url.path}"
        detail = f"{asked}: {detail.lower()}; /api/v1/openapi.json lists what there is"
    return _respond(status, detail, headers=error.headers)


async def _on_unstorable(_request: Request, error: Exception) -> JSONResponse:
    reason = str(getattr(error, "orig", None) or error).splitlines()[0]
    return problem(InvalidError(f"the request holds a value that cannot be stored: {reason}; correct it"))


def away(error: Exception) -> "UnavailableError":
    """Return what is answered while the database cannot be used; its kind is a stable word for the dashboard."""
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, psycopg.errors.DiskFull):
        kind, why = "database_full", "the disk of the database is full: make room on it"
        return UnavailableError(f"{why}; try again later, nothing need be restarted", kind=kind)
    if isinstance(cause, PoolTimeoutError | psycopg.errors.TooManyConnections):
        kind, why = "database_busy", "all connections to the database are in use just now"
    else:
        kind, why = "database_away", "the database is not available just now"
    return UnavailableError(f"{why}; try again in a few seconds", kind=kind)


def install_handlers(app: FastAPI) -> None:
    """Answer every error of an application as a problem document."""

    async def on_request_error(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestError)
        return problem(error)

    async def on_validation_error(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return invalid(error.errors(), skip=("body", "query", "path", "header"))

    async def on_database_error(_request: Request, error: Exception) -> JSONResponse:
        log.warning("database not available", error=" ".join(str(error).split())[:300])
        return problem(away(error))

    async def on_other_error(_request: Request, _error: Exception) -> JSONResponse:
        return failure()

    app.add_exception_handler(RequestError, on_request_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    for kind in DATABASE_AWAY:
        app.add_exception_handler(kind, on_database_error)
    for unstorable in (DataError, psycopg.DataError):
        app.add_exception_handler(unstorable, _on_unstorable)
    app.add_exception_handler(Exception, on_other_error)


def responses(*errors: type[RequestError]) -> dict[int | str, dict[str, Any]]:
    """Document the errors of a route in the OpenAPI document."""
    return {
        int(error.status): {"model": Problem, "description": (error.__doc__ or "").splitlines()[0]} for error in errors
    }


def document_problems(document: dict[str, Any]) -> dict[str, Any]:
    """Give every error response of an OpenAPI document its real media type."""
    for path in document.get("paths", {}).values():
        for operation in path.values():
            for status, response in operation.get("responses", {}).items():
                content = response.get("content", {})
                if status[:1] in "45" and content:
                    response["content"] = {PROBLEM_MEDIA_TYPE: next(iter(content.values()))}
    return document
