import hashlib
import itertools
import json

import librosa
import numpy as np
import pytest
import scipy.signal
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from audiosense_common.definitions import LEVEL_UNITS
from audiosense_common.descriptors import FLOOR_DB
from audiosense_common.errors import AudioError
from audiosense_common.features import (
    FEATURES,
    MODULATION_FEATURES,
    SCHEMA_ID,
    SCHEMAS,
    SHAPE_FEATURES,
    SPREAD_FEATURES,
    THIRD_OCTAVE_FEATURES,
    FeatureError,
    FeatureExtractor,
    column,
    definition_digest,
    dominant_hz,
    flatness_ratio,
    level_dbfs,
)
from audiosense_common.spectrum import Framing, SpectrumAnalyzer, mel_filterbank

pytestmark = pytest.mark.usefixtures("oracle")
RATES = (8_000, 16_000, 44_100, 48_000)


def time_s(rate, seconds=1.0):
    return np.arange(int(rate * seconds)) / rate


def machine_like(rate, seed=0):
    """Tones in coloured noise, with an impulse and some DC."""
    rng = np.random.default_rng(seed)
    time = time_s(rate, 2.0)
    noise = scipy.signal.lfilter([0.05], [1.0, -0.9], rng.standard_normal(len(time)))
    sound = 0.1 * np.sin(2 * np.pi * 437.3 * time) + 0.03 * np.sin(2 * np.pi * 2_011 * time) + noise + 0.02
    sound[len(sound) // 3] += 0.5
    return sound.astype(np.float32)


def described(samples, rate=16_000):
    extractor = FeatureExtractor(rate)
    return dict(zip(extractor.names, extractor.describe(samples), strict=True))


def test_the_spread_is_the_standard_deviation_of_log_mel_levels_over_time():
    noise = np.random.default_rng(5).normal(scale=0.05, size=80_000)
    pulsing = noise * (1 + 0.9 * np.sin(2 * np.pi * 3 * np.arange(80_000) / 16_000))
    framing = Framing.at(16_000)
    options = {"n_fft": framing.n_fft, "hop_length": framing.hop, "center": False, "n_mels": 64, "fmax": 8_000}
    centred = (pulsing.astype(np.float32) - pulsing.astype(np.float32).mean()).astype(np.float32)
    mel = librosa.feature.melspectrogram(y=centred, sr=16_000, **options)
    levels = librosa.power_to_db(mel, ref=1.0, amin=1e-20, top_db=None)
    found = described(pulsing)
    expected = levels.std(axis=1).reshape(16, 4).mean(axis=1)
    np.testing.assert_allclose([found[name] for name in SPREAD_FEATURES], expected, rtol=1e-3)
    steady = described(noise)
    assert all(found[name] > steady[name] + 1 for name in SPREAD_FEATURES)


# --- the schema -------------------------------------------------------------------------------------------------


def test_the_first_schema_is_the_agreed_list():
    names = SCHEMAS["audiosense-1"]
    assert len(names) == 99
    assert names[:3] == ("rms_dbfs", "peak_dbfs", "crest_db")
    assert names[13:19] == (
        "band_0_500_db",
        "band_500_1000_db",
        "band_1000_4000_db",
        "band_4000_8000_db",
        "band_8000_12000_db",
        "mel_max_level_db",
    )
    assert names[19:83] == SHAPE_FEATURES
    assert names[83:] == SPREAD_FEATURES


def test_a_later_schema_begins_with_the_one_before():
    assert SCHEMA_ID == "audiosense-2"
    names = SCHEMAS[SCHEMA_ID]
    assert names[:99] == SCHEMAS["audiosense-1"]
    assert names[99:101] == ("level_a_dbfs", "velocity_db")
    assert names[101:] == (*THIRD_OCTAVE_FEATURES, "harmonicity_db", *MODULATION_FEATURES)
    assert len(names) == 155
    assert len(set(names)) == len(names)
    assert all(column(SCHEMA_ID, name) == place for place, name in enumerate(names))


@pytest.mark.parametrize("rate", RATES)
def test_each_schema_gives_its_own_vector_and_the_same_values(rate):
    sound = machine_like(rate)
    first, second = FeatureExtractor(rate, "audiosense-1").extract(sound), FeatureExtractor(rate).extract(sound)
    assert (len(first), len(second)) == (99, len(SCHEMAS[SCHEMA_ID]))
    assert first.tobytes() == second[:99].tobytes()


def test_features_of_the_first_schema_keep_their_definitions():
    digests = [definition_digest(name, rate) for name in SCHEMAS["audiosense-1"] for rate in RATES]
    whole = hashlib.sha256(json.dumps(digests).encode()).hexdigest()
    assert whole == "deb5cb9cdce93a31a2f92676843a96c50e1bab8e0afa73d36cf1b15fc0d125fa"


def test_definition_digests_differ_by_feature_and_sample_rate_and_nothing_else():
    digests = [definition_digest(name, rate) for name in FEATURES for rate in RATES]
    assert len(set(digests)) == len(digests)
    assert all(len(digest) == 64 and set(digest) <= set("0123456789abcdef") for digest in digests)
    assert definition_digest("rms_dbfs", 16_000) == definition_digest.__wrapped__("rms_dbfs", 16_000)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: FeatureExtractor(16_000, "audiosense-9"), "schema 'audiosense-9' is unknown"),
        (lambda: FeatureExtractor(500), "sample rate is 500 Hz"),
        (lambda: column(SCHEMA_ID, "pitch"), "'pitch' is not in schema"),
        (lambda: definition_digest("pitch", 16_000), "'pitch' is unknown"),
    ],
)
def test_what_this_release_cannot_compute_is_named(call, message):
    with pytest.raises(FeatureError, match=message):
        call()


