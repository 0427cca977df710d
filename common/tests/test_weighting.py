"""Levels of a weighted spectrum: against the tables of the standards and closed forms."""

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosense_common.features import FeatureExtractor, column
from audiosense_common.low_band import LowBandAnalyzer, share_of_bins
from audiosense_common.weighting import a_weighting_db

RATES = (8_000, 16_000, 44_100, 48_000)
FULL_SCALE_SINE_DB = -10 * np.log10(2)
# IEC 61672-1:2013, table 3: nominal frequency, A-weighting, acceptance limits of class 1.
TABLE_3 = (
    (10, -70.4, 3.0, -np.inf),
    (12.5, -63.4, 2.5, -np.inf),
    (16, -56.7, 2.0, -4.0),
    (20, -50.5, 2.0, -2.0),
    (25, -44.7, 2.0, -1.5),
    (31.5, -39.4, 1.5, -1.5),
    (40, -34.6, 1.0, -1.0),
    (50, -30.2, 1.0, -1.0),
    (63, -26.2, 1.0, -1.0),
    (80, -22.5, 1.0, -1.0),
    (100, -19.1, 1.0, -1.0),
    (125, -16.1, 1.0, -1.0),
    (160, -13.4, 1.0, -1.0),
    (200, -10.9, 1.0, -1.0),
    (250, -8.6, 1.0, -1.0),
    (315, -6.6, 1.0, -1.0),
    (400, -4.8, 1.0, -1.0),
    (500, -3.2, 1.0, -1.0),
    (630, -1.9, 1.0, -1.0),
    (800, -0.8, 1.0, -1.0),
    (1_000, 0.0, 0.7, -0.7),
    (1_250, 0.6, 1.0, -1.0),
    (1_600, 1.0, 1.0, -1.0),
    (2_000, 1.2, 1.0, -1.0),
    (2_500, 1.3, 1.0, -1.0),
    (3_150, 1.2, 1.0, -1.0),
    (4_000, 1.0, 1.0, -1.0),
    (5_000, 0.5, 1.5, -1.5),
    (6_300, -0.1, 1.5, -2.0),
    (8_000, -1.1, 1.5, -2.5),
    (10_000, -2.5, 2.0, -3.0),
    (12_500, -4.3, 2.0, -5.0),
    (16_000, -6.6, 2.5, -16.0),
    (20_000, -9.3, 3.0, -np.inf),
)


def measured(samples, rate, name):
    vector = FeatureExtractor(rate).describe(samples)
    return vector[column("audiosense-2", name)]


def sine(frequency_hz, rate, seconds=5.0, phase=0.4):
    return np.sin(2 * np.pi * frequency_hz * np.arange(int(seconds * rate)) / rate + phase)


def exact(nominal_hz):
    """Base-ten frequency of IEC 61260-1 that a nominal one stands for."""
    return 1000 * 10 ** (round(10 * np.log10(nominal_hz / 1000)) / 10)


@pytest.mark.parametrize(("nominal_hz", "weighting_db", "above", "below"), TABLE_3)
def test_the_a_weighting_is_that_of_the_standards_table(nominal_hz, weighting_db, above, below):
    assert a_weighting_db(np.array([exact(nominal_hz)])) == pytest.approx(weighting_db, abs=0.051)


@pytest.mark.parametrize("rate", RATES)
def test_the_a_weighted_level_of_a_sine_is_within_a_fifth_of_what_class_1_allows(rate):
    for nominal_hz, weighting_db, above, below in TABLE_3:
        frequency_hz = exact(nominal_hz)
        if frequency_hz < 0.95 * rate / 2:
            error = measured(sine(frequency_hz, rate), rate, "level_a_dbfs") - weighting_db - FULL_SCALE_SINE_DB
            assert below / 5 <= error <= above / 5, nominal_hz


@given(frequency_hz=st.floats(450.0, 1_100.0))
@settings(max_examples=60, deadline=None)
def test_no_frequency_is_lost_or_counted_twice_where_the_spectra_meet(frequency_hz):
    found = measured(sine(frequency_hz, 16_000), 16_000, "level_a_dbfs")
    expected = float(a_weighting_db(np.array([frequency_hz]))[0]) + FULL_SCALE_SINE_DB
    assert found == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_the_a_weighted_level_of_noise_is_its_weighted_power(rate):
    noise = np.random.default_rng(rate).normal(0, 0.1, 20 * rate)
    frequencies = np.linspace(1.0, rate / 2, 20_000)
    expected = -20 + 10 * np.log10(np.mean(10 ** (a_weighting_db(frequencies) / 10)))
    assert measured(noise, rate, "level_a_dbfs") == pytest.approx(expected, abs=0.1)


@given(
    frequency_hz=st.floats(12.0, 990.0),
    amplitude=st.floats(1e-4, 1.0),
    rate=st.sampled_from(RATES),
    seconds=st.floats(2.0, 6.0),
)
@settings(max_examples=60, deadline=None)
def test_the_velocity_of_a_sine_is_its_amplitude_over_the_angular_frequency(frequency_hz, amplitude, rate, seconds):
    found = measured(amplitude * sine(frequency_hz, rate, seconds), rate, "velocity_db")
    millimetres = 1000 * amplitude / (2 * np.pi * frequency_hz) / np.sqrt(2)
    assert found == pytest.approx(20 * np.log10(millimetres), abs=0.1)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("frequency_hz", [3.0, 2_000.0, 3_000.0])
def test_what_lies_outside_10_to_1000_hz_does_not_count_as_velocity(rate, frequency_hz):
    inside = 0.01 * sine(50.0, rate)
    plain = measured(inside, rate, "velocity_db")
    assert measured(inside + 0.3 * sine(frequency_hz, rate), rate, "velocity_db") == pytest.approx(plain, abs=0.1)


def test_the_velocity_of_band_limited_noise_is_what_integration_over_time_gives():
    rate = 16_000
    bandpass = scipy.signal.butter(6, (20, 600), "bandpass", fs=rate, output="sos")
    noise = scipy.signal.sosfilt(bandpass, np.random.default_rng(1).normal(0, 1, 22 * rate))
    velocity = scipy.signal.detrend(np.cumsum(noise) / rate)
    whole = slice(rate, -rate)
    expected = 20 * np.log10(1000 * velocity[whole].std())
    assert measured(noise[whole], rate, "velocity_db") == pytest.approx(expected, abs=0.3)


@pytest.mark.parametrize("rate", [*RATES, 1_000, 2_900, 96_000])
def test_the_fine_spectrum_holds_the_mean_square_of_its_band(rate):
    analyzer = LowBandAnalyzer(rate)
    top_hz = min(900.0, 0.45 * rate)
    noise = np.random.default_rng(3).normal(0, 0.1, 20 * rate).astype(np.float32)
    power = analyzer.analyze(noise)
    inside = share_of_bins(analyzer.frequencies_hz, analyzer.bin_hz, 20.0, top_hz)
    assert 10 * np.log10(power @ inside) == pytest.approx(-20 + 10 * np.log10((top_hz - 20) / (rate / 2)), abs=0.25)
    assert len(power) == len(analyzer.frequencies_hz)
    assert analyzer.bin_hz <= 1.0


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_what_the_thinning_folds_back_is_held_off_by_75_db(rate):
    analyzer = LowBandAnalyzer(rate)
    for frequency_hz in np.linspace(1_950.0, rate / 2 - 100, 40):
        folded = analyzer.analyze(sine(frequency_hz, rate).astype(np.float32))
        assert 10 * np.log10(folded[analyzer.frequencies_hz <= 1_000].sum()) < FULL_SCALE_SINE_DB - 75
