"""A refused event while a long backlog waits: found in a bounded number of batches, and all else goes on."""

import itertools
import math
import time
from dataclasses import replace

import pytest
from agent_testing.samples import event, measurement

from audiosense_agent.batches import cover
from audiosense_agent.isolation import Isolation, Remedy
from audiosense_agent.lanes import Lanes
from audiosense_agent.sections import CollectorSettings

BACKLOG = 20_000


class Way:
    """Lanes whose batches a collector refuses if they hold an item that it does not take."""

    def __init__(self, spool, *, bad_events=(), bad_rows=(), rate=1e6, **settings):
        self.spool, self.bad_events, self.bad_rows = spool, set(bad_events), set(bad_rows)
        values = {"max_batch": 256, "batch_interval_s": 60, "heartbeat_s": 600, "backlog_rate": rate} | settings
        self.lanes = Lanes(spool, CollectorSettings(**values))
        self.batches, self.events, self.rows = 0, [], 0

    def step(self):
        load = self.lanes.load()
        if load is None:
            return False
        self.batches += 1
        numbers = [number for number, _ in load.events]
        batch = replace(cover(load.measurements, numbers), rescued=load.rescued, life=load.life)
        seqs = {row.seq for row in load.measurements}
        if self.bad_events & set(numbers) or self.bad_rows & seqs:
            if self.lanes.refused(batch) is Remedy.BURY:
                self.spool.bury(batch, "not taken")
            return True
        self.events += numbers
        self.rows += len(seqs)
        self.spool.acknowledge(batch)
        self.lanes.accepted(batch)
        return True

    def until(self, done, most):
        for _ in range(most):
            if done():
                return
            self.lanes.hurry()
            self.step()
        assert done(), (self.batches, self.spool.status())


def fill(spool, rows, events):
    spool.append([measurement(number) for number in range(rows)], [event(number + 1) for number in range(events)])
    return [number for number, _ in spool.read_events(10_000)]


@pytest.mark.parametrize(("events", "place"), [(1, 0), (3, 0), (3, 2), (400, 0), (400, 399), (400, 211)])
def test_a_refused_event_is_found_however_many_measurements_wait(spool, events, place):
    numbers = fill(spool, BACKLOG, events)
    way = Way(spool, bad_events=[numbers[place]])
    way.until(lambda: spool.status().dead_letters == 1, most=40)
    way.until(lambda: len(way.events) == events - 1, most=40)
    assert spool.status().rows > BACKLOG / 4, "before the backlog is there"
    way.until(lambda: spool.status().rows == 0, most=200)
    assert (spool.status().dead_letters, spool.status().events, way.rows) == (1, 0, BACKLOG)
    assert not way.lanes.isolation.is_active


def test_a_slow_backlog_does_not_hold_up_the_search(spool):
    numbers = fill(spool, 2_000, 5)
    way = Way(spool, bad_events=[numbers[0]], rate=0.01)
    way.until(lambda: spool.status().dead_letters == 1 and len(way.events) == 4, most=40)
    assert spool.status().rows > 1_000


def test_measurements_go_on_while_many_events_are_refused(spool):
    numbers = fill(spool, 2_000, 60)
    way = Way(spool, bad_events=numbers)
    way.until(lambda: spool.status().rows == 0, most=60)
    assert spool.status().dead_letters < 60
    way.until(lambda: spool.status().dead_letters == 60, most=60 * 4)


def test_new_events_go_on_while_a_refused_measurement_is_looked_for(spool):
    fill(spool, 5_000, 2)
    way = Way(spool, bad_rows=[4_900])
    for turn in itertools.count():
        if spool.status().dead_letters:
            break
        spool.append([], [event(100 + turn)])
        way.lanes.hurry()
        way.step()
        assert spool.status().events <= 4
    assert turn <= math.log2(256) ** 2
    assert len(way.events) >= turn / 3
    way.until(lambda: spool.status().rows == 0, most=200)
    assert (way.rows, spool.status().dead_letters) == (4_999, 1)


def test_refused_measurements_and_events_are_all_found_and_nothing_else(spool):
    numbers = fill(spool, 3_000, 50)
    way = Way(spool, bad_events=numbers[7:9], bad_rows=[1, 1_500, 2_999, 3_000])
    way.until(lambda: spool.status().rows == 0 and spool.status().events == 0, most=400)
    assert spool.status().dead_letters == 6
    assert (way.rows, len(way.events)) == (2_996, 48)


def test_neither_search_forgets_what_the_other_has_proven():
    isolation, buried = Isolation(4, 4), set()
    for _ in range(40):
        if isolation.probing:
            isolation.accepted(0)
            continue
        kind = isolation.order[0]
        measurements, events = (1, 0) if kind.name == "MEASUREMENTS" else (0, 1)
        if isolation.refused(measurements, events) is Remedy.BURY:
            buried.add(kind)
    assert len(buried) == 2


def test_numbers_with_a_hole_cost_the_backlog_what_is_there_and_no_more(spool):
    spool.append([measurement(number) for number in range(3_000)])
    sent = cover(spool.read(1_000_000)[10:2_500], [])
    spool.acknowledge(replace(sent, life=spool.epoch))
    way, waits = Way(spool, rate=256), [0.0]
    assert way.step()
    assert way.lanes.has_backlog
    while spool.status().rows:
        time.sleep(waits[-1])
        assert way.step()
        waits.append(way.lanes._bucket.wait_s())
    assert way.rows == 510
    assert 0.5 < max(waits) <= 1
