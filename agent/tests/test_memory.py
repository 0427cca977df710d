"""The allocator's settings keep memory from staying with the process."""

import subprocess
import sys

PROGRAM = """
import sys, threading
import numpy as np
from audiosense_agent.memory import keep_small

def resident():
    for line in open("/proc/self/status"):
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024

if sys.argv[1] == "small":
    assert keep_small()
before = resident()

def compute():
    for _ in range(20):
        kept = [np.ones(200_000) for _ in range(4)]
        np.fft.rfft(np.concatenate(kept))

threads = [threading.Thread(target=compute) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(resident() - before)
"""


def grown(how):
    run = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
    return float(run.stdout)


def test_what_windows_took_is_given_back_in_all_threads():
    assert grown("small") < grown("as it is") / 2
