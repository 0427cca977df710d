"""The gate between standstill and running: hysteresis, starts, run-downs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosense_common.running import Phase, RunningGate, RunningRule

RULE = RunningRule(-40.0, quietest_dbfs=-33.0, hysteresis_db=1.5, settling_windows=2)
LETTERS = {Phase.STOPPED: "s", Phase.CHANGING: "c", Phase.RUNNING: "r"}


def follow(levels, rule=RULE, gate=None):
    gate = gate or RunningGate(rule)
    return "".join(LETTERS[gate.push(level)] for level in levels)


def running(rule=RULE):
    gate = RunningGate(rule)
    assert follow([-30.0] * (rule.settling_windows + 1), gate=gate)[-1] == "r"
    return gate


def test_a_start_is_waited_out_for_the_settling_windows():
    assert follow([-60, -60, -30, -30, -30, -30]) == "ssccrr"


def test_a_machine_that_is_heard_for_the_first_time_may_have_just_started():
    assert follow([-30, -30, -30]) == "ccr"


def test_a_slow_start_is_waited_for_until_its_level_is_steady():
    assert follow([-60, -38, -36, -34, -32, -30, -30, -30]) == "sccccccr"


def test_without_settling_a_machine_above_its_level_runs_at_once():
    assert follow([-60, -30, -60, -30], RunningRule(-40.0, settling_windows=0)) == "srsr"


def test_a_machine_near_its_level_does_not_flap():
    gate = running()
    assert follow([-40.5, -39.5, -38.6, -39.9, -38.6], gate=gate) == "sssss"
    assert follow([-38.4, -38.4, -38.4, -39.9, -39.9], gate=gate)[-1] != "s"


def test_a_run_down_of_any_length_is_no_running_sound():
    assert follow([-32, -34, -35.5, -37, -39, -41, -60], gate=running()) == "rccccss"


def test_a_machine_that_stays_quieter_than_ever_runs_again_after_a_while():
    assert follow([-36, -36.2, -36.1, -36, -36.3], gate=running()) == "ccrrr"


def test_a_machine_that_grows_loud_again_runs_at_once():
    assert follow([-36, -30, -30], gate=running()) == "crr"


def test_a_rule_that_is_replaced_keeps_the_machine_s_state():
    gate = running()
    gate.rule = RunningRule(-45.0, settling_windows=5)
    assert follow([-44, -44], gate=gate) == "rr"


@given(
    levels=st.lists(st.floats(-120, 0), max_size=60),
    level=st.floats(-120, 0),
    settling=st.integers(0, 4),
    quietest=st.none() | st.floats(-120, 0),
)
def test_below_its_level_a_machine_is_stopped_and_well_above_it_never(levels, level, settling, quietest):
    gate = RunningGate(RunningRule(level, quietest, 1.5, settling))
    for each in levels:
        phase = gate.push(each)
        assert (phase is Phase.STOPPED) or each >= level
        assert (phase is not Phase.STOPPED) or each < level + 1.5


@given(start=st.lists(st.floats(-120, 0), max_size=20), level=st.floats(-39, 0), settling=st.integers(0, 5))
def test_whatever_came_before_a_steady_machine_above_its_level_runs(start, level, settling):
    gate = RunningGate(RunningRule(-41.0, -30.0, 1.5, settling))
    assert follow(start + [level] * (settling + 2), gate=gate)[-1] == "r"


@pytest.mark.parametrize("settling", [1, 3])
def test_a_steady_level_is_judged_from_the_window_after_settling(settling):
    rule = RunningRule(-40.0, -33.0, 1.5, settling)
    assert follow([-60] + [-30] * (settling + 1), rule) == "s" + "c" * settling + "r"
