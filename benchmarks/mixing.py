"""Synthetic faults of random pitch, rate and place, mixed into a clip at a fixed level relative to it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FAULTS_DB = {"tone": -16.0, "sidebands": -13.0, "impulses": -4.0, "knocks": -2.0, "hiss": -6.0}
"""Level of each kind of fault re the clip's, both RMS."""

Samples = NDArray[np.float32]
Sound = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Ring:
    """What an impact excites: spread of the strengths (log-normal), resonance in Hz, decay in seconds."""

    spread: float
    frequency_hz: float
    decay_s: float


def mix(samples: Samples, rate_hz: int, rng: np.random.Generator) -> dict[str, Samples]:
    """Return the clip with each kind of fault, by its name in ``FAULTS_DB``."""
    mixed = {}
    for name, level_db in FAULTS_DB.items():
        fault = _FAULTS[name](len(samples), rate_hz, rng)
        gain = samples.std() / np.sqrt(np.mean(fault**2)) * 10.0 ** (level_db / 20.0)
        mixed[name] = (samples + gain * fault).astype(np.float32)
    return mixed


def _tone(count: int, rate_hz: int, rng: np.random.Generator) -> Sound:
    return _sine(rng.uniform(300.0, 3_000.0), count, rate_hz)


def _sidebands(count: int, rate_hz: int, rng: np.random.Generator) -> Sound:
    """A gear mesh that is modulated by its shaft: a carrier's sidebands without the carrier."""
    carrier, shaft = rng.uniform(500.0, 3_000.0), rng.uniform(15.0, 40.0)
    lower, upper = _sine(carrier - shaft, count, rate_hz), _sine(carrier + shaft, count, rate_hz)
    return lower + upper + 0.5 * _sine(carrier + 2.0 * shaft, count, rate_hz)


def _impulses(count: int, rate_hz: int, rng: np.random.Generator) -> Sound:
    """Impacts of a bearing with 1 % slip that ring at a resonance."""
    rate = rng.uniform(30.0, 120.0)
    gaps = rng.normal(1.0 / rate, 0.01 / rate, int(1.2 * count / rate_hz * rate))
    return _strike(gaps, _Ring(0.2, rng.uniform(2_000.0, 6_000.0), 0.0012), count, rate_hz, rng)


def _knocks(count: int, rate_hz: int, rng: np.random.Generator) -> Sound:
    """Something loose, a few times a second at random."""
    gaps = rng.exponential(0.4, int(10 * count / rate_hz))
    return _strike(gaps, _Ring(0.4, rng.uniform(500.0, 3_000.0), 0.006), count, rate_hz, rng)


def _hiss(count: int, rate_hz: int, rng: np.random.Generator) -> Sound:
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequencies = np.fft.rfftfreq(count, 1.0 / rate_hz)
    low = rng.uniform(2_000.0, 5_000.0)
    spectrum[(frequencies < low) | (frequencies > 1.5 * low)] = 0.0
    return np.asarray(np.fft.irfft(spectrum, count))


def _sine(frequency_hz: float, count: int, rate_hz: int) -> Sound:
    return np.asarray(np.sin(2.0 * np.pi * frequency_hz * np.arange(count) / rate_hz))


def _strike(gaps_s: Sound, ring: _Ring, count: int, rate_hz: int, rng: np.random.Generator) -> Sound:
    places = (np.cumsum(gaps_s) * rate_hz).astype(int)
    impacts = np.zeros(count)
    inside = places[places < count]
    impacts[inside] = rng.lognormal(0.0, ring.spread, len(inside))
    length = int(8.0 * ring.decay_s * rate_hz)
    decay = np.exp(-np.arange(length) / (ring.decay_s * rate_hz))
    return np.convolve(impacts, decay * _sine(ring.frequency_hz, length, rate_hz))[:count]


_FAULTS: dict[str, Callable[[int, int, np.random.Generator], Sound]] = {
    "tone": _tone,
    "sidebands": _sidebands,
    "impulses": _impulses,
    "knocks": _knocks,
    "hiss": _hiss,
}
