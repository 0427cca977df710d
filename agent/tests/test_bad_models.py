"""Failure mode 9: each way a model can be bad, sent to a whole agent; the last good one keeps scoring."""

import contextlib
import dataclasses
import itertools
import math
import threading
from uuid import UUID, uuid4

import numpy as np
import pytest
from agent_testing.bundles import KEY, OTHER_KEY, make_bundle
from agent_testing.collector import Collector
from agent_testing.graphs import ENDLESS, Live, bundle_of, resign, unusual
from agent_testing.samples import simulated
from agent_testing.waiting import wait_for

from audiosense_agent.config import Settings
from audiosense_agent.model_store import checks
from audiosense_agent.sections import CollectorSettings, ModelSettings
from audiosense_agent.service import Service
from audiosense_agent.uplink import Retry
from audiosense_common.bundle import dump_golden, load_golden
from audiosense_common.wire import DesiredModel, Status

SENSOR_ID = UUID(int=7)


@contextlib.contextmanager
def run_agent(collector, folder):
    """A whole agent that runs a committed model of version 1, which is given."""
    collector.signing_keys = KEY.public_keys()
    collector.registered["pump"] = SENSOR_ID
    collector.identity("pump").save(folder / "state")
    settings = Settings(
        name="test",
        state_dir=folder / "state",
        collector=CollectorSettings(batch_interval_s=0.05, heartbeat_s=0.2, timeout_s=5),
        models=ModelSettings(probation_windows=10, max_share=0.04),
        sensors=[simulated(interval_s=0.03)],
    )
    service = Service(settings, retry=Retry(first_s=0.01, cap_s=0.05, slow_s=0.05))
    thread = threading.Thread(target=service.run)
    thread.start()
    try:
        good = make_bundle(SENSOR_ID)
        offer(collector, good)
        wait_for(lambda: told(collector).state == "committed")
        yield good
    finally:
        service.stop()
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture(scope="module", autouse=True)
def _impatient():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "GOLDEN_LIMIT_S", 1.0)
        yield


@pytest.fixture
def agent(collector, tmp_path):
    with run_agent(collector, tmp_path) as good:
        yield good


@pytest.fixture(scope="module")
def one_agent(authority, tmp_path_factory):
    """A collector and its agent, which is sent one bad model after the other: none may leave it worse than before."""
    folder, versions = tmp_path_factory.mktemp("agent"), itertools.count(2)
    with Collector(authority, folder / "server") as collector, run_agent(collector, folder) as good:
        yield collector, good, versions


def offer(collector, bundle, content=None):
    collector.bundles[bundle.digest] = bundle.pack() if content is None else content
    collector.desired = {SENSOR_ID: DesiredModel(digest=bundle.digest, version=bundle.manifest.bundle_version)}


def told(collector):
    empty = type("Nothing", (), {"digest": None, "state": None, "refused": None, "reason": None})
    return next((b.running[SENSOR_ID] for b in reversed(list(collector.batches)) if SENSOR_ID in b.running), empty)


def scored(collector, since):
    """Digest of the model and score of each window in the batches from there on."""
    return [
        (None if place is None else columns.models[place], score)
        for batch in list(collector.batches)[since:]
        for columns in batch.sensors
        for place, score in zip(columns.model, columns.score, strict=True)
    ]


def golden_off(bundle):
    features, scores = load_golden(bundle.golden, len(bundle.manifest.features))
    return resign(bundle, golden=dump_golden(features, scores + np.float32(1e-4)))


def golden_nan(bundle):
    bad = bundle_of(Live(score=math.nan), SENSOR_ID, version=bundle.manifest.bundle_version)
    ones = dump_golden(np.ones((4, len(bad.manifest.features)), np.float16), np.full(4, 0.3, np.float32))
    return resign(bad, golden=ones)


def other_schema(bundle):
    needs = [need.model_copy(update={"digest": "0" * 64}) for need in bundle.manifest.features]
    return resign(bundle, features=needs, schema_id="audiosense-99")


def live(**what):
    return lambda bundle: bundle_of(Live(**what), SENSOR_ID, version=bundle.manifest.bundle_version)


