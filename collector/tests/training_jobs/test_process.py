"""The training process and the collector that it belongs to."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PARENT = """
import os, time
from audiosense_collector.training import process
trainer = process.Trainer()
print(trainer.pool().submit(os.getpid).result(60), flush=True)
time.sleep(60)
"""


def test_a_training_process_ends_with_a_collector_that_is_killed():
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        child = Path("/proc") / parent.stdout.readline().strip()
        assert child.exists()
        parent.send_signal(signal.SIGKILL)
        assert parent.wait() == -signal.SIGKILL
    deadline = time.monotonic() + 30
    while child.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not child.exists()
