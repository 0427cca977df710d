"""Fresh measurements first, the backlog behind them at its rate: by hand, and against a real collector over TLS."""

import dataclasses
import threading
import time
from contextlib import closing

import pytest
from agent_testing.real_collector import RealCollector
from agent_testing.samples import event, measurement, simulated
from agent_testing.uplinks import NoModels
from agent_testing.waiting import wait_for

from audiosense_agent.batches import now_us
from audiosense_agent.config import Settings
from audiosense_agent.enrolment import describe_sensor
from audiosense_agent.lanes import Bucket, Lanes
from audiosense_agent.sections import CollectorSettings
from audiosense_agent.spool import Spool
from audiosense_agent.spool.flight import InFlight
from audiosense_agent.spool.repair import repair
from audiosense_agent.uplink import Retry, Uplink

BACKLOG = 20_000
RATE = 5_000
BATCH = 1_000


def cover(load):
    rows = load.measurements
    low, high = (rows[0].seq, rows[-1].seq) if rows else (1, 0)
    return InFlight(b"", low, high, tuple(number for number, _ in load.events), life=load.life)


def make_lanes(spool, **settings):
    values = {"max_batch": 10, "batch_interval_s": 60, "heartbeat_s": 600, "backlog_rate": 1_000} | settings
    return Lanes(spool, CollectorSettings(**values))


def send(lanes, spool):
    """Take what the next batch holds and have it acknowledged."""
    load = lanes.load()
    if load is not None:
        spool.acknowledge(cover(load))
        lanes.accepted(cover(load))
    return None if load is None else [row.seq for row in load.measurements]


def rows(count, start=0):
    return [measurement(start + number) for number in range(count)]


def test_the_newest_go_first_then_the_oldest(spool):
    spool.append(rows(35))
    lanes = make_lanes(spool)
    assert send(lanes, spool) == list(range(26, 36))
    assert lanes.has_backlog
    assert send(lanes, spool) == list(range(1, 11))
    assert send(lanes, spool) is None, "the backlog has its rate"
    spool.append(rows(2, 100))
    lanes.hurry()
    assert send(lanes, spool) == [36, 37]
    time.sleep(lanes.wait_s())
    assert send(lanes, spool) == list(range(11, 21))
    time.sleep(lanes.wait_s())
    assert send(lanes, spool) == list(range(21, 26))
    assert not lanes.has_backlog
    assert spool.status().rows == 0


def test_what_fits_into_a_batch_is_no_backlog(spool):
    spool.append(rows(10), [event()])
    lanes = make_lanes(spool)
    assert send(lanes, spool) == list(range(1, 11))
    assert spool.status().events == 0
    assert not lanes.has_backlog


def test_a_second_outage_puts_its_newest_before_the_backlog_of_the_first(spool):
    spool.append(rows(30))
    lanes = make_lanes(spool, backlog_rate=0.1)
    assert send(lanes, spool) == list(range(21, 31))
    spool.append(rows(30, 100))
    lanes.hurry()
    assert send(lanes, spool) == list(range(51, 61))
    assert lanes.has_backlog
    left = spool.read(100)
    assert [row.seq for row in left] == [*range(1, 21), *range(31, 51)]


def test_a_refused_measurement_is_looked_for_in_the_lane_where_it_is(spool):
    spool.append(rows(100))
    lanes = make_lanes(spool)
    load = lanes.load()
    assert load.measurements[0].seq == 91
    lanes.isolation.refused(10)
    assert send(lanes, spool) == list(range(96, 101)), "half of the newest, at once"


def test_rescued_rows_that_wait_for_their_time_are_not_asked_for_again_and_again(tmp_path):
    path = tmp_path / "s.db"
    with closing(Spool(path)) as spool:
        spool.begin_boot("a")
        spool.append([measurement(number, time_us=number * 5_000_000) for number in range(1, 6)])
    path.write_bytes(b"\0" * 100 + path.read_bytes()[100:])
    assert repair(path, 2**30)[0].rescued.measurements == 5
    with closing(Spool(path)) as spool:
        spool.begin_boot("a")
        spool.put(token="a token")
        lanes = make_lanes(spool)
        while send(lanes, spool) is not None:
            pass
        lanes.hurry()
        found = [send(lanes, spool) for _ in range(3)]
        assert found[1:] == [None] * 2, "after one that may tell what was lost"
        assert lanes.wait_s() > 50
        assert spool.anchor(1_790_000_000_000_000)
        lanes.hurry()
        found = [send(lanes, spool) for _ in range(3)]
        assert [len(each or []) for each in found].count(5) == 1