MODES = {
    "wrong key": ("unknown_key", lambda bundle: make_bundle(SENSOR_ID, bundle.manifest.bundle_version, key=OTHER_KEY)),
    "unsigned": ("signature", lambda bundle: dataclasses.replace(bundle, signature=bytes(64))),
    "stale": ("older", lambda bundle: resign(bundle, bundle_version=1, created_us=1)),
    "expired": ("expired", lambda bundle: resign(bundle, install_before_us=1)),
    "of another sensor": ("wrong_sensor", lambda bundle: resign(bundle, sensor=uuid4())),
    "wrong feature schema": ("features", other_schema),
    "wrong sample rate": ("sample_rate", lambda bundle: resign(bundle, sample_rate_hz=16_000)),
    "wrong window": ("window", lambda bundle: resign(bundle, window_s=5.0)),
    "off its golden vectors": ("golden", golden_off),
    "NaN for golden vectors": ("golden", golden_nan),
    "ONNX external data": ("external_data", lambda bundle: unusual(bundle, external=True)),
    "custom operator": ("custom_operator", lambda bundle: unusual(bundle, domain="ai.evil")),
    "no graph": ("graph", lambda bundle: resign(bundle, model=b"nonsense")),
    "longer than its manifest says": (
        "damaged",
        lambda bundle: dataclasses.replace(bundle, model=bundle.model + b"\x00" * 100),
    ),
    "no end for golden vectors": ("slow", live(golden_turns=ENDLESS)),
    "NaN": ("probation:score", live(score=math.nan)),
    "out of range": ("probation:score", live(score=7.0)),
    "error": ("probation:error", live(index=99)),
    "slow": ("probation:latency", live(turns=120_000)),
    "no end": ("probation:latency", live(turns=ENDLESS)),
    "alarms on everything": ("probation:alarm_rate", live(score=1.0)),
}


@pytest.mark.parametrize("mode", MODES)
def test_a_bad_model_is_told_and_the_last_good_one_keeps_scoring(one_agent, mode):
    collector, good, versions = one_agent
    reason, make = MODES[mode]
    bad = make(resign(good, bundle_version=next(versions)))
    assert bad.digest != good.digest
    offered = len(collector.batches)
    offer(collector, bad)
    wait_for(lambda: told(collector).refused == bad.digest)
    running = told(collector)
    assert (running.digest, running.version, running.state) == (good.digest, 1, "committed")
    assert running.reason.startswith(f"{reason}: "), running.reason
    since = len(collector.batches) + 1
    wait_for(lambda: len(scored(collector, since)) > 5)
    assert {digest for digest, _ in scored(collector, since)} == {good.digest}
    every = scored(collector, offered)
    assert {digest for digest, _ in every} <= {good.digest, bad.digest}
    assert all(score is not None for _, score in every), "no window is left unscored"
    fetched = [path for _, path in collector.requests if path.endswith(bad.digest)]
    assert len(fetched) == (3 if reason in {"damaged", "expired"} else 1), "it is not fetched again and again"


@pytest.mark.parametrize("cut", [0.2, 0.7, 0.98])
def test_a_truncated_bundle_is_fetched_again_and_then_installed(collector, agent, cut):
    newer = resign(agent, bundle_version=2)
    content = newer.pack()
    offer(collector, newer, content[: int(len(content) * cut)])
    wait_for(lambda: told(collector).refused == newer.digest)
    assert told(collector).digest == agent.digest
    assert told(collector).reason.startswith("damaged: ")
    collector.bundles[newer.digest] = content
    wait_for(lambda: told(collector).digest == newer.digest and told(collector).state == "committed")
    assert told(collector).refused is None


def test_each_window_of_a_push_is_scored_by_one_of_the_two_models_and_says_which(collector, agent):
    newer = resign(agent, bundle_version=2)
    since = len(collector.batches)
    offer(collector, newer)
    wait_for(lambda: told(collector).state == "probation")
    wait_for(lambda: told(collector).digest == newer.digest and told(collector).state == "committed")
    wait_for(lambda: scored(collector, since)[-1][0] == newer.digest)
    digests = [digest for digest, _ in scored(collector, since)]
    switch = digests.index(newer.digest)
    assert set(digests[:switch]) <= {agent.digest}
    assert set(digests[switch:]) == {newer.digest}
    statuses = {status for batch in collector.batches for columns in batch.sensors for status in columns.status}
    assert statuses <= {Status.LEARNING, Status.NORMAL, Status.ANOMALOUS}
