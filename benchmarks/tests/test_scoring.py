import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_last_line_tells_the_figures_and_the_scores_agree() -> None:
    paths = [str(ROOT / name) for name in (".", "common", "collector")]
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.scoring", "--rounds", "1"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=True,
    )
    figures = json.loads(result.stdout.splitlines()[-1])
    assert {"fused_us", "stock_us", "sklearn_us", "stock_ratio", "max_abs_diff"} <= set(figures)
    assert min(figures.values()) > 0
    assert figures["max_abs_diff"] <= 1e-6
    assert figures["compared_windows"] >= 10_000
