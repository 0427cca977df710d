"""An input with nothing at it: mains hum and the converter's own noise, which is white and steady, and nothing else.

What a microphone hears in a quiet room is neither: rooms, fans and people give less towards high frequencies and
fluctuate. A machine that hums at the mains frequency is told apart by the rest of its sound, and by its level, which is
that of its baseline.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiosense_agent.sensor_faults.fault import FaultKind, Figure, SensorFault
from audiosense_agent.sensor_faults.figures import SoundFigures
from audiosense_agent.sensor_faults.limits import Limits
from audiosense_common.spectrum import real_spectra

MAINS_HZ = (50.0, 60.0)
_TOP_HUM_HZ = 700.0
_HUM_SHARE = 0.5
_FUNDAMENTAL_SHARE = 0.2
_FROM_HZ = 1_000.0
_TO_SHARE = 0.42
"""Of the sample rate: above, a converter's or resampler's filter begins."""
_BANDS = 10
_WHITE_DB = 2.0
_STEADY_DB = 0.6
_SAME_HUM_DB = 3.0
_FRAME_S = 0.05
_LEAST_FRAMES = 8
_LEAST_S = 0.4
_LEAST_RATE_HZ = 6_000


@dataclass(frozen=True, slots=True)
class Floor:
    """What is heard besides hum.

    Attributes:
        hum_dbfs: level of the mains frequency and its harmonics.
        hum_share: their share of the power, in [0, 1].
        unevenness_db: between the bands of the rest, 0 for white noise.
        unsteadiness_db: standard deviation of the rest's level from frame to frame.
    """

    hum_dbfs: float
    hum_share: float
    unevenness_db: float
    unsteadiness_db: float

    @property
    def is_bare(self) -> bool:
        """Whether the rest is a converter's own noise."""
        return self.unevenness_db <= _WHITE_DB and self.unsteadiness_db <= _STEADY_DB

    @property
    def hums(self) -> bool:
        """Whether most of the power is hum."""
        return self.hum_share >= _HUM_SHARE


def judge(
    samples: NDArray[np.float32], sample_rate_hz: int, figures: SoundFigures, limits: Limits, *, is_stopped: bool
) -> SensorFault | None:
    """Judge a window (n,); ``is_stopped``: its level is that of a machine at rest."""
    too_short = len(samples) < _LEAST_S * sample_rate_hz or sample_rate_hz < _LEAST_RATE_HZ
    if figures.level_dbfs >= limits.quiet or too_short:
        return None
    floor = analyse(samples, sample_rate_hz)
    if not floor.is_bare:
        return None
    known_hum = limits.hum is not None and floor.hum_dbfs <= limits.hum + _SAME_HUM_DB
    if (is_stopped and known_hum) or (not floor.hums and (is_stopped or limits.hum is None)):
        return None
    evidence = (
        Figure("level", round(figures.level_dbfs, 1), "dBFS"),
        Figure("usual", round(limits.quiet, 1), "dBFS"),
        Figure("hum", round(100.0 * floor.hum_share, 0), "%"),
    )
    return SensorFault(FaultKind.UNPLUGGED, "hum" if floor.hums else "noise_floor", evidence)


def analyse(samples: NDArray[np.float32], sample_rate_hz: int) -> Floor:
    """Take a window (n,) apart into hum and the rest."""
    hum, share = max(_hum(samples, sample_rate_hz, mains) for mains in MAINS_HZ)
    uneven, unsteady = _rest(samples, sample_rate_hz)
    return Floor(10.0 * float(np.log10(max(hum, 1e-16))), share, uneven, unsteady)


def _hum(samples: NDArray[np.float32], rate: int, mains_hz: float) -> tuple[float, float]:
    """Return the mean square of a mains frequency with its harmonics, and its share; none without a fundamental."""
    window = np.hanning(len(samples)).astype(np.float32)
    power = np.abs(real_spectra((samples - samples.mean()) * window, len(samples))) ** 2
    power *= 2.0 * len(samples) / float(np.dot(window, window))
    bin_hz = rate / len(samples)
    power[: int(10.0 / bin_hz)] = 0.0
    total = float(power.sum())
    near = slice(max(0, int((mains_hz - 1.0) / bin_hz) - 2), int((mains_hz + 1.0) / bin_hz) + 3)
    found_hz = (near.start + int(power[near].argmax())) * bin_hz
    found = []
    for harmonic in range(1, int(min(_TOP_HUM_HZ, rate / 2 - 10) / mains_hz) + 1):
        width = max(2.0, harmonic * 0.5 + 1.0)
        centre = harmonic * found_hz / bin_hz
        found.append(float(power[int(centre - width) : int(centre + width) + 2].sum()))
    hum = sum(found)
    if total <= 0.0 or found[0] < _FUNDAMENTAL_SHARE * hum:
        return 0.0, 0.0
    return hum, min(1.0, hum / total)


def _rest(samples: NDArray[np.float32], rate: int) -> tuple[float, float]:
    """Return how uneven the spectrum is above the hum, and how much its level changes from frame to frame, in dB."""
    length = round(min(_FRAME_S, len(samples) / rate / _LEAST_FRAMES) * rate)
    frames = samples[: len(samples) // length * length].reshape(-1, length)
    power = np.abs(real_spectra(frames * np.hanning(length).astype(np.float32), length)) ** 2
    low, high = round(_FROM_HZ * length / rate), round(_TO_SHARE * length)
    heard = power[:, low:high]
    bands = [float(band.mean()) for band in np.array_split(heard.mean(axis=0), _BANDS)]
    if min(bands) <= 0.0:
        return np.inf, np.inf
    levels = 10.0 * np.log10(heard.mean(axis=1) + 1e-30)
    return 10.0 * float(np.log10(max(bands) / min(bands))), float(levels.std())
