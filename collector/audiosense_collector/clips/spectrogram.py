"""The spectrogram of a clip, small enough to be fetched while somebody waits, and how loud the clip is."""

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from audiosense_common.spectrum import real_spectra
from audiosense_common.weighting import a_weighting_db

EDITION = 1
"""To be raised with any change to what a picture shows: browsers keep those that they have."""
MAX_COLUMNS = 1_200
ROWS_PER_OCTAVE = 16
LOWEST_HZ = 25.0
"""Rows begin there: what is lower is no sound, and a frame holds too few of its periods."""
FRAME_S = 0.05
"""Frames are as long as the power of two of samples nearest to it: 23 Hz between bins at 48 kHz, 43 ms."""
SPAN_DB = 100.0
"""From the loudest value down; what is quieter is shown as the quietest."""
_BLOCK = 128
_LEAST = 1e-15
_REFERENCE_HZ = 1_000.0


@dataclass(frozen=True, slots=True)
class ClipPicture:
    """Levels of a clip over time and frequency.

    Attributes:
        levels: (columns, rows) from 0 for ``low_db`` to 255 for ``high_db``, the lowest frequency first.
        centre_hz: of each row; the same rows for clips of any rate, as far as each reaches.
        low_db: level of a 0, dB re full scale within a row's band.
        high_db: level of a 255.
        duration_s: length; the columns divide it evenly.
        level_dbfs: RMS level of the whole.
        level_a_dbfs: A-weighted level of the whole, by which clips are made equally loud.
    """

    levels: NDArray[np.uint8]
    centre_hz: NDArray[np.float64]
    low_db: float
    high_db: float
    duration_s: float
    level_dbfs: float
    level_a_dbfs: float

    def scale(self, rate_hz: int) -> dict[str, Any]:
        """Return what the levels of a sound at a rate mean, as ``schemas.Spectrogram`` has it."""
        return {
            "duration_s": self.duration_s,
            "sample_rate_hz": rate_hz,
            "shape": list(self.levels.shape),
            "centre_hz": self.centre_hz.round(2).tolist(),
            "low_db": self.low_db,
            "high_db": self.high_db,
            "level_dbfs": round(self.level_dbfs, 2),
            "level_a_dbfs": round(self.level_a_dbfs, 2),
        }

    def packed(self) -> str:
        """Return the levels as base64, column after column."""
        return base64.b64encode(self.levels.tobytes()).decode()


def read_picture(path: Path, columns: int) -> ClipPicture:
    """Compute the spectrogram of a sound file with one channel; ``columns`` at most."""
    samples, rate_hz = soundfile.read(path, dtype="float32")
    return make_picture(np.asarray(samples, np.float32), int(rate_hz), columns)


def make_picture(
    samples: NDArray[np.float32], rate_hz: int, columns: int, rows_per_octave: int = ROWS_PER_OCTAVE
) -> ClipPicture:
    """Compute the spectrogram of samples (n,) at a rate, in at most ``columns`` columns, one for each 2 ms at most.

    Frames under a Hann window, centred on their columns and scaled so that a sine of RMS level L has L in its row;
    a row is the power within its share of an octave, of which a bin is shared out by what overlaps.
    """
    size = 2 ** max(5, round(np.log2(FRAME_S * rate_hz)))
    columns = int(np.clip(len(samples) * 500 // rate_hz, 1, columns))
    centre_hz, edges = _rows(rate_hz, size, rows_per_octave)
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    scale = 2.0 * size / float(np.sum(window.astype(np.float64) ** 2))
    starts = ((np.arange(columns) + 0.5) * len(samples) / columns).astype(np.int64)
    padded = np.pad(samples, size // 2, mode="reflect" if len(samples) > size // 2 else "constant")
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)
    band = np.empty((columns, len(centre_hz)))
    total = np.zeros(size // 2 + 1)
    for first in range(0, columns, _BLOCK):
        block = slice(first, first + _BLOCK)
        power = np.abs(real_spectra(frames[starts[block]] * window, size)) ** 2 * scale
        total += power.sum(axis=0)
        band[block] = _within(power, edges)
    level = 10.0 * np.log10(np.maximum(band, _LEAST))
    high = float(np.ceil(level.max()))
    low = high - SPAN_DB
    shown = np.round(np.clip((level - low) / SPAN_DB, 0.0, 1.0) * 255).astype(np.uint8)
    bins_hz = np.arange(1, size // 2 + 1) * rate_hz / size
    weighted = float(np.sum(total[1:] / columns * 10.0 ** (a_weighting_db(bins_hz) / 10.0)))
    return ClipPicture(
        levels=shown,
        centre_hz=centre_hz,
        low_db=low,
        high_db=high,
        duration_s=len(samples) / rate_hz,
        level_dbfs=_decibels(float(np.mean(samples.astype(np.float64) ** 2))),
        level_a_dbfs=_decibels(weighted),
    )


def _rows(rate_hz: int, size: int, per_octave: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the centre (rows,) of each row in Hz, and the edges (rows + 1,) between them in bins."""
    half = 2.0 ** (0.5 / per_octave)
    first = int(np.ceil(per_octave * np.log2(LOWEST_HZ * half / _REFERENCE_HZ)))
    last = int(np.floor(per_octave * np.log2(rate_hz / 2.0 / half / _REFERENCE_HZ)))
    centre_hz = _REFERENCE_HZ * 2.0 ** (np.arange(first, last + 1) / per_octave)
    return centre_hz, np.append(centre_hz / half, centre_hz[-1] * half) * size / rate_hz


def _within(power: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the power (columns, rows) between edges; bin i reaches from i - 1/2 to i + 1/2, evenly filled."""
    below = np.concatenate([np.zeros((len(power), 1)), np.cumsum(power, axis=1)], axis=1)
    place = np.clip(edges + 0.5, 0.0, power.shape[1])
    whole = np.minimum(place.astype(np.int64), power.shape[1] - 1)
    return np.asarray(np.diff(below[:, whole] + (place - whole) * power[:, whole], axis=1))


def _decibels(power: float) -> float:
    return float(10.0 * np.log10(max(power, _LEAST)))
