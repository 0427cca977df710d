"""Short-time spectra of a window: framing, power, the mel filterbank."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

FRAME_S = 0.0426
"""Least length of a frame; the next power of two is taken: 1024 at 16 kHz, 2048 at 44.1 and 48 kHz (43 to 85 ms)."""
MEL_BANDS = 64
MEL_TOP_HZ = 12_000.0
HANN_NOISE_BANDWIDTH = 1.5
"""Equivalent noise bandwidth of the Hann window in bins (Harris 1978, table I)."""
MEL_GROUP = 16
"""Mel bands multiplied at once, with the bins that they reach only: less work than the whole sparse matrix, and each
product stays below the size from which OpenBLAS starts threads, which would spin for longer than they compute."""
BLOCK_FRAMES = 32
"""Frames transformed at once: their samples, spectra and powers stay in the processor's second-level cache."""

_MEL_LINEAR_HZ = 200.0 / 3.0
_MEL_BREAK_HZ = 1_000.0
_MEL_BREAK = _MEL_BREAK_HZ / _MEL_LINEAR_HZ
_MEL_LOG_STEP = np.log(6.4) / 27.0


@dataclass(frozen=True, slots=True)
class Framing:
    """How a window is cut into frames: Hann windows of ``n_fft`` samples, one every ``hop``, no padding at the ends.

    A last frame that is not complete is left out; a window shorter than one frame is padded with zeros to one.
    """

    sample_rate_hz: int
    n_fft: int
    hop: int

    @classmethod
    def at(cls, sample_rate_hz: int) -> Self:
        """Return the framing used at a sample rate: half-overlapping frames of about 43 to 85 ms."""
        n_fft = 1 << int(np.ceil(np.log2(FRAME_S * sample_rate_hz)))
        return cls(sample_rate_hz, n_fft, n_fft // 2)

    @property
    def bin_hz(self) -> float:
        """Distance between two bins of the spectrum."""
        return self.sample_rate_hz / self.n_fft

    @property
    def frequencies_hz(self) -> NDArray[np.float64]:
        """Centre frequency of each bin, shape (n_fft / 2 + 1,)."""
        return np.arange(self.n_fft // 2 + 1, dtype=np.float64) * self.bin_hz

    def count(self, n_samples: int) -> int:
        """Number of frames in a window of ``n_samples``."""
        return max(1, 1 + (n_samples - self.n_fft) // self.hop)


def hann(length: int) -> NDArray[np.float64]:
    """Return the periodic Hann window, shape (length,)."""
    return 0.5 - 0.5 * np.cos(np.linspace(0.0, 2.0 * np.pi, length, endpoint=False))


@lru_cache(maxsize=8)
def unit_power_hann(length: int) -> NDArray[np.float32]:
    """Return a Hann window whose squares sum to 1: twice the squared bins, over the transform's length, are power."""
    taper = hann(length)
    unit: NDArray[np.float32] = (taper / np.sqrt((taper**2).sum())).astype(np.float32)
    unit.flags.writeable = False
    return unit


def mel_filterbank(framing: Framing) -> NDArray[np.float32]:
    """Triangular filters on Slaney's mel scale, each of unit area in Hz, shape (64, n_fft / 2 + 1).

    The same as ``librosa.filters.mel(sr=…, n_fft=…, n_mels=64, fmin=0, fmax=min(sr / 2, 12000))``: linear below
    1 kHz, logarithmic above (Slaney 1998, Auditory Toolbox).
    """
    edges = mel_edges_hz(framing.sample_rate_hz)
    widths = np.diff(edges)
    ramps = edges[:, np.newaxis] - framing.frequencies_hz
    rising = -ramps[:-2] / widths[:-1, np.newaxis]
    falling = ramps[2:] / widths[1:, np.newaxis]
    weights = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))[:, np.newaxis]
    filters: NDArray[np.float32] = weights.astype(np.float32)
    return filters


def mel_edges_hz(sample_rate_hz: int) -> NDArray[np.float64]:
    """Return the corners of the triangular mel filters, shape (66,): filter k begins at k, has its peak at k + 1."""
    top_hz = min(sample_rate_hz / 2, MEL_TOP_HZ)
    return _mel_to_hz(np.linspace(0.0, _hz_to_mel(top_hz), MEL_BANDS + 2))


def _hz_to_mel(frequency_hz: float) -> float:
    if frequency_hz < _MEL_BREAK_HZ:
        return frequency_hz / _MEL_LINEAR_HZ
    return float(_MEL_BREAK + np.log(frequency_hz / _MEL_BREAK_HZ) / _MEL_LOG_STEP)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    bent = _MEL_BREAK_HZ * np.exp(_MEL_LOG_STEP * (mel - _MEL_BREAK))
    return np.where(mel < _MEL_BREAK, mel * _MEL_LINEAR_HZ, bent)


def _grouped(filters: NDArray[np.float32]) -> list[tuple[slice, slice, NDArray[np.float32]]]:
    groups = []
    for first in range(0, MEL_BANDS, MEL_GROUP):
        bands = slice(first, first + MEL_GROUP)
        reached = np.flatnonzero(filters[bands].any(axis=0))
        bins = slice(int(reached[0]), int(reached[-1]) + 1)
        groups.append((bins, bands, np.ascontiguousarray(filters[bands, bins].T)))
    return groups


def real_spectra(
    rows: NDArray[np.float32], length: int, out: NDArray[np.complex64] | None = None
) -> NDArray[np.complex64]:
    """Return the spectra of rows (rows, n), padded with zeros to ``length``, divided by it: (rows, length / 2 + 1).

    Divided, for NumPy computes in single precision only where it has a factor of single precision; undivided it goes
    to double precision and back, which takes six times as long.
    """
    # The stubs know double precision only.
    return np.fft.rfft(rows, length, norm="forward", out=out)  # type: ignore[arg-type, return-value]


class SpectrumAnalyzer:
    """Mean power spectrum and mel powers of windows; keeps its buffers, so one instance serves one thread only."""

    def __init__(self, framing: Framing) -> None:
        self.framing = framing
        bins = framing.n_fft // 2 + 1
        taper = hann(framing.n_fft)
        self._taper = (taper * np.sqrt(2.0) / taper.sum() * framing.n_fft).astype(np.float32)
        self._filters = _grouped(mel_filterbank(framing) * np.float32(framing.bin_hz))
        self._frames = np.empty((BLOCK_FRAMES, framing.n_fft), np.float32)
        self._spectra = np.empty((BLOCK_FRAMES, bins), np.complex64)
        self._power = np.empty((BLOCK_FRAMES, bins), np.float32)
        self._mel = np.empty((0, MEL_BANDS), np.float32)

    def analyze(self, samples: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return the mean power spectrum (Welch 1967) and the mel powers of each frame.

        Args:
            samples: shape (n,), n at least ``n_fft``, contiguous.

        Returns:
            Power per bin, shape (n_fft / 2 + 1,), scaled so that a sine of amplitude a at a bin's centre reads
            a² / 2 there; and mel powers, shape (frames, 64): ``mel_filterbank`` times that power per bin times
            the bins' distance in Hz, which is the mean power per bin of a band. The latter is a buffer that the
            next call overwrites.
        """
        framing = self.framing
        count = framing.count(len(samples))
        if len(self._mel) != count:
            self._mel = np.empty((count, MEL_BANDS), np.float32)
        stride = samples.strides[0]
        frames = np.lib.stride_tricks.as_strided(
            samples, (count, framing.n_fft), (stride * framing.hop, stride), writeable=False
        )
        mean = np.zeros(framing.n_fft // 2 + 1)
        for start in range(0, count, BLOCK_FRAMES):
            block = slice(start, min(start + BLOCK_FRAMES, count))
            power = self._block_power(frames[block])
            mean += power.sum(axis=0)
            for bins, bands, filters in self._filters:
                np.matmul(power[:, bins], filters, out=self._mel[block, bands])
        mean /= count
        mean[[0, -1]] /= 2.0
        return mean, self._mel

    def _block_power(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        count = len(frames)
        np.multiply(frames, self._taper, out=self._frames[:count])
        spectra = real_spectra(self._frames[:count], self.framing.n_fft, out=self._spectra[:count])
        parts = spectra.view(np.float32)
        np.multiply(parts, parts, out=parts)
        power = self._power[:count]
        np.add(parts[:, ::2], parts[:, 1::2], out=power)
        return power
