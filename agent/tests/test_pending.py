"""What a sensor heard reaches the disk or is counted as lost, also what no disk could take."""

import logging
import threading
from contextlib import closing

import pytest
from agent_testing.quiet import QuietSound
from agent_testing.samples import event, measurement, simulated

from audiosense_agent.committer import Committer
from audiosense_agent.pending import Pending
from audiosense_agent.spool import Spool
from audiosense_agent.spool.gaps import Span
from audiosense_agent.worker import Worker


@pytest.fixture
def spool(tmp_path):
    with closing(Spool(tmp_path / "s.db")) as opened:
        yield opened


def heard(spool, sensor="pump"):
    """Return how many windows were measured, are in the spool, and are told as lost."""
    (measured,) = spool._db.execute("SELECT measured FROM sensor WHERE name = ?", (sensor,)).fetchone()
    return measured, spool.status().rows, sum(spool.status().lost.values())


@pytest.mark.parametrize("bad", [0, 3, 6])
def test_what_cannot_be_stored_is_lost_by_itself_and_keeps_nothing_else_back(spool, bad):
    pending = Pending("pump", spool, Committer(spool))
    for number in range(7):
        pending.begin(number)
        pending.keep(measurement(number, level_dbfs=None if number == bad else -30.0))
    pending.tell(event())
    assert pending.commit()
    assert heard(spool) == (7, 6, 1)
    (gap,) = spool.read_gaps(5)
    assert gap.span == Span(measurement(bad).time_us, measurement(bad).time_us)
    assert pending.commit() is None


def test_a_disk_that_fails_while_the_rest_is_stored_loses_nothing(spool, monkeypatch):
    committer = Committer(spool)
    pending = Pending("pump", spool, committer)
    for number in range(7):
        pending.begin(number)
        pending.keep(measurement(number, level_dbfs=None if number in (1, 4) else -30.0))
    commit, left = committer.commit, 4

    def fails_later(*shares, **waits):
        nonlocal left
        left -= 1
        if left == 0:
            spool._db.execute("PRAGMA query_only = ON")
        commit(*shares, **waits)

    monkeypatch.setattr(committer, "commit", fails_later)
    assert pending.commit() is False
    spool._db.execute("PRAGMA query_only = OFF")
    assert 0 < spool.status().rows < 5
    assert pending.commit()
    assert heard(spool) == (7, 5, 2)


def test_events_that_wait_at_the_end_are_counted_like_windows(spool):
    pending = Pending("pump", spool, Committer(spool))
    pending.begin(1)
    pending.keep(measurement(1))
    pending.tell(event())
    pending.tell(event())
    spool._db.execute("PRAGMA query_only = ON")
    assert pending.commit() is False
    spool._db.execute("PRAGMA query_only = OFF")
    pending.give_up()
    assert spool.status().dropped == 1 + 2
    assert sum(spool.status().lost.values()) == 1


def test_a_window_whose_reckoning_fails_is_lost_and_the_failure_is_told_once_in_full(spool, caplog, monkeypatch):
    worker = Worker(simulated(), QuietSound(10), spool, group=1, retry_s=0.001, stop_after=8)
    describe, calls = worker._describe, 0

    def fails(samples):
        nonlocal calls
        calls += 1
        if calls % 3 == 0:
            raise ZeroDivisionError("oops")
        return describe(samples)

    monkeypatch.setattr(worker, "_describe", fails)
    worker.run(threading.Event())
    measured, rows, lost = heard(spool)
    assert (measured, rows) == (calls, calls - calls // 3)
    assert lost == calls // 3
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 1
