"""Whether a WAV or Ogg file ends before its end: libsndfile takes such files as shorter ones without a word."""

import os
import struct
from typing import BinaryIO

_RIFF_HEADER_BYTES = 12
_CHUNK_HEADER_BYTES = 8
_MAX_CHUNKS = 1_000
_UNKNOWN_SIZE = 0xFFFFFFFF
_LAST_BYTES = 65_536
_OGG_HEADER_BYTES = 27
_OGG_FLAGS = 5
_OGG_SEGMENTS = 26
_END_OF_STREAM = 4


def missing_share(file: BinaryIO) -> float | None:
    """Return the share (0 to 1) of a WAV file's sound, or 1.0 for an Ogg stream without an end, that is missing.

    None where nothing is known to be missing. The file's position is kept.
    """
    position = file.tell()
    try:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        magic = file.read(_RIFF_HEADER_BYTES)
        if magic[:4] == b"RIFF" and magic[8:] == b"WAVE":
            return _wav_missing(file, size)
        if magic[:4] == b"OggS":
            return _ogg_missing(file, size)
        return None
    finally:
        file.seek(position)


def _wav_missing(file: BinaryIO, size: int) -> float | None:
    for _ in range(_MAX_CHUNKS):
        header = file.read(_CHUNK_HEADER_BYTES)
        if len(header) < _CHUNK_HEADER_BYTES:
            return None
        name, length = struct.unpack("<4sI", header)
        if name == b"data":
            held = size - file.tell()
            # Writers of streams that cannot seek back leave 0 or the largest number for "until the end".
            return 1.0 - held / length if 0 < length < _UNKNOWN_SIZE and held < length else None
        file.seek(length + length % 2, os.SEEK_CUR)
    return None


def _ogg_missing(file: BinaryIO, size: int) -> float | None:
    file.seek(max(0, size - _LAST_BYTES))
    tail = file.read()
    page = tail[tail.rfind(b"OggS") :] if b"OggS" in tail else b""
    if len(page) < _OGG_HEADER_BYTES or not page[_OGG_FLAGS] & _END_OF_STREAM:
        return 1.0
    segments = page[_OGG_HEADER_BYTES : _OGG_HEADER_BYTES + page[_OGG_SEGMENTS]]
    complete = len(page) >= _OGG_HEADER_BYTES + page[_OGG_SEGMENTS] + sum(segments)
    return None if complete else 1.0
