"""Clips on their way to a collector over HTTPS: repeats, refusals, a withdrawn permission, measurements first."""

import threading
import time

import pytest
from agent_testing.bundles import KEY, make_bundle
from agent_testing.clips import clip, open_spool
from agent_testing.running import Running, rows
from agent_testing.samples import simulated
from agent_testing.waiting import wait_for

from audiosense_agent.clip_uplink import ClipUplink
from audiosense_agent.sections import ClipSettings
from audiosense_agent.sources.injection import Injection, inject
from audiosense_agent.uplink import Retry
from audiosense_common.wire import DesiredModel
from audiosense_common.wire_clips import ClipKind

QUICK = Retry(first_s=0.01, cap_s=0.02)


@pytest.fixture
def sending(collector, tmp_path):
    identity = collector.identity("pump", "fan")
    sending = Sending(collector, identity, open_spool(tmp_path / "clips", allowed=()))
    yield sending
    sending.uplink.run(Stopped())


class Stopped(threading.Event):
    """Stops at once; the connection is closed all the same."""

    def is_set(self):
        return True


class Sending:
    """An uplink for clips whose steps a test takes."""

    def __init__(self, collector, identity, spool):
        self.collector, self.identity, self.spool = collector, identity, spool
        collector.clips_allowed = list(identity.sensors.values())
        self.uplink = ClipUplink(spool, 5.0, retry=QUICK, put_off=Retry(first_s=0.05, cap_s=0.1))
        self.exchange()

    def exchange(self, *, caught_up=True):
        self.uplink.exchange(self.collector.clips_allowed, self.identity, caught_up=caught_up)

    def keep(self, number, **options):
        note, content = clip(number, **options)
        assert self.spool.put(note, content)
        if note.kind is ClipKind.EVENT:
            self.collector.events[note.id] = None
        return note, content

    def step(self, times=1):
        for _ in range(times):
            self.uplink.step()

    def until(self, done):
        deadline = time.monotonic() + 20
        while not done():
            assert time.monotonic() < deadline, "waited in vain"
            self.exchange()
            self.uplink.step()
            time.sleep(0.005)

    @property
    def puts(self):
        return [path for method, path in self.collector.requests if method == "PUT" and "/clips/" in path]


def test_clips_arrive_byte_for_byte_and_are_deleted_after_the_acknowledgement(sending, tmp_path):
    kept = [sending.keep(0), sending.keep(1, kind=ClipKind.REFERENCE), sending.keep(2, sensor="fan")]
    sending.step(3)
    for note, content in kept:
        upload, body = sending.collector.clips[note.id]
        assert body == content
        assert (upload.sensor, upload.kind) == (sending.identity.sensors[note.sensor], note.kind)
        assert (upload.start_us, upload.frames, upload.sha256) == (note.start_us, note.frames, note.sha256)
    assert sending.spool.status().waiting == 0
    assert not list((tmp_path / "clips").glob("*.flac"))


def test_an_answer_that_is_lost_after_the_commit_makes_a_repeat_and_no_second_clip(sending):
    note, content = sending.keep(0)
    sending.collector.clip_faults.extend(["drop"] * 3)
    sending.until(lambda: not sending.spool.waiting())
    assert sending.collector.fired["clip drop"] == 3
    assert sending.collector.fired["clip repeated"] == 3
    assert sending.collector.clips[note.id][1] == content
    assert len(sending.collector.clips) == 1


@pytest.mark.parametrize("fault", [500, 503, 429, 401, 403, 408, "portal"])
def test_what_may_pass_keeps_the_clip_and_gives_the_turn_back_to_the_measurements(sending, fault):
    sending.keep(0)
    sending.collector.clip_faults.append(fault)
    sending.step(3)
    assert len(sending.puts) == 1, "it waits for the next answer to a batch"
    assert sending.spool.status().waiting == 1
    sending.until(lambda: sending.collector.clips)
    assert sending.collector.fired[f"clip {fault}"] == 1
    assert sending.spool.status().dropped == 0


@pytest.mark.parametrize("fault", [409, 413, 415, 422])
def test_what_the_collector_will_never_take_is_deleted_and_counted_and_blocks_nothing(sending, fault):
    sending.keep(0)
    sending.keep(1)
    sending.collector.clip_faults.append(fault)
    sending.step(2)
    assert len(sending.collector.clips) == 1
    assert (sending.spool.status().waiting, sending.spool.status().dropped) == (0, 1)


def test_a_clip_whose_event_is_not_known_yet_is_put_off_while_others_go(sending):
    early, _ = sending.keep(1)
    sending.keep(0)
    del sending.collector.events[early.id]
    sending.step(2)
    assert [str(early.id) in path for path in sending.puts] == [True, False]
    assert sending.collector.fired["unknown event"] == 1
    assert len(sending.collector.clips) == 1
    sending.collector.events[early.id] = None
    sending.until(lambda: not sending.spool.waiting())
    assert early.id in sending.collector.clips
    assert sending.spool.status().dropped == 0