# --- against librosa and SciPy ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "n_fft"), [(8_000, 512), (16_000, 1_024), (44_100, 2_048), (48_000, 2_048)])
def test_frames_last_about_43_to_64_ms_and_overlap_by_half(rate, n_fft):
    framing = Framing.at(rate)
    assert (framing.n_fft, framing.hop) == (n_fft, n_fft // 2)
    assert framing.count(n_fft) == framing.count(1) == framing.count(n_fft + n_fft // 2 - 1) == 1
    assert framing.count(2 * n_fft) == 3


@pytest.mark.parametrize("rate", RATES)
def test_the_mel_filterbank_is_librosas(rate):
    framing = Framing.at(rate)
    expected = librosa.filters.mel(sr=rate, n_fft=framing.n_fft, n_mels=64, fmin=0, fmax=min(rate / 2, 12_000))
    np.testing.assert_allclose(mel_filterbank(framing), expected, rtol=1e-5, atol=1e-9)


def spectra(samples, rate):
    """Welch spectrum by SciPy in float64 and mel powers by librosa."""
    framing = Framing.at(rate)
    centred = samples.astype(np.float64) - samples.mean(dtype=np.float64)
    _, welch = scipy.signal.welch(
        centred, rate, "hann", framing.n_fft, framing.n_fft // 2, detrend=False, scaling="spectrum"
    )
    stft = librosa.stft(centred, n_fft=framing.n_fft, hop_length=framing.hop, center=False)
    power = 2 * np.abs(stft / scipy.signal.get_window("hann", framing.n_fft).sum()) ** 2
    return centred, welch, mel_filterbank(framing).astype(np.float64) * framing.bin_hz @ power


@pytest.mark.parametrize("rate", RATES)
def test_the_mean_spectrum_is_welchs_and_the_mel_powers_are_librosas(rate):
    samples = machine_like(rate)
    centred, welch, mel = spectra(samples, rate)
    found, found_mel = SpectrumAnalyzer(Framing.at(rate)).analyze(centred.astype(np.float32))
    np.testing.assert_allclose(found, welch, rtol=1e-4, atol=1e-12)
    np.testing.assert_allclose(found_mel, mel.T, rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize("rate", RATES)
def test_each_descriptor_that_librosa_has_agrees_to_1e_4(rate):
    samples = machine_like(rate, seed=rate)
    centred, welch, mel = spectra(samples, rate)
    spectrum, log_mel = welch[:, np.newaxis], 10 * np.log10(np.maximum(mel, 1e-12))
    feature = librosa.feature
    rms = feature.rms(y=centred, frame_length=len(centred), hop_length=len(centred), center=False)[0, 0]
    flux = librosa.onset.onset_strength(S=log_mel, sr=rate, lag=1, max_size=1, center=False)
    expected = {
        "rms_dbfs": 20 * np.log10(rms),
        "centroid_khz": feature.spectral_centroid(S=spectrum, sr=rate)[0, 0] / 1000,
        "bandwidth_khz": feature.spectral_bandwidth(S=spectrum, sr=rate)[0, 0] / 1000,
        "rolloff_khz": feature.spectral_rolloff(S=spectrum, sr=rate, roll_percent=0.85)[0, 0] / 1000,
        "flatness_db": 10 * np.log10(feature.spectral_flatness(S=spectrum, power=1, amin=1e-12)[0, 0]),
        "flux_db": flux[1:].mean(),
        "zcr_khz": librosa.zero_crossings(centred, threshold=0, pad=False).sum() * rate / len(centred) / 1000,
        "kurtosis_log": np.log(scipy.stats.kurtosis(centred, fisher=False)),
        "mel_max_level_db": log_mel.max(axis=1).mean(),
    }
    found = described(samples, rate)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-4), name
    shape = log_mel.max(axis=1) - log_mel.max(axis=1).mean()
    np.testing.assert_allclose([found[name] for name in SHAPE_FEATURES], shape, atol=1e-3)


# --- closed forms -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("amplitude", [1.0, 0.1, 1e-3])
def test_a_sine(rate, amplitude):
    level = 20 * np.log10(amplitude)
    found = described(amplitude * np.sin(2 * np.pi * 1_000.3 * time_s(rate)), rate)
    assert found["rms_dbfs"] == pytest.approx(level - 3.01, abs=0.01)
    assert found["peak_dbfs"] == pytest.approx(level, abs=0.1)
    assert found["crest_db"] == pytest.approx(3.01, abs=0.1)
    assert found["kurtosis_log"] == pytest.approx(np.log(1.5), abs=0.01)
    assert found["zcr_khz"] == pytest.approx(2.0, abs=0.01)
    assert found["dominant_khz"] == pytest.approx(1.0003, abs=0.002)
    assert found["dominant_dbfs"] == pytest.approx(level - 3.01, abs=0.3)
    assert found["band_4000_8000_db"] <= max(level - 80, -120)
    assert found["snr_db"] > 35
    assert found["flatness_db"] < -25


@given(frequency=st.floats(100.0, 7_800.0), phase=st.floats(0, 6.28))
@settings(max_examples=50, deadline=None)
def test_the_dominant_frequency_of_any_sine_is_found_between_the_bins(frequency, phase):
    vector = FeatureExtractor(16_000).describe(0.5 * np.sin(2 * np.pi * frequency * time_s(16_000) + phase))
    assert dominant_hz(vector) == pytest.approx(frequency, abs=1.5)
    assert level_dbfs(vector) == pytest.approx(-9.03, abs=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_white_noise(rate):
    noise = np.random.default_rng(1).normal(0, 0.1, 10 * rate)
    found = described(noise, rate)
    assert found["rms_dbfs"] == pytest.approx(-20.0, abs=0.1)
    assert found["kurtosis_log"] == pytest.approx(np.log(3), abs=0.02)
    assert found["flatness_db"] == pytest.approx(0.0, abs=0.1)
    assert found["centroid_khz"] == pytest.approx(rate / 4_000, rel=0.01)
    assert found["bandwidth_khz"] == pytest.approx(rate / 2_000 / np.sqrt(12), rel=0.01)
    assert found["rolloff_khz"] == pytest.approx(0.85 * rate / 2_000, rel=0.01)
    assert found["zcr_khz"] == pytest.approx(rate / 2_000, rel=0.02)
    assert found["snr_db"] < -10
    assert found["band_1000_4000_db"] == pytest.approx(-20 + 10 * np.log10(3_000 / (rate / 2)), abs=0.2)


def test_the_bands_together_hold_the_power_of_the_whole():
    found = described(np.random.default_rng(2).normal(0, 0.1, 160_000), 16_000)
    total = sum(10 ** (found[name] / 10) for name in FEATURES if name.startswith("band_"))
    assert 10 * np.log10(total) == pytest.approx(found["rms_dbfs"], abs=0.1)


@pytest.mark.parametrize("snr_db", [0, 10, 30])
def test_the_snr_of_a_sine_in_white_noise_is_their_ratio(snr_db):
    rng = np.random.default_rng(3)
    amplitude = 0.01 * np.sqrt(2) * 10 ** (snr_db / 20)
    sound = amplitude * np.sin(2 * np.pi * 1_000 * time_s(48_000, 20.0)) + rng.normal(0, 0.01, 960_000)
    assert described(sound, 48_000)["snr_db"] == pytest.approx(snr_db, abs=0.3)


@pytest.mark.parametrize("offset", [0.0, 0.5, -1.0, 0.3])
def test_silence_and_a_stuck_converter(offset):
    found = described(np.full(32_000, offset))
    levels = [name for name, feature in FEATURES.items() if feature.unit in LEVEL_UNITS and name != "peak_dbfs"]
    assert {found[name] for name in levels} == {-120.0}
    assert found["peak_dbfs"] == (-120.0 if offset == 0 else pytest.approx(20 * np.log10(abs(offset)), abs=1e-6))
    assert found["kurtosis_log"] == pytest.approx(np.log(3))
    zero = ("crest_db", "flux_db", "zcr_khz", "centroid_khz", "bandwidth_khz", "rolloff_khz", "dominant_khz")
    assert max(abs(found[name]) for name in (*zero, "flatness_db", *SHAPE_FEATURES)) < 1e-9


def test_an_offset_shows_in_the_peak_only():
    tone = 0.1 * np.sin(2 * np.pi * 500 * time_s(16_000))
    plain, shifted = described(tone), described(tone + 0.4)
    assert shifted["peak_dbfs"] == pytest.approx(20 * np.log10(0.5), abs=0.01)
    assert shifted["rms_dbfs"] == pytest.approx(plain["rms_dbfs"], abs=0.001)
    assert shifted["crest_db"] == pytest.approx(plain["crest_db"], abs=0.01)
    assert shifted["band_0_500_db"] == pytest.approx(plain["band_0_500_db"], abs=0.1)


def test_an_impulse():
    sound = np.zeros(16_384)
    sound[8_192 + 256] = 1.0
    found = described(sound)
    assert found["peak_dbfs"] == 0.0
    assert found["rms_dbfs"] == pytest.approx(-10 * np.log10(16_384), abs=0.01)
    assert found["crest_db"] == pytest.approx(10 * np.log10(16_384), abs=0.01)
    assert found["kurtosis_log"] == pytest.approx(np.log(16_384), abs=0.01)
    assert found["flatness_db"] == pytest.approx(0.0, abs=0.1)
    assert found["centroid_khz"] == pytest.approx(4.0, rel=0.01)


def test_a_square_wave_at_full_scale_has_no_crest():
    found = described(np.sign(np.sin(2 * np.pi * 125 * (time_s(16_000) + 1e-5))))
    assert found["rms_dbfs"] == pytest.approx(0.0, abs=1e-3)
    assert found["crest_db"] == pytest.approx(0.0, abs=1e-3)
    assert found["kurtosis_log"] == pytest.approx(0.0, abs=1e-3)


def test_bands_above_nyquist_are_empty():
    found = described(np.random.default_rng(4).normal(0, 0.1, 8_000), 8_000)
    assert found["band_4000_8000_db"] == found["band_8000_12000_db"] == -120.0


def test_flatness_is_also_told_as_a_ratio():
    noise = FeatureExtractor(16_000).describe(np.random.default_rng(5).normal(0, 0.1, 80_000))
    tone = FeatureExtractor(16_000).describe(np.sin(2 * np.pi * 1_000 * time_s(16_000)))
    assert flatness_ratio(noise) > 0.95
    assert flatness_ratio(tone) < 1e-3


# --- properties -------------------------------------------------------------------------------------------------

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
ANY_SAMPLES = arrays(np.float32, st.integers(1, 3_000), elements=FINITE, fill=FINITE)


@given(samples=ANY_SAMPLES, rate=st.sampled_from((1_000, 8_000, 16_000, 96_000)))
@settings(max_examples=150, deadline=None)
def test_any_finite_samples_give_finite_features_that_fit_float16(samples, rate):
    extractor = FeatureExtractor(rate)
    vector = extractor.describe(samples)
    assert vector.dtype == np.float64
    assert np.isfinite(vector).all()
    assert np.isfinite(extractor.extract(samples)).all()


@given(gain=st.floats(0.02, 1_000.0))
@settings(max_examples=40, deadline=None)
def test_gain_moves_levels_and_leaves_everything_else(gain):
    sound = machine_like(16_000)
    plain, louder = described(sound), described(sound * np.float32(gain))
    for name, feature in FEATURES.items():
        is_level = feature.unit in LEVEL_UNITS and plain[name] > FLOOR_DB
        shift = 20 * np.log10(gain) if is_level else 0.0
        assert louder[name] == pytest.approx(plain[name] + shift, abs=0.01), name


def test_the_same_window_gives_the_same_bits_whatever_came_before():
    sounds = [machine_like(16_000, seed)[:length] for seed, length in enumerate((32_000, 700, 16_000, 31_999))]
    fresh = [FeatureExtractor(16_000).describe(sound).tobytes() for sound in sounds]
    used = FeatureExtractor(16_000)
    for order in itertools.permutations(range(4)):
        assert [used.describe(sounds[place]).tobytes() for place in order] == [fresh[place] for place in order]


def test_a_vector_is_not_changed_by_the_next_window():
    extractor = FeatureExtractor(16_000)
    first = extractor.describe(machine_like(16_000, 1))
    kept = first.copy()
    extractor.describe(machine_like(16_000, 2))
    np.testing.assert_array_equal(first, kept)


def test_the_callers_samples_are_left_alone():
    for scale in (1.0, 1e6):
        sound = machine_like(16_000) * np.float32(scale)
        kept = sound.copy()
        FeatureExtractor(16_000).describe(sound)
        np.testing.assert_array_equal(sound, kept)


def test_a_window_shorter_than_a_frame_is_padded():
    vector = FeatureExtractor(48_000).describe(np.sin(2 * np.pi * 5_000 * np.arange(500) / 48_000))
    assert dominant_hz(vector) == pytest.approx(5_000, abs=60)
    assert level_dbfs(vector) == pytest.approx(-3.01, abs=0.1)


def test_whole_numbers_and_lists_are_taken_as_samples():
    assert np.isfinite(FeatureExtractor(16_000).describe([0, 1, 0, -1] * 100)).all()


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([], "at least one sample"),
        (np.zeros((5, 2)), "expected one channel"),
        ([0.0, np.nan], "1 of 2 samples are NaN"),
        ([np.inf, -np.inf, 0.0], "2 of 3 samples are NaN or infinite"),
    ],
)
def test_what_is_no_window_is_refused(samples, message):
    with pytest.raises(AudioError, match=message):
        FeatureExtractor(16_000).describe(samples)
