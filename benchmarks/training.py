"""Training a sensor with 10,000 baseline windows: calibration, detectability report, export, self-test, signature.

The last line is JSON: wall-clock seconds and peak memory of the training process, imports left out of the seconds.
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.training.probing import ProbeSet
from audiosense_collector.training.process import TrainingOrder, train
from audiosense_collector.training.settings import AUTO, DEFAULT_DETECTOR
from audiosense_common.features import SCHEMA_ID, FeatureExtractor
from audiosense_common.synth import SyntheticMachine
from audiosense_common.synth.probes import PROBE_KINDS, mix

RATE_HZ = 4_000
WINDOW_S = 5.0
SAMPLES = round(RATE_HZ * WINDOW_S)
SOUNDED = 500
"""Windows that are rendered; the others repeat them with a jitter of half a decibel, which costs training the same."""
SOURCES = 120
PERIOD_US = round(WINDOW_S * 1e6)


def main() -> None:
    """Make a baseline and its probes, train in a fresh process, tell time and memory."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=10_000)
    count = parser.parse_args().windows
    sound = SyntheticMachine("gearbox", RATE_HZ, seed=3).render(SAMPLES * SOUNDED).reshape(SOUNDED, SAMPLES)
    matrix, probes = make_baseline(sound, count), make_probes(sound, count)
    result = {"windows": count, "probes": len(probes.features)}
    for detector in (DEFAULT_DETECTOR, AUTO):
        context = multiprocessing.get_context("spawn")
        with tempfile.TemporaryDirectory() as folder, context.Pool(1) as pool:
            seconds, mebibytes = pool.apply(measure, (make_order(Path(folder), matrix, probes, detector),))
        print(f"{detector}: {seconds:.2f} s, peak {mebibytes:.0f} MiB, {count} windows, {len(probes.features)} probes")
        result |= {f"{detector}_s": round(seconds, 2), f"{detector}_mib": round(mebibytes)}
    print(json.dumps(result))


def make_baseline(sound: NDArray[np.float32], count: int) -> NDArray[np.float16]:
    """Return feature vectors (count, features)."""
    extractor = FeatureExtractor(RATE_HZ)
    heard = np.stack([extractor.describe(window) for window in sound])
    rng = np.random.default_rng(0)
    return (heard[np.arange(count) % len(heard)] + rng.normal(0.0, 0.5, (count, heard.shape[1]))).astype(np.float16)


def make_probes(sound: NDArray[np.float32], count: int) -> ProbeSet:
    """Mix synthetic faults into 120 windows, as an agent does."""
    extractor = FeatureExtractor(RATE_HZ)
    places = np.linspace(0, len(sound) - 1, SOURCES).astype(int)
    rows = [
        (PROBE_KINDS.index(probe.kind), probe.level_db, place * count // len(sound), extractor.extract(mixed))
        for number, place in enumerate(places)
        for probe, mixed in mix(sound[place], RATE_HZ, 0, number)
    ]
    kind, level_db, place, vectors = zip(*rows, strict=True)
    return ProbeSet(
        features=np.stack(vectors),
        schema_id=SCHEMA_ID,
        kinds=PROBE_KINDS,
        kind=np.array(kind, np.int64),
        level_db=np.array(level_db, np.float64),
        time_us=np.array(place, np.int64) * PERIOD_US,
    )


def make_order(folder: Path, matrix: NDArray[np.float16], probes: ProbeSet, detector: str) -> TrainingOrder:
    """Return what the collector would send to its training process."""
    count = len(matrix)
    return TrainingOrder(
        trust_dir=folder,
        sensor=UUID(int=1),
        version=1,
        sample_rate_hz=RATE_HZ,
        window_s=WINDOW_S,
        schema_id=SCHEMA_ID,
        matrix=matrix,
        from_us=0,
        to_us=count * PERIOD_US,
        created_us=count * PERIOD_US,
        detector=detector,
        trees=100,
        false_alarms_per_week=1.0,
        percentile=None,
        times_us=np.arange(count, dtype=np.int64) * PERIOD_US,
        probes=probes,
    )


def measure(order: TrainingOrder) -> tuple[float, float]:
    """Train in this process; returns seconds without imports, and its peak memory in MiB."""
    from audiosense_collector.training import build, choice  # noqa: F401, PLC0415 - loaded before the clock starts

    started = time.perf_counter()
    train(order)
    return time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024


if __name__ == "__main__":
    main()
