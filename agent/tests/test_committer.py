"""Windows of many sensors in one commit: few commits, nothing told as kept that is not, each sensor in its order."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import ExitStack, closing
from itertools import pairwise

import numpy as np
import pytest
from agent_testing.samples import measurement, simulated
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiosense_agent.committer import Committer
from audiosense_agent.errors import SpoolError
from audiosense_agent.sources.devices import MissingDeviceError
from audiosense_agent.spool import Spool
from audiosense_agent.windows import Window
from audiosense_agent.worker import Worker

FOR_EVER_S = 60.0
"""Longer than any of these tests: a group that waits so long fails them."""


@pytest.fixture
def spool(tmp_path):
    with closing(Spool(tmp_path / "s.db")) as opened:
        yield opened


class Commits:
    """Counts the commits of a spool that hold windows."""

    def __init__(self, spool):
        self.count = 0
        self._has_windows = False
        spool._db.set_trace_callback(self._see)

    def _see(self, statement):
        self._has_windows |= statement.startswith("INSERT INTO measurement")
        if statement.startswith("COMMIT"):
            self.count += self._has_windows
            self._has_windows = False


def hand_in(committer, shares, *, waits=True):
    """Commit one share of each sensor at once; return what each of them was told."""
    told = {}

    def commit(name, rows):
        try:
            committer.commit(rows, [], {name: len(rows)}, waits=waits)
        except SpoolError as error:
            told[name] = str(error)
        else:
            told[name] = "kept"

    threads = [threading.Thread(target=commit, args=share) for share in shares.items()]
    with ExitStack() as stack:
        for _ in threads:
            stack.enter_context(committer.taking_part())
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(FOR_EVER_S / 2)
    return told


def shares(count):
    return {f"pump {number}": [measurement(number, f"pump {number}")] for number in range(count)}


def test_all_sensors_share_one_commit(spool):
    commits = Commits(spool)
    told = hand_in(Committer(spool, patience_s=FOR_EVER_S), shares(16))
    assert set(told.values()) == {"kept"}
    assert len(told) == len(spool.read(100)) == 16
    assert commits.count == 1


def test_a_sensor_that_cannot_wait_takes_along_those_that_do(spool):
    committer = Committer(spool, patience_s=FOR_EVER_S)
    waiting = threading.Thread(target=committer.commit, args=([measurement(1)], [], {}), kwargs={"waits": True})
    with committer.taking_part(), committer.taking_part(), committer.taking_part():
        waiting.start()
        committer.commit([measurement(2, "fan")], [], {})
        waiting.join(FOR_EVER_S / 2) if spool.status().rows == 2 else committer.hurry()
        waiting.join(FOR_EVER_S / 2)
    assert not waiting.is_alive()
    assert {row.sensor for row in spool.read(10)} == {"pump", "fan"}


def test_a_large_group_and_an_agent_that_stops_wait_for_nobody(spool):
    committer = Committer(spool, most=4, patience_s=FOR_EVER_S)
    with committer.taking_part(), committer.taking_part():
        committer.commit([measurement(number) for number in range(4)], [], {}, waits=True)
        committer.hurry()
        committer.commit([measurement(9)], [], {}, waits=True)
    assert spool.status().rows == 5


def test_a_disk_that_fails_is_told_to_each_sensor_and_nothing_is_kept(spool):
    committer = Committer(spool, patience_s=FOR_EVER_S)
    spool._db.execute("PRAGMA query_only = ON")
    told = hand_in(committer, shares(5))
    assert len(told) == 5
    assert all("cannot be written" in text for text in told.values())
    spool._db.execute("PRAGMA query_only = OFF")
    assert spool.status().rows == 0
    assert set(hand_in(committer, shares(5)).values()) == {"kept"}


def test_what_cannot_be_stored_costs_its_own_sensor_alone(spool):
    wanted = shares(4)
    wanted["pump 2"] = [measurement(2, "pump 2", level_dbfs=None)]
    told = hand_in(Committer(spool, patience_s=FOR_EVER_S), wanted)
    assert [name for name, text in told.items() if text != "kept"] == ["pump 2"]
    assert "cannot store" in told["pump 2"]
    assert {row.sensor for row in spool.read(10)} == {"pump 0", "pump 1", "pump 3"}


_KILLED = """
import os, signal, sys, threading
from pathlib import Path
from agent_testing.samples import measurement
from audiosense_agent.committer import Committer
from audiosense_agent.spool import Spool
spool = Spool(Path(sys.argv[1]))
committer = Committer(spool, patience_s=60)
def commit(number):
    committer.commit([measurement(number, f"pump {number % 4}")], [], {}, waits=True)
    os.write(1, f"{number}\\n".encode())
def see(statement):
    if statement.startswith("COMMIT"):
        os.kill(os.getpid(), signal.SIGKILL)