def test_the_bucket_lets_its_rate_pass_and_no_more(monkeypatch):
    now = 100.0
    monkeypatch.setattr("audiosense_agent.lanes.time.monotonic", lambda: now)
    bucket, taken = Bucket(2_000, 100), 0
    while now < 100.5:
        now += bucket.wait_s()
        bucket.take(100)
        taken += 100
    assert taken == pytest.approx(100 + 2_000 * (now - 100), abs=1e-6)
    now += 60.0
    assert bucket.wait_s() == 0.0
    bucket.take(300)
    assert bucket.wait_s() == pytest.approx(300 / 2_000)


def test_clips_wait_until_the_backlog_is_gone(spool):
    spool.append(rows(11))
    lanes = make_lanes(spool)
    send(lanes, spool)
    assert lanes.has_backlog
    send(lanes, spool)
    assert not lanes.has_backlog


@pytest.fixture
def collector(tmp_path, database_url):
    made = RealCollector(tmp_path / "collector", database_url)
    made.start()
    yield made
    made.stop()


def arrivals(collector):
    """First and last sequence number, and number, of the rows of each batch, in the order of their commits."""
    return collector.query(
        "SELECT min(seq), max(seq), count(*) FROM measurement GROUP BY xmin ORDER BY xmin::text::bigint"
    )


def current(number, **changes):
    """One of a backlog that ends now."""
    return dataclasses.replace(measurement(number), time_us=now_us() - (BACKLOG - number) * 5_000_000, **changes)


def test_after_an_outage_the_newest_window_is_stored_long_before_the_backlog(tmp_path, collector):
    settings = Settings(
        state_dir=tmp_path / "state",
        sensors=[simulated()],
        collector={"batch_interval_s": 0.2, "max_batch": BATCH, "backlog_rate": RATE, "timeout_s": 10},
    )
    spool = Spool(settings.state_dir / "spool.db")
    spool.note_sensor("pump", registration=describe_sensor(simulated()).model_dump_json(by_alias=True))
    collector.enrol(settings)
    collector.stop()
    numbers = spool.append([current(number, score=None, model=None) for number in range(BACKLOG)])
    uplink = Uplink(
        spool,
        settings.state_dir,
        settings.collector,
        NoModels(),
        dict,
        retry=Retry(first_s=0.05, cap_s=0.2, slow_s=0.2),
    )
    stop = threading.Event()
    thread = threading.Thread(target=uplink.run, args=(stop,))
    thread.start()
    try:
        wait_for(lambda: "cannot be reached" in uplink.state)
        newest = spool.append([current(BACKLOG)])[0]
        collector.start()
        wait_for(lambda: collector.query("SELECT 1 FROM measurement WHERE seq = %s", newest))
        began, waiting = time.monotonic(), spool.status().rows
        stored = collector.query("SELECT count(*) FROM measurement")[0][0]
        assert stored < BACKLOG / 2
        wait_for(lambda: spool.status().rows == 0, 60)
        drained_s = time.monotonic() - began
    finally:
        stop.set()
        thread.join()
        uplink.close()
        spool.close()
    order = arrivals(collector)
    assert order[0][1] == newest, "the first batch holds the newest"
    oldest_first = [low for low, high, _ in order[1:] if high < order[0][0]]
    assert oldest_first == sorted(oldest_first)
    assert len(oldest_first) >= (BACKLOG - BATCH) / BATCH
    assert drained_s >= (waiting - 2 * BATCH) / RATE, "no faster than its rate"
    found = collector.query("SELECT seq FROM measurement ORDER BY seq")
    assert [seq for (seq,) in found] == [*numbers, newest]
