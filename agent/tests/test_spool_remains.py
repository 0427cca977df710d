"""What is half there of a spool set aside: boots that it names no more, open events without a time, bad gaps."""

import sqlite3
from contextlib import closing

import pytest
from agent_testing.samples import event, measurement

from audiosense_agent.spool import Spool
from audiosense_agent.spool.file import files_aside
from audiosense_agent.spool.repair import repair
from audiosense_common.wire import EventState

CAP = 2**30
UP_US = 3_600_000_000
"""An hour after the computer's start, as its steady clock tells it."""
OFFSET_US = 1_790_000_000_000_000


@pytest.fixture
def path(tmp_path):
    return tmp_path / "spool.db"


def set_aside(path, *statements):
    """Change a closed spool beside the agent, and mark it as of a newer release: the next start sets it aside."""
    with closing(sqlite3.connect(path)) as db:
        for statement in statements:
            assert db.execute(statement).rowcount != 0
        db.commit()
        db.execute("PRAGMA user_version = 99")
    Spool(path).close()
    assert files_aside(path)


def heard_before_the_time_was_known(path, events=()):
    with closing(Spool(path)) as spool:
        spool.begin_boot("a")
        spool.append([measurement(n, time_us=UP_US + n * 5_000_000) for n in range(5)], events)


def test_rescued_rows_of_a_boot_that_the_file_names_no_more_wait_and_get_an_estimated_time(path):
    heard_before_the_time_was_known(path)
    set_aside(path, "DELETE FROM boot")
    (done,) = repair(path, CAP)
    assert done.rescued.measurements == 5
    with closing(Spool(path)) as spool:
        spool.begin_boot("a")
        assert spool.read_rescued(10)[1] == [], "whose boot it was nobody knows"
        assert spool.anchor(OFFSET_US)
        rows = spool.read_rescued(10)[1]
    assert all(row.is_time_estimated for row in rows)
    assert [row.time_us - rows[0].time_us for row in rows] == [n * 5_000_000 for n in range(5)]
    assert rows[-1].time_us <= OFFSET_US, "no later than this boot's start"


def provisional(number):
    return event(number, start_us=UP_US, end_us=UP_US + 5_000_000, peak_us=UP_US)


def test_an_open_event_without_a_time_outlives_its_file_and_gets_its_time(path):
    opened = provisional(1)
    heard_before_the_time_was_known(path, [opened])
    set_aside(path)
    with closing(Spool(path)) as spool:
        assert spool.open_events() == [], "it waits"
        spool.begin_boot("a")
        assert spool.anchor(OFFSET_US)
        (found,) = spool.open_events()
    assert (found.id, found.start_us, found.state) == (opened.id, OFFSET_US + UP_US, EventState.OPEN)


@pytest.mark.parametrize("statements", [(), ("DELETE FROM boot",)], ids=["known boot", "lost boot"])
def test_an_open_event_that_another_boot_left_without_a_time_is_closed(path, statements):
    opened = provisional(1)
    heard_before_the_time_was_known(path, [opened])
    set_aside(path, *statements)
    with closing(Spool(path)) as spool:
        spool.begin_boot("b")
        assert spool.anchor(OFFSET_US)
        assert spool.open_events() == []
        closed = [found for _, found in spool.read_events(10) if found.state is EventState.CLOSE]
    assert [(found.id, found.revision) for found in closed] == [(opened.id, 2)]
    assert closed[0].end_us <= OFFSET_US, "no later than this boot's start"


@pytest.mark.parametrize("bad", ["windows = -5", "first_seq = 'x'", "reason = 'none'", "last_us = -1"])
def test_a_gap_that_cannot_be_is_inherited_as_damage_of_unknown_size_once(path, bad):
    with closing(Spool(path)) as spool:
        spool.append([measurement(1)])
        for sensor, windows in (("pump", 7), ("fan", 8)):
            spool.count_dropped(sensor, windows, OFFSET_US, OFFSET_US)
    set_aside(path, f"UPDATE gap SET {bad} WHERE windows = 8")
    repair(path, CAP)
    with closing(Spool(path)) as spool:
        told = [(gap.sensor, gap.reason, gap.windows) for gap in spool.read_gaps(100)]
    assert told.count((None, "damaged", None)) == 1
    assert ("pump", "not_stored", 7) in told
    assert not [each for each in told if each[0] == "fan"]
