"""Recordings and simulated machines as sources: bad files, mixed rates, pacing, injected faults."""

import time

import numpy as np
import pytest
import soundfile
from agent_testing.listening import Listener
from agent_testing.samples import simulated
from hypothesis import given
from hypothesis import strategies as st

from audiosense_agent.clock import Clock, Follower
from audiosense_agent.config import SensorSettings
from audiosense_agent.errors import SourceError
from audiosense_agent.sources import DeviceHub, Injections, make_source, recording
from audiosense_agent.sources.injection import Injection, inject
from audiosense_agent.sources.pacing import Pace
from audiosense_agent.sources.recording import LOOP_SHIFT_S, find_recordings
from audiosense_common.errors import AudioError


def tone(path, rate=8_000, seconds=2.0, frequency=440, channels=1, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate)
    soundfile.write(path, np.stack([samples / (1 + channel) for channel in range(channels)], 1), rate, **options)
    return path


def make(sensor, state_dir):
    return make_source(sensor, Injections(state_dir), DeviceHub.__new__(DeviceHub))


def replay(path, state_dir, *, window_s=0.5, rate=8_000, **source):
    sensor = SensorSettings(
        name="replay",
        machine="m",
        sample_rate_hz=rate,
        window_s=window_s,
        source={"type": "recording", "path": str(path), "speed": "fast", **source},
    )
    return make(sensor, state_dir)


def dominant_hz(window, rate=8_000):
    return float(np.argmax(np.abs(np.fft.rfft(window.samples)))) * rate / len(window.samples)


def test_a_folder_of_mixed_sample_rates_is_resampled_to_the_sensors(tmp_path):
    for index, rate in enumerate((8_000, 16_000, 44_100, 48_000, 96_000)):
        tone(tmp_path / f"sub{index % 2}" / f"{index}.wav", rate)
    windows = Listener().take(replay(tmp_path, tmp_path), 100)
    assert {len(window.samples) for window in windows} == {4_000}
    assert len(windows) == 5 * 4
    assert all(abs(dominant_hz(window) - 440) <= 2 for window in windows)


def test_windows_follow_each_other_without_gap_in_time(tmp_path):
    tone(tmp_path / "a.wav", seconds=1.7)
    tone(tmp_path / "b.flac", seconds=1.2)
    windows = Listener().take(replay(tmp_path, tmp_path), 100)
    starts = [window.start_us for window in windows]
    assert len(windows) == 3 + 2
    assert set(np.diff(starts)) == {500_000}


def test_a_fast_recording_ends_at_about_the_present(tmp_path):
    tone(tmp_path / "a.wav", seconds=60)
    before_us = time.time_ns() // 1_000
    windows = Listener().take(replay(tmp_path / "a.wav", tmp_path), 1_000)
    assert len(windows) == 120
    assert before_us <= windows[-1].start_us + 500_000 <= time.time_ns() // 1_000


def test_a_loop_goes_on_after_the_last_file(tmp_path):
    tone(tmp_path / "a.wav", seconds=1.0)
    assert len(Listener().take(replay(tmp_path, tmp_path, loop=True), 7)) == 7


def test_patterns_and_channels_are_chosen(tmp_path):
    tone(tmp_path / "a.wav", channels=2)
    tone(tmp_path / "b.txt.flac", channels=2)
    first = Listener().take(replay(tmp_path / "*.wav", tmp_path, channel=0), 100)
    second = Listener().take(replay(tmp_path / "*.wav", tmp_path, channel=1), 100)
    assert len(first) == len(second) == 4
    np.testing.assert_allclose(second[0].samples * 2, first[0].samples, atol=1e-3)


def test_unreadable_files_are_left_out_and_named_once(tmp_path):
    tone(tmp_path / "good.wav", seconds=1.0)
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.flac").write_text("hello")
    nan = np.full(8_000, np.nan, np.float32)
    soundfile.write(tmp_path / "nan.wav", nan, 8_000, subtype="FLOAT")
    listener = Listener()
    assert len(listener.take(replay(tmp_path, tmp_path, loop=True), 9)) == 9
    assert len(listener.warnings) == 3
    assert all(any(name in text for text in listener.warnings) for name in ("empty.wav", "text.flac", "nan.wav"))
    assert "3 left out" in replay(tmp_path, tmp_path).probe().detail


def test_a_folder_in_which_nothing_can_be_read_is_an_error_with_the_reason(tmp_path):
    (tmp_path / "a.wav").write_text("hello")
    source = replay(tmp_path, tmp_path)
    with pytest.raises(SourceError, match=r"none of 1 recording.*a\.wav"):
        Listener().take(source, 1)
    with pytest.raises(SourceError, match="none of 1"):
        source.probe()


def test_recordings_shorter_than_a_window_say_so(tmp_path):
    tone(tmp_path / "a.wav", seconds=0.4)
    with pytest.raises(SourceError, match="shorter than one window"):
        Listener().take(replay(tmp_path, tmp_path), 1)


