"""Taking a recording from a multipart form, bounded while it arrives."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message

from audiosense_collector.errors import InvalidError, TooLargeError

MAX_UPLOAD_BYTES = 64 * 2**20
MAX_FILENAME = 255
_OVERHEAD_BYTES = 64 * 2**10
"""Room for the form around the file."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file and the form's other fields."""

    file: BinaryIO
    filename: str
    fields: dict[str, str]


def upload_openapi(**fields: dict[str, Any]) -> dict[str, Any]:
    """Describe a form with a file and other fields, as ``openapi_extra`` of a route."""
    file = {"type": "string", "format": "binary", "description": "WAV, FLAC, OGG or MP3, at most 64 MiB"}
    schema = {"type": "object", "properties": {"file": file, **fields}, "required": ["file"]}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


@asynccontextmanager
async def read_upload(request: Request) -> AsyncIterator[Upload]:
    """Read the form; its temporary file is gone when the context ends.

    Raises:
        TooLargeError: larger than 64 MiB; no more than that is ever read.
        InvalidError: no form, a damaged one, or one without a file.
    """
    declared = request.headers.get("content-length", "")
    limit = MAX_UPLOAD_BYTES + _OVERHEAD_BYTES
    if declared.isdigit() and int(declared) > limit:
        raise _too_large()
    received = 0

    async def receive() -> Message:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        if received > limit:
            raise _too_large()
        return message

    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise InvalidError("no file was sent; send a multipart form with the recording as 'file'", loc="file")
    try:
        async with Request(request.scope, receive).form(max_files=1, max_fields=20) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise InvalidError("the form has no file 'file'; send the recording under that name", loc="file")
            if (file.size or 0) > MAX_UPLOAD_BYTES:
                raise _too_large()
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
            yield Upload(file.file, _clean(file.filename), fields)
    except HTTPException as error:
        raise InvalidError(f"the form cannot be read: {error.detail}; send it again", loc="file") from None


def _clean(filename: str | None) -> str:
    """Return a name that can be stored and shown; PostgreSQL takes no NUL."""
    printable = "".join(character for character in filename or "" if character.isprintable())
    return printable[-MAX_FILENAME:] or "recording"


def _too_large() -> TooLargeError:
    message = f"the file is larger than {MAX_UPLOAD_BYTES // 2**20} MiB; cut it into parts"
    return TooLargeError(message, loc="file", kind="audio_too_large")
