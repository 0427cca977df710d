"""Reading a clip's body, bounded, and checking that it is the sound that it says."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from threading import BoundedSemaphore

import soundfile

from audiosense_collector.errors import InvalidError, TooLargeError, UnavailableError
from audiosense_common.wire_clips import MAX_CLIP_BYTES, MAX_CLIP_S, ClipUpload

_BLOCK_FRAMES = 65_536
_places = BoundedSemaphore(32)
"""Clips that are held in memory at once; the agents of all others come again."""


async def read_clip(upload: ClipUpload, stream: AsyncIterator[bytes], length: str | None) -> bytes:
    """Return the FLAC file of a request.

    Raises:
        TooLargeError: larger or longer than a clip may be; no more than that is read.
        InvalidError: not the SHA-256, length or format that was said, or damaged.
        UnavailableError: too many others are read just now.
    """
    if not _places.acquire(blocking=False):
        raise UnavailableError("many clips come at once; send it again later")
    try:
        return await _read(upload, stream, length)
    finally:
        _places.release()


async def _read(upload: ClipUpload, stream: AsyncIterator[bytes], length: str | None) -> bytes:
    if upload.duration_s > MAX_CLIP_S:
        raise InvalidError(f"frames: the clip lasts {upload.duration_s:.0f} s, at most {MAX_CLIP_S:.0f}", loc="frames")
    if length is not None and length.isdecimal() and int(length) > MAX_CLIP_BYTES:
        raise _too_large()
    parts, size = [], 0
    async for part in stream:
        size += len(part)
        if size > MAX_CLIP_BYTES:
            raise _too_large()
        parts.append(part)
    content = b"".join(parts)
    await asyncio.to_thread(_check, upload, content)
    return content


def _check(upload: ClipUpload, content: bytes) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != upload.sha256:
        raise InvalidError(f"sha256: the body has {found}, expected {upload.sha256}; send it again", loc="sha256")
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as sound:
            form = (sound.format, sound.subtype, sound.channels)
            if form != ("FLAC", "PCM_16", 1):
                raise InvalidError(f"body: found {form}, expected FLAC with one channel of 16 bits", loc="body")
            _compare("sample_rate_hz", sound.samplerate, upload.sample_rate_hz)
            _compare("frames", sound.frames, upload.frames)
            _compare("frames", sum(len(block) for block in sound.blocks(_BLOCK_FRAMES, dtype="int16")), upload.frames)
    except soundfile.LibsndfileError:
        raise InvalidError("body: this is no FLAC file, or a damaged one", loc="body") from None


def _compare(name: str, found: int, said: int) -> None:
    if found != said:
        raise InvalidError(f"{name}: the file has {found}, the request says {said}", loc=name)


def _too_large() -> TooLargeError:
    return TooLargeError(f"the clip is larger than {MAX_CLIP_BYTES} bytes; lower clips.max_s of the agent", loc="body")