@pytest.mark.parametrize("name", ["none.wav", "no*.wav", "empty"])
def test_a_path_without_recordings_says_so(tmp_path, name):
    (tmp_path / "empty").mkdir()
    with pytest.raises((SourceError, AudioError), match="no recording"):
        Listener().take(replay(tmp_path / name, tmp_path), 1)


def test_each_path_of_a_list_must_name_something(tmp_path):
    with pytest.raises(SourceError, match=r"no recording at '.*none\.wav'"):
        find_recordings([str(tone(tmp_path / "a.wav")), str(tmp_path / "none.wav")])


def test_a_recording_shorter_than_a_window_is_left_out_with_a_warning(tmp_path):
    tone(tmp_path / "a.wav", seconds=0.4)
    tone(tmp_path / "b.wav")
    listener, source = Listener(), replay(tmp_path, tmp_path)
    assert len(listener.take(source, 9)) == 4
    assert [line for line in listener.warnings if "a.wav lasts 0.4 s, shorter than one window" in line]
    assert "2 file(s), 4 windows, 1 left out" in source.probe().detail


def test_what_is_unusual_about_a_recording_is_said_once_and_by_a_probe(tmp_path):
    tone(tmp_path / "a.wav")
    tone(tmp_path / "b.wav", subtype="PCM_U8")
    soundfile.write(tmp_path / "c.wav", np.zeros(16_000), 8_000)
    soundfile.write(tmp_path / "d.wav", np.tile([1.0] * 4 + [0.0] * 36, 400), 8_000)
    expected = ["b.wav has 8 bits per sample", "c.wav is silent", "d.wav is clipped in 400 places"]
    listener, source = Listener(), replay(tmp_path, tmp_path, loop=True)
    assert len(listener.take(source, 40)) == 40
    for lines in (listener.warnings, source.probe().notes):
        assert len(lines) == 3
        assert all(words in line for words, line in zip(expected, lines, strict=True))


def test_only_the_channel_that_is_heard_is_looked_at(tmp_path):
    sound = tone(tmp_path / "mono.wav")
    samples, rate = soundfile.read(sound)
    soundfile.write(tmp_path / "a.wav", np.stack([samples, np.zeros_like(samples)], 1), rate)
    assert replay(tmp_path / "a.wav", tmp_path, channel=0).probe().notes == ()
    assert "silent" in replay(tmp_path / "a.wav", tmp_path, channel=1).probe().notes[0]


def test_a_probe_says_what_is_resampled(tmp_path):
    tone(tmp_path / "a.wav", 8_000)
    assert replay(tmp_path, tmp_path).probe().detail == "1 file(s), 4 windows"
    tone(tmp_path / "b.wav", 96_000)
    assert replay(tmp_path, tmp_path).probe().detail == "2 file(s), 8 windows, 96 kHz, resampled to 8 kHz"
    tone(tmp_path / "c.wav", 44_100)
    detail = replay(tmp_path, tmp_path).probe().detail
    assert detail == "3 file(s), 12 windows, 44.1 kHz and 96 kHz, resampled to 8 kHz"


def test_a_channel_that_does_not_exist_is_named(tmp_path):
    tone(tmp_path / "a.wav")
    with pytest.raises(SourceError, match="channel 3 does not exist"):
        Listener().take(replay(tmp_path, tmp_path, channel=3), 1)


def test_each_loop_cuts_its_windows_elsewhere(tmp_path):
    tone(tmp_path / "a.wav", frequency=401.3, seconds=3.2)
    windows = Listener().take(replay(tmp_path, tmp_path, window_s=1.0, loop=True), 5)
    first, second = windows[:3], windows[3:]
    assert not any(np.array_equal(a.samples, b.samples) for a in first for b in second)
    skip = round(LOOP_SHIFT_S * len(first[0].samples))
    np.testing.assert_array_equal(second[0].samples[:-skip], first[0].samples[skip:])


def test_an_injected_path_is_replayed_from_the_next_window_until_cleared(tmp_path):
    tone(tmp_path / "good" / "a.wav", frequency=400, seconds=3)
    tone(tmp_path / "bad" / "a.wav", frequency=1_200, seconds=3)
    heard = []
    for window in replay(tmp_path / "good", tmp_path, loop=True).windows(Listener().context):
        heard.append(round(dominant_hz(window), -1))
        if len(heard) == 3:
            inject(tmp_path, "replay", Injection(path=str(tmp_path / "bad")))
        if len(heard) == 6:
            inject(tmp_path, "replay", None)
        if len(heard) == 9:
            break
    assert heard == [400] * 3 + [1_200] * 3 + [400] * 3


def test_a_loop_decodes_its_only_file_once_and_again_after_it_was_written_anew(tmp_path, monkeypatch):
    decoded = []
    read = recording.read_recording
    monkeypatch.setattr(recording, "read_recording", lambda file: decoded.append(file) or read(file))
    sound = tone(tmp_path / "a.wav", frequency=400, seconds=1)
    heard = []
    for window in replay(sound, tmp_path, loop=True).windows(Listener().context):
        heard.append(round(dominant_hz(window), -1))
        if len(heard) == 6:
            assert len(decoded) == 1
            tone(tmp_path / "new.wav", frequency=1_200, seconds=2).replace(sound)
        if len(heard) == 14:
            break
    assert heard == [400] * 6 + [1_200] * 8
    assert len(decoded) == 2


