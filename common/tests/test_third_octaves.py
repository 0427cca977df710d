"""Third-octave levels: against the standard's frequencies, filters of SciPy and closed forms."""

import numpy as np
import pytest
import scipy.signal
from hypothesis import example, given, settings
from hypothesis import strategies as st

from audiosense_common.features import SCHEMA_ID, THIRD_OCTAVE_FEATURES, FeatureExtractor, column
from audiosense_common.third_octaves import NOMINAL_HZ, edges_hz, exact_hz

RATES = (8_000, 16_000, 44_100, 48_000)
PLACES = [column(SCHEMA_ID, name) for name in THIRD_OCTAVE_FEATURES]
FULL_SCALE_SINE_DB = -10 * np.log10(2)
SEAM_HZ = edges_hz(1_000)[0]
"""Below it the bands are read from the fine spectrum, above it from the frames'."""
SEAM_WIDTH_HZ = 2 * 16_000 / 1_024
"""Half the main lobe of the frames' window."""


def levels(samples, rate):
    return FeatureExtractor(rate).describe(samples)[PLACES]


def covered(rate):
    return [place for place, nominal in enumerate(NOMINAL_HZ) if edges_hz(nominal)[1] <= rate / 2]


def sine(frequency_hz, rate, seconds=5.0):
    return np.sin(2 * np.pi * frequency_hz * np.arange(int(seconds * rate)) / rate + 0.4)


def test_the_bands_are_those_of_the_standard():
    # IEC 61260-1:2014, table E.1: exact base-ten mid-band frequencies for some nominal ones.
    table = {12.5: 12.589, 31.5: 31.623, 80: 79.433, 315: 316.23, 630: 630.96, 1_000: 1_000.0, 1_250: 1_258.9}
    assert {nominal: exact_hz(nominal) for nominal in table} == pytest.approx(table, rel=1e-4)
    assert exact_hz(16_000) == pytest.approx(15_849, abs=1)
    edges = [edges_hz(nominal) for nominal in NOMINAL_HZ]
    assert [low for low, _ in edges[1:]] == pytest.approx([high for _, high in edges[:-1]])
    assert len(NOMINAL_HZ) == len(THIRD_OCTAVE_FEATURES) == 32
    assert THIRD_OCTAVE_FEATURES[4] == "third_31_5_db"


@pytest.mark.parametrize("rate", RATES)
def test_a_sine_at_a_bands_centre_reads_its_level_there_and_nowhere_else(rate):
    for place in covered(rate):
        found = levels(sine(exact_hz(NOMINAL_HZ[place]), rate), rate)
        assert found[place] == pytest.approx(FULL_SCALE_SINE_DB, abs=0.1), NOMINAL_HZ[place]
        assert max(np.delete(found, place)) < FULL_SCALE_SINE_DB - 20, NOMINAL_HZ[place]


@given(frequency_hz=st.floats(20.0, 7_000.0), amplitude=st.floats(1e-3, 1.0))
@example(frequency_hz=SEAM_HZ - 1, amplitude=1.0)
@example(frequency_hz=SEAM_HZ + 1, amplitude=1.0)
@example(frequency_hz=SEAM_HZ - SEAM_WIDTH_HZ, amplitude=1.0)
@example(frequency_hz=SEAM_HZ + SEAM_WIDTH_HZ, amplitude=1.0)
@settings(max_examples=60)
def test_the_bands_of_any_sine_together_hold_its_power(frequency_hz, amplitude):
    found = levels(amplitude * sine(frequency_hz, 16_000), 16_000)
    excess = 10 * np.log10((10 ** (found / 10)).sum()) - 20 * np.log10(amplitude) - FULL_SCALE_SINE_DB
    if abs(frequency_hz - SEAM_HZ) < SEAM_WIDTH_HZ:
        assert -3 < excess < 2, "each side of the seam sees the tone through another window"
    else:
        assert excess == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_pink_noise_reads_what_steep_filters_pass(rate):
    rng = np.random.default_rng(rate)
    white = np.fft.rfft(rng.normal(0, 0.1, 30 * rate))
    frequencies = np.fft.rfftfreq(30 * rate, 1 / rate)
    pink = np.fft.irfft(white / np.sqrt(np.maximum(frequencies, 5.0)))
    found = levels(pink, rate)
    for place in covered(rate):
        edges = edges_hz(NOMINAL_HZ[place])
        if edges[1] < 0.95 * rate / 2:
            filters = scipy.signal.butter(8, edges, "bandpass", fs=rate, output="sos")
            expected = 20 * np.log10(scipy.signal.sosfiltfilt(filters, pink).std())
            assert found[place] == pytest.approx(expected, abs=0.7), NOMINAL_HZ[place]


@pytest.mark.parametrize("rate", [1_000, 8_000, 16_000, 44_100])
def test_bands_beyond_half_the_sample_rate_are_empty(rate):
    found = levels(np.random.default_rng(1).normal(0, 0.1, 2 * rate), rate)
    inside = covered(rate)
    assert (np.delete(found, inside) == -120).all()
    assert (found[inside] > -80).all()
