"""What is usual for every feature of the schema, for reasons."""

import numpy as np
import pytest

from audiosense_collector.training.reference import make_reference


def columns(*values):
    return np.stack(values, axis=1).astype(np.float16)


def test_location_and_spread_are_those_of_normal_data_whatever_a_few_windows_do():
    usual = np.random.default_rng(1).normal(-30, 2, 4_000)
    usual[:100] = 0.0
    found = make_reference(columns(usual), ["rms_dbfs"])
    assert found.features == ["rms_dbfs"]
    assert found.location[0] == pytest.approx(-30, abs=0.2)
    assert found.spread[0] == pytest.approx(2, rel=0.1)


def test_a_second_state_in_which_a_machine_is_at_times_is_usual_too():
    rng = np.random.default_rng(1)
    speeds = np.concatenate((rng.normal(0.1, 0.001, 800), rng.normal(0.3, 0.001, 200)))
    found = make_reference(columns(speeds), ["dominant_khz"])
    assert (0.3 - found.location[0]) / found.spread[0] < 3.5


def test_a_feature_that_stands_still_has_a_least_spread():
    assert make_reference(columns(np.full(50, 3.0)), ["crest_db"]).spread == [0.001]