def test_the_same_seed_gives_the_same_sound_and_another_does_not(tmp_path):
    first, again = (Listener().take(make(simulated(seed=3), tmp_path), 4) for _ in range(2))
    other = Listener().take(make(simulated(seed=4), tmp_path), 4)
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].samples, other[0].samples)


def test_the_next_simulated_window_starts_the_interval_later(tmp_path):
    windows = Listener().take(make(simulated(interval_s=3), tmp_path), 4)
    assert set(np.diff([window.start_us for window in windows])) == {3_000_000}


@pytest.mark.parametrize(("rate", "low", "high"), [(0.0, 0, 0), (0.3, 20, 70), (1.0, 150, 150)])
def test_the_anomaly_rate_is_the_share_of_windows_with_a_fault(tmp_path, rate, low, high):
    healthy = Listener().take(make(simulated(window_s=0.1), tmp_path), 150)
    faulty = Listener().take(make(simulated(window_s=0.1, anomaly_rate=rate), tmp_path), 150)
    differing = sum(not np.array_equal(a.samples, b.samples) for a, b in zip(healthy, faulty, strict=True))
    assert low <= differing <= high


def test_an_injected_fault_grows_over_its_ramp_and_ends(tmp_path):
    healthy = Listener().take(make(simulated(), tmp_path), 12)
    excess = []
    for window in make(simulated(), tmp_path).windows(Listener().context):
        excess.append(float(np.std(window.samples - healthy[len(excess)].samples)))
        if len(excess) == 2:
            inject(tmp_path, "pump", Injection(fault="bearing_outer", ramp_s=2.0, severity=1.0))
        if len(excess) == 10:
            inject(tmp_path, "pump", None)
        if len(excess) == 12:
            break
    assert excess[:3] == [0, 0, 0]
    assert excess[3] < excess[4] < excess[5] < excess[6]
    assert excess[10:] == [0, 0]


@given(st.floats(0, 100), st.integers(0, 10**9), st.floats(0, 1))
def test_severity_never_leaves_its_range(ramp_s, elapsed_us, severity):
    assert 0 <= Injection(ramp_s=ramp_s, severity=severity).severity_at(elapsed_us) <= severity


def test_damaged_injections_are_no_injections(tmp_path):
    (tmp_path / "injections.json").write_text('{"pump": {"severity": 7}')
    assert Injections(tmp_path).of("pump") is None


def test_history_hurries_at_most_at_its_speed_then_keeps_pace():
    pace = Pace(100.0, 10.0, Follower(Clock()))
    now_us = pace.start_us + 100_000_000
    assert 4.5 < pace.delay_s(pace.start_us + 50_000_000) <= 5.0
    assert 19.5 < pace.delay_s(now_us + 20_000_000) <= 20.0
    assert Pace(100.0, None, Follower(Clock())).delay_s(pace.start_us + 99_000_000) == 0
    assert Pace(0.0, None, Follower(Clock()), fast=True).delay_s(now_us + 10**9) == 0


def test_a_source_waits_idle_in_the_present_and_stops_at_once(tmp_path):
    listener = Listener()
    windows = []
    for window in make(simulated(window_s=1.0, history_s=3.5), tmp_path).windows(listener.context):
        windows.append(window)
        if len(windows) == 3:
            listener.stop.set()
    assert len(windows) == 3
    assert listener.idles == 1


def test_time_goes_on_where_the_last_run_ended(tmp_path):
    resume_us = time.time_ns() // 1_000 - 5_000_000
    (window,) = Listener(resume_us).take(make(simulated(), tmp_path), 1)
    assert window.start_us == resume_us
    far = time.time_ns() // 1_000 + 10**12
    (window,) = Listener(far).take(make(simulated(window_s=0.01), tmp_path), 1)
    assert window.start_us < far


def test_a_simulated_machine_that_is_stopped_leaves_its_room_and_can_be_started_again(tmp_path):
    sensor = simulated(ambient_dbfs=-50.0, history_s=10_000)
    source = make(sensor, tmp_path)

    def level(window):
        return 20 * np.log10(np.sqrt(np.mean(window.samples**2)))

    levels = []
    for number, window in enumerate(source.windows(Listener().context)):
        levels.append(level(window))
        if number == 5:
            inject(tmp_path, sensor.name, Injection(at_rest=True, run_s=1.0))
        if number == 15:
            inject(tmp_path, sensor.name, Injection(at_rest=False, run_s=1.0))
        if number == 25:
            break
    assert min(levels[:6]) > -35
    assert levels[10:16] == pytest.approx([-50] * 6, abs=1)
    assert min(levels[20:]) > -35
