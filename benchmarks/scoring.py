"""Microseconds per window of the fused export, against the stock skl2onnx export and scikit-learn itself.

All three score the same windows with the same forest in the same run, taking turns, each on one thread. Then the
default detector, one window at a time as on an agent, on as wide a baseline.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import IsolationForest

from audiosense_agent.detector import OneRow, open_session
from audiosense_collector.training.detectors import DETECTORS, Fitted
from audiosense_collector.training.export import export_forest
from audiosense_collector.training.scorer import OnnxScorer
from audiosense_collector.training.settings import FitSettings

TREES, FEATURES, FITTED_ON, COMPARED = 100, 64, 720, 20_000
BATCHES = (1, 10, 100, 1_000, 10_000)
ROUND_S = 0.03

Score = Callable[[NDArray[np.float32]], Any]


def main() -> None:
    """Print a table of batch sizes, then one JSON line for one window at a time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="turns that each scorer takes (default: %(default)s)")
    rounds = parser.parse_args().rounds
    random = np.random.default_rng(0)
    baseline = random.normal(size=(FITTED_ON, FEATURES)).astype(np.float16).astype(np.float32)
    windows = random.normal(scale=1.5, size=(COMPARED, FEATURES)).astype(np.float16).astype(np.float32)
    forest = IsolationForest(n_estimators=TREES, random_state=0, n_jobs=1).fit(baseline)
    stock = _stock(forest)
    scorers: dict[str, Score] = {
        "fused": OnnxScorer(export_forest(forest)),
        "stock": lambda rows: stock.run(["scores"], {"X": rows}),
        "sklearn": forest.score_samples,
    }
    print(f"us per window: {TREES} trees, {FEATURES} features, one thread, median of {rounds} interleaved rounds")
    print(f"{'windows':>8}" + "".join(f"{name:>10}" for name in scorers))
    table = {batch: _measure(scorers, windows[:batch], rounds) for batch in BATCHES}
    for batch, row in table.items():
        print(f"{batch:>8}" + "".join(f"{row[name]:>10.2f}" for name in scorers))
    difference = float(np.abs(scorers["fused"](windows) + forest.score_samples(windows)).max())
    single = table[1]
    result = {
        "default_us": round(_default_us(rounds), 1),
        "fused_us": round(single["fused"], 2),
        "stock_us": round(single["stock"], 1),
        "sklearn_us": round(single["sklearn"], 1),
        "stock_ratio": round(single["stock"] / single["fused"], 1),
        "max_abs_diff": difference,
        "compared_windows": COMPARED,
    }
    print(json.dumps(result))


def _default_us(rounds: int) -> float:
    """Return microseconds to score a window with the default detector: other windows each time, as sound is."""
    detector = DETECTORS["ensemble"]
    random = np.random.default_rng(0)
    baseline = random.normal(size=(FITTED_ON, len(detector.features))).astype(np.float16).astype(np.float32)
    statistics_ = detector.fit_statistics(baseline, FitSettings())
    fusion = detector.calibrate(detector.measure(statistics_, baseline))
    score = OneRow(open_session(Fitted(detector, statistics_, fusion).export()), len(detector.features))
    rows = [row[np.newaxis] for row in 1.5 * random.permutation(baseline)]
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        for row in rows:
            score(row)
        taken.append((time.perf_counter() - start) / len(rows) * 1e6)
    print(
        f"default detector, {len(detector.features)} features, one window at a time: {statistics.median(taken):.1f} us"
    )
    return statistics.median(taken)


def _stock(forest: IsolationForest) -> ort.InferenceSession:
    """Export as skl2onnx does by itself: before ``export_forest`` registers the fused converter in this process."""
    model = convert_sklearn(
        forest, initial_types=[("X", FloatTensorType([None, FEATURES]))], target_opset={"": 18, "ai.onnx.ml": 3}
    )
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _measure(scorers: dict[str, Score], rows: NDArray[np.float32], rounds: int) -> dict[str, float]:
    """Return the median microseconds per row of each scorer, taking turns so that all meet the same noise."""
    repeats = {name: max(1, int(ROUND_S / _seconds(score, rows, 2))) for name, score in scorers.items()}
    times: dict[str, list[float]] = {name: [] for name in scorers}
    for _ in range(rounds):
        for name, score in scorers.items():
            times[name].append(_seconds(score, rows, repeats[name]) / len(rows) * 1e6)
    return {name: statistics.median(taken) for name, taken in times.items()}


def _seconds(score: Score, rows: NDArray[np.float32], repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        score(rows)
    return (time.perf_counter() - start) / repeats


if __name__ == "__main__":
    main()
