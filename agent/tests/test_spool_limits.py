"""Limits of the spool: policies, age, gaps, and that windows measured = waiting + delivered + lost."""

import random
import threading
import time
from contextlib import closing

import pytest
from agent_testing.samples import event, measurement
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosense_agent.spool import Spool, events
from audiosense_agent.spool.flight import InFlight
from audiosense_agent.spool.gaps import LossReason, Span, record
from audiosense_agent.spool.limits import DAY_US, FIRST_US, Limits, Policy, advance

KEEP = Limits(max_bytes=300_000, policy=Policy.KEEP_OLDEST)
NOW_US = time.time_ns() // 1_000
HOUR_US = 3_600_000_000


def at(time_us, sensor="pump"):
    return measurement(1, sensor, time_us=time_us)


def lost(spool):
    return spool.status().lost


def test_keep_oldest_takes_nothing_new_while_full_and_tells_what_it_did_not_take(tmp_path):
    with closing(Spool(tmp_path / "s.db", KEEP)) as spool:
        for start in range(0, 3_000, 50):
            rows = [measurement(i) for i in range(start, start + 50)]
            spool.append(rows, (), {"pump": len(rows)})
            assert spool.status().bytes < 330_000
        status, rows = spool.status(), spool.read(5_000)
        assert [row.time_us for row in rows] == [measurement(i).time_us for i in range(len(rows))]
        assert 100 < len(rows) == status.rows
        assert status.rows + status.lost["spool_full"] == 3_000
        (gap,) = spool.read_gaps(10)
        assert (gap.sensor, gap.reason, gap.windows) == ("pump", "spool_full", 3_000 - len(rows))
        assert (gap.span.first_us, gap.span.last_us) == (measurement(len(rows)).time_us, measurement(2_999).time_us)
        assert spool.last_time_us("pump") == measurement(2_999).time_us
        spool.acknowledge(InFlight(b"", rows[0].seq, rows[-1].seq, (), life=spool.epoch))
        assert spool.append([measurement(3_000)]) == [rows[-1].seq + 1]


def test_drop_oldest_tells_which_numbers_and_times_were_dropped(tmp_path):
    with closing(Spool(tmp_path / "s.db", Limits(max_bytes=300_000))) as spool:
        for i in range(0, 3_000, 50):
            spool.append([measurement(i + place, ("pump", "fan")[place % 2]) for place in range(50)])
        oldest = spool.read(1)[0].seq
        gaps = {gap.sensor: gap for gap in spool.read_gaps(10)}
        assert set(gaps) == {"pump", "fan"}
        assert sum(gap.windows for gap in gaps.values()) == oldest - 1 == spool.status().dropped
        assert min(gap.span.first_seq for gap in gaps.values()) == 1
        assert max(gap.span.last_seq for gap in gaps.values()) == oldest - 1
        assert gaps["pump"].span.first_us == measurement(0).time_us


def test_events_are_bounded_too(tmp_path, monkeypatch):
    monkeypatch.setattr(events, "MAX_EVENTS", 20)
    with closing(Spool(tmp_path / "s.db")) as spool:
        spool.append([], [event(number) for number in range(1, 11)])
        spool.put_in_flight(InFlight(b"x", 1, 0, (1, 2), life=spool.epoch))
        for number in range(11, 51):
            spool.append([], [event(number)])
        kept = [number for number, _ in spool.read_events(100)]
        assert kept == [1, 2, *range(31, 51)]
        assert spool.status().dropped == 28


def aged(path, days=30.0):
    spool = Spool(path, Limits(max_age_days=days))
    spool._next_look_s = 0.0
    return spool


def test_windows_older_than_allowed_are_dropped_and_told(tmp_path):
    with closing(aged(tmp_path / "s.db")) as spool:
        ages = [40, 35, 31, 29, 1, 0]
        spool.append([at(NOW_US - days * DAY_US) for days in ages])
        assert [round((NOW_US - row.time_us) / DAY_US) for row in spool.read(10)] == [29, 1, 0]
        (gap,) = spool.read_gaps(5)
        assert (gap.reason, gap.windows, gap.span.first_seq, gap.span.last_seq) == ("too_old", 3, 1, 3)


def test_zero_days_keeps_windows_however_old_they_are(tmp_path):
    with closing(aged(tmp_path / "s.db", 0)) as spool:
        spool.append([at(NOW_US - 4_000 * DAY_US)])
        assert (spool.status().rows, spool.status().lost) == (1, {})


def test_age_spares_the_batch_in_flight(tmp_path):
    with closing(aged(tmp_path / "s.db")) as spool:
        spool.append([at(NOW_US - 29 * DAY_US) for _ in range(4)])
        spool.put_in_flight(InFlight(b"x", 2, 3, (), life=spool.epoch), 2)
        spool.put(age_us=str(NOW_US - DAY_US))
        spool._limits = Limits(max_age_days=20)
        spool._next_look_s = 0.0
        spool.append([])
        assert [row.seq for row in spool.read(10)] == [2, 3]


