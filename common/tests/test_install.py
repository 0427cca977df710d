import dataclasses
import hashlib
from uuid import UUID

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audiosense_common.bundle import (
    GOLDEN,
    MODEL,
    Baseline,
    FeatureNeed,
    Manifest,
    Threshold,
    dump_golden,
    file_entry,
    sign_bundle,
)
from audiosense_common.errors import BundleError
from audiosense_common.install import check_install

SENSOR, OTHER = UUID(int=1), UUID(int=2)
GRAPH = b"\x3a\x00"
CUSTOM = GRAPH + b"\x42\x06\x0a\x04evil"
NOW_US = 1_000_000
KNOWN = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("a", "b", "c", "d", "e")}


def bundle_of(model=GRAPH, names=("a", "b"), **changes):
    golden = dump_golden(np.zeros((1, len(names)), np.float16), np.zeros(1, np.float32))
    content = {
        "bundle_version": 3,
        "sensor": SENSOR,
        "created_us": NOW_US - 10,
        "install_before_us": NOW_US + 10,
        "signing_key": "test",
        "detector": "isolation_forest",
        "schema_id": "audiosense-1",
        "features": [FeatureNeed(name=name, digest=KNOWN.get(name, "0" * 64)) for name in names],
        "sample_rate_hz": 16_000,
        "window_s": 2.0,
        "threshold": Threshold(value=0.6, method="test"),
        "baseline": Baseline(from_us=0, to_us=1, windows=20, location=[0.0] * len(names), spread=[1.0] * len(names)),
        "files": {MODEL: file_entry(model), GOLDEN: file_entry(golden)},
    }
    return sign_bundle(Manifest(**content | changes), model, golden, Ed25519PrivateKey.generate())


def check(bundle, **changes):
    sensor = {
        "sensor": SENSOR,
        "sample_rate_hz": 16_000,
        "window_s": 2.0,
        "current_version": 2,
        "now_us": NOW_US,
        "schema_id": "audiosense-1",
        "digests": KNOWN.__getitem__,
    }
    check_install(bundle, **sensor | changes)


def refusal(bundle, **changes):
    with pytest.raises(BundleError) as caught:
        check(bundle, **changes)
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_newer_bundle_that_fits_is_taken():
    check(bundle_of())


def test_the_first_bundle_of_a_sensor_is_taken():
    check(bundle_of(bundle_version=1), current_version=None)


@pytest.mark.parametrize(
    ("reason", "changes", "sensor"),
    [
        ("wrong_sensor", {"sensor": OTHER}, {}),
        ("older", {"bundle_version": 1}, {}),
        ("older", {"bundle_version": 2}, {}),
        ("expired", {"install_before_us": NOW_US - 1}, {}),
        ("sample_rate", {}, {"sample_rate_hz": 48_000}),
        ("window", {}, {"window_s": 5.0}),
        ("custom_operator", {"model": CUSTOM}, {}),
        ("graph", {"model": b"no graph"}, {}),
    ],
)
def test_a_bundle_that_does_not_fit_is_refused_with_a_stable_reason(reason, changes, sensor):
    assert refusal(bundle_of(**changes), **sensor).reason == reason


def test_the_running_bundle_offered_again_is_no_error():
    bundle = bundle_of()
    check(bundle, current_version=3, current_digest=bundle.digest)
    assert refusal(bundle, current_version=4, current_digest=bundle.digest).reason == "older"


def test_the_date_is_not_checked_while_the_clock_is_not_trusted():
    check(bundle_of(install_before_us=NOW_US - 1), now_us=None)


def test_missing_and_differently_defined_features_are_named():
    error = refusal(bundle_of(names=("a", "new_feature")))
    assert error.reason == "features"
    assert "new_feature" in str(error)
    error = refusal(bundle_of(), digests=lambda name: "f" * 64 if name == "b" else KNOWN[name])
    assert " b," in str(error)
    assert " a" not in str(error).split("needs")[1].split("which")[0]


def test_a_long_list_of_missing_features_is_cut():
    names = tuple(f"gone_{number:02}" for number in range(40))
    assert "gone_02 and 37 more" in str(refusal(bundle_of(names=names)))


def test_the_check_reads_the_graph_that_the_bundle_carries():
    assert refusal(dataclasses.replace(bundle_of(), model=CUSTOM)).reason == "custom_operator"
