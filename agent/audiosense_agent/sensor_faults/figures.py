"""Figures of a window's raw samples that tell a sensor's faults."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FULL_SCALE = 0.99995
"""From here on a sample is at full scale; 16-bit sound ends at 32767 / 32768."""
FLOOR_DBFS = -160.0


@dataclass(frozen=True, slots=True)
class SoundFigures:
    """What a window's samples say of the sensor.

    Attributes:
        level_dbfs: RMS of the sound without its mean.
        mean: of the samples, full scale is 1.
        full_scale_share: samples at full scale, in [0, 1].
        constant_s: longest time without any change, 0 if each sample differs from the one before.
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
    centred = samples - np.float32(mean)
    rms = float(np.sqrt(np.dot(centred, centred) / len(samples)))
    low, high = float(samples.min()), float(samples.max())
    is_constant = low == high
    share = 0.0
    if max(high, -low) >= FULL_SCALE:
        share = float(np.count_nonzero(np.abs(samples) >= FULL_SCALE)) / len(samples)
    first, longest = (0, len(samples)) if is_constant else _longest_run(samples)
    return SoundFigures(
        level_dbfs=FLOOR_DBFS if is_constant else max(FLOOR_DBFS, 20.0 * np.log10(max(rms, 1e-9))),
        mean=mean,
        full_scale_share=share,
        constant_s=longest / sample_rate_hz if longest > 1 else 0.0,
        constant_at=float(samples[first]),
        is_constant=is_constant,
    )


def _longest_run(samples: NDArray[np.float32]) -> tuple[int, int]:
    """Return where the longest run of equal samples begins, and its length."""
    changes = np.flatnonzero(samples[1:] != samples[:-1])
    edges = np.concatenate(([-1], changes, [len(samples) - 1]))
    lengths = np.diff(edges)
    place = int(lengths.argmax())
    return int(edges[place]) + 1, int(lengths[place])
