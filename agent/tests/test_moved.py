"""A moved sensor: told by what a filter changes and what it leaves, and never taken for a fault or another speed."""

import copy
import functools

import numpy as np
import pytest

from audiosense_agent.sensor_faults.moved import MoveWatch
from audiosense_common.features import FeatureExtractor
from audiosense_common.synth import FAULT_KINDS, Fault, SyntheticMachine

RATE, WINDOW_S = 8_000, 2.0
COUNT = round(RATE * WINDOW_S)
USUAL, AFTER = 66, 68


@functools.cache
def usually(kind, seed):
    """What a machine sounds like at first, and the machine after that."""
    machine = SyntheticMachine(kind, RATE, seed, ambient_dbfs=-65)
    return [machine.render(COUNT) for _ in range(USUAL)], machine


@functools.cache
def sounds(kind, seed=1, speed_after=1.0, fault=None, severity=1.0):
    usual, machine = usually(kind, seed)
    machine = copy.deepcopy(machine)
    machine.run_at(speed_after)
    return usual, [machine.render(COUNT, None if fault is None else Fault(fault, severity)) for _ in range(AFTER)]


def tilted(sound, low_db, high_db):
    spectrum = np.fft.rfft(sound)
    hertz = np.maximum(np.fft.rfftfreq(len(sound), 1 / RATE), 12.0)
    octaves = np.log2(hertz / 12.0) / np.log2(RATE / 2 / 12.0)
    return np.fft.irfft(spectrum * 10 ** ((low_db + (high_db - low_db) * octaves) / 20), len(sound))


def follow(*stretches):
    watch, extractor = MoveWatch(WINDOW_S), FeatureExtractor(RATE)
    return [watch.push(extractor.extract(sound)) for stretch in stretches for sound in stretch]


def causes(found):
    return [None if each is None else each.cause for each in found]


@pytest.mark.parametrize(("kind", "low_db", "high_db"), [("pump", -10, -10), ("fan", -3, -14), ("gearbox", -8, -12)])
def test_a_sensor_that_was_moved_away_is_suspected_in_half_a_minute_and_sure_after_two(kind, low_db, high_db):
    usual, after = sounds(kind)
    found = causes(follow(usual, [tilted(sound, low_db, high_db) for sound in after]))
    assert set(found[: USUAL + 14]) == {None}
    assert found[USUAL + 16] == "suspected"
    assert found[-1] == "moved"


def test_a_move_is_over_where_the_sound_comes_back():
    usual, after = sounds("pump")
    watched = causes(follow(usual, [tilted(sound, -10, -10) for sound in after], usual[:5]))
    assert watched[USUAL + AFTER - 1] == "moved"
    assert watched[-5:] == ["moved", "moved", None, None, None]


def test_louder_everywhere_may_be_the_load_and_stays_a_suspicion():
    usual, after = sounds("pump")
    found = follow(usual, [tilted(sound, 8, 8) for sound in after])
    assert set(causes(found)) == {None, "suspected"}
    assert not found[-1].is_sure
    assert found[-1].evidence[0].value == pytest.approx(8, abs=0.5)


def test_a_machine_that_goes_on_is_not_called_moved():
    assert set(follow(*sounds("pump"))) == {None}


@pytest.mark.parametrize("fault", FAULT_KINDS)
def test_a_fault_that_comes_at_once_is_not_called_moved(fault):
    assert set(follow(*sounds("pump", fault=fault))) == {None}


@pytest.mark.parametrize("speed", [0.7, 0.9, 1.15])
def test_another_speed_is_not_called_moved(speed):
    assert set(follow(*sounds("motor", speed_after=speed))) == {None}


def test_a_slow_change_is_not_called_moved():
    usual, after = sounds("pump")
    slowly = [tilted(sound, -place / 6, -place / 6) for place, sound in enumerate(after)]
    assert set(follow(usual, slowly)) == {None}


def test_a_passing_noise_is_not_called_moved():
    usual, after = sounds("pump")
    passing = [tilted(sound, 10, 10) for sound in after[:12]]
    assert set(follow(usual, passing, after[12:])) == {None}


def test_a_machine_that_stops_and_starts_is_not_called_moved():
    machine = SyntheticMachine("pump", RATE, 1, ambient_dbfs=-45)
    watch, extractor = MoveWatch(WINDOW_S), FeatureExtractor(RATE)
    found = []
    for speed, count in ((1.0, 66), (0.0, 70), (1.0, 40), (0.0, 20), (1.0, 20)):
        machine.run_at(speed)
        found += [watch.push(extractor.extract(machine.render(COUNT)), is_running=speed > 0) for _ in range(count)]
    assert set(found) == {None}


def test_a_sensor_moved_so_far_that_its_machine_seems_to_rest_is_called_moved():
    usual, after = sounds("pump")
    watch, extractor = MoveWatch(WINDOW_S), FeatureExtractor(RATE)
    for sound in usual:
        watch.push(extractor.extract(sound))
    found = [watch.push(extractor.extract(tilted(sound, -18, -18)), is_running=False) for sound in after]
    assert causes(found)[-1] == "moved"
