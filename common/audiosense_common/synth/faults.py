"""What a fault adds to a machine's sound."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiosense_common.synth import signals
from audiosense_common.synth.kinds import Bearing, MachineSpec, SynthError
from audiosense_common.synth.signals import SEGMENT, Signal

SLIP = 0.01
"""Random deviation of each impact from its place, as a share of the distance between two (Randall & Antoni 2011)."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Course of a machine through one segment: its number, the shaft's turns at each sample, and the level's gain."""

    index: int
    turns: NDArray[np.float64]
    level: Signal


def bearing_outer_order(bearing: Bearing) -> float:
    """Impacts per turn of the shaft of a fault in the outer race: n / 2 · (1 - d / D · cos φ).

    Source: McFadden & Smith 1984; Randall & Antoni 2011, "Rolling element bearing diagnostics: a tutorial".
    """
    return bearing.balls / 2.0 * (1.0 - bearing.diameter_ratio * float(np.cos(bearing.contact_angle)))


@dataclass(frozen=True, slots=True)
class _Setting:
    """What a fault's excitation is made from: the machine, the sample rate, one segment and its own random numbers."""

    spec: MachineSpec
    rate: int
    segment: Segment
    rng: np.random.Generator


_Excitation = Callable[[_Setting], NDArray[np.float64]]
_Kernel = Callable[[MachineSpec, int, np.random.Generator], NDArray[np.float64]]


def _tones(turns: NDArray[np.float64], orders: dict[float, float]) -> NDArray[np.float64]:
    wave = np.zeros(SEGMENT)
    for order, amplitude in orders.items():
        wave += amplitude * np.sqrt(2.0) * np.sin(2.0 * np.pi * _fraction(order * turns))
    return wave


def _fraction(turns: NDArray[np.float64]) -> Signal:
    return (turns - np.rint(turns)).astype(np.float32)


def _impacts(setting: _Setting, order: float, slip: float) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Samples at which ``order`` impacts per turn fall, with random slip, and the impacts' numbers."""
    turns = setting.segment.turns
    passed = np.floor(order * np.concatenate(((2.0 * turns[0] - turns[1],), turns))).astype(np.int64)
    places = np.flatnonzero(np.diff(passed))
    spacing = setting.rate / (order * setting.spec.shaft_hz)
    shifted = places + np.rint(setting.rng.normal(0.0, slip * spacing, len(places))).astype(int)
    return np.clip(shifted, 0, SEGMENT - 1), passed[places + 1]


def _bearing_outer(setting: _Setting) -> NDArray[np.float64]:
    excitation = np.zeros(SEGMENT)
    places, _ = _impacts(setting, bearing_outer_order(setting.spec.bearing), SLIP)
    np.add.at(excitation, places, 11.0 * setting.rng.lognormal(0.0, 0.2, len(places)))
    return excitation


def _imbalance(setting: _Setting) -> NDArray[np.float64]:
    # The rotor's whirl grows at 1x and, through the stiffening support, weakly at its harmonics.
    return _tones(setting.segment.turns, {1: 3.0, 2: 0.9, 3: 0.5, 4: 0.3, 5: 0.2, 6: 0.15})


def _seal_rub(setting: _Setting) -> NDArray[np.float64]:
    return _modulated_noise(setting, 1.0)


def _misalignment(setting: _Setting) -> NDArray[np.float64]:
    return _tones(setting.segment.turns, {1: 0.5, 2: 2.5, 3: 1.6, 4: 0.8, 5: 0.4, 6: 0.2})


def _coupling_friction(setting: _Setting) -> NDArray[np.float64]:
    return _modulated_noise(setting, 2.0)


def _modulated_noise(setting: _Setting, order: float) -> NDArray[np.float64]:
    swell = 1.0 + np.cos(2.0 * np.pi * _fraction(order * setting.segment.turns))
    noise: NDArray[np.float64] = swell * setting.rng.standard_normal(SEGMENT)
    return noise


def _cavitation(setting: _Setting) -> NDArray[np.float64]:
    collapses = setting.rng.poisson(400.0 * SEGMENT / setting.rate)
    excitation = np.zeros(SEGMENT)
    places = setting.rng.integers(0, SEGMENT, collapses)
    strength = 2.0 * setting.rng.lognormal(0.0, 0.5, collapses) * setting.rng.choice((-1, 1), collapses)
    np.add.at(excitation, places, strength)
    return excitation


def _belt_squeal(setting: _Setting) -> NDArray[np.float64]:
    # Stick-slip sets in once per turn of the belt, which is slower than the shaft.
    turns = setting.segment.turns
    envelope = np.clip(np.sin(2.0 * np.pi * _fraction(0.21 * turns)) + 0.3, 0.0, 1.0)
    pitch = 2_400.0 / setting.spec.shaft_hz
    squeal: NDArray[np.float64] = envelope * _tones(turns, {pitch: 1.3, 2 * pitch: 0.6, 3 * pitch: 0.3})
    return squeal


def _air_leak(setting: _Setting) -> NDArray[np.float64]:
    return setting.rng.standard_normal(SEGMENT)


def _loose_part(setting: _Setting) -> NDArray[np.float64]:
    places, numbers = _impacts(setting, 1.0, 0.03)
    strength = np.where(numbers % 2 == 0, 8.0, 4.0) * setting.rng.lognormal(0.0, 0.3, len(places))
    excitation = np.zeros(SEGMENT)
    np.add.at(excitation, places, strength)
    return excitation


