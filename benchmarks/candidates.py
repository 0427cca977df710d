"""Feature groups that were tried for schema audiosense-2 and left out; ``benchmarks.ablation`` shows why.

To try another group, add a function from a window's frames to its features to ``CANDIDATES``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from audiosense_common.spectrum import MEL_BANDS, Framing, SpectrumAnalyzer, hann, mel_filterbank

JOINS = 4
LEAST_POWER = 1e-12

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Frames:
    """A window's frames: power (frames, bins), log-mel levels in dB (frames, 64) and the bins of each mel band."""

    power: Matrix
    log_mel: Matrix
    filters: Matrix

    @classmethod
    def of(cls, samples: NDArray[np.float32], rate_hz: int) -> Self:
        """Cut a window into the frames of the feature vector."""
        framing = Framing.at(rate_hz)
        centred = samples - samples.mean()
        frames = np.lib.stride_tricks.sliding_window_view(centred, framing.n_fft)[:: framing.hop]
        power = np.abs(np.fft.rfft(frames * hann(framing.n_fft))) ** 2
        _, mel = SpectrumAnalyzer(framing).analyze(np.ascontiguousarray(centred))
        levels = 10.0 * np.log10(np.maximum(mel, LEAST_POWER))
        return cls(power, levels.astype(np.float64), mel_filterbank(framing).astype(np.float64))


def _shape(levels: Matrix) -> Matrix:
    """Join neighbouring bands and take the mean level away."""
    joined = levels.reshape(-1, JOINS).mean(axis=1)
    return np.asarray(joined - joined.mean())


def spectral_kurtosis_db(frames: Frames) -> Matrix:
    """Spectral kurtosis (Antoni 2006) of 16 joined mel bands, as 10·log10((SK + 2) / 2): 0 for Gaussian noise.

    SK is the mean of |X|⁴ over the squared mean of |X|², less 2, of each bin over the frames; a band's is the mean of
    its bins'.
    """
    mean = np.maximum(frames.power.mean(axis=0), LEAST_POWER)
    ratio = (frames.power**2).mean(axis=0) / mean**2 / 2.0
    bins = frames.filters.reshape(MEL_BANDS // JOINS, JOINS, -1).sum(axis=1) > 0.0
    return np.array([10.0 * np.log10(max(float(ratio[inside].mean()), 1e-3)) for inside in bins])


def _flux(frames: Frames) -> Matrix:
    rises = np.maximum(np.diff(frames.log_mel, axis=0), 0.0).mean(axis=0)
    return np.asarray(rises.reshape(-1, JOINS).mean(axis=1))


CANDIDATES: dict[str, Callable[[Frames], Matrix]] = {
    "mean over frames": lambda frames: _shape(frames.log_mel.mean(axis=0)),
    "minimum over frames": lambda frames: _shape(frames.log_mel.min(axis=0)),
    "10th percentile": lambda frames: _shape(np.percentile(frames.log_mel, 10, axis=0)),
    "90th percentile": lambda frames: _shape(np.percentile(frames.log_mel, 90, axis=0)),
    "spectral kurtosis": spectral_kurtosis_db,
    "flux by band": _flux,
}
"""What each group gives of a window, in dB, 16 features each."""
