"""The running level as learned from a baseline: safe both ways, and standstill left out of the training."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosense_collector.training.running import RunningSettings, apply, learn, running_windows
from audiosense_common.bundle import Running
from audiosense_common.running import Phase, RunningGate

RUNS_DBFS = -30.0


def heard(count, *, spread=1.0, rest=(), rest_dbfs=-45.0, rest_spread=0.5, seed=0):
    """Levels of a machine that stands still from and to some windows, falling and rising within one."""
    rng = np.random.default_rng(seed)
    levels = rng.normal(RUNS_DBFS, spread, count)
    for start, end in rest:
        levels[start:end] = rng.normal(rest_dbfs, rest_spread, end - start)
        levels[start - 1] = levels[end] = RUNS_DBFS - 3
    return levels


def rule_of(levels):
    learned = learn(levels)
    return learned.rule(learned.learned_dbfs)


def share_stopped(rule, level, spread=0.5, count=1_000):
    gate = RunningGate(rule)
    levels = np.random.default_rng(1).normal(level, spread, count)
    return np.mean([gate.push(each) is Phase.STOPPED for each in levels])


@pytest.mark.parametrize("count", [40, 150, 720])
@pytest.mark.parametrize("spread", [0.3, 1.0])
def test_a_quieter_machine_still_runs_and_a_quiet_room_is_a_stop(count, spread):
    rule = rule_of(heard(count, spread=spread))
    assert share_stopped(rule, RUNS_DBFS - 6, spread) < 0.03
    assert share_stopped(rule, RUNS_DBFS - 10, spread) > 0.95


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.6, 0.85])
@pytest.mark.parametrize("rest_dbfs", [-41.0, -45.0, -60.0])
def test_standstill_in_the_baseline_is_found_and_left_out(share, rest_dbfs):
    length = round(720 * share)
    levels = heard(720, rest=[(60, 60 + length)], rest_dbfs=rest_dbfs)
    rule = rule_of(levels)
    kept = running_windows(levels, rule)
    assert not kept[59 : 60 + length + 2].any(), "the windows in which it stopped and started are left out too"
    assert kept[:59].all()
    assert kept[60 + length + 9 :].all()
    assert share_stopped(rule, RUNS_DBFS - 6) < 0.05
    assert share_stopped(rule, rest_dbfs) > 0.95


def test_loads_of_several_levels_are_no_standstill():
    rng = np.random.default_rng(2)
    loads = np.repeat([-30.0, -36.0, -42.0, -33.0, -39.0, -45.0], 40) + rng.normal(0, 0.7, 240)
    assert running_windows(loads, rule_of(loads)).all()


def test_a_few_clips_of_a_motor_at_several_speeds_are_no_standstill():
    speeds = np.repeat([-62.8, -56.1, -54.4, -52.4, -50.5, -48.8], 6) + np.random.default_rng(3).normal(0, 0.4, 36)
    assert running_windows(speeds, rule_of(speeds)).all()


def test_a_machine_of_short_runs_is_waited_for_less():
    levels = np.tile(np.repeat([-30.0, -60.0], [3, 10]), 40)
    assert learn(levels).settling_windows == 0
    assert learn(heard(200)).settling_windows == 2


def test_nothing_is_learned_of_silence_or_of_what_is_no_number():
    for levels in (np.full(50, -120.0), np.full(50, np.nan), np.empty(0)):
        assert learn(levels).learned_dbfs is None
        assert running_windows(levels, None).all()


def test_what_was_set_stands_over_what_was_learned_and_can_be_taken_back():
    learned = learn(heard(200))
    level, how = apply(learned, RunningSettings(-50.0, 7))
    assert (level, how.settling_windows) == (-50.0, 7)
    assert apply(how, RunningSettings("off"))[0] is None
    assert apply(how, RunningSettings()) == (learned.learned_dbfs, learned)
    assert apply(Running(), RunningSettings()) == (None, Running())


@given(
    levels=st.lists(st.floats(-119, 0), min_size=20, max_size=200),
    level=st.none() | st.floats(-120, 0) | st.just("off"),
)
@settings(deadline=None)
def test_what_is_kept_is_above_the_level_whatever_is_heard(levels, level):
    heard_levels = np.array(levels)
    gate, how = apply(learn(heard_levels), RunningSettings(level))
    kept = running_windows(heard_levels, None if gate is None else how.rule(gate))
    assert kept.all() if gate is None else (heard_levels[kept] >= gate).all()
