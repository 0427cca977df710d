"""Window statistics against numpy and SciPy, window by window."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from audiosense_collector.developer.statistics import NAMES, window_statistics


def _one_by_one(value, frequency):
    row = []
    for column in (value, frequency):
        low, middle, high = np.percentile(column, (25, 50, 75))
        slope = stats.linregress(np.arange(len(column)), column).slope
        row += [column.mean(), column.std(), middle, high - low, column.min(), column.max(), slope]
    constant = np.ptp(value) == 0 or np.ptp(frequency) == 0
    return [*row, 0.0 if constant else np.corrcoef(value, frequency)[0, 1]]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(3, 80), st.integers(2, 30))
def test_every_window_has_the_statistics_of_numpy_and_scipy(seed, count, size):
    rng = np.random.default_rng(seed)
    value, frequency = rng.uniform(0.2, 1.2, count), rng.uniform(800, 6000, count)
    found = window_statistics(value, frequency, size)
    assert found.shape == (max(0, count - size + 1), len(NAMES))
    for index, row in enumerate(found):
        expected = _one_by_one(value[index : index + size], frequency[index : index + size])
        assert row == pytest.approx(expected, rel=1e-5, abs=2e-5)


def test_a_constant_column_has_no_correlation_and_no_slope():
    found = window_statistics(np.full(20, 0.1), np.arange(20.0), 10)
    assert np.isfinite(found).all()
    assert (found[:, NAMES.index("correlation")] == 0).all()
    assert found[:, NAMES.index("value_slope")] == pytest.approx(0, abs=1e-12)


def test_windows_worked_in_chunks_are_those_worked_at_once(monkeypatch):
    rng = np.random.default_rng(1)
    value, frequency = rng.random(500), rng.random(500)
    whole = window_statistics(value, frequency, 60)
    monkeypatch.setattr("audiosense_collector.developer.statistics._CHUNK", 1_000)
    assert np.array_equal(window_statistics(value, frequency, 60), whole)
