"""Building blocks of synthetic sound: filters by their magnitude, rooms, slow drift, convolution by segments."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from audiosense_common.spectrum import hann

SEGMENT = 4_096
"""Samples made at once. Filters are no longer than a segment, so that only the last segment rings on."""
_TRANSFORM = 2 * SEGMENT
_FILTER_TAPS = 512
_ROOM_S = 0.03
_ROOM_TAPS = 2_048
_REFLECTIONS = 9

Signal = NDArray[np.float32]
Response = NDArray[np.complex64]


def response(kernel: NDArray[np.float64]) -> Response:
    """Return the transform of an impulse response of at most ``SEGMENT`` samples, for ``convolve``."""
    return np.fft.rfft(kernel, _TRANSFORM).astype(np.complex64)


def transform(before: Signal, now: Signal) -> Response:
    """Return the transform of two successive segments."""
    return np.fft.rfft(np.concatenate((before, now))).astype(np.complex64)


def convolve(spectrum: Response) -> Signal:
    """Return the second segment of a product of transforms (overlap-save: the first one holds the wrap-around)."""
    return np.fft.irfft(spectrum, _TRANSFORM)[SEGMENT:].astype(np.float32)


def coloured(
    magnitude: Callable[[NDArray[np.float64]], NDArray[np.float64]], sample_rate_hz: int
) -> NDArray[np.float64]:
    """Return a linear-phase filter, shape (512,), that gives white noise of RMS 1 a colour and keeps its RMS.

    Args:
        magnitude: amplitude by frequency in Hz, up to a factor.
        sample_rate_hz: of the sound.
    """
    frequencies = np.arange(_FILTER_TAPS // 2 + 1, dtype=np.float64) * (sample_rate_hz / _FILTER_TAPS)
    centred = np.roll(np.fft.irfft(magnitude(frequencies)), _FILTER_TAPS // 2)
    kernel = centred * hann(_FILTER_TAPS)
    unit: NDArray[np.float64] = kernel / np.sqrt((kernel**2).sum())
    return unit


def room(rng: np.random.Generator, sample_rate_hz: int) -> NDArray[np.float64]:
    """Return direct sound and nine early reflections within 30 ms, weaker the later, as an impulse response."""
    length = min(int(_ROOM_S * sample_rate_hz), _ROOM_TAPS)
    kernel = np.zeros(length + 1)
    kernel[0] = 1.0
    delays = rng.uniform(0.06, 1.0, _REFLECTIONS)
    np.add.at(kernel, (delays * length).astype(int), rng.uniform(-0.35, 0.35, _REFLECTIONS) * np.exp(-2.0 * delays))
    return kernel


def resonance(frequency_hz: float, decay_s: float, sample_rate_hz: int) -> NDArray[np.float64]:
    """Return the impulse response of a resonance, of peak about 1, that falls to 1/e in ``decay_s``."""
    frequency_hz = min(frequency_hz, 0.4 * sample_rate_hz)
    time = np.arange(min(int(6.0 * decay_s * sample_rate_hz), SEGMENT // 4)) / sample_rate_hz
    ringing: NDArray[np.float64] = np.exp(-time / decay_s) * np.sin(2.0 * np.pi * frequency_hz * time)
    return ringing


def hump(frequency_hz: NDArray[np.float64], centre_hz: float, octaves: float) -> NDArray[np.float64]:
    """Return a bell of peak 1 over the logarithm of frequency, ``octaves`` its standard deviation."""
    bell: NDArray[np.float64] = np.exp(-0.5 * (np.log2(np.maximum(frequency_hz, 1.0) / centre_hz) / octaves) ** 2)
    return bell


class Drift:
    """Slow random changes about 0: an Ornstein-Uhlenbeck process in each of ``count`` places, a value per segment."""

    def __init__(self, rng: np.random.Generator, spread: NDArray[np.float64], relaxation: float) -> None:
        """Start in the stationary state; ``spread`` has shape (count,), ``relaxation`` is in segments."""
        self._rng = rng
        self._spread = spread
        self._keep = np.exp(-1.0 / relaxation)
        self._value = rng.standard_normal(len(spread))

    def step(self) -> NDArray[np.float64]:
        """Return the next values, shape (count,)."""
        noise = self._rng.standard_normal(len(self._spread))
        self._value = self._keep * self._value + np.sqrt(1.0 - self._keep**2) * noise
        return self._spread * self._value
