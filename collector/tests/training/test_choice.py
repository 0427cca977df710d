import dataclasses
from uuid import UUID

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audiosense_collector.signing import SigningKey
from audiosense_collector.training import choice
from audiosense_collector.training.baseline import BaselineWindows, prepare
from audiosense_collector.training.build import SensorModel, build, build_bundle
from audiosense_collector.training.choice import choose_detector
from audiosense_collector.training.detectors import DETECTORS, Detector, Member, find_detector
from audiosense_collector.training.errors import TrainingError
from audiosense_collector.training.fitting import Probed, contiguous_folds, hold_out
from audiosense_collector.training.probing import ProbeSet
from audiosense_collector.training.running import RunningSettings
from audiosense_collector.training.settings import DEFAULT_DETECTOR, FitSettings
from audiosense_collector.training.statistics import Deviation, Mahalanobis
from audiosense_common.features import SCHEMA_ID, SCHEMAS, SHAPE_FEATURES, column
from audiosense_common.synth.probes import PROBE_KINDS

SETTINGS = FitSettings(trees=15)
WIDTH = len(SCHEMAS[SCHEMA_ID])
PAIR = [column(SCHEMA_ID, name) for name in SHAPE_FEATURES[:2]]
SECOND_US = 1_000_000
KEY = SigningKey.of(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
SENSOR = SensorModel(sensor=UUID(int=7), version=4, sample_rate_hz=16_000, window_s=1.0)
CREATED_US = 1_790_000_000_000_000


def windows(count=200, seed=0):
    """Windows in which the first two features always go together."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(count, WIDTH))
    matrix[:, PAIR[1]] = matrix[:, PAIR[0]] + 0.1 * rng.normal(size=count)
    return matrix.astype(np.float16)


def baseline(count=200, **changes):
    content = {"features": windows(count), "schema_id": SCHEMA_ID, "from_us": 0, "to_us": count * SECOND_US}
    return BaselineWindows(**content | changes)


def probes(of, change, sources=60, **changes):
    """Probes of three levels in every third window: ``change`` takes the window and the level."""
    places = np.repeat(np.linspace(0, len(of.features) - 1, sources).astype(int), 3)
    level = np.tile([-6.0, 0.0, 6.0], sources)
    mixed = [change(of.features[place].astype(np.float64), db) for place, db in zip(places, level, strict=True)]
    content = {
        "features": np.stack(mixed).astype(np.float16),
        "schema_id": of.schema_id,
        "kinds": PROBE_KINDS,
        "kind": np.arange(len(places)) // 3 % 2,
        "level_db": level,
        "time_us": of.times()[places],
    }
    return ProbeSet(**content | changes)


def part(vector, _level):
    """Break the relation of the first two features, each within its usual range."""
    vector[PAIR[1]] = -vector[PAIR[0]] + np.copysign(1.0, -vector[PAIR[0]])
    return vector


@pytest.fixture
def _two(monkeypatch):
    """One detector that hears relations and the default, which here hears only each feature by itself."""
    pair = SHAPE_FEATURES[:2]
    two = {
        DEFAULT_DETECTOR: Detector(DEFAULT_DETECTOR, (Member(Deviation.fit, pair),), margin=0.03),
        "mahalanobis": Detector("mahalanobis", (Member(Mahalanobis.fit, pair),), margin=0.03),
    }
    monkeypatch.setattr(choice, "DETECTORS", two)
    monkeypatch.setattr(choice, "find_detector", two.__getitem__)


@pytest.mark.usefixtures("_two")
def test_the_detector_that_hears_what_the_default_cannot_is_chosen_and_the_manifest_says_why():
    its = baseline()
    found = choose_detector(its, probes(its, part), SETTINGS)
    assert found.detector.name == "mahalanobis"
    assert found.figures["auto_heard_mahalanobis"] > found.figures[f"auto_heard_{DEFAULT_DETECTOR}"] + 0.2
    assert found.figures["auto_probe_windows"] == 60
    assert found.figures["auto_false_alarm_rate"] == pytest.approx(3 / 200)


@pytest.mark.usefixtures("_two")
def test_what_both_hear_alike_leaves_the_default():
    its = baseline()
    for change in (lambda vector, _: vector + 40.0, lambda vector, _: vector):
        assert choose_detector(its, probes(its, change), SETTINGS).detector.name == DEFAULT_DETECTOR


@pytest.mark.usefixtures("_two")
def test_what_is_better_in_one_hour_only_leaves_the_default():
    its = baseline()

    def early(vector, level):
        is_early = np.flatnonzero((its.features == vector.astype(np.float16)).all(axis=1))[0] < 20
        return part(vector, level) if is_early else vector

    assert choose_detector(its, probes(its, early), SETTINGS).detector.name == DEFAULT_DETECTOR


@pytest.mark.parametrize(
    "given",
    [
        lambda _its: None,
        lambda its: probes(its, part, sources=choice.MIN_SOURCES - 1),
        lambda its: probes(its, part, schema_id="audiosense-0"),
    ],
    ids=["none", "too few", "another schema"],
)
def test_without_probes_that_fit_it_is_the_default_and_the_figures_say_so(given):
    its = baseline()
    found = choose_detector(its, given(its), SETTINGS)
    assert found.detector is find_detector(DEFAULT_DETECTOR)
    assert found.figures == {"auto_probe_windows": 0.0}


def test_all_candidates_are_compared_and_the_same_input_gives_the_same_choice():
    its = baseline(60)
    first, again = (choose_detector(its, probes(its, part), SETTINGS) for _ in range(2))
    assert first == again
    assert {f"auto_heard_{name}" for name in DETECTORS} <= set(first.figures)
    assert first.detector in DETECTORS.values()


def test_windows_of_one_recording_are_never_on_both_sides():
    group = np.repeat(np.arange(4), 15)
    its = baseline(60, group=group)
    found = choose_detector(its, probes(its, part), SETTINGS)
    assert found.figures["auto_probe_windows"] == 60


def test_a_baseline_too_short_is_told():
    its = baseline(15)
    with pytest.raises(TrainingError, match="has 15 windows, at least 20"):
        choose_detector(its, probes(its, part, sources=12), SETTINGS)


def test_a_probe_is_scored_by_a_detector_that_did_not_learn_its_window():
    detector = find_detector("mahalanobis")
    places = [column(SCHEMA_ID, name) for name in detector.features]
    learnt = windows(60)[:, places].astype(np.float32)
    untouched = Probed(learnt, np.arange(60))
    found = hold_out(detector, learnt, contiguous_folds(60, 5), SETTINGS, [untouched])
    np.testing.assert_array_equal(found.probes[0], found.windows)
    assert hold_out(detector, learnt, contiguous_folds(60, 5), SETTINGS).probes == []


def test_training_reports_what_its_model_hears_and_probes_do_not_change_the_model():
    its = baseline()
    loud = probes(its, lambda vector, level: vector + (20.0 if level > 0 else 0.0) * np.arange(WIDTH) % 7)
    options = {"created_us": CREATED_US, "settings": SETTINGS}
    ready = prepare(its, RunningSettings(), accept_drift=True)
    built = build(ready, SENSOR, KEY, probes=loud, figures={"auto_probe_windows": 60.0}, **options)
    assert [one.kind for one in built.detectability.kinds] == list(PROBE_KINDS[:2])
    assert all(one.heard_from_db is not None and 0 < one.heard_from_db <= 6 for one in built.detectability.kinds)
    assert built.detectability.threshold == built.bundle.manifest.threshold.value
    assert built.bundle.manifest.evaluation["auto_probe_windows"] == 60
    plain = build_bundle(its, SENSOR, KEY, **options)
    assert plain.model == built.bundle.model
    assert build(ready, SENSOR, KEY, **options).detectability is None


def test_probes_of_another_time_choose_nothing():
    its = baseline()
    late = dataclasses.replace(probes(its, part), time_us=probes(its, part).time_us * 0)
    found = choose_detector(its, late, SETTINGS)
    assert found.detector.name == DEFAULT_DETECTOR
    assert found.figures == {"auto_probe_windows": 0.0}
