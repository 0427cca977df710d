"""Clips that wait to be sent."""

import hashlib
from uuid import UUID

from audiosense_agent.clip_spool import ClipNote, ClipSpool
from audiosense_common.wire_clips import ClipKind

START_US = 1_790_000_000_000_000


def clip(number, *, sensor="pump", kind=ClipKind.EVENT, size=10_000):
    content = bytes([number % 251]) * size
    note = ClipNote(
        id=UUID(int=number + 1),
        sensor=sensor,
        kind=kind,
        start_us=START_US + number * 1_000_000,
        opening_us=START_US + number * 1_000_000,
        sample_rate_hz=16_000,
        frames=240_000,
        bytes=size,
        sha256=hashlib.sha256(content).hexdigest(),
    )
    return note, content


def open_spool(folder, *, max_bytes=10**9, allowed=("pump", "fan"), **sources):
    spool = ClipSpool(folder, {"pump": "simulator", "fan": "recording"} | sources, max_bytes)
    if allowed is not None:
        spool.allow(allowed)
    return spool
