"""Modulation spectrum: against amplitude modulation of a known depth, and SciPy's squared envelope."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosense_common.definitions import modulation_name
from audiosense_common.features import MODULATION_FEATURES, SCHEMA_ID, FeatureExtractor, column
from audiosense_common.modulation import CARRIERS_HZ, SWINGS_HZ, ModulationAnalyzer

RATES = (16_000, 44_100, 48_000)
SWINGS = list(pairwise(SWINGS_HZ))
PLACES = [column(SCHEMA_ID, name) for name in MODULATION_FEATURES]


def swings(samples, rate):
    return FeatureExtractor(rate).describe(samples)[PLACES].reshape(len(CARRIERS_HZ), len(SWINGS))


def modulated(carrier, rate_hz, depth, rate):
    time = np.arange(len(carrier)) / rate
    return carrier * (1 + depth * np.cos(2 * np.pi * rate_hz * time + 1))


def sine(frequency_hz, rate, seconds=5.0):
    return 0.2 * np.sin(2 * np.pi * frequency_hz * np.arange(int(seconds * rate)) / rate)


def test_the_features_are_named_by_carrier_and_swing():
    names = [modulation_name(carrier, swing) for carrier in CARRIERS_HZ for swing in SWINGS]
    assert tuple(names) == MODULATION_FEATURES
    assert names[10] == "modulation_2000_4000_by_20_50_db"


@given(swing_hz=st.floats(22.0, 48.0), rate=st.sampled_from(RATES), seed=st.integers(0, 9))
@settings(max_examples=40, deadline=None)
def test_noise_that_swings_at_a_steady_rate_stands_out_in_its_band(swing_hz, rate, seed):
    noise = np.random.default_rng(seed).normal(0, 0.1, 5 * rate)
    steady, swinging = swings(noise, rate), swings(modulated(noise, swing_hz, 0.5, rate), rate)
    band = SWINGS.index((20, 50))
    assert (steady < 14).all()
    assert (swinging[:, band] > 16).all()
    assert (np.delete(swinging, [band, band + 1], axis=1) < 14).all()


@given(depth=st.floats(0.05, 0.9), swing_hz=st.floats(22.0, 48.0), rate=st.sampled_from(RATES))
@settings(max_examples=40, deadline=None)
def test_the_line_of_a_modulated_tone_has_the_whole_power_of_its_band(depth, swing_hz, rate):
    found = swings(modulated(sine(3_000, rate), swing_hz, depth, rate), rate)
    # All power of the band lies in the line's main lobe, whose top bin holds 1 / 1.5 of it at best (Harris 1978), over
    # a mean of that power by the band's bins: 30 Hz of them in the padded spectrum of 5 s.
    bins = 30 * 8_192 / ModulationAnalyzer(rate).rate_hz
    padding = 8_192 / (5 * ModulationAnalyzer(rate).rate_hz)
    best = 10 * np.log10(bins / 1.5 / padding)
    assert best - 2.0 <= found[1, SWINGS.index((20, 50))] <= best + 0.3


@pytest.mark.parametrize("rate", RATES)
def test_impacts_of_a_bearing_pulse_at_their_rate(rate):
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 0.05, 5 * rate)
    ringing = np.exp(-np.arange(rate // 50) / (0.001 * rate)) * np.sin(2 * np.pi * 3_200 * np.arange(rate // 50) / rate)
    impacts = np.zeros(5 * rate)
    impacts[(np.arange(5 * 80) * rate / 80).astype(int)] = 1.0
    heard = swings(noise + 0.3 * np.convolve(impacts, ringing)[: 5 * rate], rate)
    assert heard[1, SWINGS.index((50, 100))] > swings(noise, rate)[1, SWINGS.index((50, 100))] + 6


def test_the_line_is_that_of_the_hilbert_envelope_of_the_same_band():
    rate = 16_000
    band = scipy.signal.butter(4, (2_000, 4_000), "bandpass", fs=rate, output="sos")
    noise = np.random.default_rng(7).normal(0, 0.1, 5 * rate)
    narrow = scipy.signal.sosfiltfilt(band, modulated(noise, 33.0, 0.7, rate))
    envelope = np.abs(scipy.signal.hilbert(narrow)) ** 2
    frequencies, spectrum = scipy.signal.periodogram(envelope / envelope.mean(), rate, "hann")
    inside = spectrum[(frequencies >= 20) & (frequencies < 50)]
    expected = 10 * np.log10(inside.max() / inside.mean())
    assert swings(narrow, rate)[1, SWINGS.index((20, 50))] == pytest.approx(expected, abs=1.0)


@pytest.mark.parametrize("rate", [1_000, 8_000, 16_000])
def test_carriers_beyond_half_the_sample_rate_and_silence_read_zero(rate):
    noise = np.random.default_rng(3).normal(0, 0.1, 5 * rate)
    found = swings(noise, rate)
    heard = np.array([low + 1_500 <= rate / 2 for low, _ in CARRIERS_HZ])
    assert (found[~heard] == 0).all()
    assert (found[heard] > 1).all()
    assert (swings(np.zeros(rate), rate) == 0).all()


@given(length=st.integers(1, 4_000))
@settings(max_examples=40, deadline=None)
def test_windows_of_any_length_are_followed(length):
    samples = np.random.default_rng(length).normal(0, 0.1, length).astype(np.float32)
    assert np.isfinite(ModulationAnalyzer(16_000).measure(samples)).all()
