"""What an agent takes of a computer: memory, processor, time to the first score, bytes on the wire.

A real agent hears recordings at 48 kHz beside a real collector that trains its models: first one sensor, through an
hour's windows as fast as it can and then in real time, then 64 sensors in real time.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import soundfile

from audiosense_agent.batches import pack, to_columns
from audiosense_agent.enrolment import load_identity
from audiosense_agent.spool import Spool
from audiosense_agent.spool.rows import Measurement
from audiosense_agent.spool.view import read_spool
from audiosense_common.features import SCHEMA_ID, FeatureExtractor, dominant_hz, level_dbfs
from audiosense_common.synth import SyntheticMachine
from audiosense_common.wire import Batch, Status
from deploy.demo.processes import Process, command, read_json, wait_for

RATE_HZ = 48_000
WINDOW_S = 5.0
HOUR = 720
LEARNT = 120
SPOOLED = 200
SETTLE_S = 10.0
SOUND_S = 15
"""Short: a recording is held in memory, which a microphone is not."""
_TICKS = os.sysconf("SC_CLK_TCK")
SENSOR = """
[[sensors]]
name = "{name}"
machine = "{name}"
sample_rate_hz = {rate}
window_s = {window_s}
source = {{ type = "recording", path = "{sound}", loop = true, history_s = {history_s} }}
"""


def main() -> None:
    """Measure and print; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="in real time (default: %(default)s)")
    parser.add_argument("--sensors", type=int, default=64, help="of the second agent (default: %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sound = SyntheticMachine("gearbox", RATE_HZ, seed=3).render(SOUND_S * RATE_HZ)
        soundfile.write(folder / "sound.wav", sound, RATE_HZ, subtype="PCM_16")
        with collector(folder) as beside:
            one = Bench(beside, "one", 1, HOUR + LEARNT)
            one.learn()
            result = one.measure_memory() | {"cpu_percent": one.measure_cpu(arguments.seconds)}
            result |= {"start_s": one.measure_start()} | one.measure_spool()
            many = Bench(beside, "many", arguments.sensors, LEARNT)
            with many.running():
                many.wait_until_live()
                result[f"sensors{arguments.sensors}_cpu_percent"] = many.measure_cpu(arguments.seconds)
    print(json.dumps(result))


@dataclass(frozen=True, slots=True)
class Collector:
    """A running collector: its folder, its address for agents, and the variables that its commands need."""

    folder: Path
    address: str
    environment: dict[str, str]


@contextmanager
def collector(folder: Path) -> Iterator[Collector]:
    """Run a collector with a database of its own."""
    environment = {
        "DATABASE_URL": "",
        "AUDIOSENSE_DATA_DIR": str(folder / "collector"),
        "AUDIOSENSE_HTTP_PORT": "0",
        "AUDIOSENSE_AGENT_HOST": "127.0.0.1",
        "AUDIOSENSE_AGENT_PORT": "0",
        "AUDIOSENSE_BASELINE_WINDOWS": str(LEARNT - 20),
    }
    with Process(
        "collector", ["audiosense_collector", "serve"], environment=environment, log=folder / "collector.log"
    ) as process:
        addresses = folder / "collector" / "run" / "addresses.json"
        found = wait_for("the collector listens", lambda: read_json(addresses), seconds=60, processes=[process])
        yield Collector(folder, found["agents"], environment)


class Bench:
    """An agent that is started again and again on one state directory."""

    def __init__(self, beside: Collector, name: str, sensors: int, windows: int) -> None:
        folder = beside.folder
        self._beside, self._folder, self._name = beside, folder, name
        self.sensors = [f"{name} {number}" for number in range(sensors)]
        self.state = folder / name
        self._configuration = folder / f"{name}.toml"
        self._configure(windows * WINDOW_S)
        key = command(
            ["audiosense_collector", "enrolment-key", "create", "--url", beside.address, "--quiet"],
            environment=beside.environment,
        )
        command(["audiosense_agent", "enroll", key.strip(), "--config", str(self._configuration)], environment={})
        self._pid = 0

    def _configure(self, history_s: float) -> None:
        tables = [
            SENSOR.format(
                name=name, rate=RATE_HZ, window_s=WINDOW_S, sound=self._folder / "sound.wav", history_s=history_s
            )
            for name in self.sensors
        ]
        # Probes are mixed once in a sensor's life, for 40 s, and are no part of what listening takes.
        head = f'name = "{self._name}"\nstate_dir = "{self.state}"\n[probes]\nenabled = false\n'
        text = head + "".join(tables)
        self._configuration.write_text(text)

    @contextmanager
    def running(self, *options: str) -> Iterator[Process]:
        """Run the agent."""
        arguments = ["audiosense_agent", "run", "--config", str(self._configuration), *options]
        process = Process(self._name, arguments, environment={}, log=self._folder / f"{self._name}.log")
        self._pid = process.pid
        with process:
            yield process

    def measured(self) -> int:
        """Windows heard by all sensors together."""
        view = read_spool(self.state / "spool.db")
        return sum(int(sensor["windows_measured"] or 0) for sensor in view.sensors.values())

    def wait_until_live(self) -> None:
        """Wait until all sensors score with a model of their own and their windows are of the present."""

        def live() -> bool | None:
            sensors = read_spool(self.state / "spool.db").sensors.values()
            now_us = time.time_ns() // 1_000
            current = [one for one in sensors if one["model"] and now_us - int(one["time_us"] or 0) < 4e6 * WINDOW_S]
            return len(current) == len(self.sensors) or None

        wait_for("all sensors are scored in real time", live, seconds=900, processes=[])
        time.sleep(20)

    def memory_mib(self, name: str = "VmRSS") -> float:
        """Memory of the process in MiB, by the kernel's name: all that is resident, or data without program text."""
        for line in Path(f"/proc/{self._pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) / 1024
        raise AssertionError("the kernel tells resident memory")

    def scored(self) -> str | None:
        """The model of the last window, if any."""
        (sensor,) = read_spool(self.state / "spool.db").sensors.values()
        model = sensor["model"]
        return None if model is None else str(model)

    def cpu_s(self) -> float:
        """Processor time of the process in seconds."""
        fields = Path(f"/proc/{self._pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def learn(self) -> None:
        """Hear the windows of a baseline, then wait until the collector has a model of them."""
        with self.running("--stop-after", str(LEARNT)) as process:
            process.wait(120)

        def has_model() -> bool | None:
            shown = command(["audiosense_collector", "models", "--json"], environment=self._beside.environment)
            return bool(json.loads(shown)) or None

        wait_for("a model", has_model, seconds=300, processes=[])

    def measure_memory(self) -> dict[str, float]:
        """Hear an hour's windows, scored with a model, as fast as possible; memory at the end and its growth.

        The growth is that of the most data from the first half of the windows to the second: program text comes and
        goes, data is what could leak.
        """
        seen: list[tuple[int, float, float]] = []
        with self.running() as process:

            def hour_is_over() -> bool | None:
                seen.append((self.measured() - LEARNT, self.memory_mib(), self.memory_mib("RssAnon")))
                return seen[-1][0] >= HOUR or None

            wait_for("an hour's windows", hour_is_over, seconds=900, processes=[process])
            # An hour takes seconds here, within which an agent still holds what its start took.
            time.sleep(SETTLE_S)
            hour_is_over()
            assert self.scored() is not None
        windows, resident, own = seen[-1]
        halves = [[data for heard, _, data in seen if (heard >= HOUR // 2) is late] for late in (False, True)]
        half = max(halves[0])
        print(f"{windows} windows: {resident:.1f} MiB resident, {own:.1f} of it data, {half:.1f} in the first half")
        return {"rss_mib": round(resident, 1), "rss_growth_mib": round(max(halves[1]) - half, 2)}

    def measure_cpu(self, seconds: float) -> float:
        """Return percent of one core in real time, with a model for each sensor."""
        if self._pid and Path(f"/proc/{self._pid}").exists():
            return self._measure_cpu(seconds)
        with self.running():
            self.wait_until_live()
            return self._measure_cpu(seconds)

    def _measure_cpu(self, seconds: float) -> float:
        began, cpu, windows = time.monotonic(), self.cpu_s(), self.measured()
        time.sleep(seconds)
        percent = 100 * (self.cpu_s() - cpu) / (time.monotonic() - began)
        print(f"{len(self.sensors)} sensor(s): {percent:.2f} % of a core, {self.measured() - windows} windows")
        return round(percent, 2)

    def measure_start(self) -> float:
        """Return seconds from starting the process to its first scored window in the spool.

        The agent was away for two windows, which a recording has waiting for it.
        """
        time.sleep(2 * WINDOW_S)
        before = self.measured()
        began = time.monotonic()
        with self.running() as process:
            wait_for("a window", lambda: self.measured() > before or None, seconds=60, processes=[process])
            taken = time.monotonic() - began
        print(f"first window scored and committed after {taken:.2f} s")
        return round(taken, 2)

    def measure_spool(self) -> dict[str, float]:
        """Return processor milliseconds to spool a window by itself, and bytes on the wire of a batch of two (10 s)."""
        identity = load_identity(self.state)
        assert identity is not None
        rows = self._rows()
        spool = Spool(self._folder / "spool.db")
        began = time.process_time()
        for row in rows:
            spool.append([row])
        milliseconds = (time.process_time() - began) / len(rows) * 1e3
        kept = spool.read(len(rows))
        spool.close()
        print(f"spooling a window: {milliseconds:.2f} ms CPU, one commit each")
        sizes = {}
        for count in (2, len(kept)):
            columns = to_columns(kept[:count], identity.sensors)
            batch = Batch(agent=identity.agent, epoch=identity.agent, token=None, sent_us=0, sensors=columns)
            sizes[count] = len(pack(batch)) / count
            print(f"batch of {count}: {sizes[count]:.0f} bytes a measurement, compressed")
        return {"spool_ms": round(milliseconds, 3), "wire_bytes": round(sizes[2])}

    def _rows(self) -> list[Measurement]:
        """Describe windows of the machine, as the agent would spool them."""
        extractor, machine = FeatureExtractor(RATE_HZ), SyntheticMachine("gearbox", RATE_HZ, seed=3)
        rows = []
        for number in range(SPOOLED):
            vector = extractor.extract(machine.render(round(WINDOW_S * RATE_HZ)))
            rows.append(
                Measurement(
                    sensor=self.sensors[0],
                    time_us=round(number * WINDOW_S * 1e6),
                    score=0.5,
                    status=Status.NORMAL,
                    model="0" * 64,
                    level_dbfs=level_dbfs(vector),
                    dominant_hz=dominant_hz(vector),
                    schema_id=SCHEMA_ID,
                    features=vector,
                )
            )
        return rows


if __name__ == "__main__":
    main()
