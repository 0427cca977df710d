"""The allocator's settings keep memory from staying with the process."""

import subprocess
import sys

from audiosense_agent.memory import unwritten_text

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


STARTED = """
import sqlite3, ssl
import numpy as np
import onnxruntime
from audiosense_agent.memory import give_back
from audiosense_common.features import FeatureExtractor

def resident(kind):
    for line in open("/proc/self/status"):
        if line.startswith(kind):
            return int(line.split()[1]) / 1024

def work():
    sound = np.sin(np.arange(48_000) * 0.3).astype(np.float32)
    rows = sqlite3.connect(":memory:").execute("select sum(value) from json_each('[1, 2, 3]')").fetchall()
    return FeatureExtractor(48_000).extract(sound).tobytes(), rows, len(ssl.create_default_context().get_ciphers())

expected, before = work(), resident("RssFile")
give_back()
after = resident("RssFile")
assert work() == expected
print(before - after, resident("RssFile") - after)
"""


def test_program_text_that_only_the_start_needed_is_given_back_and_comes_back_where_it_is_needed():
    run = subprocess.run([sys.executable, "-c", STARTED], capture_output=True, text=True, check=True)
    given, returned = map(float, run.stdout.split())
    assert given > 10
    assert 0 < returned < given


def test_only_what_nobody_wrote_to_is_let_go():
    def mapping(addresses, rights, path, own_kib):
        return [f"{addresses} {rights} 00000000 fe:00 123    {path}\n", "Rss: 64 kB\n", f"Anonymous: {own_kib:8} kB\n"]

    smaps = [
        *mapping("1000-3000", "r-xp", "/usr/lib/a.so", 0),
        *mapping("3000-4000", "r--p", "/usr/lib/a.so", 0),
        *mapping("4000-5000", "r--p", "/usr/lib/a.so", 4),
        *mapping("5000-6000", "rw-p", "/usr/lib/a.so", 0),
        *mapping("6000-7000", "r--s", "/usr/lib/cache", 0),
        *mapping("7000-8000", "r-xp", "[vdso]", 0),
        *mapping("8000-9000", "r--p", "", 0),
        *mapping("9000-a000", "r-xp", "/usr/lib/with a blank.so (deleted)", 0),
    ]
    assert unwritten_text(smaps) == [
        ("/usr/lib/a.so", 0x1000, 0x3000),
        ("/usr/lib/a.so", 0x3000, 0x4000),
        ("/usr/lib/with a blank.so (deleted)", 0x9000, 0xA000),
    ]


LOADING = """
import _ctypes, importlib.util, os, threading
from audiosense_agent.memory import give_back

names = ("_sqlite3", "_ssl", "_decimal", "_asyncio", "_curses")
paths = [spec.origin for spec in map(importlib.util.find_spec, names) if spec and spec.origin.endswith(".so")]
ended = threading.Event()
loaded = 0

def load():
    global loaded
    while not ended.is_set():
        for path in paths:
            _ctypes.dlclose(_ctypes.dlopen(path, os.RTLD_NOW))
            loaded += 1

thread = threading.Thread(target=load)
thread.start()
for _ in range(20):
    give_back()
ended.set()
thread.join()
print(loaded)
"""


def test_a_library_that_another_thread_loads_and_unloads_meanwhile_keeps_what_was_written_to_it():
    run = subprocess.run([sys.executable, "-c", LOADING], capture_output=True, text=True, check=True)
    assert int(run.stdout) > 20
