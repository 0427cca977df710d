"""The spectrogram that is kept beside an analysis: small, and as long as the recording."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.clips.spectrogram import LOWEST_HZ, ROWS_PER_OCTAVE, ClipPicture, make_picture

MAX_COLUMNS = 1_000
MAX_ROWS = 128
FRAMES_PER_COLUMN = 40
"""Looked at for one column at most: of two hours every sixth frame."""
STEP_S = 0.025


def draw(samples: NDArray[np.float32], rate_hz: int) -> ClipPicture:
    """Compute the spectrogram of samples (n,) in at most 1,000 columns of at most 128 rows.

    Where a column spans more than one frame it shows the loudest of them, so that a knock of a long recording is seen.
    """
    octaves = np.log2(rate_hz / 2.0 / LOWEST_HZ)
    per_octave = int(min(ROWS_PER_OCTAVE, MAX_ROWS // octaves))
    frames = len(samples) / rate_hz / STEP_S
    joined = int(np.clip(np.ceil(frames / MAX_COLUMNS), 1, FRAMES_PER_COLUMN))
    picture = make_picture(samples, rate_hz, MAX_COLUMNS * joined, per_octave)
    columns = len(picture.levels) // joined
    loudest = picture.levels[: columns * joined].reshape(columns, joined, -1).max(axis=1)
    return replace(picture, levels=loudest)
