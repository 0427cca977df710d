"""A machine that sounds: tones of its shaft and mains, flow noise, drift, its room and, if wanted, a fault."""

import numpy as np
from numpy.typing import NDArray

from audiosense_common.synth import signals
from audiosense_common.synth.faults import Fault, FaultSound, Segment
from audiosense_common.synth.kinds import MACHINE_KINDS, MachineSpec, SynthError, machine_spec
from audiosense_common.synth.signals import SEGMENT, Signal

MIN_SAMPLE_RATE_HZ = 4_000
MAX_SAMPLE_RATE_HZ = 192_000
NOISE_RMS = 0.03
"""RMS of the flow noise: the whole machine stands at about -28 dBFS."""
_SPEED_SPREAD = 0.002
_LEVEL_SPREAD_DB = 1.0
_BALANCE_SPREAD_DB = 0.25
_RELAXATION_S = 20.0
_LEVEL_PER_SPEED = 2.5
"""Flow noise rises by 50 dB a decade of speed (fan laws: Madison 1949), so amplitudes go with this power of it."""
_AMBIENT_CORNER_HZ = 250.0
_AMBIENT_KEY = 7_919
_RAMP = np.arange(SEGMENT) / SEGMENT


class SyntheticMachine:
    """An endless recording of one machine, the same for the same kind, sample rate and seed.

    The seed stands for the individual: its tones' strengths, its room, and the course of its drift.
    """

    def __init__(
        self, kind: str, sample_rate_hz: int, seed: int = 0, *, ambient_dbfs: float | None = None, speed: float = 1.0
    ) -> None:
        """Build the machine; rendering starts at its first sample.

        Args:
            kind: one of ``MACHINE_KINDS``.
            sample_rate_hz: of the sound.
            seed: the individual.
            ambient_dbfs: RMS level of the room's own noise, which stays when the machine stops; None for silence.
            speed: share of the nominal speed at the first sample, see ``run_at``.

        Raises:
            SynthError: unknown kind, sample rate outside of 4 to 192 kHz, or negative seed.
        """
        self._spec = machine_spec(kind)
        if not MIN_SAMPLE_RATE_HZ <= sample_rate_hz <= MAX_SAMPLE_RATE_HZ:
            raise SynthError(
                f"sample rate is {sample_rate_hz} Hz, synthetic machines take {MIN_SAMPLE_RATE_HZ} to "
                f"{MAX_SAMPLE_RATE_HZ} Hz"
            )
        if seed < 0:
            raise SynthError(f"seed is {seed}, expected 0 or more")
        self.kind = kind
        self.sample_rate_hz = sample_rate_hz
        self.seed = seed
        rng = np.random.default_rng((seed, MACHINE_KINDS.index(kind)))
        self._room = signals.room(rng, sample_rate_hz)
        self._healthy = _HealthySound(self._spec, sample_rate_hz, self._room, rng, speed)
        self._ambient = None if ambient_dbfs is None else _Ambient(sample_rate_hz, seed, ambient_dbfs)
        self._fault_sounds: dict[str, FaultSound] = {}
        self._advance()

    def render(self, n_samples: int, fault: Fault | None = None) -> Signal:
        """Return the next samples, float32, shape (n_samples,), full scale is 1.

        Any division into calls gives the same sound. Without a fault, or with one of severity 0, it is the healthy
        sound; a fault is added on top of that and may come, grow and go from one call to the next.
        """
        sound = np.empty(n_samples, np.float32)
        done = 0
        while done < n_samples:
            if self._used == SEGMENT:
                self._advance()
            count = min(SEGMENT - self._used, n_samples - done)
            part = slice(self._used, self._used + count)
            sound[done : done + count] = self._segment[part]
            if fault is not None and fault.severity > 0.0:
                sound[done : done + count] += np.float32(fault.amplitude) * self._fault_segment(fault.kind)[part]
            self._used += count
            done += count
        return sound

    def run_at(self, speed: float, ramp_s: float = 0.0) -> None:
        """Change to a share of the nominal speed, 0 to stop, by a ramp from the next segment on.

        ``ramp_s`` is how long the whole way from stop to nominal speed takes. Tones, noise and faults follow the
        speed in pitch and level; the room's own noise stays.
        """
        self._healthy.run_at(speed, ramp_s)

    def _advance(self) -> None:
        self._course, self._segment = self._healthy.step()
        if self._ambient is not None:
            self._segment = self._segment + self._ambient.step()
        self._fault_segments: dict[str, Signal] = {}
        self._used = 0

    def _fault_segment(self, kind: str) -> Signal:
        if kind not in self._fault_segments:
            if kind not in self._fault_sounds:
                self._fault_sounds[kind] = FaultSound(
                    kind, self._spec, self.sample_rate_hz, self.seed, self._room * NOISE_RMS
                )
            self._fault_segments[kind] = self._fault_sounds[kind].render(*self._course)
        return self._fault_segments[kind]


