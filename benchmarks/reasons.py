"""Microseconds of CPU that the reasons of a window take, beside those of its feature vector, on one thread.

Of a simulated pump: a healthy window, for which an agent never asks, and one with each fault, which it explains.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from audiosense_collector.training.reference import make_reference
from audiosense_common.features import SCHEMA_ID, FeatureExtractor, schema
from audiosense_common.reason_words import put_in_words
from audiosense_common.reasons import Explainer
from audiosense_common.synth import FAULT_KINDS, Fault, SyntheticMachine

RATE_HZ, WINDOW_S, BASELINE_WINDOWS, REPEATS = 48_000, 5, 120, 50


def main() -> None:
    """Print what is told of each window and what it took, then one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rounds", type=int, default=15, help="turns of which the median counts (default: %(default)s)"
    )
    rounds = parser.parse_args().rounds
    machine, extractor, length = SyntheticMachine("pump", RATE_HZ, 1), FeatureExtractor(RATE_HZ), RATE_HZ * WINDOW_S
    baseline = np.stack([extractor.extract(machine.render(length)) for _ in range(BASELINE_WINDOWS)])
    explainer = Explainer(make_reference(baseline, schema(SCHEMA_ID)), RATE_HZ)
    samples = machine.render(length)
    vectors = {"healthy": extractor.extract(samples)}
    for kind in FAULT_KINDS:
        vectors[kind] = extractor.extract(machine.render(length, Fault(kind, 1.0)))
    taken = {}
    for name, vector in vectors.items():
        taken[name] = _microseconds(partial(explainer.explain, vector), REPEATS, rounds)
        print(f"{name:>14} {taken[name]:6.0f} us  {put_in_words(explainer.explain(vector))}")
    features_us = _microseconds(partial(extractor.extract, samples), 1, rounds)
    slowest = max(taken.values())
    result = {
        "healthy_us": round(taken["healthy"], 1),
        "slowest_us": round(slowest, 1),
        "features_us": round(features_us, 1),
        "share_of_features": round(slowest / features_us, 4),
    }
    print(json.dumps(result))


def _microseconds(call: Callable[[], Any], repeats: int, rounds: int) -> float:
    times = []
    for _ in range(rounds):
        start = time.thread_time()
        for _ in range(repeats):
            call()
        times.append((time.thread_time() - start) / repeats * 1e6)
    return statistics.median(times)


if __name__ == "__main__":
    main()
