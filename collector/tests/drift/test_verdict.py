import numpy as np
import pytest

from audiosense_collector.drift.stability import Reference, least_spreads
from audiosense_collector.drift.verdict import degree_of, describe_day, describe_groups, judge
from audiosense_common.features import FEATURES, SCHEMA_ID, SCHEMAS, FeatureExtractor
from audiosense_common.synth import MACHINE_KINDS, Fault, SyntheticMachine

NAMES = SCHEMAS[SCHEMA_ID]
DBFS = np.array([FEATURES[name].unit == "dBFS" for name in NAMES])
RATE_HZ = 4_000
EVERY_S = 4
"""The simulated machine's level wanders within 20 s; a baseline must hold that many times."""


def listen(machine, windows, fault=None):
    extractor = FeatureExtractor(RATE_HZ)
    return np.stack([extractor.extract(machine.render(EVERY_S * RATE_HZ, fault)[:RATE_HZ]) for _ in range(windows)])


@pytest.fixture(scope="module")
def healthy():
    """Of each kind a baseline and, after it, as many windows that nothing has happened in."""
    found = {}
    for kind in MACHINE_KINDS:
        windows = listen(SyntheticMachine(kind, RATE_HZ, seed=1), 360)
        found[kind] = (Reference.fit(windows[:240], least_spreads(NAMES)), windows[240:])
    return found


def louder(windows, decibels):
    found = windows.astype(float)
    found[:, DBFS] += decibels
    return found.astype(np.float16)


def courses(reference, days):
    return [describe_day(reference, NAMES, windows, 0)[1] for windows in days]


@pytest.mark.parametrize("kind", MACHINE_KINDS)
def test_the_ordinary_wander_of_a_healthy_machine_is_no_drift(healthy, kind):
    reference, windows = healthy[kind]
    groups = describe_groups(reference, NAMES, windows, 1)
    assert "marked" not in {group.degree for group in groups}
    assert sum(group.degree == "stable" for group in groups) >= len(groups) - 1


def test_a_season_is_a_marked_and_slow_drift_of_the_level_alone(healthy):
    reference, windows = healthy["pump"]
    groups = {group.group: group for group in describe_groups(reference, NAMES, louder(windows, 6), 1)}
    assert groups["level"].degree == "marked"
    assert groups["level"].shift > 3
    assert groups["level"].moved_most.change == pytest.approx(6, abs=1.5)
    assert groups["level"].moved_most.unit == "dBFS"
    assert groups["shape"].degree == groups["impulsiveness"].degree == "stable"
    days = courses(reference, [louder(windows, level) for level in (1, 2.5, 4, 5, 6)])
    assert judge(list(groups.values()), days) == ("marked", "slow", None)


def test_a_fault_that_is_there_from_one_day_to_the_next_is_sudden_and_dated(healthy):
    reference, windows = healthy["pump"]
    machine = SyntheticMachine("pump", RATE_HZ, seed=1)
    listen(machine, 10)
    faulty = listen(machine, 120, Fault("bearing_outer", 0.7))
    groups = describe_groups(reference, NAMES, faulty, 1)
    moved = {group.group for group in groups if group.degree == "marked"}
    assert {"shape", "modulation"} & moved
    degree, verdict, day = judge(groups, courses(reference, [windows, windows, faulty, faulty]))
    assert (degree, verdict, day) == ("marked", "sudden", 2)


def test_what_is_there_since_the_first_day_was_not_in_the_baseline(healthy):
    reference, windows = healthy["pump"]
    groups = describe_groups(reference, NAMES, louder(windows, 8), 1)
    assert judge(groups, courses(reference, [louder(windows, 8)] * 4))[1:] == ("narrow", 0)


def test_too_few_days_say_nothing_of_how_it_came(healthy):
    reference, windows = healthy["fan"]
    groups = describe_groups(reference, NAMES, louder(windows, 8), 1)
    assert judge(groups, courses(reference, [louder(windows, 8)] * 2))[1] == "unclear"
    assert judge(describe_groups(reference, NAMES, windows, 1), [])[:2] == ("stable", "steady")


@pytest.mark.parametrize(
    ("psi", "chance", "degree"),
    [
        (0.09, 0.0, "stable"),
        (0.11, 0.0, "slight"),
        (0.24, 0.0, "slight"),
        (0.26, 0.0, "marked"),
        (0.3, 0.4, "stable"),
        (0.5, 0.4, "slight"),
        (1.1, 0.4, "marked"),
    ],
)
def test_the_customary_limits_hold_where_chance_is_not_larger(psi, chance, degree):
    assert degree_of(psi, chance) == degree