for group in range(3):
    if group == 2:
        spool._db.set_trace_callback(see)
    threads = [threading.Thread(target=commit, args=(4 * group + number,)) for number in range(4)]
    parts = [committer.taking_part() for _ in threads]
    for part in parts:
        part.__enter__()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for part in parts:
        part.__exit__(None, None, None)
"""


def test_a_kill_between_gathering_and_commit_loses_nothing_that_was_told_as_kept(tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _KILLED, tmp_path / "s.db"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    told = {int(line) for line in done.stdout.split()}
    assert told == set(range(8)), "two groups were told as kept, the third was not"
    with closing(Spool(tmp_path / "s.db")) as spool:
        assert {row.time_us for row in spool.read(100)} == {measurement(number).time_us for number in told}


PLANS = st.lists(st.lists(st.tuples(st.integers(1, 5), st.booleans()), min_size=1, max_size=6), min_size=1, max_size=5)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plans=PLANS)
def test_each_sensor_keeps_its_order_and_loses_nothing(tmp_path, plans):
    """Each plan is a sensor's: how many windows it hands in at a time, and whether it can wait."""
    with closing(Spool(tmp_path / f"{os.urandom(8).hex()}.db")) as spool:
        committer = Committer(spool, most=6, patience_s=0.01)

        def work(name, plan):
            number = 0
            with committer.taking_part():
                for count, waits in plan:
                    rows = [measurement(number + place, name) for place in range(count)]
                    committer.commit(rows, [], {name: count}, waits=waits)
                    number += count

        threads = [threading.Thread(target=work, args=(f"s{place}", plan)) for place, plan in enumerate(plans)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rows = spool.read(10_000)
        for place, plan in enumerate(plans):
            times = [row.time_us for row in rows if row.sensor == f"s{place}"]
            assert times == [measurement(number).time_us for number in range(sum(count for count, _ in plan))]
        assert all(one.seq < other.seq for one, other in pairwise(rows))


class Live:
    """A source that waits after each window, as one in real time does; none goes on before all have one."""

    def __init__(self, count, start):
        self.count, self.start = count, start

    def windows(self, context):
        for number in range(self.count):
            yield Window(1_790_000_000_000_000 + number * 500_000, np.full(4_000, 1e-3 * (-1) ** number, np.float32))
            if number == 0:
                self.start.wait(FOR_EVER_S)
            context.idle()


def test_sensors_in_real_time_make_one_commit_a_window_together(spool, monkeypatch):
    monkeypatch.setattr("audiosense_agent.worker._LONGEST_S", FOR_EVER_S)
    committer, start = Committer(spool, patience_s=FOR_EVER_S), threading.Barrier(8)
    sensors = [simulated(f"pump {number}") for number in range(8)]
    workers = [Worker(sensor, Live(5, start), spool, committer=committer) for sensor in sensors]
    threads = [threading.Thread(target=worker.run, args=(threading.Event(),)) for worker in workers]
    commits = Commits(spool)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(FOR_EVER_S / 2)
    assert len(spool.read(100)) == 40
    assert commits.count == 5


class Pulled:
    """A source that fails after some windows, at once if none: its device is gone, and stays so."""

    def __init__(self, count):
        self.count, self.has_failed = count, threading.Event()

    def windows(self, context):
        yield from Live(self.count, threading.Barrier(1)).windows(context)
        self.has_failed.set()
        raise MissingDeviceError("no device 'north'; check its plug")


@pytest.mark.parametrize("heard", [0, 1], ids=["missing", "pulled"])
def test_nobody_waits_for_a_sensor_whose_device_is_missing(spool, heard, monkeypatch):
    monkeypatch.setattr("audiosense_agent.worker._LONGEST_S", FOR_EVER_S)
    committer, start, stop = Committer(spool, patience_s=FOR_EVER_S), threading.Barrier(2), threading.Event()
    pulled = Pulled(heard)
    absent = Worker(simulated("north"), pulled, spool, committer=committer, retry_s=FOR_EVER_S)
    workers = [Worker(simulated(f"pump {number}"), Live(3, start), spool, committer=committer) for number in range(2)]
    threads = [threading.Thread(target=worker.run, args=(stop,)) for worker in (absent, *workers)]
    threads[0].start()
    assert pulled.has_failed.wait(FOR_EVER_S / 2)
    for thread in threads[1:]:
        thread.start()
    for thread in threads[1:]:
        thread.join(FOR_EVER_S / 2)
    are_held_up = any(thread.is_alive() for thread in threads[1:])
    committer.hurry()
    stop.set()
    for thread in threads:
        thread.join(FOR_EVER_S / 2)
    assert not are_held_up
    assert len(spool.read(100)) == 2 * 3 + heard
