import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_fault_is_explained_and_the_last_line_tells_what_it_took() -> None:
    paths = [str(ROOT / name) for name in (".", "common", "collector")]
    result = subprocess.run(
        [sys.executable, "-m", "benchmarks.reasons", "--rounds", "1"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=True,
    )
    healthy, *faults, last = result.stdout.splitlines()
    assert healthy.split()[0] == "healthy"
    assert len(faults) == 7
    assert all(" dB" in fault for fault in faults)
    assert min(json.loads(last).values()) > 0
