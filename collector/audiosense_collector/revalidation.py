"""Answers that a client may keep and ask about: an ETag of the content, and 304 where it has not changed."""

import hashlib
from typing import Any

from fastapi import Request, Response

NOT_MODIFIED: dict[int | str, dict[str, Any]] = {304: {"description": "What If-None-Match names is still true"}}
"""For the OpenAPI document of a route that answers so."""
REVALIDATE = "private, no-cache"
"""Kept by the browser of one person, and asked about each time."""
IMMUTABLE = "private, max-age=31536000, immutable"


def answer(
    request: Request, content: bytes, *, media_type: str = "application/json", cache: str = REVALIDATE
) -> Response:
    """Return a content with its ETag, or 304 without it for a client that has it."""
    tag = f'"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": cache}
    if has(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=media_type, headers=headers)


def has(request: Request, tag: str) -> bool:
    """Say whether the client has the content of an ETag (RFC 9110, 13.1.2: compared weakly)."""
    named = request.headers.get("if-none-match", "")
    return named.strip() == "*" or tag in {each.strip().removeprefix("W/") for each in named.split(",")}
