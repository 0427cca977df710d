"""From windows and a debouncer's revisions to clips: what is cut, when, and what is not kept."""

import io

import numpy as np
import pytest
import soundfile
from agent_testing.samples import MODEL, simulated

from audiosense_agent.clip_spool import ClipSpool
from audiosense_agent.clips import DAY_US, ClipRecorder, encode, reference_from_us
from audiosense_agent.events import Debouncer
from audiosense_agent.sections import ClipSettings
from audiosense_agent.windows import Window
from audiosense_common.bundle import Debouncing
from audiosense_common.wire import Status
from audiosense_common.wire_clips import ClipKind

RATE = 1_000
WINDOW_US = 5_000_000
NOON_US = 20_000 * DAY_US + DAY_US // 2
THRESHOLD = 0.6


class Hearing:
    """A sensor that hears windows of 5 s: noise that differs from window to window."""

    def __init__(self, folder, *, allowed=("pump",), rule=None, start_us=NOON_US, rate=RATE, **settings):
        self.spool = ClipSpool(folder / "clips", {"pump": "simulator"}, 10**9)
        self.spool.allow(allowed)
        sensor = simulated(window_s=5.0, rate=rate)
        self.recorder = ClipRecorder(sensor, ClipSettings(**settings), self.spool)
        self.debouncer = Debouncer("pump", MODEL, THRESHOLD, rule or Debouncing(k=3, n=5))
        self.rate = rate
        self.time_us = start_us
        self.random = np.random.default_rng(1)
        self.sound = {}
        self.revisions = []

    def hear(self, *scores, gap_us=0):
        for score in scores:
            self.time_us += gap_us
            samples = self.random.uniform(-0.5, 0.5, 5 * self.rate).astype(np.float32)
            status = Status.ANOMALOUS if score >= THRESHOLD else Status.NORMAL
            revision = self.debouncer.push(self.time_us, self.time_us + WINDOW_US, score)
            self.recorder.push(Window(self.time_us, samples), status, revision, self.debouncer)
            self.sound[self.time_us] = samples
            self.revisions += [revision] if revision else []
            self.time_us += WINDOW_US
        return self

    def clips(self, kind=ClipKind.EVENT):
        return [note for note in self.spool.waiting() if note.kind is kind]

    def decode(self, note):
        samples, rate = soundfile.read(io.BytesIO(self.spool.read(note)), dtype="int16")
        assert (rate, len(samples)) == (note.sample_rate_hz, note.frames)
        return samples

    def heard(self, from_us, to_us):
        joined = np.concatenate([self.sound[start] for start in sorted(self.sound)])
        first = (from_us - min(self.sound)) * self.rate // 1_000_000
        return np.rint(joined[first : first + (to_us - from_us) * self.rate // 1_000_000] * np.float32(32_767))


def without_reference(hearing):
    """Have the day's reference done with."""
    hearing.spool.note_reference("pump", NOON_US // DAY_US + 1)
    return hearing


@pytest.fixture
def hearing(tmp_path):
    return without_reference(Hearing(tmp_path))


def test_a_clip_reaches_from_before_the_first_anomalous_window_to_after_it(hearing):
    hearing.hear(0.1, 0.1, 0.1, 0.9, 0.1, 0.9, 0.9, 0.9)
    opened = hearing.revisions[0]
    (note,) = hearing.clips()
    assert note.id == opened.id
    assert note.opening_us == opened.start_us == NOON_US + 3 * WINDOW_US
    assert (note.start_us, note.frames) == (opened.start_us - 5_000_000, 15 * RATE)
    expected = hearing.heard(note.start_us, note.start_us + 15_000_000)
    assert np.array_equal(hearing.decode(note), expected)


def test_an_event_that_opens_at_once_is_followed_until_its_clip_is_whole(tmp_path):
    hearing = without_reference(Hearing(tmp_path, rule=Debouncing(k=1, n=1), before_s=2.0, after_s=13.0))
    hearing.hear(0.1, 0.9)
    assert not hearing.clips()
    hearing.hear(0.1, 0.1)
    (note,) = hearing.clips()
    assert (note.start_us, note.frames) == (NOON_US + 3_000_000, 15 * RATE)
    assert np.array_equal(hearing.decode(note), hearing.heard(note.start_us, note.start_us + 15_000_000))


def test_a_clip_is_no_longer_than_its_cap(tmp_path):
    hearing = without_reference(Hearing(tmp_path, before_s=5.0, after_s=60.0, max_s=12.0))
    hearing.hear(0.1, 0.9, 0.9, 0.9)
    (note,) = hearing.clips()
    assert (note.opening_us - note.start_us, note.frames) == (5_000_000, 12 * RATE)


def test_a_gap_ends_a_clip_and_sound_is_never_joined_over_it(tmp_path):
    hearing = without_reference(Hearing(tmp_path, rule=Debouncing(k=1, n=1)))
    hearing.hear(0.1).hear(0.9, gap_us=60_000_000).hear(0.1, gap_us=60_000_000)
    (note,) = hearing.clips()
    assert (note.start_us, note.frames) == (note.opening_us, 5 * RATE)
    assert np.array_equal(hearing.decode(note), np.rint(hearing.sound[note.start_us] * np.float32(32_767)))


def test_the_end_of_the_sound_ends_a_clip(tmp_path):
    hearing = without_reference(Hearing(tmp_path, rule=Debouncing(k=1, n=1)))
    hearing.hear(0.1, 0.9)
    hearing.recorder.finish()
    (note,) = hearing.clips()
    assert note.frames == 10 * RATE
    assert hearing.recorder.bytes == 0


def test_memory_holds_only_what_the_pre_roll_needs(hearing):
    for _ in range(200):
        hearing.hear(0.1)
        assert hearing.recorder.bytes <= 2 * RATE * 5
    hearing.hear(0.9, 0.1, 0.9)
    assert hearing.recorder.bytes == 2 * RATE * 20


def test_a_siren_gets_as_many_clips_as_an_hour_may_have_and_the_rest_is_counted(tmp_path):
    hearing = without_reference(Hearing(tmp_path, rule=Debouncing(k=1, n=1), per_hour=3, after_s=4.0))
    for _ in range(20):
        hearing.hear(0.9, 0.1)
    assert len(hearing.clips()) == 3
    assert hearing.spool.status().dropped == 17
    hearing.hear(*[0.1] * 720)
    hearing.hear(0.9, 0.1)
    assert len(hearing.clips()) == 4


def test_an_event_that_goes_on_after_a_short_gap_has_one_clip(tmp_path):
    hearing = without_reference(Hearing(tmp_path, rule=Debouncing(k=1, n=1, min_gap_s=60)))
    hearing.hear(0.1, 0.9, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1)
    assert len({revision.id for revision in hearing.revisions}) == 1
    assert len(hearing.clips()) == 1


def test_without_permission_no_sound_is_kept_not_even_in_memory(tmp_path):
    hearing = Hearing(tmp_path, allowed=())
    hearing.hear(0.1, 0.1, 0.9, 0.9, 0.9, 0.1)
    assert hearing.recorder.bytes == 0
    assert not list((tmp_path / "clips").glob("*.flac"))
    assert hearing.spool.status().waiting == 0


def test_a_permission_that_is_withdrawn_between_opening_and_end_leaves_nothing(tmp_path):
    hearing = Hearing(tmp_path, rule=Debouncing(k=1, n=1))
    hearing.hear(0.1, 0.9)
    hearing.spool.allow([])
    hearing.hear(0.1, 0.1)
    hearing.recorder.finish()
    hearing.spool.allow(["pump"])
    hearing.hear(0.1)
    assert not hearing.clips()
    assert hearing.recorder.bytes == 2 * RATE * 5


def test_the_first_normal_sound_is_a_reference_and_then_one_a_day(tmp_path):
    hearing = Hearing(tmp_path, start_us=20_000 * DAY_US)
    hearing.hear(0.1, 0.1, 0.1)
    (first,) = hearing.clips(ClipKind.REFERENCE)
    assert (first.start_us, first.opening_us, first.frames) == (20_000 * DAY_US, 20_000 * DAY_US, 10 * RATE)
    assert np.array_equal(hearing.decode(first), hearing.heard(first.start_us, first.start_us + 10_000_000))
    times = []
    for day in range(20_001, 20_005):
        for step in range(24):
            hearing.time_us = day * DAY_US + step * DAY_US // 24
            hearing.hear(0.1, 0.1, 0.1)
        times.append(hearing.clips(ClipKind.REFERENCE)[0].start_us)
        assert reference_from_us("pump", day) <= times[-1] < reference_from_us("pump", day) + DAY_US // 12
    assert len(hearing.clips(ClipKind.REFERENCE)) == 5
    assert len({time_us // (DAY_US // 24) % 24 for time_us in times}) > 1


def test_a_reference_holds_normal_sound_alone(tmp_path):
    hearing = Hearing(tmp_path)
    hearing.hear(0.1, 0.9, 0.1, 0.9, 0.1, 0.9)
    assert not hearing.clips(ClipKind.REFERENCE)
    assert hearing.debouncer.is_open
    hearing.hear(0.1, 0.1)
    assert not hearing.clips(ClipKind.REFERENCE)
    hearing.hear(0.1, 0.1, 0.1, 0.1)
    (note,) = hearing.clips(ClipKind.REFERENCE)
    assert note.start_us >= hearing.revisions[-1].end_us


def test_a_restart_does_not_give_a_second_reference(tmp_path):
    Hearing(tmp_path).hear(0.1, 0.1, 0.1)
    again = Hearing(tmp_path, start_us=NOON_US + 60_000_000).hear(0.1, 0.1, 0.1)
    assert len(again.clips(ClipKind.REFERENCE)) == 1


def test_a_failure_to_keep_a_clip_does_not_reach_the_measuring(hearing, monkeypatch, caplog):
    monkeypatch.setattr("soundfile.write", lambda *_, **__: 1 / 0)
    hearing.hear(0.1, 0.9, 0.9, 0.9)
    assert "could not be kept; measuring goes on" in caplog.text
    assert not hearing.clips()
    assert hearing.spool.status().dropped == 1
    hearing.hear(0.1, 0.1, 0.1, 0.1, 0.1, 0.1)
    monkeypatch.undo()
    hearing.hear(0.9, 0.9, 0.9)
    assert len(hearing.clips()) == 1


def test_a_reference_that_cannot_be_kept_is_not_tried_again_with_every_window(tmp_path, monkeypatch):
    hearing = Hearing(tmp_path)
    monkeypatch.setattr("audiosense_agent.clip_spool._SPARE_BYTES", 2**62)
    hearing.hear(*[0.1] * 100)
    assert hearing.spool.status().dropped == 1


@pytest.mark.parametrize(("rate", "of_clip"), [(8_000, 8_000), (96_000, 96_000), (192_000, 48_000)])
def test_what_a_browser_cannot_play_is_resampled(rate, of_clip):
    tone = np.rint(10_000 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)).astype(np.int16)
    content, found, frames = encode(tone, rate)
    samples, decoded = soundfile.read(io.BytesIO(content), dtype="int16")
    assert (found, decoded, frames, len(samples)) == (of_clip, of_clip, of_clip, of_clip)
    assert np.argmax(np.abs(np.fft.rfft(samples))) == 440
