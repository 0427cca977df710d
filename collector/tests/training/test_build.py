import dataclasses
import io
import zipfile
from uuid import UUID

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audiosense_collector.signing import SigningKey
from audiosense_collector.training.baseline import BaselineWindows, select_features
from audiosense_collector.training.build import INSTALL_WITHIN_US, SensorModel, build_bundle
from audiosense_collector.training.detectors import find_detector, forest_of
from audiosense_collector.training.errors import TrainingError
from audiosense_collector.training.scorer import OnnxScorer
from audiosense_collector.training.settings import DEFAULT_DETECTOR, FitSettings
from audiosense_common import features
from audiosense_common.bundle import MANIFEST, load_golden, open_bundle
from audiosense_common.errors import BundleError
from audiosense_common.install import check_install
from audiosense_common.reasons import Explainer

KEY = SigningKey.of(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
SENSOR = SensorModel(sensor=UUID(int=7), version=4, sample_rate_hz=16_000, window_s=2.0)
CREATED_US = 1_790_000_000_000_000
FEATURES = find_detector(DEFAULT_DETECTOR).features
WIDTH = len(features.SCHEMAS[features.SCHEMA_ID])


def baseline(windows=60, width=WIDTH, **changes):
    matrix = np.random.default_rng(0).normal(scale=10, size=(windows, width)).astype(np.float16)
    content = {"features": matrix, "schema_id": features.SCHEMA_ID, "from_us": 10, "to_us": 20}
    return BaselineWindows(**content | changes)


def build(**changes):
    settings = FitSettings(trees=20)
    return build_bundle(
        changes.pop("baseline", None) or baseline(), SENSOR, KEY, created_us=CREATED_US, settings=settings, **changes
    )


@pytest.fixture(scope="module")
def bundle():
    return build()


def install(bundle, **changes):
    sensor = {
        "sensor": SENSOR.sensor,
        "sample_rate_hz": 16_000,
        "window_s": 2.0,
        "current_version": 3,
        "now_us": CREATED_US,
        "schema_id": features.SCHEMA_ID,
        "digests": lambda name: features.definition_digest(name, 16_000),
    }
    check_install(bundle, **sensor | changes)


def test_a_bundle_opens_with_the_published_key_and_installs(bundle):
    opened = open_bundle(bundle.pack(), KEY.public_keys())
    assert opened.digest == bundle.digest
    assert opened.check_golden(OnnxScorer(opened.model)) <= 1e-6
    install(opened)


def test_the_manifest_tells_what_was_trained_on_what(bundle):
    manifest = bundle.manifest
    assert [need.name for need in manifest.features] == list(FEATURES)
    assert manifest.install_before_us - manifest.created_us == INSTALL_WITHIN_US
    assert (manifest.bundle_version, manifest.sensor, manifest.signing_key) == (4, SENSOR.sensor, KEY.key_id)
    assert (manifest.baseline.windows, manifest.baseline.from_us, manifest.baseline.to_us) == (60, 10, 20)
    assert manifest.detector == DEFAULT_DETECTOR
    assert manifest.threshold.parameters["trees"] == 20
    assert manifest.evaluation["held_out_debounced_max"] < manifest.threshold.value
    assert min(manifest.baseline.spread) > 0


def test_the_manifest_holds_what_is_usual_for_every_feature_and_gives_reasons(bundle):
    usual, windows = bundle.manifest.baseline.reference, baseline().features.astype(np.float64)
    assert tuple(usual.features) == features.SCHEMAS[features.SCHEMA_ID]
    assert np.allclose(usual.location, np.median(windows, axis=0), rtol=1e-4)
    strange = np.array(usual.location)
    strange[features.column(features.SCHEMA_ID, "rms_dbfs")] += 8 * usual.spread[0]
    (reason,) = Explainer.of(bundle.manifest).explain(strange)
    assert (reason.key, reason.deviation) == ("level", 8.0)


def test_the_golden_vectors_are_windows_of_the_baseline_and_extremes(bundle):
    rows, score = load_golden(bundle.golden, len(FEATURES))
    known = select_features(baseline(), FEATURES)
    assert {row.tobytes() for row in rows[:32]} <= {row.tobytes() for row in known}
    assert rows.max() == np.finfo(np.float16).max
    assert rows.min() == np.finfo(np.float16).min
    assert score.max() > bundle.manifest.threshold.value


def test_the_same_baseline_and_seed_give_the_same_bytes(bundle):
    assert build().pack() == bundle.pack()


def test_another_choice_of_features_is_kept_in_order():
    names = ("rms_dbfs", "mel_max_shape_03", "kurtosis_log")
    chosen = build(detector=forest_of(names))
    assert tuple(need.name for need in chosen.manifest.features) == names
    rows = load_golden(chosen.golden, 3)[0]
    columns = [features.column(features.SCHEMA_ID, name) for name in names]
    assert rows[0].tobytes() == baseline().features[0, columns].tobytes()


def test_features_of_another_sample_rate_do_not_install(bundle):
    with pytest.raises(BundleError) as caught:
        install(bundle, digests=lambda name: features.definition_digest(name, 48_000))
    assert caught.value.reason == "features"


def flipped(content):
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize(("part", "reason"), [("model", "damaged"), ("golden", "damaged"), ("manifest", "signature")])
def test_a_tampered_bundle_is_refused(bundle, part, reason):
    with zipfile.ZipFile(io.BytesIO(bundle.pack())) as archive:
        name = next(name for name in archive.namelist() if name.startswith(part) and not name.endswith(".sig"))
        content = archive.read(name)
    content = content.replace(b'"bundle_version":4', b'"bundle_version":9') if name == MANIFEST else flipped(content)
    with zipfile.ZipFile(io.BytesIO(bundle.pack())) as old:
        files = {name: old.read(name) for name in old.namelist()} | {name: content}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as new:
        for place, data in files.items():
            new.writestr(place, data)
    with pytest.raises(BundleError) as caught:
        open_bundle(buffer.getvalue(), KEY.public_keys())
    assert caught.value.reason == reason


def test_another_collector_s_key_is_not_trusted(bundle):
    stranger = SigningKey.of(Ed25519PrivateKey.generate())
    with pytest.raises(BundleError) as caught:
        open_bundle(bundle.pack(), stranger.public_keys())
    assert caught.value.reason == "unknown_key"


def test_a_model_that_is_off_its_golden_vectors_is_refused(bundle):
    other = dataclasses.replace(bundle, model=build(baseline=baseline(61)).model)
    with pytest.raises(BundleError) as caught:
        other.check_golden(OnnxScorer(other.model))
    assert caught.value.reason == "golden"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"baseline": baseline(19)}, "19 windows"),
        ({"baseline": baseline(width=WIDTH - 1)}, "shape"),
        ({"baseline": baseline(schema_id="audiosense-0")}, "audiosense-0"),
        ({"detector": forest_of(("rms_dbfs", "rms_dbv"))}, "rms_dbv"),
        ({"detector": forest_of(())}, "no feature"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_with_the_reason(changes, message):
    with pytest.raises(TrainingError, match=message):
        build(**changes)


def test_a_scorer_refuses_what_is_no_model_of_ours(bundle):
    for content in (b"", b"noise", bundle.model[:100], bundle.golden):
        with pytest.raises(BundleError) as caught:
            OnnxScorer(content)
        assert caught.value.reason == "graph"
        assert "\n" not in str(caught.value)
    with pytest.raises(BundleError, match="cannot score windows of shape"):
        OnnxScorer(bundle.model)(np.zeros((2, 5), np.float32))