class _HealthySound:
    """The healthy machine, segment by segment."""

    def __init__(
        self, spec: MachineSpec, rate: int, room: NDArray[np.float64], rng: np.random.Generator, speed: float
    ) -> None:
        self._tones = _Tones(spec, rate, rng)
        colour = signals.coloured(lambda frequency: _flow_magnitude(spec, frequency), rate)
        self._tone_path = signals.response(room * NOISE_RMS)
        self._noise_path = signals.response(np.convolve(colour, room) * NOISE_RMS)
        spreads = np.array([_SPEED_SPREAD, _LEVEL_SPREAD_DB, _BALANCE_SPREAD_DB])
        self._drift = signals.Drift(rng, spreads, _RELAXATION_S * rate / SEGMENT)
        self._drifted = self._drift.step()
        self._rng = rng
        self._shaft_hz, self._segment_s = spec.shaft_hz, SEGMENT / rate
        self._turns = 0.0
        self._speed, self._wanted, self._most = speed, speed, 1.0
        silence = np.zeros(SEGMENT, np.float32)
        self._segment = Segment(-1, np.zeros(SEGMENT), silence)
        self._tonal = self._noise = silence

    def run_at(self, speed: float, ramp_s: float) -> None:
        self._wanted = speed
        self._most = self._segment_s / ramp_s if ramp_s > self._segment_s else 1.0

    def step(self) -> tuple[tuple[Segment, Segment], Signal]:
        """Return the courses of the last segment and of the next one, and the sound of the next one."""
        before, self._drifted = self._drifted, self._drift.step()
        speeds = self._speed, self._speed + max(-self._most, min(self._wanted - self._speed, self._most))
        self._speed = speeds[1]
        _, level_db, balance_db = before[:, np.newaxis] + (self._drifted - before)[:, np.newaxis] * _RAMP
        level = 10.0 ** (level_db / 20.0)
        if speeds != (1.0, 1.0):
            level *= (speeds[0] + (speeds[1] - speeds[0]) * _RAMP) ** _LEVEL_PER_SPEED
        level = level.astype(np.float32)
        last, self._segment = self._segment, Segment(self._segment.index + 1, self._turn(before[0], speeds), level)
        tonal = self._tones.render(self._segment) * level * (10.0 ** (balance_db / 20.0)).astype(np.float32)
        noise = self._rng.standard_normal(SEGMENT, dtype=np.float32) * level
        spectrum = self._tone_path * signals.transform(self._tonal, tonal)
        spectrum += self._noise_path * signals.transform(self._noise, noise)
        self._tonal, self._noise = tonal, noise
        return (last, self._segment), signals.convolve(spectrum)

    def _turn(self, drift_before: float, speeds: tuple[float, float]) -> NDArray[np.float64]:
        start = self._shaft_hz * self._segment_s * (1.0 + drift_before) * speeds[0]
        end = self._shaft_hz * self._segment_s * (1.0 + self._drifted[0]) * speeds[1]
        turns: NDArray[np.float64] = self._turns + _RAMP * (start + 0.5 * (end - start) * _RAMP)
        self._turns += 0.5 * (start + end)
        return turns


class _Tones:
    """All tones of a healthy machine, each of an individual strength and phase."""

    def __init__(self, spec: MachineSpec, rate: int, rng: np.random.Generator) -> None:
        speeds_hz = np.array([order * spec.shaft_hz for order, _ in spec.orders])
        orders = np.array(spec.orders)[speeds_hz < 0.45 * rate]
        hum = np.array([tone for tone in spec.hum if tone[0] < 0.45 * rate])
        self._orders, self._hum_hz = orders[:, :1], hum[:, :1]
        amplitudes = np.concatenate((orders[:, 1], hum[:, 1]))
        strength = 10.0 ** (rng.normal(0.0, 1.5, len(amplitudes)) / 20.0)
        self._amplitudes = (np.sqrt(2.0) * amplitudes * strength).astype(np.float32)
        self._phases = rng.uniform(0.0, 1.0, (len(amplitudes), 1))
        self._rate = rate
        self._seconds = np.arange(SEGMENT) / rate

    def render(self, segment: Segment) -> Signal:
        start_s = segment.index * SEGMENT / self._rate
        turns = np.concatenate((self._orders * segment.turns, self._hum_hz * (start_s + self._seconds)))
        turns += self._phases
        turns -= np.rint(turns)
        waves = np.sin(np.float32(2.0 * np.pi) * turns.astype(np.float32))
        waves *= self._amplitudes[:, np.newaxis]
        # No product of matrices: OpenBLAS would start threads for it, which spin for longer than they compute.
        sound: Signal = waves.sum(axis=0)
        return sound


class _Ambient:
    """The noise of a hall: steady, falling by 6 dB an octave above 250 Hz."""

    def __init__(self, rate: int, seed: int, level_dbfs: float) -> None:
        colour = signals.coloured(lambda f: 1.0 / np.hypot(1.0, f / _AMBIENT_CORNER_HZ), rate)
        self._path = signals.response(colour * 10.0 ** (level_dbfs / 20.0))
        self._rng = np.random.default_rng((seed, _AMBIENT_KEY))
        self._noise = np.zeros(SEGMENT, np.float32)

    def step(self) -> Signal:
        before, self._noise = self._noise, self._rng.standard_normal(SEGMENT, dtype=np.float32)
        return signals.convolve(self._path * signals.transform(before, self._noise))


def _flow_magnitude(spec: MachineSpec, frequency_hz: NDArray[np.float64]) -> NDArray[np.float64]:
    octaves = np.log2(np.maximum(frequency_hz, spec.corner_hz) / spec.corner_hz)
    gain_db = spec.hump_db * signals.hump(frequency_hz, spec.hump_hz, 0.5) - spec.slope_db * octaves
    magnitude: NDArray[np.float64] = 10.0 ** (gain_db / 20.0)
    return magnitude
