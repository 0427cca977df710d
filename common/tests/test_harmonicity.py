"""Harmonics-to-noise ratio: against sounds of a known one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosense_common.features import FeatureExtractor, column

RATES = (8_000, 16_000, 44_100, 48_000)


def harmonicity(samples, rate):
    return FeatureExtractor(rate).describe(samples)[column("audiosense-2", "harmonicity_db")]


def turning(frequency_hz, rate, orders=(1, 2, 3, 5), seconds=5.0):
    time = np.arange(int(seconds * rate)) / rate
    sound = sum(np.sin(2 * np.pi * order * frequency_hz * time + order) for order in orders)
    return 0.1 * sound / sound.std()


def noise_of_the_band(count, rate, seed=0):
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    frequencies = np.fft.rfftfreq(count, 1 / rate)
    spectrum[(frequencies < 10) | (frequencies > 1_000)] = 0
    noise = np.fft.irfft(spectrum, count)
    return 0.1 * noise / noise.std()


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("ratio_db", [0.0, 10.0, 20.0])
def test_harmonics_in_noise_read_their_ratio(rate, ratio_db):
    tones = turning(24.7, rate)
    noise = noise_of_the_band(len(tones), rate) * 10 ** (-ratio_db / 20)
    assert harmonicity(tones + noise, rate) == pytest.approx(ratio_db, abs=0.7)


@given(frequency_hz=st.floats(12.0, 190.0), ratio_db=st.floats(0.0, 20.0))
@settings(max_examples=40, deadline=None)
def test_a_sine_in_noise_of_any_pitch_reads_its_ratio(frequency_hz, ratio_db):
    tone = turning(frequency_hz, 16_000, orders=(1,))
    noise = noise_of_the_band(len(tone), 16_000, seed=3) * 10 ** (-ratio_db / 20)
    assert harmonicity(tone + noise, 16_000) == pytest.approx(ratio_db, abs=1.0)


@pytest.mark.parametrize("rate", RATES)
def test_pure_tones_noise_and_silence_lie_at_the_ends(rate):
    assert harmonicity(turning(50.0, rate), rate) > 30
    assert harmonicity(noise_of_the_band(5 * rate, rate), rate) < -8
    assert harmonicity(np.zeros(rate), rate) == -40


def test_what_lies_above_1_khz_does_not_count():
    tones = turning(24.7, 16_000) + noise_of_the_band(80_000, 16_000)
    hiss = 0.2 * np.sin(2 * np.pi * 5_000 * np.arange(80_000) / 16_000)
    assert harmonicity(tones + hiss, 16_000) == pytest.approx(harmonicity(tones, 16_000), abs=0.05)
