"""Clocks that start in 1970, jump, are skewed or step within a window: order, times, and nothing lost or told twice."""

import itertools
import json
import threading
import time
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import numpy as np
import pytest
from agent_testing.bundles import RATE, WINDOW_S, make_bundle
from agent_testing.clocks import QUICK, Computer, Wrong
from agent_testing.collector import Collector
from agent_testing.samples import event, measurement, simulated
from agent_testing.trust import Authority
from agent_testing.waiting import wait_for
from agent_testing.wards import trusted
from hypothesis import given
from hypothesis import strategies as st

from audiosense_agent.clock import PROVISIONAL_BEFORE_US, RELEASED_US, Clock, Follower, is_provisional, proven_offset_us
from audiosense_agent.config import Settings
from audiosense_agent.errors import LinkError
from audiosense_agent.health import clock as clock_check
from audiosense_agent.sections import CollectorSettings
from audiosense_agent.service import Service
from audiosense_agent.sources.hub import Block
from audiosense_agent.sources.microphone import Cutter
from audiosense_agent.spool import Spool
from audiosense_agent.spool.boots import anchor, boot_id
from audiosense_agent.spool.flight import InFlight
from audiosense_agent.spool.view import read_spool
from audiosense_agent.windows import Window
from audiosense_agent.worker import Worker
from audiosense_common.synth import Fault, SyntheticMachine
from audiosense_common.wire import EventState
from audiosense_common.wire_checks import CheckState

DAY_S = 86_400
HOUR_US = 3_600_000_000
INTERVALS = CollectorSettings(batch_interval_s=0.1, heartbeat_s=0.3, timeout_s=5)
WINDOW_US = 200_000


def now_us():
    return time.time_ns() // 1_000


class Manual:
    """A clock that stands still unless it is moved."""

    def __init__(self, wall_us, steady_us=0, boot="boot"):
        self.wall_us, self.steady_us = wall_us, steady_us
        self.clock = Clock(wall=lambda: self.wall_us * 1_000, steady=lambda: self.steady_us * 1_000, boot=boot)

    def move(self, us, *, wall=True):
        self.steady_us += us
        self.wall_us += us if wall else 0


NOW_US = 1_800_000_000_000_000


def test_a_clock_in_1970_tells_provisional_times_until_it_is_set():
    manual = Manual(wall_us=5_000_000, steady_us=40_000_000)
    assert not manual.clock.is_right
    assert manual.clock.now_us() == 40_000_000
    manual.move(1_000_000)
    assert is_provisional(manual.clock.now_us())
    manual.wall_us = NOW_US
    assert manual.clock.is_right
    assert manual.clock.now_us() == NOW_US
    assert not is_provisional(NOW_US)
    assert manual.clock.offset_us == NOW_US - 41_000_000


def test_the_collectors_time_is_used_while_the_clock_is_wrong_and_then_the_clock():
    manual = Manual(wall_us=0, steady_us=10_000_000)
    manual.clock.hear(NOW_US)
    assert manual.clock.is_right
    assert not manual.clock.is_wall_right
    manual.move(3_000_000)
    assert manual.clock.now_us() == NOW_US + 3_000_000
    manual.clock.hear(NOW_US + 9_000_000)
    assert manual.clock.now_us() == NOW_US + 3_000_000, "once known it is not set by every answer"
    manual.wall_us = NOW_US + 4_000_000
    assert manual.clock.is_wall_right
    assert manual.clock.now_us() == NOW_US + 4_000_000


def test_a_clock_that_falls_back_to_1970_is_not_followed():
    manual = Manual(wall_us=NOW_US, steady_us=10_000_000)
    assert manual.clock.now_us() == NOW_US
    manual.move(2_000_000)
    manual.wall_us = 3
    assert manual.clock.is_right
    assert manual.clock.now_us() == NOW_US + 2_000_000


def test_a_clock_before_what_the_collector_said_last_is_wrong_a_skewed_one_is_not():
    manual = Manual(wall_us=NOW_US - 30 * DAY_S * 1_000_000)
    assert manual.clock.is_right, "nothing speaks against it"
    manual = Manual(wall_us=NOW_US - 30 * DAY_S * 1_000_000)
    manual.clock.restore(NOW_US, None)
    assert not manual.clock.is_right
    manual = Manual(wall_us=NOW_US - HOUR_US)
    manual.clock.restore(NOW_US, None)
    assert manual.clock.is_right


