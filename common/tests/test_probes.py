import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosense_common.features import MIN_SAMPLE_RATE_HZ, FeatureExtractor
from audiosense_common.synth import SynthError
from audiosense_common.synth.probes import (
    GAINS_DB,
    LEVEL,
    LEVELS_DB,
    PROBE_KINDS,
    STAGGER,
    levels_of,
    mix,
    probe_sound,
)

RATE = 16_000
SOUNDS = [kind for kind in PROBE_KINDS if kind != LEVEL]
rates = st.sampled_from([MIN_SAMPLE_RATE_HZ, 1_001, 8_000, 16_000, 44_100, 48_000])


def machine(seconds=1.0, rate=RATE, seed=0, rms=0.05, offset=0.0):
    rng = np.random.default_rng(seed)
    return (offset + rms * rng.standard_normal(int(seconds * rate))).astype(np.float32)


def rms(samples):
    return float(np.sqrt(np.mean((samples.astype(np.float64) - samples.astype(np.float64).mean()) ** 2)))


@given(rates, st.sampled_from(SOUNDS), st.floats(0.05, 2), st.integers(0, 2**40), st.integers(0, 1_000))
@settings(max_examples=80, deadline=None)
def test_a_sound_at_0_db_is_as_loud_as_the_machine_and_its_offset_does_not_count(rate, kind, seconds, seed, index):
    window = machine(seconds, rate, offset=0.3)
    sound = probe_sound(kind, window, rate, seed, index)
    assert sound.shape == window.shape
    assert 20 * np.log10(rms(sound) / rms(window)) == pytest.approx(0, abs=1e-6)


@given(st.integers(0, 5), st.sampled_from([1e-5, 0.05, 1.0, 10.0]))
@settings(max_examples=12, deadline=None)
def test_each_probe_is_mixed_at_exactly_its_level(index, loudness):
    window = machine(rms=loudness)
    for probe, mixed in mix(window, RATE, 7, index):
        if probe.kind == LEVEL:
            assert 20 * np.log10(rms(mixed) / rms(window)) == pytest.approx(probe.level_db, abs=1e-4)
        else:
            added = mixed.astype(np.float64) - window
            assert 20 * np.log10(rms(added) / rms(window)) == pytest.approx(probe.level_db, abs=0.01)


@given(
    rates,
    st.integers(16, 3_000),
    st.sampled_from(["silence", "offset", "sine", "loud", "click"]),
    st.integers(0, 2**32),
    st.integers(0, 10_000),
)
@settings(max_examples=60, deadline=None)
def test_any_window_at_any_rate_gives_finite_sound_and_features(rate, length, what, seed, index):
    time = np.arange(length)
    window = {
        "silence": np.zeros(length),
        "offset": np.full(length, 0.5),
        "sine": np.sin(time / 7),
        "loud": 1e6 * np.cos(time),
        "click": np.eye(1, length)[0],
    }[what].astype(np.float32)
    extractor = FeatureExtractor(rate)
    for place, (_, mixed) in enumerate(mix(window, rate, seed, index)):
        assert mixed.dtype == np.float32
        assert np.isfinite(mixed).all()
        if place % 9 == 0:
            assert np.isfinite(extractor.extract(mixed)).all()


def test_the_same_seed_and_window_give_the_same_bits_and_another_window_other_sounds():
    window = machine()
    for kind in SOUNDS:
        first, again = (probe_sound(kind, window, RATE, 1, 2) for _ in range(2))
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, probe_sound(kind, window, RATE, 1, 3))
        assert not np.array_equal(first, probe_sound(kind, window, RATE, 2, 2))


def test_neighbouring_windows_share_the_levels_between_them():
    found = [[probe for probe, _ in mix(machine(), RATE, 0, index)] for index in range(STAGGER)]
    for kind in PROBE_KINDS:
        levels = [[probe.level_db for probe in probes if probe.kind == kind] for probes in found]
        assert sorted(levels[0] + levels[1]) == sorted(levels_of(kind))
    assert levels_of("tone") == LEVELS_DB
    assert levels_of(LEVEL) == GAINS_DB


def share_of_power(sound, low_hz, high_hz, rate=RATE):
    power = np.abs(np.fft.rfft(sound)) ** 2
    frequencies = np.fft.rfftfreq(len(sound), 1 / rate)
    return power[(frequencies >= low_hz) & (frequencies <= high_hz)].sum() / power.sum()


@pytest.mark.parametrize("index", range(4))
def test_each_kind_sounds_as_its_name_says(index):
    window = machine(4)
    sound = {kind: probe_sound(kind, window, RATE, 0, index) for kind in SOUNDS}
    assert share_of_power(sound["hiss_high"], 4_000, 7_600) > 0.999
    assert share_of_power(sound["hiss_mid"], 1_000, 4_000) > 0.999
    assert share_of_power(sound["hiss_low"], 50, 1_000) > 0.999
    assert share_of_power(sound["impulses"], 1_500, 7_000) > 0.8
    assert share_of_power(sound["knocks"], 200, 2_500) > 0.8
    power = np.abs(np.fft.rfft(sound["tone"])) ** 2
    assert np.sort(power)[-3:].sum() > 0.8 * power.sum()
    kurtosis = {kind: np.mean(its**4) / np.mean(its**2) ** 2 for kind, its in sound.items()}
    assert kurtosis["impulses"] > 4
    assert kurtosis["knocks"] > 10


def test_sidebands_appear_beside_a_line_of_the_machine_and_nowhere_else():
    window = np.sin(2 * np.pi * 1_000 * np.arange(4 * RATE) / RATE).astype(np.float32)
    sound = probe_sound("sidebands", window, RATE, 0, 0)
    assert share_of_power(sound, 930, 1_070) > 0.99
    assert share_of_power(sound, 999, 1_001) < 0.01


def test_frequencies_span_the_spectrum_over_the_windows():
    window = machine(0.5)
    tops = [np.argmax(np.abs(np.fft.rfft(probe_sound("tone", window, RATE, 0, index)))) * 2 for index in range(120)]
    assert min(tops) < 200
    assert max(tops) > 5_000


def test_what_cannot_be_mixed_is_told():
    with pytest.raises(SynthError, match="expected one of tone, sidebands"):
        levels_of("squeak")
    with pytest.raises(SynthError, match="'level' is no sound to mix in"):
        probe_sound(LEVEL, machine(), RATE, 0, 0)
    with pytest.raises(SynthError, match="has 3 samples, expected at least 16"):
        next(mix(np.zeros(3, np.float32), RATE, 0, 0))