def _subharmonics(setting: _Setting) -> NDArray[np.float64]:
    return _tones(setting.segment.turns, {0.5: 0.6, 1.0: 0.6, 1.5: 0.4, 2.5: 0.2})


def _structure(_spec: MachineSpec, rate: int, _rng: np.random.Generator) -> NDArray[np.float64]:
    return signals.coloured(lambda f: signals.hump(f, 320.0, 0.7), rate)


def _coupling(_spec: MachineSpec, rate: int, _rng: np.random.Generator) -> NDArray[np.float64]:
    return 0.8 * signals.coloured(lambda f: signals.hump(f, 1_300.0, 0.5), rate)


def _no_kernel(_spec: MachineSpec, _rate: int, _rng: np.random.Generator) -> NDArray[np.float64]:
    return np.ones(1)


def _race_resonance(_spec: MachineSpec, rate: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return signals.resonance(rng.uniform(3_000.0, 4_200.0), 0.0012, rate)


def _bubble_collapse(_spec: MachineSpec, rate: int, rng: np.random.Generator) -> NDArray[np.float64]:
    kernel = rng.standard_normal(int(0.004 * rate)) * np.exp(-np.arange(int(0.004 * rate)) / (0.0008 * rate))
    return np.convolve(kernel, signals.coloured(lambda f: f / np.hypot(f, 2_500.0), rate))


def _jet_noise(_spec: MachineSpec, rate: int, _rng: np.random.Generator) -> NDArray[np.float64]:
    corner_hz = min(3_500.0, 0.2 * rate)
    return signals.coloured(lambda f: f**3 / np.hypot(f, corner_hz) ** 3, rate)


def _rattle(_spec: MachineSpec, rate: int, rng: np.random.Generator) -> NDArray[np.float64]:
    kernel = np.zeros(SEGMENT // 2)
    for low_hz, high_hz, decay_s in ((500.0, 800.0, 0.006), (1_200.0, 1_800.0, 0.004), (2_500.0, 3_200.0, 0.002)):
        ringing = signals.resonance(rng.uniform(low_hz, high_hz), decay_s, rate)[: len(kernel)]
        kernel[: len(ringing)] += 0.5 * ringing
    return kernel


_FAULTS: dict[str, tuple[tuple[_Excitation, _Kernel], ...]] = {
    "bearing_outer": ((_bearing_outer, _race_resonance),),
    "imbalance": ((_imbalance, _no_kernel), (_seal_rub, _structure)),
    "misalignment": ((_misalignment, _no_kernel), (_coupling_friction, _coupling)),
    "cavitation": ((_cavitation, _bubble_collapse),),
    "belt_squeal": ((_belt_squeal, _no_kernel),),
    "air_leak": ((_air_leak, _jet_noise),),
    "loose_part": ((_loose_part, _rattle), (_subharmonics, _no_kernel)),
}
FAULT_KINDS: tuple[str, ...] = tuple(_FAULTS)


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one of ``FAULT_KINDS`` with a severity from 0 (none) to 1 (unmistakable).

    Raises:
        SynthError: unknown kind, or severity out of range.
    """

    kind: str
    severity: float

    def __post_init__(self) -> None:
        if self.kind not in _FAULTS:
            raise SynthError(f"fault {self.kind!r} is unknown, expected one of {', '.join(FAULT_KINDS)}")
        if not 0.0 <= self.severity <= 1.0:
            raise SynthError(f"severity of {self.kind} is {self.severity}, expected 0 (none) to 1")

    @property
    def amplitude(self) -> float:
        """Factor on the sound of severity 1: half the severity sounds 9 dB weaker."""
        return float(self.severity**1.5)


class FaultSound:
    """The sound of one kind of fault at severity 1 in one machine.

    Each segment follows from the machine's course and the segment's number alone, so a fault that sets in late
    sounds as if it had always been there.
    """

    def __init__(self, kind: str, spec: MachineSpec, rate: int, seed: int, room: NDArray[np.float64]) -> None:
        """Shape the fault's filters; ``room`` is the impulse response from the machine to the sensor."""
        key = (seed, FAULT_KINDS.index(kind))
        rng = np.random.default_rng(key)
        self._layers = []
        for number, (excitation, kernel) in enumerate(_FAULTS[kind]):
            path = signals.response(np.convolve(kernel(spec, rate, rng), room))
            self._layers.append(_Layer(excitation, path, spec, rate, (*key, number)))

    def render(self, last: Segment, now: Segment) -> Signal:
        """Return the sound in the segment ``now``, which comes after ``last``."""
        return signals.convolve(np.sum([layer.spectrum(last, now) for layer in self._layers], axis=0))


class _Layer:
    """One excitation and the path that it takes."""

    def __init__(
        self, excitation: _Excitation, path: signals.Response, spec: MachineSpec, rate: int, key: tuple[int, ...]
    ) -> None:
        self._excitation, self._path = excitation, path
        self._spec, self._rate, self._key = spec, rate, key
        self._kept = (-2, np.zeros(0, np.float32))

    def spectrum(self, last: Segment, now: Segment) -> signals.Response:
        before = self._kept[1] if self._kept[0] == last.index else self._excite(last)
        self._kept = (now.index, self._excite(now))
        return self._path * signals.transform(before, self._kept[1])

    def _excite(self, segment: Segment) -> Signal:
        # The silence before the first sample has number -1; seeds take no negative numbers.
        rng = np.random.default_rng((*self._key, segment.index + 1))
        excitation = self._excitation(_Setting(self._spec, self._rate, segment, rng))
        return (excitation * segment.level).astype(np.float32)
