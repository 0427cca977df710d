"""What was lost is told once, and what a repair brought back is stored once, beside what is new."""

import time

import pytest
from agent_testing.samples import measurement
from agent_testing.uplinks import Setup
from agent_testing.waiting import wait_for

from audiosense_agent.spool.repair import repair


def test_gaps_are_told_once_and_forgotten_when_acknowledged(setup):
    setup.enrol()
    setup.fill(3)
    first_us, last_us = measurement(1).time_us, measurement(7).time_us
    setup.spool.count_dropped("pump", 7, first_us, last_us)
    setup.collector.faults.extend(["drop", 500])
    setup.deliver()
    pump = setup.collector.registered["pump"]
    told = [(gap.sensor, gap.reason, gap.windows, gap.first_us, gap.last_us) for gap in setup.collector.gaps.values()]
    assert told == [(pump, "not_stored", 7, first_us, last_us)]
    assert setup.collector.fired["exact repeat"] == 1
    assert setup.spool.read_gaps(10) == []


def test_a_gap_of_an_unregistered_sensor_is_told_as_nobodys_and_holds_up_nothing(setup):
    setup.enrol()
    setup.fill(2)
    setup.spool.count_dropped("gone", 7, None, None)
    setup.deliver()
    assert [(gap.sensor, gap.windows) for gap in setup.collector.gaps.values()] == [(None, 7)]


def test_drained_is_what_has_delivered_rescued_measurements_and_gaps_too(setup):
    setup.enrol()
    damaged(setup)
    setup.spool.close()
    repair(setup.folder / "spool.db", 2**30)
    successor = Setup(setup.collector, setup.folder)
    setup.spool, setup.uplink = successor.spool, successor.uplink
    assert not setup.uplink.drain(time.monotonic())
    assert setup.uplink.drain(time.monotonic() + 10)
    assert (setup.spool.status().rescued, setup.spool.read_gaps(10)) == (0, [])
    assert len(setup.collector.stored) == 60
    setup.spool.count_dropped("pump", 7, None, None)
    assert setup.uplink.drain(time.monotonic() + 10)
    assert 7 in [gap.windows for gap in setup.collector.gaps.values()]


def test_a_poison_row_is_told_as_refused(setup):
    setup.enrol()
    setup.fill(20)
    setup.collector.poison = lambda columns, row: columns.seq[row] == 5
    setup.deliver()
    for _ in range(5):
        setup.uplink.wake()
        setup.uplink.step()
    (gap,) = setup.collector.gaps.values()
    assert (gap.reason, gap.windows, gap.first_seq, gap.last_seq) == ("refused", 1, 5, 5)
    assert len(setup.collector.stored) == 19


def damaged(setup):
    """The spool with its root page gone, some of it delivered and a batch in flight that was stored unanswered."""
    setup.fill(60)
    setup.deliver_some(2)
    setup.collector.faults.append("drop")
    wait_for(lambda: setup.uplink.step() is not None and setup.spool.in_flight() is not None)
    setup.uplink.close()
    setup.spool.close()
    with setup.spool.path.open("r+b") as file:
        file.write(b"\0" * 100)
    successor = Setup(setup.collector, setup.folder)
    setup.spool, setup.uplink = successor.spool, successor.uplink


@pytest.mark.parametrize("poison", [None, 45])
def test_rescued_rows_are_stored_once_under_their_own_epoch_beside_new_ones(setup, poison):
    setup.enrol()
    old = setup.spool.epoch
    damaged(setup)
    assert setup.spool.epoch != old
    new = setup.fill(30, start=100)
    setup.spool.close()
    (done,) = repair(setup.folder / "spool.db", 2**30)
    assert done.rescued.measurements == 40
    successor = Setup(setup.collector, setup.folder)
    setup.spool, setup.uplink = successor.spool, successor.uplink
    if poison is not None:
        setup.collector.poison = lambda columns, row: columns.time_us[row] == measurement(poison - 1).time_us
    setup.collector.faults.extend([None, "drop", 500])
    setup.deliver()
    expected = {(old, seq) for seq in range(1, 61)} | {(setup.spool.epoch, seq) for seq in new}
    stored = [(epoch, seq) for _, epoch, seq in setup.collector.stored]
    assert sorted(stored) == sorted(expected - {(old, poison)})
    assert setup.collector.duplicates == 10, "of the batch that was in flight, which the collector knows"
    assert not setup.collector.quarantined
    assert setup.spool.status().rescued == 0
    assert setup.spool.status().dead_letters == (poison is not None)
