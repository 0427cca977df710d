"""The messages about clips: the sound around an event, and short references of normal sound."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from audiosense_common.wire import Digest, Message, TimeUs

MAX_CLIP_BYTES = 16 * 2**20
"""Largest clip that the collector reads."""
MAX_CLIP_S = 120.0
"""Longest clip that the collector takes."""
MAX_CLIP_RATE_HZ = 96_000
"""Highest sample rate of a clip; what is sampled higher is resampled before it is sent, browsers play no more."""
NOT_ALLOWED = "clips-not-allowed"
"""Type of the problem that refuses a clip because its sensor's sound must not leave the agent."""


class ClipKind(StrEnum):
    """Why a clip was kept."""

    EVENT = "event"
    REFERENCE = "reference"


class ClipUpload(Message):
    """What a clip is: the query of ``PUT /api/v1/clips/{clip}``, whose body is the FLAC file (one channel, 16 bits).

    The clip of an event has the event's id; a reference has a UUIDv7 of its own.
    """

    sensor: UUID
    kind: ClipKind
    start_us: TimeUs
    opening_us: Annotated[TimeUs, Field(description="start of the event's first anomalous window, or the clip's start")]
    sample_rate_hz: Annotated[int, Field(ge=1_000, le=MAX_CLIP_RATE_HZ)]
    frames: Annotated[int, Field(ge=1, le=round(MAX_CLIP_S * MAX_CLIP_RATE_HZ))]
    sha256: Digest

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate_hz


class ClipTaken(Message):
    """What the collector says after the commit: the clip is stored."""

    repeated: Annotated[bool, Field(description="the same clip had been stored before")]
