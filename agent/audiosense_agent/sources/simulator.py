"""A synthetic machine as source."""

import random
from collections.abc import Iterator

from audiosense_agent.clock import Clock, Follower
from audiosense_agent.config import SensorSettings, SimulatorSource
from audiosense_agent.sources.base import Context, Probe
from audiosense_agent.sources.injection import Injections
from audiosense_agent.sources.pacing import Pace
from audiosense_agent.windows import MICROSECONDS, Window
from audiosense_common.synth import FAULT_KINDS, Fault, SyntheticMachine

_KINDS = sorted(FAULT_KINDS)


class Simulator:
    """Renders a window every ``interval_s``; faults come by chance (``anomaly_rate``) or by injection."""

    def __init__(self, sensor: SensorSettings, source: SimulatorSource, injections: Injections, clock: Clock) -> None:
        self._clock = clock
        self._sensor = sensor
        self._source = source
        self._injections = injections
        self._chance = random.Random(f"{source.kind} {source.seed}")  # noqa: S311 - reproducible, not secret
        self._injected: tuple[object, int] | None = None

    def probe(self) -> Probe:
        """Render a few samples."""
        SyntheticMachine(self._source.kind, self._sensor.sample_rate_hz, self._source.seed).render(16)
        return Probe(f"simulated {self._source.kind}, seed {self._source.seed}")

    def windows(self, context: Context) -> Iterator[Window]:
        """Yield rendered windows, each handed on once its end has come."""
        source = self._source
        machine = SyntheticMachine(
            source.kind, self._sensor.sample_rate_hz, source.seed, ambient_dbfs=source.ambient_dbfs
        )
        follower = Follower(self._clock)
        pace = Pace(self._source.history_s, self._source.max_speed, follower, resume_us=context.resume_us)
        interval_us = round((self._source.interval_s or 0) * MICROSECONDS) or self._sensor.window_us
        start_us = pace.start_us
        while pace.wait(start_us + self._sensor.window_us, context):
            self._operate(machine)
            samples = machine.render(self._sensor.window_samples, self._fault(start_us))
            yield follower.stamp(Window(start_us, samples))
            start_us += interval_us

    def _operate(self, machine: SyntheticMachine) -> None:
        injection = self._injections.of(self._sensor.name)
        if injection is None:
            machine.run_at(1.0)
        else:
            machine.run_at(0.0 if injection.at_rest else 1.0, injection.run_s)

    def _fault(self, start_us: int) -> Fault | None:
        by_chance = self._chance.random() < self._source.anomaly_rate
        kind = self._chance.choice(_KINDS)
        injection = self._injections.of(self._sensor.name)
        if injection is None or injection.fault not in FAULT_KINDS:
            self._injected = None
            return Fault(kind, 1.0) if by_chance else None
        if self._injected is None or self._injected[0] != injection.id:
            self._injected = (injection.id, start_us)
        return Fault(injection.fault, injection.severity_at(start_us - self._injected[1]))
