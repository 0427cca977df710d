import hashlib
import io
import pickle
import zipfile
from uuid import UUID

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from audiosense_common.bundle import (
    GOLDEN,
    MANIFEST,
    MAX_FILE_BYTES,
    MODEL,
    SIGNATURE,
    Baseline,
    Debouncing,
    FeatureNeed,
    Manifest,
    Reference,
    Threshold,
    dump_golden,
    file_entry,
    load_golden,
    open_bundle,
    open_known,
    sign_bundle,
)
from audiosense_common.errors import BundleError
from audiosense_common.features import SCHEMA_ID, definition_digest

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = {"main": PRIVATE.public_key().public_bytes_raw().hex()}
FEATURES = np.linspace(-60, 5, 30, dtype=np.float16).reshape(10, 3)
NAMES = ("rms_dbfs", "crest_db", "mel_max_shape_07")


def score(features):
    return (0.5 + features.astype(np.float32).mean(axis=1) / 1_000).astype(np.float32)


MODEL_BYTES = bytes(range(256)) * 8
GOLDEN_BYTES = dump_golden(FEATURES, score(FEATURES))


def manifest(**changes):
    fields = {
        "bundle_version": 3,
        "sensor": UUID(int=7),
        "created_us": 1_700_000_000_000_000,
        "install_before_us": 1_800_000_000_000_000,
        "signing_key": "main",
        "detector": "isolation-forest",
        "schema_id": SCHEMA_ID,
        "features": [FeatureNeed(name=name, digest=definition_digest(name, 16_000)) for name in NAMES],
        "sample_rate_hz": 16_000,
        "window_s": 2.0,
        "threshold": Threshold(value=0.6, method="percentile", parameters={"percentile": 99.5}),
        "baseline": Baseline(from_us=1, to_us=2, windows=10, location=[0.0] * 3, spread=[1.0] * 3),
        "files": {MODEL: file_entry(MODEL_BYTES), GOLDEN: file_entry(GOLDEN_BYTES)},
        **changes,
    }
    return Manifest(**fields)


BUNDLE = sign_bundle(manifest(), MODEL_BYTES, GOLDEN_BYTES, PRIVATE)
PACKED = BUNDLE.pack()


def zipped(parts, compression=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in parts:
            archive.writestr(name, content)
    return buffer.getvalue()


def parts(**changes):
    whole = {
        MANIFEST: BUNDLE.manifest_bytes,
        MODEL: BUNDLE.model,
        GOLDEN: BUNDLE.golden,
        SIGNATURE: BUNDLE.signature,
    }
    return [(name, content) for name, content in {**whole, **changes}.items() if content is not None]


def refusal(content, keys=KEYS):
    with pytest.raises(BundleError) as caught:
        open_bundle(content, keys)
    assert "\n" not in str(caught.value)
    return caught.value.reason


def test_a_bundle_comes_back_as_it_was():
    opened = open_bundle(PACKED, KEYS)
    assert opened == BUNDLE
    assert opened.digest == hashlib.sha256(BUNDLE.manifest_bytes).hexdigest()
    assert opened.pack() == PACKED
    assert opened.check_golden(score) == 0.0


def test_unknown_keys_of_a_later_release_are_ignored_and_stay_signed():
    content = BUNDLE.manifest_bytes.replace(b'{"format":1,', b'{"format":1,"novelty":[1],', 1)
    opened = open_bundle(zipped(parts(**{MANIFEST: content, SIGNATURE: PRIVATE.sign(content)})), KEYS)
    assert opened.manifest == BUNDLE.manifest
    assert opened.manifest_bytes == content


def test_an_unsigned_bundle_is_refused():
    assert refusal(zipped(parts(**{SIGNATURE: None}))) == "files"
    assert refusal(zipped(parts(**{SIGNATURE: b""}))) == "signature"
    assert refusal(zipped(parts(**{SIGNATURE: bytes(64)}))) == "signature"


def test_a_bundle_signed_by_another_key_is_refused():
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32))
    assert refusal(sign_bundle(manifest(), MODEL_BYTES, GOLDEN_BYTES, stranger).pack()) == "signature"
    assert refusal(PACKED, {}) == "unknown_key"
    assert refusal(PACKED, {"other": KEYS["main"]}) == "unknown_key"
    assert refusal(PACKED, {"main": "no hexadecimal"}) == "signature"


@pytest.mark.parametrize("name", [MODEL, GOLDEN])
def test_a_file_other_than_the_manifest_names_is_refused(name):
    content = dict(parts())[name]
    flipped = content[:50] + bytes([content[50] ^ 1]) + content[51:]
    for changed in (flipped, content + b"\0", content[:-1], b""):
        assert refusal(zipped(parts(**{name: changed}))) == "damaged"


def test_a_manifest_that_was_changed_after_signing_is_refused():
    content = BUNDLE.manifest_bytes.replace(b'"bundle_version":3', b'"bundle_version":4')
    assert content != BUNDLE.manifest_bytes
    assert refusal(zipped(parts(**{MANIFEST: content}))) == "signature"


@pytest.mark.parametrize("content", [b"", b"{}", b"no json", b"\xff\xfe", b"[" * 100_000])
def test_a_manifest_that_is_none_is_refused(content):
    assert refusal(zipped(parts(**{MANIFEST: content}))) == "manifest"


def test_missing_extra_and_doubled_files_are_refused():
    for name in (MANIFEST, MODEL, GOLDEN):
        assert refusal(zipped(parts(**{name: None}))) == "files"
    assert refusal(zipped([*parts(), ("model.onnx.data", b"external")])) == "files"
    assert refusal(zipped([*parts(), ("../model.onnx", b"elsewhere")])) == "files"
    with pytest.warns(UserWarning, match="Duplicate name"):
        doubled = zipped([*parts(), (MODEL, b"second")])
    assert refusal(doubled) == "files"