def test_nothing_is_sent_while_measurements_wait(sending):
    sending.keep(0)
    sending.exchange(caught_up=False)
    sending.step(3)
    assert not sending.puts
    sending.exchange()
    sending.step()
    assert len(sending.collector.clips) == 1


def test_a_permission_withdrawn_while_clips_wait_deletes_them_unsent(sending, tmp_path):
    for number in range(3):
        sending.keep(number)
    sending.collector.clips_allowed = [sending.identity.sensors["fan"]]
    sending.exchange()
    sending.step(5)
    assert not sending.puts
    assert not list((tmp_path / "clips").glob("*.flac"))


def test_a_permission_withdrawn_while_a_clip_is_sent_deletes_the_sensors_others(sending):
    fans, _ = sending.keep(0, sensor="fan")
    for number in range(1, 4):
        sending.keep(number)
    sending.collector.clip_faults.append("withdrawn")
    sending.step(5)
    assert sending.collector.fired["clip withdrawn"] == 1
    assert len(sending.puts) == 2
    assert list(sending.collector.clips) == [fans.id]
    assert sending.spool.status().waiting == 0
    assert not sending.spool.allows("pump")


def test_a_damaged_clip_is_not_sent(sending, tmp_path):
    note, content = sending.keep(0)
    (tmp_path / "clips" / f"{note.id}.flac").write_bytes(content[:-1] + b"x")
    sending.step(3)
    assert not sending.puts
    assert sending.spool.status().dropped == 1


def test_a_clip_of_a_sensor_without_an_identity_waits(sending, tmp_path):
    spool = open_spool(tmp_path / "other", pump="simulator", new="simulator", allowed=["new"])
    spool.put(*clip(0, sensor="new"))
    uplink = ClipUplink(spool, 5.0, retry=QUICK)
    uplink.exchange([], sending.identity, caught_up=True)
    assert uplink.step() > 0
    uplink.run(Stopped())


# --- the whole agent


def learnt(collector, tmp_path):
    """Enrol and have a model pushed."""
    collector.signing_keys = KEY.public_keys()
    identity = collector.identity("pump")
    identity.save(tmp_path)
    bundle = make_bundle(identity.sensors["pump"])
    collector.bundles[bundle.digest] = bundle.pack()
    collector.desired = {identity.sensors["pump"]: DesiredModel(digest=bundle.digest, version=1)}
    return identity.sensors["pump"]


def scored(collector):
    return sum(row[1] is not None for row in rows(collector, "pump"))


def test_an_agent_that_hears_a_fault_sends_its_clip_and_a_reference(collector, tmp_path):
    sensor = learnt(collector, tmp_path)
    collector.clips_allowed = [sensor]
    settings = ClipSettings(before_s=1.0, after_s=2.0)
    with Running(tmp_path, simulated(history_s=100_000, max_speed=40), clips=settings):
        wait_for(lambda: scored(collector) > 20)
        wait_for(lambda: collector.clips)
        ((reference, _),) = collector.clips.values()
        inject(tmp_path, "pump", Injection(fault="bearing_outer"))
        wait_for(lambda: len(collector.clips) == 2)
    (event,) = collector.events.values()
    upload, _ = collector.clips[event.id]
    assert (upload.kind, upload.opening_us) == (ClipKind.EVENT, event.start_us)
    assert upload.start_us == event.start_us - 1_000_000
    assert upload.duration_s == 3.0
    assert (reference.kind, reference.duration_s) == (ClipKind.REFERENCE, 2.0)
    assert collector.batches[-1].heartbeat.clips_dropped == 0


def test_without_permission_an_agent_keeps_and_sends_no_sound(collector, tmp_path):
    learnt(collector, tmp_path)
    with Running(tmp_path, simulated(history_s=100_000, max_speed=40)):
        wait_for(lambda: scored(collector) > 20)
        inject(tmp_path, "pump", Injection(fault="bearing_outer"))
        wait_for(lambda: collector.events)
        count = len(collector.batches)
        wait_for(lambda: len(collector.batches) > count + 10)
    assert not [path for _, path in collector.requests if "/clips/" in path]
    assert not list((tmp_path / "clips").glob("*.flac"))


def test_clips_that_are_switched_off_in_the_configuration_are_deleted_at_the_start(collector, tmp_path):
    spool = open_spool(tmp_path / "clips")
    spool.put(*clip(0))
    collector.identity("pump").save(tmp_path)
    collector.clips_allowed = [collector.registered["pump"]]
    with Running(tmp_path, simulated(), stop_after=3, clips=ClipSettings(enabled=False)):
        wait_for(lambda: len(rows(collector, "pump")) == 3)
    assert not list((tmp_path / "clips").glob("*.flac"))