def test_a_boot_whose_time_was_found_knows_it_after_a_restart_of_the_agent():
    manual = Manual(wall_us=7, steady_us=50_000_000)
    manual.clock.restore(None, NOW_US)
    assert manual.clock.now_us() == NOW_US + 50_000_000


def test_the_release_lies_in_the_past_and_provisional_times_before_it():
    assert PROVISIONAL_BEFORE_US < RELEASED_US < now_us()


@pytest.mark.parametrize("step_us", [HOUR_US, -HOUR_US, 700_000, -700_000])
def test_a_step_within_a_window_loses_no_sample_and_tells_no_time_twice(step_us):
    manual = Manual(wall_us=NOW_US)
    follower, cutter = Follower(manual.clock), Cutter(1_000, 1_000, 1_000)
    sound = np.arange(6_000, dtype=np.float32)
    windows = []
    for number, block in enumerate(np.split(sound, 60)):
        windows += map(follower.stamp, cutter.push(Block(number * 100_000, block, interrupted=False, lost=0)))
        manual.move(100_000)
        if number == 24:
            manual.wall_us += step_us
    assert np.array_equal(np.concatenate([window.samples for window in windows]), sound)
    assert [window.gaps for window in windows] == [0] * 6
    assert [window.stepped for window in windows] == [False, False, True, False, False, False]
    times = [NOW_US + number * 1_000_000 + (step_us if number >= 2 else 0) for number in range(6)]
    assert [window.start_us for window in windows] == times


def test_a_clock_that_is_slewed_does_not_make_distances_jitter():
    manual = Manual(wall_us=NOW_US)
    follower = Follower(manual.clock)
    stamped = []
    for number in range(100):
        stamped.append(follower.stamp(Window(number * 1_000_000, np.zeros(1, np.float32))).start_us)
        manual.move(1_000_000)
        manual.wall_us += 500
    assert set(np.diff(stamped)) == {1_000_000}


def provisional(number, **changes):
    return replace(measurement(number), time_us=number * 1_000_000, **changes)


def test_nothing_provisional_is_given_out_before_it_has_its_time_and_then_once(tmp_path):
    spool = Spool(tmp_path / "spool.db")
    spool.append([measurement(number) for number in range(3)])
    assert spool.begin_boot("a") is None
    spool.append([provisional(number) for number in range(10, 14)])
    assert [row.seq for row in spool.read(100)] == [1, 2, 3]
    assert [row.seq for row in spool.read(100, newest=True)] == [1, 2, 3]
    spool.close()
    spool = Spool(tmp_path / "spool.db")
    assert spool.begin_boot("a") is None
    assert [row.seq for row in spool.read(100)] == [1, 2, 3], "a restart changes nothing"
    assert spool.anchor(NOW_US)
    assert [row.time_us for row in spool.read(100)[3:]] == [NOW_US + number * 1_000_000 for number in range(10, 14)]
    spool.append([provisional(14)])
    assert not spool.anchor(NOW_US + HOUR_US), "never restamped"
    with spool._transaction() as db:
        anchor(db, boot_id(db, "a"), NOW_US + HOUR_US)
    rows = spool.read(100)[3:]
    assert [row.time_us for row in rows] == [NOW_US + number * 1_000_000 for number in range(10, 15)]
    assert not any(row.is_time_estimated for row in rows)
    spool.close()
    spool = Spool(tmp_path / "spool.db")
    assert spool.begin_boot("a") == NOW_US
    assert [row.time_us for row in spool.read(100)[3:]] == [row.time_us for row in rows]
    spool.close()


def test_boots_that_never_knew_the_time_are_placed_before_what_follows_and_marked(spool):
    for boot in ("a", "b"):
        spool.begin_boot(boot)
        spool.append([provisional(number) for number in range(5)])
    spool.begin_boot("c")
    spool.append([provisional(number) for number in range(2, 4)])
    assert spool.read(100) == []
    assert spool.anchor(NOW_US)
    rows = spool.read(100)
    assert [row.seq for row in rows] == list(range(1, 13))
    assert [row.is_time_estimated for row in rows] == [True] * 10 + [False] * 2
    times = [row.time_us for row in rows]
    assert times == sorted(times)
    assert times[9] == NOW_US, "no later than the start of the boot that knows"
    assert times[4] == times[5]


def test_a_boot_that_never_knew_ends_where_what_is_known_begins(spool):
    spool.begin_boot("a")
    spool.append([provisional(number) for number in range(5)])
    spool.begin_boot("b")
    spool.append([replace(measurement(0), time_us=NOW_US - HOUR_US)])
    assert spool.read(100) == [], "what comes after waits, or it would be deleted with it"
    spool.anchor(NOW_US)
    assert [row.time_us - NOW_US + HOUR_US for row in spool.read(100)] == [
        -4_000_000,
        -3_000_000,
        -2_000_000,
        -1_000_000,
        0,
        0,
    ]


