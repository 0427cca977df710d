"""Whose request is being answered, and its number; both stand in every line that is logged meanwhile."""

import structlog

from audiosense_common.wire import REQUEST_ID_HEADER


def identify(**who: object) -> None:
    """Name the agent (``agent=``) or the user (``user=``) of the request that is being answered, for its log lines."""
    structlog.contextvars.bind_contextvars(**{kind: str(value) for kind, value in who.items()})


def request_id() -> str | None:
    """Return the number of the request that is being answered."""
    found = structlog.contextvars.get_contextvars().get("request_id")
    return str(found) if found is not None else None


def numbered() -> dict[str, str]:
    """Return the header that tells the request's number."""
    number = request_id()
    return {REQUEST_ID_HEADER: number} if number else {}
