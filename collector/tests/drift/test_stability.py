import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from audiosense_collector.drift.groups import GROUPS, OTHER, group_of
from audiosense_collector.drift.stability import BINS, Reference, count, stability_index
from audiosense_common.features import SCHEMAS

counts = arrays(np.int64, (3, BINS), elements=st.integers(0, 500)).filter(lambda each: each.sum(axis=1).all())


def wander(windows, features=4, relaxation=4.0, seed=0):
    """An Ornstein-Uhlenbeck process of spread 1 in each feature."""
    rng, keep = np.random.default_rng(seed), np.exp(-1 / relaxation)
    values = np.empty((windows, features))
    values[0] = rng.normal(size=features)
    for place in range(1, windows):
        values[place] = keep * values[place - 1] + np.sqrt(1 - keep**2) * rng.normal(size=features)
    return values


def test_the_index_of_a_worked_example():
    # Half and half against a quarter and three quarters: 0.25·ln(0.5 / 0.25) - 0.25·ln(0.5 / 0.75).
    found = stability_index(np.array([[5e6, 5e6]]), np.array([[2.5e6, 7.5e6]]))
    assert found == pytest.approx([0.25 * np.log(2) - 0.25 * np.log(2 / 3)], rel=1e-5)
    assert found == pytest.approx([0.27465], abs=1e-5)


@given(counts, counts)
def test_the_index_is_never_negative_and_takes_both_samples_alike(expected, found):
    index = stability_index(expected.astype(float), found.astype(float))
    assert np.all(index >= 0)
    assert np.all(np.isfinite(index))
    assert index == pytest.approx(stability_index(found.astype(float), expected.astype(float)))


@given(counts)
def test_the_index_of_a_sample_with_itself_is_zero(expected):
    assert stability_index(expected.astype(float), expected.astype(float)) == pytest.approx(0)


def test_an_empty_bin_weighs_finitely_on_either_side():
    full, lacking = np.full((1, BINS), 50.0), np.full((1, BINS), 50.0)
    lacking[0, 3] = 0
    assert 0.2 < stability_index(full, lacking)[0] < 1
    assert stability_index(full, lacking) == pytest.approx(stability_index(lacking, full))


@given(arrays(np.float16, st.tuples(st.integers(20, 60), st.just(3)), elements=st.floats(-100, 100, width=16)))
@settings(max_examples=50)
def test_every_window_is_counted_once_and_a_baseline_has_not_moved_from_itself(windows):
    reference = Reference.fit(windows)
    assert np.all(reference.counts.sum(axis=1) == len(windows))
    assert reference.compare(windows) == pytest.approx(np.zeros(3))
    assert reference.shift(windows) == pytest.approx(np.zeros(3))


def test_a_reference_is_the_same_once_packed():
    windows = wander(200).astype(np.float16)
    reference = Reference.fit(windows)
    again = Reference.unpack(reference.pack())
    assert again.compare(windows) == pytest.approx(np.zeros(4))
    assert again.compare(windows[:50] + 1) == pytest.approx(reference.compare(windows[:50] + 1))
    assert again.chance(50, 1) == pytest.approx(reference.chance(50, 1), rel=1e-5)
    assert again.windows == 200
    assert len(reference.pack()) < 4_000


@pytest.mark.parametrize("relaxation", [0.2, 4.0])
@pytest.mark.parametrize("windows", [120, 720])
def test_windows_of_the_same_process_stay_below_chance_in_most_cases(relaxation, windows):
    above = []
    for seed in range(15):
        values = wander(windows + 2_000, relaxation=relaxation, seed=seed)
        reference = Reference.fit(values[:windows])
        above.append(reference.compare(values[windows:]) > reference.chance(2_000, 1))
    assert np.mean(above) < 0.12


def test_windows_that_are_far_apart_are_alike_no_more_so_chance_is_less():
    reference = Reference.fit(wander(720))
    assert np.all(reference.inflation > 2)
    assert np.all(reference.chance(200, 20) < reference.chance(200, 1))
    assert Reference.fit(wander(720, relaxation=0.1)).inflation == pytest.approx(np.ones(4), abs=0.7)


def test_a_feature_that_stood_still_says_nothing():
    windows = wander(100)
    windows[:, 1] = -120
    windows[:, 2] = np.where(np.arange(100) % 50 == 0, 1, 0)
    assert list(Reference.fit(windows).usable) == [True, False, False, True]


def test_a_change_that_nobody_would_hear_is_none_where_a_feature_hardly_moves():
    steady = 0.01 * wander(400)
    moved = steady + 0.03
    assert np.all(Reference.fit(steady).compare(moved) > 1)
    floored = Reference.fit(steady, np.full(4, 0.5))
    assert np.all(floored.compare(moved) < 0.1)
    assert np.all(floored.compare(steady + 2) > 1)
    assert np.all(floored.shift(moved) < 0.1)


def test_a_value_on_an_edge_belongs_above_it():
    assert list(count(np.array([[1.0], [0.5], [2.0]]), np.array([np.ones(BINS - 1)]), np.zeros(1))[0]) == [
        1,
        *[0] * 8,
        2,
    ]


def test_every_feature_of_every_schema_has_a_group_of_its_own_kind():
    for names in SCHEMAS.values():
        assert {group_of(name) for name in names} == set(GROUPS)
    assert group_of("loudness_sone") == OTHER
