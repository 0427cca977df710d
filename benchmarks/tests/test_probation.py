import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_last_line_tells_the_figures() -> None:
    paths = [str(ROOT / name) for name in (".", "common", "agent", "collector")]
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.probation", "--rounds", "1"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=True,
    )
    figures = json.loads(result.stdout.splitlines()[-1])
    assert set(figures) == {"alone_us", "committed_us", "probation_us", "features_us", "probation_ratio"}
    assert min(figures.values()) > 0
