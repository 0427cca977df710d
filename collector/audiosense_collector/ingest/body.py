"""Reading a batch's body: bounded in size before and after decompression, then checked against the wire schema."""

import asyncio
import hashlib
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeVar

import zstandard
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from audiosense_collector.errors import BadRequestError, TooLargeError, UnsupportedError
from audiosense_common.wire import MAX_BODY_BYTES, MAX_DECODED_BYTES, Batch, Message

M = TypeVar("M", bound=Message)
OFF_LOOP_BYTES = 64 * 1024
"""A larger body is decompressed and parsed in a thread, so that other requests go on."""
_WINDOW_BYTES = 8 * 2**20
_SLICE_BYTES = 256
"""Compressed bytes taken at a time: zstd makes at most 8 MiB of them before the limit is checked again."""


@dataclass(frozen=True, slots=True)
class ParsedBatch:
    """A batch and the SHA-256 of its decompressed bytes, which tells an exact repeat."""

    batch: Batch
    sha256: bytes


async def parse_batch(body: bytes, encoding: str | None) -> ParsedBatch:
    """Decompress and check a batch.

    Raises:
        TooLargeError: more than the wire's limits; nothing beyond them is decompressed.
        UnsupportedError: neither zstd nor gzip nor identity.
        BadRequestError: damaged compression, or no JSON.
        RequestValidationError: a field is not what the schema says.
    """
    return ParsedBatch(*await _parse_off_loop(Batch, body, encoding))


async def read_message(
    kind: type[M], stream: AsyncIterator[bytes], encoding: str | None, length: str | None
) -> tuple[M, bytes]:
    """Read, decompress and check a message; returns it and the SHA-256 of its decompressed bytes.

    Raises:
        RequestError: as ``read_body`` and ``parse_batch`` raise it.
        RequestValidationError: a field is not what the schema says.
    """
    return await _parse_off_loop(kind, await read_body(stream, length), encoding)


async def _parse_off_loop(kind: type[M], body: bytes, encoding: str | None) -> tuple[M, bytes]:
    if len(body) > OFF_LOOP_BYTES:
        return await asyncio.to_thread(_parse, kind, body, encoding)
    return _parse(kind, body, encoding)


async def read_body(stream: AsyncIterator[bytes], length: str | None) -> bytes:
    """Read a compressed body.

    Raises:
        TooLargeError: more than the wire's limit; nothing beyond it is read.
    """
    if length is not None and length.isdecimal() and int(length) > MAX_BODY_BYTES:
        raise _too_large("body", MAX_BODY_BYTES)
    parts, size = [], 0
    async for part in stream:
        size += len(part)
        if size > MAX_BODY_BYTES:
            raise _too_large("body", MAX_BODY_BYTES)
        parts.append(part)
    return b"".join(parts)


def _parse(kind: type[M], body: bytes, encoding: str | None) -> tuple[M, bytes]:
    content = decompress(body, encoding)
    what = "batch" if kind is Batch else "message"
    try:
        return kind.model_validate_json(content), hashlib.sha256(content).digest()
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
        if found[0]["type"] == "json_invalid":
            raise BadRequestError(f"the {what} is no JSON: {found[0]['msg']}", loc="body") from None
        raise RequestValidationError(found) from None


def decompress(body: bytes, encoding: str | None) -> bytes:
    """Return the decompressed body, at most ``MAX_DECODED_BYTES``."""
    match (encoding or "identity").strip().lower():
        case "identity":
            return body
        case "gzip":
            return _gunzip(body)
        case "zstd":
            return _unzstd(body)
        case other:
            raise UnsupportedError(
                f"content encoding {other!r} is not taken; send zstd, gzip or none", loc="content-encoding"
            )


def _gunzip(body: bytes) -> bytes:
    try:
        reader = zlib.decompressobj(wbits=31)
        content = reader.decompress(body, MAX_DECODED_BYTES + 1)
    except zlib.error as error:
        raise _damaged("gzip", str(error)) from None
    if len(content) > MAX_DECODED_BYTES:
        raise _too_large("decompressed body", MAX_DECODED_BYTES)
    if not reader.eof or reader.unused_data:
        raise _damaged("gzip", "it is cut short or something follows it")
    return content


def _unzstd(body: bytes) -> bytes:
    parts, size = [], 0
    try:
        reader = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES).decompressobj()
        for start in range(0, len(body), _SLICE_BYTES):
            part = reader.decompress(body[start : start + _SLICE_BYTES])
            size += len(part)
            if size > MAX_DECODED_BYTES:
                raise _too_large("decompressed body", MAX_DECODED_BYTES)
            parts.append(part)
            if reader.eof:
                break
    except zstandard.ZstdError as error:
        raise _damaged("zstd", str(error)) from None
    if not reader.eof:
        raise _damaged("zstd", "it is cut short")
    return b"".join(parts)


def _damaged(encoding: str, reason: str) -> BadRequestError:
    return BadRequestError(f"the body is no valid {encoding}: {reason}", loc="body")


def _too_large(what: str, limit: int) -> TooLargeError:
    return TooLargeError(f"the {what} is larger than {limit} bytes; send fewer measurements in a batch", loc="body")
