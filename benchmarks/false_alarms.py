"""False alarms over weeks of healthy, drifting machines in a noisy hall, against the budget that was set.

Each sensor learns from the first hours of its sound as the product does; what comes after is scored with the signed
model by the agent's own code, debounced into events, and every event is a false alarm.
"""

import argparse
import json
import multiprocessing
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from audiosense_agent.events import Debouncer
from audiosense_agent.model_store import prepare_alone
from audiosense_collector.signing import SigningKey
from audiosense_collector.training.baseline import BaselineWindows
from audiosense_collector.training.build import SensorModel, build_bundle
from audiosense_collector.training.settings import FitSettings
from audiosense_common.bundle import Bundle
from audiosense_common.features import SCHEMA_ID, SCHEMAS
from audiosense_common.running import RunningGate
from audiosense_common.wire import EventState, Status
from benchmarks.plant import SAMPLE_RATE_HZ, SPOTS, WINDOW_S, describe

HOUR = round(3_600 / WINDOW_S)
DAY_S = 86_400.0
DAYS_A_WEEK = 7.0
PERIOD_US = round(WINDOW_S * 1e6)
RESAMPLES = 10_000
Vectors = NDArray[np.float16]


@dataclass(frozen=True, slots=True)
class Watched:
    """One sensor: false alarms in so many days, and what its manifest had said to expect a day."""

    alarms: int
    days: float
    expected: float
    threshold: float


def main() -> None:
    """Simulate, train, watch; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=float, default=40.0, help="sensor-days to watch (default: %(default)s)")
    parser.add_argument("--per-day", type=float, default=1.0, help="the budget (default: %(default)s)")
    parser.add_argument("--baseline", type=float, nargs="+", default=[8.0, 4.0, 1.0], help="hours to learn from")
    parser.add_argument("--machines", type=int, default=5, help=f"with {SPOTS} sensors each (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="folder that keeps the feature vectors from one run to the next")
    arguments = parser.parse_args()
    watch_h = arguments.days * 24.0 / (SPOTS * arguments.machines)
    longest_h = max(arguments.baseline)
    found: dict[float, list[Watched]] = {hours: [] for hours in arguments.baseline}
    for vectors in _sensors(arguments, round((longest_h + watch_h) * HOUR)):
        for hours, sensors in found.items():
            learnt = vectors[round((longest_h - hours) * HOUR) : round(longest_h * HOUR)]
            sensors.append(watch(learnt, vectors[round(longest_h * HOUR) :], arguments.per_day))
    result = {f"baseline_{hours:g}_h": tell(hours, sensors, arguments.per_day) for hours, sensors in found.items()}
    print(json.dumps({"sensor_days": arguments.days, "budget_per_day": arguments.per_day} | result))


def _sensors(arguments: argparse.Namespace, count: int) -> Iterator[Vectors]:
    """Yield the vectors (count, features) of each sensor; takes half a minute of two cores a sensor-day."""
    folder = arguments.keep
    with multiprocessing.get_context("spawn").Pool(arguments.processes) as pool:
        for vectors in pool.imap(partial(_describe, count=count, folder=folder), range(arguments.machines)):
            yield from vectors


def _describe(machine: int, count: int, folder: Path | None) -> Vectors:
    """Return vectors (sensors, windows, features), going on from those that an earlier run kept."""
    known = None if folder is None else _load(folder, machine)
    if known is not None and known.shape[1] >= count:
        return known[:, :count]
    vectors = describe(machine, count, known)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        np.save(_file(folder, machine), vectors)
    return vectors


def _load(folder: Path, machine: int) -> Vectors | None:
    if not _file(folder, machine).exists():
        return None
    vectors: Vectors = np.load(_file(folder, machine))
    return vectors if vectors.shape[2] == len(SCHEMAS[SCHEMA_ID]) else None


def _file(folder: Path, machine: int) -> Path:
    return folder / f"plant{machine}.npy"


def train(learnt: Vectors, per_day: float) -> Bundle:
    """Train as the collector does, on one sensor's vectors (windows, features)."""
    baseline = BaselineWindows(features=learnt, schema_id=SCHEMA_ID, from_us=0, to_us=len(learnt) * PERIOD_US)
    model = SensorModel(sensor=UUID(int=0), version=1, sample_rate_hz=SAMPLE_RATE_HZ, window_s=WINDOW_S)
    settings = FitSettings(false_alarms_per_week=per_day * DAYS_A_WEEK)
    key = SigningKey.of(Ed25519PrivateKey.generate())
    return build_bundle(baseline, model, key, created_us=0, settings=settings, accept_drift=True)


def watch(learnt: Vectors, heard: Vectors, per_day: float) -> Watched:
    """Learn from some vectors and count the events that an agent opens in those heard after."""
    bundle = train(learnt, per_day)
    detector, manifest = prepare_alone(bundle), bundle.manifest
    rule = detector.running_rule()
    gate = None if rule is None else RunningGate(rule)
    debouncer = Debouncer("sensor", bundle.digest, manifest.threshold.value, manifest.debouncing)
    alarms = 0
    for place, vector in enumerate(heard):
        phase = None if gate is None else gate.push(float(vector[0]))
        verdict = detector.judge(vector, phase)
        counts = verdict.status in (Status.NORMAL, Status.ANOMALOUS)
        start = place * PERIOD_US
        event = debouncer.push(start, start + PERIOD_US, verdict.score if counts else None, vector)
        alarms += int(event is not None and event.state is EventState.OPEN)
    expected = manifest.threshold.parameters["expected_per_week"] / DAYS_A_WEEK
    return Watched(alarms, len(heard) * WINDOW_S / DAY_S, expected, manifest.threshold.value)


def tell(hours: float, sensors: list[Watched], per_day: float) -> dict[str, Any]:
    """Print a line and return the figures: false alarms a day, and an interval by resampling whole sensors."""
    alarms, days = (np.array([getattr(one, name) for one in sensors], float) for name in ("alarms", "days"))
    rate = alarms.sum() / days.sum()
    drawn = np.random.default_rng(0).integers(0, len(sensors), (RESAMPLES, len(sensors)))
    low, high = np.quantile(alarms[drawn].sum(axis=1) / days[drawn].sum(axis=1), (0.025, 0.975))
    print(
        f"baseline {hours:g} h, {len(sensors)} sensors, {days.sum():g} sensor-days: {int(alarms.sum())} false alarms, "
        f"{rate:.2f} a day (95 % {low:.2f} to {high:.2f}) for a budget of {per_day:g}; "
        f"{np.median(alarms / days):.2f} a day on the median sensor, {int((alarms == 0).sum())} sensors without any"
    )
    return {
        "alarms": int(alarms.sum()),
        "per_day": round(float(rate), 3),
        "per_day_ci": [round(float(low), 3), round(float(high), 3)],
        "of_budget": round(float(rate) / per_day, 3),
    }


if __name__ == "__main__":
    main()