@pytest.mark.parametrize("wall_us", [0, 86_400_000_000, 3_900_000_000_000_000, 253_000_000_000_000_000])
def test_a_clock_that_is_nonsense_makes_nothing_old(tmp_path, monkeypatch, wall_us):
    with closing(aged(tmp_path / "s.db")) as spool:
        spool.append([at(NOW_US - days * DAY_US) for days in (29, 10, 1)] + [at(5)])
    monkeypatch.setattr("audiosense_agent.spool.store.time.time_ns", lambda: wall_us * 1_000)
    for _ in range(50):
        with closing(aged(tmp_path / "s.db")) as spool:
            spool.append([at(wall_us)])
            assert spool.status().lost == {}
    with closing(aged(tmp_path / "s.db")) as spool:
        assert spool.status().rows == 54


def test_a_spool_of_the_release_before_does_not_believe_a_first_clock_that_is_far_ahead(tmp_path, monkeypatch):
    with closing(Spool(tmp_path / "s.db")) as spool:
        spool.append([at(NOW_US - 5 * DAY_US), at(NOW_US)])
        assert spool.get("age_us")
        with spool._transaction() as db:
            db.execute("DELETE FROM meta WHERE key = 'age_us'")
    monkeypatch.setattr("audiosense_agent.spool.store.time.time_ns", lambda: (NOW_US + 4_000 * DAY_US) * 1_000)
    with closing(aged(tmp_path / "s.db")) as spool:
        spool.append([at(NOW_US + 4_000 * DAY_US)])
        assert spool.status().rows == 3


def test_the_collectors_clock_sets_the_age_right(tmp_path, monkeypatch):
    monkeypatch.setattr("audiosense_agent.spool.store.time.time_ns", lambda: (NOW_US + 400 * DAY_US) * 1_000)
    with closing(aged(tmp_path / "s.db")) as spool:
        spool.put(age_us=str(NOW_US - 90 * DAY_US))
        spool.append([at(NOW_US - 60 * DAY_US), at(NOW_US)])
        assert spool.status().rows == 2, "by what it knew the windows are new"
        spool.put_in_flight(InFlight(b"x", 1, 0, (), life=spool.epoch))
        spool.acknowledge(spool.in_flight(), server_us=NOW_US)
        spool._next_look_s = 0.0
        spool.append([])
        assert [row.time_us for row in spool.read(5)] == [NOW_US]
        assert lost(spool) == {"too_old": 1}


@given(
    steps=st.lists(st.tuples(st.integers(0, 10 * DAY_US), st.integers(0, 5_000_000_000_000_000)), max_size=20),
    first=st.integers(FIRST_US, 2_000_000_000_000_000),
)
@settings(deadline=None)
def test_the_time_that_ages_go_by_never_runs_ahead_of_time(steps, first):
    reference, ran = first, 0
    for elapsed, wall in steps:
        ran += elapsed
        reference = advance(reference, elapsed, wall)
        assert reference <= first + ran
        assert wall < FIRST_US or reference <= wall
        assert reference >= FIRST_US


def test_gaps_near_each_other_are_one_and_others_stay_apart_up_to_a_number(spool):
    def lose(hours, windows=2, **seqs):
        at_us = FIRST_US + hours * HOUR_US
        with spool._transaction() as db:
            record(db, 1, LossReason.TOO_OLD, windows, Span(at_us, at_us + 1, **seqs))

    spool.append([measurement(1)])
    lose(10, first_seq=5, last_seq=6)
    lose(11, first_seq=7, last_seq=8)
    (gap,) = spool.read_gaps(5)
    assert (gap.windows, gap.span) == (4, Span(FIRST_US + 10 * HOUR_US, FIRST_US + 11 * HOUR_US + 1, 5, 8))
    for hours in range(20, 500, 10):
        lose(hours)
    gaps = spool.read_gaps(100)
    assert len(gaps) == 16
    assert sum(gap.windows for gap in gaps) == 4 + 2 * 48 == lost(spool)["too_old"]
    assert gaps[-1].span.last_us == FIRST_US + 490 * HOUR_US + 1


def test_a_gap_in_flight_stays_as_it_was_sent(spool):
    spool.append([measurement(1)])
    spool.count_dropped("pump", 3, HOUR_US, HOUR_US)
    (sent,) = spool.read_gaps(5)
    spool.put_in_flight(InFlight(b"x", 1, 0, (), gaps=sent.row, life=spool.epoch))
    spool.count_dropped("pump", 4, HOUR_US, HOUR_US)
    assert [(gap.number, gap.windows) for gap in spool.read_gaps(5)] == [(sent.number, 3), (sent.number + 1, 4)]
    spool.acknowledge(spool.in_flight())
    assert [gap.windows for gap in spool.read_gaps(5)] == [4]
    assert lost(spool) == {"not_stored": 7}


