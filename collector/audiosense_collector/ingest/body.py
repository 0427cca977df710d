"""Reading a batch's body: bounded in size before and after decompression, then checked against the wire schema."""

import asyncio
import hashlib
import threading
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeVar

import zstandard
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from audiosense_collector.errors import BadRequestError, InvalidError, TooLargeError, UnsupportedError
from audiosense_collector.ingest.measured import Measured, measure
from audiosense_common.wire import MAX_BODY_BYTES, MAX_DECODED_BYTES, Batch, Message

M = TypeVar("M", bound=Message)
OFF_LOOP_BYTES = 64 * 1024
"""A larger body is decompressed and parsed in a thread, so that other requests go on."""
_WINDOW_BYTES = 8 * 2**20
MAX_FRAMES = 16
"""Most zstd frames of one body."""
_FRAME_HEADER_BYTES = 18
_REPEATED_BYTE = 1
_OWN = threading.local()
_SLICE_BYTES = 256
"""Compressed bytes taken at a time: zstd makes at most 8 MiB of them before the limit is checked again."""


@dataclass(frozen=True, slots=True)
class ParsedBatch:
    """A batch, the SHA-256 of its decompressed bytes, which tells an exact repeat, and its measurements as arrays.

    ``problem`` is what is wrong with them, if anything is: it is told once the batch is known to be no repeat.
    """

    batch: Batch
    sha256: bytes
    measured: tuple[Measured, ...] = ()
    problem: InvalidError | None = None

    @property
    def rows(self) -> int:
        """How many measurements the batch holds."""
        return sum(len(measured.seq) for measured in self.batch.sensors)


async def parse_batch(body: bytes, encoding: str | None) -> ParsedBatch:
    """Decompress and check a batch.

    Raises:
        TooLargeError: more than the wire's limits; nothing beyond them is decompressed.
        UnsupportedError: neither zstd nor gzip nor identity.
        BadRequestError: damaged compression, or no JSON.
        RequestValidationError: a field is not what the schema says.
    """
    if len(body) > OFF_LOOP_BYTES:
        return await asyncio.to_thread(_parse_batch, body, encoding)
    return _parse_batch(body, encoding)


def _parse_batch(body: bytes, encoding: str | None) -> ParsedBatch:
    batch, sha256 = _parse(Batch, body, encoding)
    try:
        measured = tuple(measure(columns, place) for place, columns in enumerate(batch.sensors))
    except InvalidError as error:
        return ParsedBatch(batch, sha256, problem=error)
    return ParsedBatch(batch, sha256, measured)


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
    """Decompress one frame after the other (RFC 8878, section 3); skippable ones are none of ours."""
    parts: list[bytes] = []
    left, rest = MAX_DECODED_BYTES, body
    try:
        for _ in range(MAX_FRAMES):
            part, rest = _unzstd_frame(rest, left)
            parts.append(part)
            left -= len(part)
            if not rest:
                return b"".join(parts)
    except zstandard.ZstdError as error:
        raise _damaged("zstd", str(error)) from None
    raise _damaged("zstd", f"it has more than {MAX_FRAMES} frames")


def _unzstd_frame(body: bytes, most: int) -> tuple[bytes, bytes]:
    """Return the content of the first frame, at most so many bytes, and what follows it."""
    frame = zstandard.get_frame_parameters(body[:_FRAME_HEADER_BYTES])
    if most < frame.content_size < zstandard.CONTENTSIZE_UNKNOWN:
        raise _too_large("decompressed body", MAX_DECODED_BYTES)
    if frame.content_size == zstandard.CONTENTSIZE_UNKNOWN:
        return _unzstd_slices(body, most)
    length = _frame_length(body, has_checksum=frame.has_checksum)
    # Made in a buffer of the size that the frame says; one that holds more is damaged.
    content = _decompressor().decompress(body[:length])
    return content, body[length:]


def _decompressor() -> zstandard.ZstdDecompressor:
    """Return the thread's own decompressor: to make one takes longer than most frames."""
    found: zstandard.ZstdDecompressor | None = getattr(_OWN, "decompressor", None)
    if found is None:
        found = _OWN.decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
    return found


def _frame_length(body: bytes, *, has_checksum: bool) -> int:
    """Return the length of the first frame, found by the headers of its blocks (RFC 8878, section 3.1.1.2)."""
    place, last = zstandard.frame_header_size(body), False
    while not last:
        header = int.from_bytes(body[place : place + 3], "little")
        last, kind, size = bool(header & 1), header >> 1 & 3, header >> 3
        place += 3 + (1 if kind == _REPEATED_BYTE else size)
        if place > len(body):
            raise _damaged("zstd", "it is cut short")
    return place + 4 * has_checksum


def _unzstd_slices(body: bytes, most: int) -> tuple[bytes, bytes]:
    """Decompress a frame that does not say how much it holds, little by little."""
    parts: list[bytes] = []
    size = used = 0
    reader = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES).decompressobj()
    while not reader.eof and used < len(body):
        part = reader.decompress(body[used : used + _SLICE_BYTES])
        used += _SLICE_BYTES
        size += len(part)
        if size > most:
            raise _too_large("decompressed body", MAX_DECODED_BYTES)
        parts.append(part)
    if not reader.eof:
        raise _damaged("zstd", "it is cut short")
    return b"".join(parts), body[min(used, len(body)) - len(reader.unused_data) :]


def _damaged(encoding: str, reason: str) -> BadRequestError:
    return BadRequestError(f"the body is no valid {encoding}: {reason}", loc="body")


def _too_large(what: str, limit: int) -> TooLargeError:
    return TooLargeError(f"the {what} is larger than {limit} bytes; send fewer measurements in a batch", loc="body")
