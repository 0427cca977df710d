"""Figures of a window's raw samples that tell a sensor's faults."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FULL_SCALE = 0.99995
"""From here on a sample is at full scale; 16-bit sound ends at 32767 / 32768."""
FLOOR_DBFS = -160.0
LEAST_STILL_S = 0.5
_SMALL_OFFSET = 0.001
"""The square of the mean is then exact enough beside the mean square, and no copy is made."""
_LOOKS = 10


@dataclass(frozen=True, slots=True)
class SoundFigures:
    """What a window's samples say of the sensor.

    Attributes:
        level_dbfs: RMS of the sound without its mean.
        mean: of the samples, full scale is 1.
        full_scale_share: samples at full scale, in [0, 1].
        constant_s: longest time without any change, 0 where it is less than ``LEAST_STILL_S``.
        constant_at: where it stands meanwhile.
        is_constant: no sample differs from another.
    """

    level_dbfs: float
    mean: float
    full_scale_share: float
    constant_s: float
    constant_at: float
    is_constant: bool


def measure(samples: NDArray[np.float32], sample_rate_hz: int) -> SoundFigures:
    """Measure samples (n,), all finite."""
    mean = float(samples.mean(dtype=np.float64))
    centred = samples if abs(mean) < _SMALL_OFFSET else samples - np.float32(mean)
    square = float(np.dot(centred, centred)) / len(samples)
    rms = float(np.sqrt(max(0.0, square - mean**2 if centred is samples else square)))
    low, high = float(samples.min()), float(samples.max())
    is_constant = low == high
    share = 0.0
    if max(high, -low) >= FULL_SCALE:
        share = float(np.count_nonzero(np.abs(samples) >= FULL_SCALE)) / len(samples)
    first, longest = (0, len(samples)) if is_constant else _stillness(samples, sample_rate_hz)
    return SoundFigures(
        level_dbfs=FLOOR_DBFS if is_constant else max(FLOOR_DBFS, 20.0 * np.log10(max(rms, 1e-9))),
        mean=mean,
        full_scale_share=share,
        constant_s=longest / sample_rate_hz if longest > 1 else 0.0,
        constant_at=float(samples[first]),
        is_constant=is_constant,
    )


def _stillness(samples: NDArray[np.float32], sample_rate_hz: int) -> tuple[int, int]:
    """Return where the longest stretch without change begins, and its length; few samples tell whether to look."""
    stride = max(1, int(LEAST_STILL_S * sample_rate_hz / _LOOKS))
    _, looks = _longest_run(samples[::stride])
    if looks < _LOOKS - 1:
        return 0, 0
    first, longest = _longest_run(samples)
    return (first, longest) if longest >= LEAST_STILL_S * sample_rate_hz else (0, 0)


def _longest_run(samples: NDArray[np.float32]) -> tuple[int, int]:
    """Return where the longest run of equal samples begins, and its length."""
    changes = np.flatnonzero(samples[1:] != samples[:-1])
    edges = np.concatenate(([-1], changes, [len(samples) - 1]))
    lengths = np.diff(edges)
    place = int(lengths.argmax())
    return int(edges[place]) + 1, int(lengths[place])
