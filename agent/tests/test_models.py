"""Models on disk: every refusal, fall-back, and a kill at any moment of an installation."""

import io
import os
import signal
import subprocess
import sys
import textwrap
import time
import zipfile
from uuid import UUID

import numpy as np
import pytest
from agent_testing.bundles import KEY, OTHER_KEY, make_bundle, vectors
from agent_testing.samples import simulated

from audiosense_agent.model_store import ModelStore, prepare_alone
from audiosense_agent.model_store.record import read_record
from audiosense_common.bundle import dump_golden, file_entry, load_golden, sign_bundle
from audiosense_common.errors import BundleError
from audiosense_common.features import SCHEMAS, column
from audiosense_common.wire import Status

SENSOR_ID = UUID(int=7)
KEYS = KEY.public_keys()
SENSOR = simulated()
NOW_US = time.time_ns() // 1_000


@pytest.fixture(scope="module")
def bundle():
    return make_bundle(SENSOR_ID)


@pytest.fixture
def store(tmp_path):
    return ModelStore(tmp_path / "models")


def install(store, bundle, now_us=NOW_US, keys=None):
    return store.install(SENSOR, SENSOR_ID, bundle.pack(), keys or KEYS, now_us).detector


def resign(bundle, *, golden=None, **changes):
    golden = golden or bundle.golden
    files = dict(bundle.manifest.files) | {"golden.npz": file_entry(golden)}
    manifest = bundle.manifest.model_copy(update={"files": files} | changes)
    return sign_bundle(manifest, bundle.model, golden, KEY.private)


def test_an_installed_model_scores_and_survives_a_restart(store, bundle, tmp_path):
    detector = install(store, bundle)
    verdict = detector.judge(vectors()[3])
    assert verdict.status is Status.NORMAL
    assert store.running()[SENSOR_ID].digest == bundle.digest
    again = ModelStore(tmp_path / "models")
    loaded = again.start(SENSOR, SENSOR_ID, KEYS).detector
    assert loaded.judge(vectors()[3]) == verdict
    assert again.running()[SENSOR_ID].version == 1


def test_scores_are_those_of_the_golden_vectors(store, bundle):
    detector = install(store, bundle)
    features, expected = load_golden(bundle.golden, len(bundle.manifest.features))
    assert np.abs(detector.score_matrix(features.astype(np.float32)) - expected).max() <= 1e-6


def test_a_bundle_of_the_release_before_is_installed_and_scores_the_features_it_knows(store):
    older = make_bundle(SENSOR_ID, schema_id="audiosense-1")
    detector = install(store, older)
    assert older.manifest.schema_id == "audiosense-1"
    names = [need.name for need in older.manifest.features]
    assert set(names) <= set(SCHEMAS["audiosense-1"])
    known = vectors()[3, [column("audiosense-1", name) for name in names]].astype(np.float32)
    assert detector.judge(vectors()[3]).score == detector.score_matrix(known[np.newaxis])[0]
    louder = vectors()[3].copy()
    louder[len(SCHEMAS["audiosense-1"]) :] += 10
    assert detector.judge(louder).score == detector.judge(vectors()[3]).score


def test_a_bundle_alone_is_refused_where_its_features_are_defined_otherwise(bundle):
    assert prepare_alone(bundle).digest == bundle.digest
    first, *others = bundle.manifest.features
    changed = resign(bundle, features=[first.model_copy(update={"digest": "0" * 64}), *others])
    with pytest.raises(BundleError, match="defines otherwise"):
        prepare_alone(changed)


def test_a_machine_below_its_running_level_is_stopped(store):
    detector = install(store, resign(make_bundle(SENSOR_ID), running_level_dbfs=0.0))
    assert detector.judge(vectors()[0]).status is Status.STOPPED
    assert detector.judge(vectors()[0]).score is not None


def off_golden(bundle):
    features, scores = load_golden(bundle.golden, len(bundle.manifest.features))
    return resign(bundle, golden=dump_golden(features, scores + np.float32(1e-4)))


REFUSALS = {
    "unknown_key": lambda _bundle: make_bundle(SENSOR_ID, key=OTHER_KEY),
    "wrong_sensor": lambda _bundle: make_bundle(UUID(int=8)),
    "expired": lambda bundle: resign(bundle, install_before_us=NOW_US - 1),
    "sample_rate": lambda bundle: resign(bundle, sample_rate_hz=16_000),
    "window": lambda bundle: resign(bundle, window_s=1.0),
    "features": lambda bundle: resign(
        bundle,
        features=[each.model_copy(update={"digest": "0" * 64}) for each in bundle.manifest.features],
    ),
    "golden": off_golden,
}


@pytest.mark.parametrize("reason", REFUSALS)
def test_a_bundle_that_does_not_fit_is_refused_and_the_current_one_stays(store, bundle, reason):
    current = make_bundle(SENSOR_ID, 1)
    install(store, current)
    with pytest.raises(BundleError) as caught:
        install(store, REFUSALS[reason](resign(bundle, bundle_version=2)))
    assert caught.value.reason == reason
    assert "\n" not in str(caught.value)
    store.refuse(SENSOR_ID, bundle.digest, caught.value)
    running = store.running()[SENSOR_ID]
    assert (running.digest, running.refused) == (current.digest, bundle.digest)
    assert running.reason.startswith(reason)
    assert store.load(SENSOR, SENSOR_ID, KEYS).digest == current.digest


