"""A healthy plant for the benchmark of false alarms: machines that drift, in a hall that is never quiet."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from audiosense_common.features import SCHEMA_ID, SCHEMAS, FeatureExtractor
from audiosense_common.synth.kinds import MACHINE_KINDS
from audiosense_common.synth.machines import SyntheticMachine

SAMPLE_RATE_HZ = 4_000
"""Low, so that weeks of sound can be made in an hour; everything else is as on an agent."""
WINDOW_S = 5.0
SPOTS = 8
"""Sensors that hear one machine, each with a hall, a tilt and visitors of its own."""
_SAMPLES = round(WINDOW_S * SAMPLE_RATE_HZ)
_MACHINE_RMS = 0.036
_HALL_DB = -12.0
_HALL_WANDER_DB, _HALL_RELAXATION_S = 1.5, 600.0
_HALL_LENGTH = 1 << 20
_TILT_WANDER, _TILT_RELAXATION_S = 0.04, 7_200.0
_DAY_DB, _DAY_S = 0.75, 86_400.0
_VISITS_PER_HOUR = 1.0
_VISIT_DB, _VISIT_SPREAD_DB = -8.0, 5.0
_SECONDS = {"impact": (0.3, 1.0), "speech": (2.0, 8.0), "vehicle": (8.0, 25.0)}
_KINDS = tuple(_SECONDS)

Signal = NDArray[np.float64]


def coloured(rng: np.random.Generator, count: int, slope: float) -> Signal:
    """Return noise of RMS 1, shape (count,), whose amplitude falls with frequency to the power of ``slope``."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum *= np.maximum(np.arange(len(spectrum)) * SAMPLE_RATE_HZ / count, 50.0) ** -slope
    noise = np.fft.irfft(spectrum, count)
    unit: Signal = noise / float(np.sqrt(np.mean(noise**2)))
    return unit


class Spot:
    """What a sensor hears beside its machine's quick drift.

    Level and spectral tilt of the machine wander over the day and over hours, the hall's noise (12 dB below the
    machine) over minutes; once an hour on average somebody drops a tool, talks or drives past, as loud as chance wants.
    """

    def __init__(self, plant: int, number: int) -> None:
        self._rng = np.random.default_rng((7, plant, number))
        self._hall = coloured(self._rng, _HALL_LENGTH, 0.7)
        self._hall_db, self._tilt = self._rng.standard_normal(2)
        self._day = self._rng.uniform(0.0, 2.0 * np.pi)
        self._visit = np.zeros(0)
        self._window = 0

    def hear(self, machine: Signal, rise: Signal) -> Signal:
        """Return a window of the machine, whose samples rise from one to the next by ``rise``."""
        self._hall_db = self._wander(self._hall_db, _HALL_RELAXATION_S)
        self._tilt = self._wander(self._tilt, _TILT_RELAXATION_S)
        day_db = _DAY_DB * np.sin(2.0 * np.pi * self._window * WINDOW_S / _DAY_S + self._day)
        self._window += 1
        sound = 10.0 ** (day_db / 20.0) * (machine + _TILT_WANDER * self._tilt * rise)
        start = int(self._rng.integers(0, _HALL_LENGTH - _SAMPLES))
        hall_db = _HALL_DB + _HALL_WANDER_DB * self._hall_db
        sound += _MACHINE_RMS * 10.0 ** (hall_db / 20.0) * self._hall[start : start + _SAMPLES]
        if not len(self._visit) and self._rng.random() < _VISITS_PER_HOUR * WINDOW_S / 3_600.0:
            self._visit = self._arrive()
        now, self._visit = self._visit[:_SAMPLES], self._visit[_SAMPLES:]
        sound[: len(now)] += now
        heard: Signal = sound
        return heard

    def _wander(self, value: float, relaxation_s: float) -> float:
        keep = np.exp(-WINDOW_S / relaxation_s)
        return float(keep * value + np.sqrt(1.0 - keep**2) * self._rng.standard_normal())

    def _arrive(self) -> Signal:
        kind = _KINDS[int(self._rng.integers(len(_KINDS)))]
        count = round(self._rng.uniform(*_SECONDS[kind]) * SAMPLE_RATE_HZ)
        progress = np.arange(count) / count
        if kind == "impact":
            sound = np.exp(-8.0 * progress) * self._rng.standard_normal(count)
        elif kind == "speech":
            syllables = np.clip(np.sin(2.0 * np.pi * 4.0 * np.arange(count) / SAMPLE_RATE_HZ) + 0.3, 0.0, None)
            sound = syllables * coloured(self._rng, count, 0.4)
        else:
            sound = np.sin(np.pi * progress) ** 2 * coloured(self._rng, count, 1.0)
        level_db = _VISIT_DB + _VISIT_SPREAD_DB * self._rng.standard_normal()
        start = int(self._rng.integers(0, _SAMPLES))
        return np.concatenate((np.zeros(start), _MACHINE_RMS * 10.0 ** (level_db / 20.0) * sound))


def listen(plant: int, count: int) -> Iterator[list[Signal]]:
    """Yield ``count`` windows of a machine, each as its ``SPOTS`` sensors hear it, (samples,) each."""
    machine = SyntheticMachine(MACHINE_KINDS[plant % len(MACHINE_KINDS)], SAMPLE_RATE_HZ, seed=1_000 + plant)
    spots = [Spot(plant, number) for number in range(SPOTS)]
    last = 0.0
    for _ in range(count):
        sound = machine.render(_SAMPLES).astype(np.float64)
        rise = np.diff(sound, prepend=last)
        last = float(sound[-1])
        yield [spot.hear(sound, rise) for spot in spots]


def describe(plant: int, count: int, known: NDArray[np.float16] | None = None) -> NDArray[np.float16]:
    """Return the feature vectors of a machine's sensors, shape (sensors, count, features).

    ``known`` are the first ones from an earlier run: their sound is made again, which is quick, and not described.
    """
    extractor = FeatureExtractor(SAMPLE_RATE_HZ)
    vectors = np.empty((SPOTS, count, len(SCHEMAS[SCHEMA_ID])), np.float16)
    first = 0 if known is None else known.shape[1]
    if known is not None:
        vectors[:, :first] = known
    for place, windows in enumerate(listen(plant, count)):
        if place < first:
            continue
        for spot, window in enumerate(windows):
            vectors[spot, place] = extractor.extract(window)
    return vectors
