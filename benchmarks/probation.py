"""What probation costs: microseconds to judge a window with a model alone, committed, and on probation beside another.

The three take turns on the same windows, with models of the default detector that were trained in the same run. The
whole work of a window is its features and its verdict; the ratio compares that on probation with that after it.
"""

import argparse
import itertools
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from audiosense_agent.config import SensorSettings, SimulatorSource
from audiosense_agent.detector import Detector
from audiosense_agent.model_store import Limits, ModelStore
from audiosense_collector.signing import SigningKey
from audiosense_collector.training.baseline import BaselineWindows
from audiosense_collector.training.build import SensorModel, build_bundle
from audiosense_collector.training.settings import FitSettings
from audiosense_common.bundle import Bundle
from audiosense_common.features import SCHEMA_ID, FeatureExtractor
from audiosense_common.running import Phase
from audiosense_common.synth import SyntheticMachine

RATE_HZ, WINDOW_S, WINDOWS = 16_000, 5.0, 120
SENSOR_ID = UUID(int=1)
KEY = SigningKey.of(Ed25519PrivateKey.generate())
ENDLESS = Limits(windows=10**9, seconds=1e12)

Judge = Callable[[NDArray[np.float16], Phase], Any]


def main() -> None:
    """Print a line for each, then one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="turns that each takes (default: %(default)s)")
    rounds = parser.parse_args().rounds
    vectors, features_us = _hear()
    first, second = (_bundle(vectors, version) for version in (1, 2))
    with tempfile.TemporaryDirectory() as folder:
        judges = _judges(Path(folder), first, second, vectors)
        taken: dict[str, list[float]] = {name: [] for name in judges}
        for _, (name, judge) in itertools.product(range(rounds), judges.items()):
            began = time.perf_counter()
            for vector in vectors:
                judge(vector, Phase.RUNNING)
            taken[name].append((time.perf_counter() - began) / len(vectors) * 1e6)
    found = {name: statistics.median(each) for name, each in taken.items()}
    for name, value in found.items():
        print(f"{name:>10} {value:8.1f} us a verdict; features of {WINDOW_S:g} s at {RATE_HZ} Hz: {features_us:.0f} us")
    result = {f"{name}_us": round(value, 1) for name, value in found.items()}
    result["features_us"] = round(features_us, 1)
    result["probation_ratio"] = round((features_us + found["probation"]) / (features_us + found["committed"]), 3)
    print(json.dumps(result))


def _hear() -> tuple[NDArray[np.float16], float]:
    """Return the features (windows, d) of a simulated machine, and the median microseconds that a window's take."""
    machine, extractor = SyntheticMachine("pump", RATE_HZ, 1), FeatureExtractor(RATE_HZ)
    found, times = [], []
    for _ in range(WINDOWS):
        samples = machine.render(round(RATE_HZ * WINDOW_S))
        began = time.perf_counter()
        found.append(extractor.extract(samples))
        times.append((time.perf_counter() - began) * 1e6)
    return np.stack(found), statistics.median(times)


def _bundle(vectors: NDArray[np.float16], version: int) -> Bundle:
    baseline = BaselineWindows(features=vectors, schema_id=SCHEMA_ID, from_us=0, to_us=60_000_000)
    model = SensorModel(sensor=SENSOR_ID, version=version, sample_rate_hz=RATE_HZ, window_s=WINDOW_S)
    return build_bundle(baseline, model, KEY, created_us=time.time_ns() // 1_000, settings=FitSettings())


def _judges(folder: Path, first: Bundle, second: Bundle, vectors: NDArray[np.float16]) -> dict[str, Judge]:
    sensor = SensorSettings(
        name="pump",
        machine="pump",
        sample_rate_hz=RATE_HZ,
        window_s=WINDOW_S,
        source=SimulatorSource(type="simulator"),
    )
    keys = KEY.public_keys()
    store = ModelStore(folder, Limits(windows=len(vectors)))
    committed = store.install(sensor, SENSOR_ID, first.pack(), keys, None)
    for vector in vectors:
        committed.judge(vector, Phase.RUNNING)
    tried = ModelStore(folder, ENDLESS)
    tried.start(sensor, SENSOR_ID, keys)
    watched = tried.install(sensor, SENSOR_ID, second.pack(), keys, None)
    if committed.progress() is not None or watched.progress() is None:
        raise RuntimeError("the models are not in the stages that are to be compared")
    return {"alone": Detector(first).judge, "committed": committed.judge, "probation": watched.judge}


if __name__ == "__main__":
    main()