def test_a_dead_letter_tells_the_time_that_was_found(spool):
    spool.begin_boot("a")
    (number,) = spool.append([provisional(5)])
    spool.anchor(NOW_US)
    spool.bury(InFlight(b"", number, number, (), life=spool.epoch), "poison")
    ((_, content, _),) = spool.dead_letters()
    assert json.loads(content)["time_us"] == NOW_US + 5_000_000


def test_events_wait_for_their_time_too_and_one_left_open_is_closed(spool):
    times = {"start_us": 1_000_000, "end_us": 2_000_000, "peak_us": 1_500_000}
    spool.begin_boot("a")
    left_open = event(**times)
    spool.append([], [left_open])
    spool.begin_boot("b")
    mine = event(**times)
    spool.append([], [mine])
    assert spool.read_events(10) == []
    assert spool.open_events() == []
    assert spool.anchor(NOW_US)
    found = [each for _, each in spool.read_events(10)]
    assert [(each.id, each.state, each.revision) for each in found] == [
        (left_open.id, EventState.OPEN, 1),
        (mine.id, EventState.OPEN, 1),
        (left_open.id, EventState.CLOSE, 2),
    ]
    assert (found[1].start_us, found[1].end_us, found[1].peak_us) == (
        NOW_US + 1_000_000,
        NOW_US + 2_000_000,
        NOW_US + 1_500_000,
    )
    assert [each.id for each in spool.open_events()] == [mine.id]
    spool.append([], [replace(mine, revision=2, state=EventState.CLOSE)])
    assert spool.read_events(10)[-1][1].start_us == NOW_US + 1_000_000


class Stepping:
    """A failing machine whose computer's clock is set in the middle."""

    def __init__(self, step_us):
        self._step_us = step_us

    def windows(self, _context):
        machine = SyntheticMachine("pump", RATE, 1)
        for number in range(60):
            start_us = NOW_US + number * 500_000 + (self._step_us if number >= 30 else 0)
            samples = machine.render(round(RATE * WINDOW_S), Fault("bearing_outer", 1.0))
            yield Window(start_us, samples, stepped=number == 30)


@pytest.mark.parametrize("step_us", [HOUR_US, -HOUR_US])
def test_no_event_lasts_as_long_as_a_step_or_ends_before_it_began(spool, step_us):
    worker = Worker(simulated(rate=RATE, window_s=WINDOW_S), Stepping(step_us), spool)
    worker.use(trusted(make_bundle(uuid4())))
    worker.run(threading.Event())
    revisions = [each for _, each in spool.read_events(100)]
    assert len({each.id for each in revisions}) == 2
    assert all(0 < each.end_us - each.start_us <= 30 * 500_000 for each in revisions)
    assert all(each.start_us <= each.peak_us < each.end_us for each in revisions)
    assert len(spool.read(100)) == 60


class Running:
    """A service in a thread of its own."""

    def __init__(self, folder, clock):
        sensor = simulated(window_s=0.2, history_s=0)
        self.service = Service(
            Settings(state_dir=folder, collector=INTERVALS, sensors=[sensor]), retry=QUICK, clock=clock
        )
        self._thread = threading.Thread(target=self.service.run)

    def __enter__(self):
        self._thread.start()
        return self.service

    def __exit__(self, *_):
        self.service.stop()
        self._thread.join(30)
        assert not self._thread.is_alive()


def times_of(collector):
    """Times in order of ``seq``, which must have no hole."""
    stored = sorted((seq, row[0]) for (_, _, seq), row in collector.stored.items())
    assert [seq for seq, _ in stored] == list(range(1, len(stored) + 1))
    assert collector.duplicates == 0
    return [time_us for _, time_us in stored]


def test_jumps_of_the_clock_lose_nothing_and_times_follow_it(collector, tmp_path):
    collector.identity("pump").save(tmp_path)
    wrong = Wrong()
    with Running(tmp_path, wrong.clock):
        for seconds in (3_600, -3_600, -3_600, 7_200, 5, -5):
            stored = len(collector.stored)
            wait_for(lambda stored=stored: len(collector.stored) >= stored + 4)
            wrong.step(seconds)
        stored = len(collector.stored)
        wait_for(lambda: len(collector.stored) >= stored + 4)
    distances = np.diff(times_of(collector))
    odd = [each for each in distances if each != WINDOW_US]
    assert len(odd) == wrong.steps == 6
    assert [round((each - WINDOW_US) / 1e6) for each in odd] == [3_600, -3_600, -3_600, 7_200, 5, -5]


