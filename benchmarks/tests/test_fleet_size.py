"""A thousand streams, and a fleet that is trained anew by two workers: what must hold whatever the time it takes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def figures(*command: str) -> dict[str, float]:
    paths = [str(ROOT / name) for name in (".", "common", "agent", "collector")]
    result = subprocess.run(
        [sys.executable, "-m", *command],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return dict(json.loads(result.stdout.splitlines()[-1]))


@pytest.mark.soak
def test_a_thousand_streams_of_one_process_get_every_message_once() -> None:
    found = figures("benchmarks.live", "--streams", "1000", "--rate", "2", "--seconds", "30")
    assert (found["messages"], found["lost"], found["repeated"]) == (60, 0, 0)
    assert found["rss_kib_per_stream"] < 200
    assert found["rss_mib"] < 512


@pytest.mark.soak
def test_two_workers_share_a_fleet_and_train_each_sensor_once() -> None:
    found = figures("benchmarks.retraining", "--sensors", "6")
    assert found["not_once_1"] == found["not_once_2"] == 0
    assert found["least_share_1"] == 6
    assert found["least_share_2"] > 0