def test_a_graph_that_is_none_is_refused(store, bundle):
    files = dict(bundle.manifest.files) | {"model.onnx": file_entry(b"nonsense")}
    broken = sign_bundle(bundle.manifest.model_copy(update={"files": files}), b"nonsense", bundle.golden, KEY.private)
    with pytest.raises(BundleError) as caught:
        install(store, broken)
    assert caught.value.reason == "graph"


def test_an_older_version_is_refused_even_after_a_newer_one_was_lost(store, bundle):
    install(store, resign(bundle, bundle_version=3))
    with pytest.raises(BundleError) as caught:
        install(store, bundle)
    assert caught.value.reason == "older"


@pytest.mark.parametrize("place", range(0, 100, 9))
def test_a_flipped_bit_anywhere_is_refused(store, bundle, place):
    content = bytearray(bundle.pack())
    content[len(content) * place // 100] ^= 0x10
    try:
        detector = store.install(SENSOR, SENSOR_ID, bytes(content), KEYS, NOW_US).detector
    except BundleError:
        assert store.load(SENSOR, SENSOR_ID, KEYS) is None
    else:
        assert detector.digest == bundle.digest, "only a bit that carries nothing may flip"


def test_a_bomb_is_not_unpacked(store, bundle):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("manifest.json", "model.onnx", "golden.npz", "manifest.sig"):
            archive.writestr(name, b"0" * 3_000_000)
    with pytest.raises(BundleError) as caught:
        store.install(SENSOR, SENSOR_ID, buffer.getvalue(), KEYS, NOW_US)
    assert caught.value.reason == "too_long"


def test_a_damaged_current_bundle_gives_way_to_the_previous_and_can_be_fetched_again(store, bundle, tmp_path):
    newer = resign(bundle, bundle_version=2)
    install(store, bundle)
    install(store, newer)
    path = tmp_path / "models" / str(SENSOR_ID) / f"{newer.digest}.zip"
    path.write_bytes(path.read_bytes()[:-100])
    assert store.start(SENSOR, SENSOR_ID, KEYS).detector.digest == bundle.digest
    assert store.running()[SENSOR_ID].refused == newer.digest
    assert install(store, newer).digest == newer.digest
    assert store.load(SENSOR, SENSOR_ID, KEYS).digest == newer.digest


def test_only_current_and_previous_are_kept(store, bundle, tmp_path):
    for version in range(1, 5):
        install(store, resign(bundle, bundle_version=version))
    names = sorted(path.name for path in (tmp_path / "models" / str(SENSOR_ID)).iterdir())
    assert [name.rpartition(".")[2] for name in names].count("zip") == 2
    assert read_record(tmp_path / "models" / str(SENSOR_ID)).version == 4


def test_the_date_stops_installing_but_not_loading(store, bundle):
    old = resign(bundle, install_before_us=NOW_US - 10)
    install(store, old, now_us=NOW_US - 20)
    assert store.load(SENSOR, SENSOR_ID, KEYS).digest == old.digest


def test_a_model_for_another_window_is_not_loaded_after_a_change_of_configuration(store, bundle, tmp_path):
    install(store, bundle)
    again = ModelStore(tmp_path / "models")
    assert again.start(simulated(window_s=2.0), SENSOR_ID, KEYS).detector is None
    assert again.running()[SENSOR_ID].reason.startswith("window")


INSTALLER = """
    import itertools, sys, time
    from pathlib import Path
    from uuid import UUID
    from agent_testing.samples import simulated
    from audiosense_agent.model_store import ModelStore
    store = ModelStore(Path(sys.argv[1]) / "models")
    key, value = sys.argv[2].split("=")
    bundles = [path.read_bytes() for path in sorted(Path(sys.argv[1]).glob("*.bundle"))]
    print("ready", flush=True)
    for content in bundles:
        store.install(simulated(), UUID(int=7), content, {key: value}, None)
        print("installed", flush=True)
"""


@pytest.mark.parametrize("lives", [3, pytest.param(12, marks=pytest.mark.soak)])
def test_a_kill_at_any_moment_of_an_installation_leaves_a_whole_model(tmp_path, bundle, lives):
    digests = []
    ((key, value),) = KEYS.items()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    rng = np.random.default_rng(3)
    version, last, killed = 1, None, 0
    for _ in range(lives):
        for path in tmp_path.glob("*.bundle"):
            path.unlink()
        for _ in range(40):
            made = resign(bundle, bundle_version=version)
            (tmp_path / f"{version:06d}.bundle").write_bytes(made.pack())
            digests.append(made.digest)
            version += 1
        command = [sys.executable, "-c", textwrap.dedent(INSTALLER), str(tmp_path), f"{key}={value}"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
            for _ in range(1 + rng.integers(1, 12)):
                process.stdout.readline()
            time.sleep(rng.uniform(0, 0.004))
            process.send_signal(signal.SIGKILL)
        killed += process.returncode == -signal.SIGKILL
        store = ModelStore(tmp_path / "models")
        detector = store.start(SENSOR, SENSOR_ID, KEYS).detector
        assert store.running()[SENSOR_ID].refused is None
        assert last is None or digests.index(detector.digest) >= digests.index(last)
        last = detector.digest
    assert killed >= lives - 1