@given(st.integers(-(10**12), 10**12), st.integers(0, 10**8), st.integers(0, 10**8))
def test_a_slow_answer_is_no_skew_and_a_skew_is_told_as_far_as_the_answer_proves_it(skew_us, there_us, back_us):
    asked_us = NOW_US
    told_us = proven_offset_us(asked_us, asked_us + there_us + skew_us, asked_us + there_us + back_us)
    assert abs(told_us) <= abs(skew_us)
    assert told_us * skew_us >= 0
    assert abs(told_us - skew_us) <= there_us + back_us
    # What is known stands while answers allow it, and gives way to what they prove.
    kept_us = proven_offset_us(asked_us, asked_us + there_us + skew_us, asked_us + there_us + back_us, skew_us)
    assert kept_us == skew_us
    assert proven_offset_us(asked_us, asked_us, asked_us, skew_us) == 0


@pytest.mark.parametrize(("skew_s", "state"), [(90, CheckState.FAILED), (-7, CheckState.WARNING), (0, CheckState.OK)])
def test_skew_is_measured_against_the_collector_and_told(collector, tmp_path, skew_s, state):
    collector.identity("pump").save(tmp_path)
    with Running(tmp_path, Wrong(skew_s).clock) as service:
        wait_for(lambda: len(collector.stored) > 3)
        offset_us = int(service.spool.get("clock_offset_us"))
    assert offset_us / 1e6 == pytest.approx(-skew_s, abs=0.5)
    assert clock_check.check(offset_us).state is state
    assert (collector.batches[-1].sent_us - now_us()) / 1e6 == pytest.approx(skew_s, abs=3)
    assert abs(times_of(collector)[-1] - now_us() - skew_s * 1_000_000) < 3_000_000


@pytest.fixture
def later(tmp_path):
    """A collector whose certificates, by this computer's clock, are not valid yet: as an agent in 1970 sees any."""
    with Collector(Authority("of tomorrow", valid_in=timedelta(days=3)), tmp_path / "later") as running:
        yield running


def test_dates_of_certificates_are_left_out_only_while_the_clock_is_wrong_and_the_chain_never(later, collector):
    identity = later.identity("pump")

    def ask(identity, **options):
        with closing(identity.client(5, **options)) as client:
            return client.request("GET", "/api/v1/trust")

    with pytest.raises(LinkError, match="not yet valid"):
        ask(identity)
    assert ask(identity, check_dates=False).is_success
    elsewhere = identity.model_copy(update={"url": collector.url})
    with pytest.raises(LinkError, match="not signed by the enrolled CA"):
        ask(elsewhere, check_dates=False)


def test_an_agent_that_is_killed_in_1970_again_and_again_loses_nothing_and_orders_all(later, tmp_path):
    settings = Settings(
        state_dir=tmp_path / "state", collector=INTERVALS, sensors=[simulated(window_s=0.2, history_s=0)]
    )
    computer = Computer(settings)
    later.identity("pump").save(settings.state_dir)
    later.faults.extend([503] * 100_000)

    def spooled():
        return read_spool(settings.state_dir / "spool.db").status.rows

    lives = []
    for boot in ("a", "b", "c", "c"):
        if boot not in [name for name, *_ in lives]:
            computer.boot(boot)
        began_us, before = now_us(), spooled()
        computer.start()
        wait_for(lambda before=before: spooled() >= before + 6)
        if len(lives) < 3:
            computer.kill()
        lives.append((boot, began_us, now_us(), before))
    assert computer.kills == 3
    assert later.fired[503] > 4
    assert not later.stored, "nothing was sent without its time"
    later.faults.clear()
    wait_for(lambda: len(later.stored) > 24 and spooled() < 5)
    computer.stop()
    times = times_of(later)
    assert times == sorted(times)
    bounds = [before for *_, before in lives] + [len(times)]
    estimated = sum(len(columns.time_estimated) for batch in later.batches for columns in batch.sensors)
    assert estimated == bounds[2], "all of the two boots that never knew, and no other"
    for (_, began_us, ended_us, _), (first, last) in list(zip(lives, itertools.pairwise(bounds), strict=True))[2:]:
        assert began_us - 1_000_000 <= times[first] <= ended_us
        assert set(np.diff(times[first:last])) == {WINDOW_US}
    assert times[bounds[2] - 1] <= times[bounds[2]]
