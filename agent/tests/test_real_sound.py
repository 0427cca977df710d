"""Sensor faults on real recordings: machines, healthy and faulty, raise none; the same sound made faulty does."""

import os
from pathlib import Path

import numpy as np
import pytest

from audiosense_agent.sensor_faults.fault import FaultKind
from audiosense_agent.sensor_faults.monitor import SensorMonitor
from audiosense_agent.sensor_faults.moved import MoveWatch
from audiosense_common.audio import read_recording, resample
from audiosense_common.features import FeatureExtractor
from audiosense_common.windows import split

RECORDINGS = os.environ.get("AUDIOSENSE_RECORDINGS")
pytestmark = pytest.mark.skipif(not RECORDINGS, reason="AUDIOSENSE_RECORDINGS names no folder of recordings")
RATE, WINDOW_S = 16_000, 5.0


def windows(path, channel=0, window_s=WINDOW_S):
    recording = read_recording(path)
    samples = resample(recording.channel(channel), recording.sample_rate_hz, RATE)
    return list(split(samples, round(window_s * RATE)))


def files(pattern):
    found = sorted(Path(RECORDINGS).glob(pattern))
    assert found
    return found


def test_no_real_machine_healthy_or_faulty_is_taken_for_a_sensor_fault():
    count = 0
    for path in files("**/*.flac"):
        for channel in (0, 1):
            monitor = SensorMonitor(RATE, WINDOW_S)
            for sound in windows(path, channel):
                assert monitor.judge(sound, is_stopped=False) is None, path
                count += 1
    assert count == 600


def test_real_sound_of_a_faulty_sensor_is_told():
    random = np.random.default_rng(1)
    for path in files("mimii/*/id_00/normal/00000000.flac"):
        (sound, *_) = windows(path)
        clipped = np.clip(sound / np.percentile(np.abs(sound), 95), -1, 1)
        time_s = np.arange(len(sound)) / RATE
        pulled = 0.001 * np.sin(2 * np.pi * 50 * time_s) + 1e-5 * random.standard_normal(len(sound))
        for faulty, kind in (
            (sound * 0, FaultKind.SILENT),
            (sound * 0 + 0.1, FaultKind.STUCK),
            (sound + 0.8, FaultKind.STUCK),
            (clipped, FaultKind.CLIPPED),
            (pulled, FaultKind.UNPLUGGED),
        ):
            found = SensorMonitor(RATE, WINDOW_S).judge(faulty.astype(np.float32), is_stopped=False)
            assert found is not None, kind
            assert found.kind is kind


def vectors(paths, extractor, gain=1.0):
    return [extractor.extract(gain * sound) for path in paths for sound in windows(path, window_s=1.0)]


def endless(rows, count):
    return [rows[place % len(rows)] for place in range(count)]


@pytest.mark.parametrize("motor", ["M1", "M2"])
def test_real_motors_that_change_speed_or_break_a_blade_are_not_called_moved(motor):
    extractor = FeatureExtractor(RATE)
    healthy = {path.stem: vectors([path], extractor) for path in files(f"bldc_motor/Healthy/{motor}/*.flac")}
    broken = {path.stem: vectors([path], extractor) for path in files(f"bldc_motor/Propeller/{motor}/*.flac")}
    speeds = sorted(healthy)
    pairs = [(healthy[a], healthy[b]) for a in speeds for b in speeds if a != b]
    pairs += [(healthy[speed], broken[speed]) for speed in speeds if speed in broken]
    sure, suspected = 0, 0
    for before, after in pairs:
        watch = MoveWatch(1.0)
        found = [watch.push(row) for row in (*endless(before, 130), *endless(after, 130))]
        sure += any(each is not None and each.is_sure for each in found)
        suspected += any(each is not None for each in found)
    assert sure == 0
    assert suspected <= len(pairs) // 20, f"{suspected} of {len(pairs)}"


@pytest.mark.parametrize("machine", ["fan", "pump", "slider", "valve"])
def test_a_real_machine_that_becomes_faulty_is_not_called_moved(machine):
    extractor = FeatureExtractor(RATE)
    for place in ("id_00", "id_02"):
        normal = vectors(files(f"mimii/{machine}/{place}/normal/*.flac"), extractor)
        abnormal = vectors(files(f"mimii/{machine}/{place}/abnormal/*.flac"), extractor)
        watch = MoveWatch(1.0)
        found = [watch.push(row) for row in (*endless(normal, 160), *endless(abnormal, 160))]
        assert not any(each is not None and each.is_sure for each in found)


def test_a_real_motor_heard_from_further_away_is_called_moved():
    extractor = FeatureExtractor(RATE)
    paths = files("bldc_motor/Healthy/M1/1650.flac")
    watch = MoveWatch(1.0)
    near, far = vectors(paths, extractor), vectors(paths, extractor, gain=10 ** (-9 / 20))
    found = [watch.push(row) for row in (*endless(near, 130), *endless(far, 130))]
    assert found[-1] is not None
    assert found[-1].is_sure
    assert found[-1].evidence[0].value == pytest.approx(-9, abs=0.5)
