"""Probes: small synthetic faults mixed into a machine's own sound, to learn how small a fault would be heard."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiosense_common.synth.kinds import SynthError

LEVELS_DB: tuple[float, ...] = tuple(float(level) for level in range(-30, 7, 3))
"""RMS of what is added, re the RMS of the machine in the same window."""
GAINS_DB: tuple[float, ...] = (1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0)
"""By how much the machine itself becomes louder: the levels of the kind ``level``."""
LEVEL = "level"
STAGGER = 2
"""A window gets every second level, its neighbour the others: steps of 3 dB at half the work."""
_LEAST_SAMPLES = 16

Sound = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Probe:
    """One synthetic fault: its kind, and its level in dB relative to the machine (for ``level``: the machine's own)."""

    kind: str
    level_db: float


@dataclass(frozen=True, slots=True)
class _Setting:
    machine: Sound
    rate: int
    rng: np.random.Generator

    @property
    def nyquist_hz(self) -> float:
        return self.rate / 2.0

    @property
    def time_s(self) -> Sound:
        return np.arange(len(self.machine)) / self.rate


def _tone(its: _Setting) -> Sound:
    """Make a line where none was: fan blades, mains, squeal."""
    frequency_hz = _log_uniform(its.rng, min(100.0, 0.1 * its.nyquist_hz), 0.8 * its.nyquist_hz)
    return np.sin(2.0 * np.pi * (frequency_hz * its.time_s + its.rng.random()))


def _sidebands(its: _Setting) -> Sound:
    """Modulate the machine's own sound, as a gear with a worn tooth or a rotor that rubs does (Randall 1982)."""
    frequency_hz = _log_uniform(its.rng, min(4.0, 0.01 * its.nyquist_hz), min(60.0, 0.1 * its.nyquist_hz))
    return its.machine * np.cos(2.0 * np.pi * (frequency_hz * its.time_s + its.rng.random()))


def _impulses(its: _Setting) -> Sound:
    """Make a train of impulses, each ringing at a resonance: a pitted bearing (McFadden & Smith 1984).

    1 % of random slip from one to the next, as of rolling elements (Randall & Antoni 2011).
    """
    per_second = _log_uniform(its.rng, min(20.0, 0.02 * its.nyquist_hz), min(200.0, 0.1 * its.nyquist_hz))
    return _ring(its, per_second, slip=0.01, strengths=0.2, band_hz=(2_000.0, 6_000.0), decay_s=0.0015)


def _knocks(its: _Setting) -> Sound:
    """Make a few irregular knocks a second at lower resonances: a loose part, a worn coupling, a rattling guard."""
    return _ring(its, its.rng.uniform(1.0, 8.0), slip=0.2, strengths=0.5, band_hz=(300.0, 2_000.0), decay_s=0.008)


def _hiss_low(its: _Setting) -> Sound:
    """Make noise below 1 kHz: flow, friction of large parts."""
    return _noise(its, min(50.0, its.nyquist_hz / 80.0), min(1_000.0, its.nyquist_hz / 8.0))


def _hiss_mid(its: _Setting) -> Sound:
    """Make noise from 1 to 4 kHz: cavitation, lack of grease."""
    return _noise(its, min(1_000.0, its.nyquist_hz / 8.0), min(4_000.0, its.nyquist_hz / 2.0))


def _hiss_high(its: _Setting) -> Sound:
    """Make noise above 4 kHz, or in the upper half of the spectrum: a leak of air or steam."""
    return _noise(its, min(4_000.0, its.nyquist_hz / 2.0), 0.95 * its.nyquist_hz)


_SOUNDS: dict[str, Callable[[_Setting], Sound]] = {
    "tone": _tone,
    "sidebands": _sidebands,
    "impulses": _impulses,
    "knocks": _knocks,
    "hiss_low": _hiss_low,
    "hiss_mid": _hiss_mid,
    "hiss_high": _hiss_high,
}
PROBE_KINDS: tuple[str, ...] = (*_SOUNDS, LEVEL)


def levels_of(kind: str) -> tuple[float, ...]:
    """Return all levels at which a kind is mixed, the weakest first.

    Raises:
        SynthError: there is no such kind.
    """
    if kind not in PROBE_KINDS:
        raise SynthError(f"probe {kind!r} is unknown, expected one of {', '.join(PROBE_KINDS)}")
    return GAINS_DB if kind == LEVEL else LEVELS_DB


def probe_sound(kind: str, samples: NDArray[np.floating], sample_rate_hz: int, seed: int, index: int) -> Sound:
    """Return what a kind adds to a window at 0 dB: shape (n,), with the RMS of ``samples`` without their mean.

    Frequencies, phases and noise are drawn anew for each window; the same arguments give the same sound. A window of
    silence gets silence.

    Raises:
        SynthError: unknown kind, or one that adds no sound of its own (``level``); a window too short.
    """
    if kind not in _SOUNDS:
        raise SynthError(f"{kind!r} is no sound to mix in, expected one of {', '.join(_SOUNDS)}")
    if len(samples) < _LEAST_SAMPLES:
        raise SynthError(f"the window has {len(samples)} samples, expected at least {_LEAST_SAMPLES}")
    machine = samples.astype(np.float64)
    machine -= machine.mean()
    rng = np.random.default_rng((seed, index, PROBE_KINDS.index(kind)))
    sound = _SOUNDS[kind](_Setting(machine, sample_rate_hz, rng))
    sound -= sound.mean()
    rms = _rms(sound)
    return sound * (_rms(machine) / rms) if rms > 0.0 else np.zeros(len(samples))


def mix(
    samples: NDArray[np.floating], sample_rate_hz: int, seed: int, index: int
) -> Iterator[tuple[Probe, NDArray[np.float32]]]:
    """Yield the window with each of its probes mixed in, one at a time, so that a caller may pause between them.

    Args:
        samples: the window, shape (n,), full scale 1.
        sample_rate_hz: of the window, at least 1 kHz.
        seed: the same seed, index and samples give the same sound.
        index: number of the window; even and odd ones get alternate levels.

    Raises:
        SynthError: the window is too short.
    """
    own = samples.astype(np.float64)
    for kind in PROBE_KINDS:
        levels = levels_of(kind)[index % STAGGER :: STAGGER]
        added = None if kind == LEVEL else probe_sound(kind, samples, sample_rate_hz, seed, index)
        for level_db in levels:
            factor = 10.0 ** (level_db / 20.0)
            mixed = own * factor if added is None else own + factor * added
            yield Probe(kind, level_db), mixed.astype(np.float32)


def _ring(
    its: _Setting, per_second: float, *, slip: float, strengths: float, band_hz: tuple[float, float], decay_s: float
) -> Sound:
    """Make impulses at random strength (log-normal) and slip, as shares of 1, each ringing at one resonance."""
    low_hz, high_hz = (min(edge, share * its.nyquist_hz) for edge, share in zip(band_hz, (0.4, 0.8), strict=True))
    frequency_hz = its.rng.uniform(low_hz, high_hz)
    count = int(len(its.machine) / its.rate * per_second) + 2
    gaps = (1.0 + slip * its.rng.standard_normal(count)) / per_second
    # One impulse at least falls into the window, however short.
    first = its.rng.random() * min(1.0 / per_second, 0.5 * len(its.machine) / its.rate)
    places = np.round((first + np.cumsum(gaps) - gaps[0]) * its.rate).astype(np.int64)
    strength = its.rng.lognormal(0.0, strengths, count)
    within = (places >= 0) & (places < len(its.machine))
    train = np.zeros(len(its.machine))
    np.add.at(train, places[within], strength[within])
    time_s = np.arange(max(2, int(8.0 * decay_s * its.rate))) / its.rate
    kernel = np.exp(-time_s / decay_s) * np.sin(2.0 * np.pi * frequency_hz * (time_s + 0.25 / frequency_hz))
    length = 1 << int(len(train) + len(kernel) - 1).bit_length()
    rung: Sound = np.fft.irfft(np.fft.rfft(train, length) * np.fft.rfft(kernel, length), length)
    return rung[: len(train)]


def _noise(its: _Setting, low_hz: float, high_hz: float) -> Sound:
    """Make noise with no power outside of a band."""
    length = len(its.machine)
    first, last = (round(edge * length / its.rate) for edge in (low_hz, high_hz))
    first = min(max(1, first), length // 2 - 1)
    count = max(1, min(last, length // 2 - 1) - first + 1)
    spectrum = np.zeros(length // 2 + 1, np.complex128)
    spectrum[first : first + count] = its.rng.standard_normal(count) + 1j * its.rng.standard_normal(count)
    return np.fft.irfft(spectrum, length)


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _rms(sound: Sound) -> float:
    return float(np.sqrt(np.mean(sound**2)))
