"""``GET /analyses?limit=10000`` with a model, over HTTP on a real PostgreSQL, against row-by-row scikit-learn."""

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import anyio
import httpx
import numpy as np
from sklearn.ensemble import IsolationForest

from audiosense_collector.cli.common import database
from audiosense_collector.developer.figures import draw_figures
from audiosense_collector.developer.model import choose_windows
from audiosense_collector.developer.statistics import window_statistics
from audiosense_collector.server import running
from audiosense_collector.settings import Settings

ROWS = 10_000
WINDOW_SIZE = 60
TREES = 200
REPEATS = 15
SAMPLE_ROWS = 100


def main() -> None:
    """Measure and print; the last line is JSON."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        settings = Settings(data_dir=Path(folder), http_port=0, agent_port=0, developer_mode=True)
        with database(settings) as url:
            times_ms = anyio.run(_served(settings, url))
    estimate_ms = _sklearn_rowwise_ms()
    analyses_ms = statistics.median(times_ms)
    print(f"GET /analyses?limit={ROWS} with a model of {TREES} trees, {REPEATS} requests")
    print(f"  median {analyses_ms:.0f} ms, fastest {min(times_ms):.0f} ms, slowest {max(times_ms):.0f} ms")
    print(f"  scikit-learn row by row, from {SAMPLE_ROWS} rows: {estimate_ms / 1_000:.1f} s")
    result = {
        "analyses_ms": round(analyses_ms, 1),
        "rows": ROWS,
        "sklearn_rowwise_ms_estimate": round(estimate_ms),
        "ratio": round(estimate_ms / analyses_ms),
    }
    print(json.dumps(result))


def _served(settings: Settings, url: str) -> Callable[[], Coroutine[Any, Any, list[float]]]:
    async def measure() -> list[float]:
        async with running(settings, url) as (addresses, *_):
            return await anyio.to_thread.run_sync(_requests, addresses.http)

    return measure


def _requests(address: str) -> list[float]:
    with httpx.Client(base_url=address, timeout=60) as client:
        client.post("/v2/generate").raise_for_status()
        client.post("/anomaly/train", params={"window_size": WINDOW_SIZE}).raise_for_status()
        times_ms = []
        for _ in range(REPEATS + 1):
            started = time.perf_counter()
            content = client.get("/analyses", params={"limit": ROWS}).raise_for_status().content
            times_ms.append(1_000 * (time.perf_counter() - started))
        scored = sum(row["model_score"] is not None for row in json.loads(content))
    if scored != ROWS - WINDOW_SIZE + 1:
        raise SystemExit(f"{scored} rows were scored, expected {ROWS - WINDOW_SIZE + 1}")
    return times_ms[1:]


def _sklearn_rowwise_ms() -> float:
    """Score a sample of rows singly, as the predecessor did with all of them."""
    figures = draw_figures(np.random.default_rng(0), ROWS, 0.05)
    chosen = choose_windows(figures.value, figures.frequency, figures.anomalous, WINDOW_SIZE)
    forest = IsolationForest(n_estimators=TREES, contamination=0.05, random_state=0).fit(chosen.features)
    started = time.perf_counter()
    for row in range(SAMPLE_ROWS):
        span = slice(row, row + WINDOW_SIZE)
        forest.score_samples(window_statistics(figures.value[span], figures.frequency[span], WINDOW_SIZE))
    return 1_000 * (time.perf_counter() - started) / SAMPLE_ROWS * ROWS


if __name__ == "__main__":
    main()
