"""The spectrogram that is kept beside an analysis: small, and as long as the recording."""

from typing import Any

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
    return ClipPicture(
        levels=loudest,
        centre_hz=picture.centre_hz,
        low_db=picture.low_db,
        high_db=picture.high_db,
        duration_s=picture.duration_s,
        level_dbfs=picture.level_dbfs,
        level_a_dbfs=picture.level_a_dbfs,
    )


def scale(picture: ClipPicture, rate_hz: int) -> dict[str, Any]:
    """Return what the levels mean, as it is stored and answered; see ``schemas.AnalysisSpectrogram``."""
    return {
        "duration_s": picture.duration_s,
        "sample_rate_hz": rate_hz,
        "shape": list(picture.levels.shape),
        "centre_hz": picture.centre_hz.round(2).tolist(),
        "low_db": picture.low_db,
        "high_db": picture.high_db,
        "level_dbfs": round(picture.level_dbfs, 2),
        "level_a_dbfs": round(picture.level_a_dbfs, 2),
    }
