"""Reasons: neighbouring bands join, signs and units are right, and nothing is told that is not so."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from audiosense_common.bundle import Reference
from audiosense_common.features import SCHEMA_ID, SHAPE_FEATURES, SPREAD_FEATURES, FeatureExtractor, column, schema
from audiosense_common.reason_words import NONE_TOLD, put_in_words
from audiosense_common.reasons import MOST_DEVIATION, MOST_TOLD, Explainer
from audiosense_common.spectrum import mel_edges_hz
from audiosense_common.synth import Fault, SyntheticMachine
from audiosense_common.wire import Reason

RATE = 16_000
NAMES = schema(SCHEMA_ID)
SHAPE = [column(SCHEMA_ID, name) for name in SHAPE_FEATURES]
SPREAD = [column(SCHEMA_ID, name) for name in SPREAD_FEATURES]
LEVEL = column(SCHEMA_ID, "mel_max_level_db")
RMS = column(SCHEMA_ID, "rms_dbfs")
USUAL = np.zeros(len(NAMES))
USUAL[[LEVEL, RMS]] = -60.0, -30.0
USUAL[SPREAD] = 2.0
USUAL[column(SCHEMA_ID, "kurtosis_log")] = np.log(3.2)
USUAL[column(SCHEMA_ID, "centroid_khz")] = 1.5


def reference(names=NAMES, location=USUAL, spread=1.0):
    return Reference(
        features=list(names),
        location=[float(location[column(SCHEMA_ID, name)]) for name in names],
        spread=[spread * (0.05 if NAMES[column(SCHEMA_ID, name)] == "kurtosis_log" else 0.5) for name in names],
    )


EXPLAINER = Explainer(reference(), RATE)


def changed(**changes):
    vector = USUAL.copy()
    for name, value in changes.items():
        vector[column(SCHEMA_ID, name)] = value
    return vector


def raised(first, last, decibels, vector=USUAL):
    """Raise the loudest level of some mel bands as sound would: the mean over bands follows."""
    vector = vector.copy()
    shape = vector[SHAPE]
    shape[first : last + 1] += decibels
    vector[LEVEL] += shape.mean()
    vector[SHAPE] = shape - shape.mean()
    return vector


@cache
def listening(kind, rate=RATE, width=1.0):
    """Explainer with the median and ``width`` times the spread of a healthy machine, and the machine."""
    machine, extractor = SyntheticMachine(kind, rate, 1), FeatureExtractor(rate)
    windows = np.stack([extractor.extract(machine.render(rate)) for _ in range(80)]).astype(np.float64)
    location = np.median(windows, axis=0)
    spread = width * 1.4826 * np.median(np.abs(windows - location), axis=0)
    found = Reference(features=list(NAMES), location=location.tolist(), spread=spread.tolist())
    return Explainer(found, rate), machine, extractor


@cache
def ordinary(kind):
    """A window that is well within what is usual, so that rounding moves nothing across a limit."""
    explainer, machine, extractor = listening(kind, width=2.0)
    return explainer, machine.render(RATE), extractor


def test_neighbouring_bands_become_one_range_with_the_filters_edges():
    (reason,) = EXPLAINER.explain(raised(30, 35, 11.0))
    edges = mel_edges_hz(RATE)
    assert (reason.key, reason.feature, reason.unit) == ("band", None, "dBFS")
    assert reason.low_hz == pytest.approx((edges[30] + edges[31]) / 2, abs=0.1)
    assert reason.high_hz == pytest.approx((edges[36] + edges[37]) / 2, abs=0.1)
    assert reason.value - reason.normal == pytest.approx(11.0, abs=0.2)
    assert reason.deviation == pytest.approx(22.0, abs=0.5)


def test_a_range_that_falls_is_told_with_its_sign():
    (reason,) = EXPLAINER.explain(raised(40, 44, -8.0))
    assert reason.value - reason.normal == pytest.approx(-8.0, abs=0.2)
    assert reason.deviation < 0


def test_bands_apart_are_two_ranges_the_strongest_first():
    first, second = EXPLAINER.explain(raised(50, 53, 12.0, raised(20, 22, 7.0)))
    assert first.low_hz > second.high_hz
    assert first.deviation > second.deviation > 0


def test_the_skirts_of_a_range_are_no_part_of_it_and_no_reason_of_their_own():
    vector = raised(29, 29, 4.0, raised(36, 36, 4.0, raised(30, 35, 12.0)))
    (reason,) = EXPLAINER.explain(vector)
    edges = mel_edges_hz(RATE)
    assert reason.low_hz == pytest.approx((edges[30] + edges[31]) / 2, abs=0.1)


def test_when_most_of_the_spectrum_rises_it_is_told_as_risen_and_not_the_rest_as_fallen():
    reasons = EXPLAINER.explain(raised(20, 63, 9.0))
    bands = [reason for reason in reasons if reason.key.startswith("band")]
    assert [reason.key for reason in bands] == ["band"]
    assert bands[0].value - bands[0].normal == pytest.approx(9.0, abs=0.2)
    assert bands[0].high_hz > 7_000


def test_what_stands_out_of_a_louder_machine_is_told_against_the_rest_of_the_spectrum():
    louder = changed(mel_max_level_db=-48.0, rms_dbfs=-18.0)
    reasons = {reason.key: reason for reason in EXPLAINER.explain(raised(30, 33, 10.0, louder))}
    assert set(reasons) == {"level", "band_relative"}
    relative = reasons["band_relative"]
    assert (relative.unit, relative.feature) == ("dB", None)
    assert relative.value - relative.normal == pytest.approx(10.0, abs=0.2)
    assert reasons["level"].value - reasons["level"].normal == pytest.approx(12.0)


def test_a_model_of_an_older_bundle_knows_its_own_features_only():
    names = (*SHAPE_FEATURES, *SPREAD_FEATURES)
    (reason,) = Explainer(reference(names), RATE).explain(raised(30, 33, 10.0))
    assert reason.key == "band_relative"
    assert reason.value - reason.normal == pytest.approx(10.0, abs=0.2)
    assert Explainer(reference(("crest_db",)), RATE).explain(changed(crest_db=9.0))[0].feature == "crest_db"


def test_features_that_this_release_does_not_know_are_left_aside():
    known = reference()
    more = Reference(
        features=["of_a_later_release", *known.features],
        location=[7.0, *known.location],
        spread=[0.1, *known.spread],
    )
    assert Explainer(more, RATE).explain(raised(30, 33, 10.0)) == EXPLAINER.explain(raised(30, 33, 10.0))


def test_kurtosis_is_told_as_a_plain_figure_and_frequencies_in_hertz():
    vector = changed(kurtosis_log=np.log(14.0), crest_db=9.0, centroid_khz=3.5)
    found = {reason.key: reason for reason in EXPLAINER.explain(vector)}
    assert set(found) == {"impulsiveness", "brightness"}
    told = found["impulsiveness"]
    assert (told.feature, told.value, told.normal, told.unit) == ("kurtosis_log", 14.0, 3.2, "")
    assert (found["brightness"].value, found["brightness"].normal, found["brightness"].unit) == (3500, 1500, "Hz")


def test_of_a_group_the_figure_that_deviates_much_more_is_told():
    (reason,) = EXPLAINER.explain(changed(kurtosis_log=np.log(3.8), crest_db=9.0))
    assert reason.feature == "crest_db"


def test_a_figure_that_sums_the_spectrum_up_comes_after_the_range_that_moved_it():
    reasons = EXPLAINER.explain(raised(40, 50, 10.0, changed(centroid_khz=40.0)))
    assert [reason.key for reason in reasons] == ["band", "brightness"]


def test_the_strongest_range_is_told_however_many_figures_deviate_more():
    vector = changed(rms_dbfs=0.0, flux_db=9.0, kurtosis_log=4.0, mel_spread_03=20.0)
    reasons = EXPLAINER.explain(raised(30, 33, 3.0, vector))
    assert len(reasons) == MOST_TOLD
    assert reasons[-1].key == "band"


def test_unsteadiness_is_told_with_its_range():
    (reason,) = EXPLAINER.explain(changed(mel_spread_08=6.0, mel_spread_09=5.0))
    edges = mel_edges_hz(RATE)
    assert (reason.key, reason.value, reason.normal, reason.unit) == ("unsteadiness", 5.5, 2.0, "dB")
    assert reason.low_hz == pytest.approx((edges[32] + edges[33]) / 2, abs=0.1)
    assert reason.high_hz == pytest.approx((edges[40] + edges[41]) / 2, abs=0.1)


def test_what_deviates_little_is_no_reason():
    assert EXPLAINER.explain(changed(rms_dbfs=-28.6)) == []
    assert EXPLAINER.explain(raised(30, 30, 1.9)) == []
    assert put_in_words([]) == NONE_TOLD


def test_bands_without_any_sound_do_not_count_as_fallen_when_the_machine_gets_louder():
    silent = USUAL.copy()
    silent[SHAPE[40:]] = -60.0
    vector = silent.copy()
    vector[[LEVEL, RMS]] += 10.0
    vector[SHAPE[40:]] -= 10.0
    assert [reason.key for reason in Explainer(reference(location=silent), RATE).explain(vector)] == ["level"]


def test_words_are_those_of_a_maintenance_engineer():
    reasons = [
        Reason(key="band", low_hz=3_951, high_hz=5_040, value=-51, normal=-62, unit="dBFS", deviation=22),
        Reason(key="impulsiveness", feature="kurtosis_log", value=14, normal=3.2, unit="", deviation=20),
        Reason(key="band_relative", low_hz=120, high_hz=210, value=-3.4, normal=0, unit="dB", deviation=-8),
        Reason(key="level", feature="rms_dbfs", value=-24, normal=-30, unit="dBFS", deviation=8),
        Reason(key="dominant_tone", feature="dominant_khz", value=2_400, normal=148, unit="Hz", deviation=7),
        Reason(key="brightness", feature="centroid_khz", value=2_400, normal=1_480, unit="Hz", deviation=6),
        Reason(key="unsteadiness", low_hz=900, high_hz=1_200, value=3, normal=1.2, unit="dB", deviation=5),
        Reason(key="band", low_hz=1_272, high_hz=1_340, value=5.2, normal=0, unit="dBFS", deviation=4.5),
        Reason(key="of_a_later_release", feature="new_figure", value=3, normal=1.2, unit="mm/s", deviation=4),
    ]
    assert put_in_words(reasons).split("; ") == [
        "4-5 kHz band +11 dB",
        "impulsiveness (kurtosis) 3.2 → 14",
        "120-210 Hz band -3.4 dB against the rest of the spectrum",
        "level +6.0 dB",
        "strongest tone 148 Hz → 2.4 kHz",
        "brightness (spectral centroid) 1.5 → 2.4 kHz",
        "unsteadiness in 0.9-1.2 kHz 1.2 → 3.0 dB",
        "1.27-1.34 kHz band +5.2 dB",
        "of a later release 1.2 → 3.0 mm/s",
    ]


FINITE = st.floats(width=16, allow_nan=False, allow_infinity=False)


@given(
    arrays(np.float16, len(NAMES), elements=FINITE), arrays(np.float64, len(NAMES), elements=st.floats(-1e300, 1e300))
)
def test_any_vector_gives_a_few_finite_reasons_and_the_same_again(vector, location):
    explainer = Explainer(reference(location=location, spread=0.0), RATE)
    reasons = explainer.explain(vector)
    assert reasons == explainer.explain(vector)
    assert len(reasons) <= MOST_TOLD
    for reason in reasons:
        assert 3.0 <= abs(reason.deviation) <= MOST_DEVIATION
        assert (reason.low_hz is None) == (reason.high_hz is None) != (reason.feature is None)
        assert Reason.model_validate_json(reason.model_dump_json()) == reason
    assert put_in_words(reasons)


@settings(max_examples=25, deadline=None)
@given(st.floats(-30, 12), st.sampled_from(["pump", "fan"]))
def test_a_mere_gain_gives_no_reason_but_the_level(gain_db, kind):
    explainer, samples, extractor = ordinary(kind)
    reasons = explainer.explain(extractor.extract(samples * np.float32(10 ** (gain_db / 20))))
    assert {reason.key for reason in reasons} <= {"level"}
    assert abs(gain_db) < 12 or reasons


def test_a_leak_of_air_is_told_as_a_high_band_that_rises():
    explainer, machine, extractor = listening("pump", 48_000)
    reasons = explainer.explain(extractor.extract(machine.render(48_000, Fault("air_leak", 1.0))))
    band = next(reason for reason in reasons if reason.key.startswith("band"))
    assert band.low_hz > 4_000
    assert band.value - band.normal > 5


def test_a_fault_of_a_bearing_is_told_as_its_resonance_and_impulses():
    explainer, machine, extractor = listening("pump", 48_000)
    reasons = explainer.explain(extractor.extract(machine.render(48_000, Fault("bearing_outer", 1.0))))
    assert 2_800 < reasons[0].low_hz < reasons[0].high_hz < 4_600
    assert reasons[0].value - reasons[0].normal > 10
    assert any(reason.key == "impulsiveness" and reason.value > 5 for reason in reasons)