def test_a_gap_that_was_not_told_yet_survives_the_file_it_was_in(tmp_path):
    path = tmp_path / "s.db"
    with closing(Spool(path)) as spool:
        spool.append([measurement(i) for i in range(9)], (), {"pump": 9})
        spool.count_dropped("pump", 3, HOUR_US, HOUR_US)
        first = spool.epoch
        with spool._transaction() as db:
            db.execute("DROP TABLE open_event")
    for _ in range(2):
        with closing(Spool(path)) as spool:
            told = [(gap.epoch, gap.number, gap.sensor, gap.reason, gap.windows) for gap in spool.read_gaps(9)]
            assert (first, 1, "pump", "not_stored", 3) in told
            assert (spool.epoch, 1, "pump", "set_aside", 9) in told
            assert len(told) == 2


def test_a_batch_whose_rows_gave_way_before_it_was_kept_is_not_sent(tmp_path):
    with closing(Spool(tmp_path / "s.db", Limits(max_bytes=200_000))) as spool:
        spool.append([measurement(i) for i in range(50)])
        held = spool.read(10)
        made = InFlight(b"x", held[0].seq, held[-1].seq, (), life=spool.epoch)
        for start in range(50, 1_000, 50):
            spool.append([measurement(start + i) for i in range(50)])
        assert spool.read(1)[0].seq > held[-1].seq
        assert not spool.put_in_flight(made, len(held))
        assert spool.in_flight() is None


def test_a_batch_of_a_spool_that_was_set_aside_meanwhile_acknowledges_nothing_of_the_new_one(tmp_path):
    path = tmp_path / "s.db"
    with closing(Spool(path)) as spool:
        numbers = spool.append([measurement(i) for i in range(20)])
        made = InFlight(b"x", numbers[0], numbers[-1], (), life=spool.epoch)
        assert spool.put_in_flight(made, 20)
    with path.open("r+b") as file:
        file.write(b"\0" * 100)
    with closing(Spool(path)) as spool:
        assert spool.append([measurement(i) for i in range(20)]) == numbers
        spool.acknowledge(made, token="theirs")
        spool.bury(made, "no")
        assert not spool.put_in_flight(made, 20)
        assert (spool.status().rows, spool.get("token"), spool.dead_letters()) == (20, "", [])


def test_a_batch_in_flight_that_is_damaged_is_never_sent(tmp_path):
    path = tmp_path / "s.db"
    with closing(Spool(path)) as spool:
        spool.append([measurement(1)])
        spool.put_in_flight(InFlight(b"what was made", 1, 1, (), life=spool.epoch))
        with spool._transaction() as db:
            db.execute("UPDATE in_flight SET body = ?", (b"what was made!",))
        assert spool.in_flight() is None
        assert spool.status().set_aside == 1


class Sending:
    """What the uplink does with a spool, with refusals by chance."""

    def __init__(self, spool, seed):
        self.spool, self.chance = spool, random.Random(seed)
        self.delivered, self.told = [], {}

    def step(self):
        spool, chance = self.spool, self.chance
        life, rows = spool.epoch, spool.read(chance.randint(1, 60), newest=chance.random() < 0.5)
        gaps = spool.read_gaps(10)
        if not rows:
            return
        made = InFlight(b"x", rows[0].seq, rows[-1].seq, (), gaps=gaps[-1].row if gaps else 0, life=life)
        if not spool.put_in_flight(made, len(rows), gaps):
            return
        time.sleep(0.001)
        if chance.random() < 0.1:
            spool.forget_in_flight()
        elif chance.random() < 0.1 or "refused" not in spool.status().lost:
            spool.bury(made, "refused")
        else:
            spool.acknowledge(made)
            self.delivered += [row.seq for row in rows]
            self.told |= {gap.number: gap.windows for gap in gaps}


@pytest.mark.parametrize("policy", list(Policy))
def test_measured_is_waiting_and_delivered_and_lost(tmp_path, policy):
    """Two sensors write while an uplink sends and is refused; whatever the caps did, nothing is unaccounted for."""
    spool = Spool(tmp_path / "s.db", Limits(max_bytes=250_000, policy=policy, max_age_days=30))
    sending, stop, full = Sending(spool, policy.value), threading.Event(), threading.Event()

    def write(name):
        chance = random.Random(name)
        for start in range(0, 1_500, 25):
            old_us = [40 * DAY_US * (chance.random() < 0.1) for _ in range(25)]
            spool.append([at(NOW_US + start - each, name) for each in old_us], (), {name: 25})
            spool._next_look_s = 0.0
            if "spool_full" in spool.status().lost:
                full.set()

    def send():
        full.wait()
        while not stop.is_set():
            sending.step()

    threads = [threading.Thread(target=write, args=(name,)) for name in ("pump", "fan")]
    sender = threading.Thread(target=send)
    for thread in (*threads, sender):
        thread.start()
    for thread in threads:
        thread.join()
    stop.set()
    full.set()
    sender.join()
    with closing(spool):
        status = spool.status()
        waiting = spool.read(10_000)
        delivered = sending.delivered
        assert len(delivered) == len(set(delivered))
        assert not set(delivered) & {row.seq for row in waiting}
        assert {*status.lost} >= {"spool_full", "too_old", "refused"}
        assert len(waiting) + len(delivered) + sum(status.lost.values()) == 3_000
        assert sum(sending.told.values()) + sum(gap.windows for gap in spool.read_gaps(1_000)) == sum(
            status.lost.values()
        )