@pytest.mark.parametrize("length", [0, 1, 30, len(PACKED) // 2, len(PACKED) - 1])
def test_a_truncated_bundle_is_refused(length):
    assert refusal(PACKED[:length]) == "damaged"


@given(place=st.integers(0, len(PACKED) - 1), bit=st.integers(0, 7))
@settings(max_examples=300, deadline=None)
def test_a_flipped_bit_is_refused_or_changes_nothing(place, bit):
    flipped = bytearray(PACKED)
    flipped[place] ^= 1 << bit
    try:
        opened = open_bundle(bytes(flipped), KEYS)
    except BundleError:
        return
    # Bits that say when or by what system a file was packed are not signed, and nobody reads them.
    assert opened == BUNDLE


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damage_within_other_compressions_is_refused_too(method):
    content = bytearray(zipped(parts(), method))
    place = content.index(MODEL.encode()) + len(MODEL) + 40
    content[place : place + 100] = bytes(100)
    assert refusal(bytes(content)) == "damaged"


@given(st.binary(max_size=300))
def test_other_bytes_are_refused(content):
    assert refusal(content) == "damaged"


def test_a_zip_bomb_is_refused_without_being_unpacked():
    bomb = zipped(parts(**{MODEL: bytes(MAX_FILE_BYTES + 1)}))
    assert len(bomb) < MAX_FILE_BYTES / 500
    assert refusal(bomb) == "too_long"
    assert refusal(zipped(parts(**{MANIFEST: b" " * (2**20 + 1)}))) == "too_long"
    assert refusal(zipped(parts(**{SIGNATURE: bytes(65)}))) == "too_long"


class Harmful:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


def golden_bundle(golden):
    entries = {MODEL: file_entry(MODEL_BYTES), GOLDEN: file_entry(golden)}
    return open_bundle(sign_bundle(manifest(files=entries), MODEL_BYTES, golden, PRIVATE).pack(), KEYS)


def object_array():
    buffer = io.BytesIO()
    np.savez(buffer, features=np.array([Harmful()], dtype=object), score=np.zeros(1, "f4"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "golden",
    [pickle.dumps(Harmful()), object_array(), b"PK no zip", zipped([("score.npy", b"x")]), zipped([])],
    ids=["pickle", "pickled array", "damaged", "lacks features", "nothing"],
)
def test_golden_vectors_that_cannot_be_read_are_refused_and_never_executed(golden):
    with pytest.raises(BundleError, match="cannot be read") as caught:
        golden_bundle(golden).check_golden(score)
    assert caught.value.reason == "golden"


@pytest.mark.parametrize(
    ("features", "scores"),
    [
        (np.zeros((10, 4), np.float16), np.zeros(10, np.float32)),
        (np.zeros(10, np.float16), np.zeros(10, np.float32)),
        (np.zeros((0, 3), np.float16), np.zeros(0, np.float32)),
        (np.zeros((10, 3), np.float16), np.zeros(9, np.float32)),
    ],
)
def test_golden_vectors_of_another_shape_are_refused(features, scores):
    with pytest.raises(BundleError, match="do not fit 3 features"):
        load_golden(dump_golden(features, scores), 3)


@pytest.mark.parametrize(
    ("scorer", "message"),
    [
        (lambda features: score(features) + np.float32(2e-6), "off its golden vectors by 2"),
        (lambda features: np.full(len(features), np.nan, np.float32), "no finite score"),
        (lambda features: score(features)[:-1], "no finite score"),
    ],
)
def test_a_model_off_its_golden_vectors_is_refused(scorer, message):
    with pytest.raises(BundleError, match=message):
        BUNDLE.check_golden(scorer)


def test_a_scorer_may_be_off_by_rounding_and_may_give_a_column():
    assert BUNDLE.check_golden(lambda features: score(features)[:, np.newaxis] + np.float32(2e-7)) < 1e-6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"files": {MODEL: file_entry(MODEL_BYTES)}}, "files names"),
        ({"bundle_version": 0}, "bundle_version"),
        ({"format": 2}, "format"),
        ({"features": []}, "features"),
        ({"features": [FeatureNeed(name="rms_dbfs", digest="0" * 64)]}, "differ in length"),
        ({"threshold": {"value": float("nan"), "method": "percentile"}}, "value"),
        ({"window_s": 0}, "window_s"),
    ],
)
def test_a_manifest_whose_parts_do_not_fit_cannot_be_made(changes, message):
    with pytest.raises(ValidationError, match=message):
        manifest(**changes)


def test_debouncing_needs_k_within_n():
    assert Debouncing() == Debouncing(k=3, n=5)
    with pytest.raises(ValidationError, match="found 6 of 5"):
        Debouncing(k=6, n=5)


def test_a_manifest_of_an_older_release_has_no_reference():
    assert manifest().baseline.reference is None


def test_a_reference_names_as_many_features_as_it_has_figures():
    with pytest.raises(ValidationError, match="differ in length"):
        Reference(features=["rms_dbfs", "crest_db"], location=[1.0], spread=[1.0])


def test_without_a_key_a_bundle_is_known_by_its_digest_and_what_it_holds_is_checked_all_the_same():
    assert open_known(PACKED, BUNDLE.digest) == BUNDLE
    with pytest.raises(BundleError, match="expected 0000"):
        open_known(PACKED, "0" * 64)
    parts = {
        MANIFEST: BUNDLE.manifest_bytes,
        MODEL: MODEL_BYTES[:-1],
        GOLDEN: GOLDEN_BYTES,
        SIGNATURE: BUNDLE.signature,
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(BundleError, match="is not the one that its manifest names"):
        open_known(buffer.getvalue(), BUNDLE.digest)
