"""A new model on probation: what it must keep to, what happens if it does not, and that no window goes unscored."""

import itertools
import math
import os
import time
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from agent_testing.bundles import KEY, make_bundle, vectors
from agent_testing.graphs import ENDLESS, GOOD, Live, bundle_of, resign
from agent_testing.samples import simulated
from agent_testing.wards import Keeper

from audiosense_agent.detector import Detector, Verdict
from audiosense_agent.model_store import Limits, ModelStore, Ward
from audiosense_agent.model_store.guard import Guard
from audiosense_agent.model_store.probation import Probation, UnfitModelError
from audiosense_common.running import Phase
from audiosense_common.wire import Status

SENSOR_ID = UUID(int=7)
SENSOR = simulated()
KEYS = KEY.public_keys()
LIMITS = Limits(windows=20, seconds=60, share=0.04)
NORMAL, ANOMALOUS = Verdict(0.3, Status.NORMAL), Verdict(1.0, Status.ANOMALOUS)
STOPPED = Verdict(0.3, Status.STOPPED)


@pytest.fixture
def store(tmp_path):
    return ModelStore(tmp_path / "models", LIMITS)


def install(store, bundle):
    return store.install(SENSOR, SENSOR_ID, bundle.pack(), KEYS, None)


def settle(ward, windows=20):
    """Let a model score that many real windows; returns digests and verdicts."""
    found = []
    for vector in itertools.islice(itertools.cycle(vectors()), windows):
        verdict = ward.judge(vector, Phase.RUNNING)
        found.append((ward.scored_by.digest if ward.scored_by else None, verdict))
    return found


@pytest.fixture
def good(store):
    """The last good model, committed."""
    bundle = make_bundle(SENSOR_ID)
    settle(install(store, bundle))
    assert store.running()[SENSOR_ID].state == "committed"
    return bundle


def test_a_good_model_is_committed_after_so_many_windows_and_scores_as_without_probation(store, good):
    newer = resign(good, bundle_version=2)
    ward = install(store, newer)
    plain = Detector(newer)
    assert store.running()[SENSOR_ID].state == "probation"
    for number, vector in enumerate(vectors()[:20]):
        assert ward.progress() == (number, 20)
        assert ward.judge(vector, Phase.RUNNING) == plain.judge(vector, Phase.RUNNING)
    assert ward.progress() is None
    running = store.running()[SENSOR_ID]
    assert (running.digest, running.state, running.refused) == (newer.digest, "committed", None)


BAD = {
    "score": Live(score=math.nan),
    "score too high": Live(score=7.0),
    "score below zero": Live(score=-0.1),
    "score infinite": Live(score=math.inf),
    "error": Live(index=99),
    "latency": Live(turns=120_000),
    "latency without end": Live(turns=ENDLESS),
    "alarm_rate": Live(score=1.0),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_model_that_fails_its_probation_is_sent_back_for_good(store, good, tmp_path, fault):
    """Every window has a score all along: of the new model while it gives one, else of the one before."""
    bad = bundle_of(BAD[fault], SENSOR_ID, version=2)
    ward = install(store, bad)
    found = settle(ward, 30)
    plain = Detector(good)
    assert all(verdict.score is not None for _, verdict in found)
    tried = [verdict for digest, verdict in found if digest == bad.digest]
    assert len(tried) == {"alarm_rate": 19, "latency": 9}.get(fault, 0)
    for vector, (digest, verdict) in zip(vectors(), found, strict=False):
        assert digest in {good.digest, bad.digest}
        assert digest == bad.digest or verdict == plain.judge(vector, Phase.RUNNING)
    assert found[-1][0] == good.digest
    running = store.running()[SENSOR_ID]
    assert (running.digest, running.state, running.refused) == (good.digest, "committed", bad.digest)
    assert running.reason.startswith(f"probation:{fault.split()[0]}: ")
    again = ModelStore(tmp_path / "models", LIMITS)
    assert again.start(SENSOR, SENSOR_ID, KEYS).detector.digest == good.digest
    assert again.running()[SENSOR_ID] == running
    assert again.is_sent_back(SENSOR_ID, bad.digest)
    assert not list((tmp_path / "models" / str(SENSOR_ID)).glob(f"{bad.digest}*"))


@pytest.mark.parametrize("fault", ["score", "alarm_rate"])
def test_a_first_model_that_fails_leaves_the_sensor_learning(store, tmp_path, fault):
    bad = bundle_of(BAD[fault], SENSOR_ID)
    ward = install(store, bad)
    settle(ward, 20)
    assert ward.detector is None
    assert ward.judge(vectors()[0], Phase.RUNNING) == Verdict(None, Status.LEARNING)
    assert ward.judge(vectors()[0], Phase.STOPPED) == Verdict(None, Status.STOPPED)
    again = ModelStore(tmp_path / "models", LIMITS)
    assert again.start(SENSOR, SENSOR_ID, KEYS).detector is None
    running = again.running()[SENSOR_ID]
    assert (running.digest, running.state, running.refused) == (None, None, bad.digest)
    assert running.reason.startswith(f"probation:{fault}: ")


def test_a_model_that_was_sent_back_makes_way_for_a_newer_one(store, good):
    settle(install(store, bundle_of(BAD["score"], SENSOR_ID, version=2)))
    newest = resign(good, bundle_version=3)
    settle(install(store, newest))
    running = store.running()[SENSOR_ID]
    assert (running.digest, running.version, running.state, running.refused) == (newest.digest, 3, "committed", None)


def test_a_real_fault_of_the_machine_does_not_look_like_a_bad_model(store, good):
    newer = resign(good, bundle_version=2)
    ward = install(store, newer)
    loud = [vector + np.float16(25) for vector in vectors()[:20]]
    assert {ward.judge(vector, Phase.RUNNING).status for vector in loud} == {Status.ANOMALOUS}
    assert store.running()[SENSOR_ID].state == "committed"


def test_one_that_was_sent_for_while_another_is_on_probation_falls_back_on_the_last_that_passed(store, good):
    install(store, resign(good, bundle_version=2))
    ward = install(store, bundle_of(BAD["score"], SENSOR_ID, version=3))
    settle(ward)
    assert ward.detector.digest == good.digest
    assert store.running()[SENSOR_ID].version == 1


def test_a_restart_begins_the_probation_anew(store, good, tmp_path):
    bad = bundle_of(BAD["alarm_rate"], SENSOR_ID, version=2)
    settle(install(store, bad), 15)
    again = ModelStore(tmp_path / "models", LIMITS)
    ward = again.start(SENSOR, SENSOR_ID, KEYS)
    assert ward.progress() == (0, 20)
    settle(ward)
    assert again.running()[SENSOR_ID].digest == good.digest


def test_without_probation_a_model_is_committed_at_once(tmp_path):
    store = ModelStore(tmp_path / "models", Limits(windows=0))
    ward = install(store, make_bundle(SENSOR_ID))
    assert ward.progress() is None
    assert store.running()[SENSOR_ID].state == "committed"


def test_a_committed_model_that_fails_now_and_then_is_stood_in_for_and_one_that_goes_on_is_sent_back():
    detector, before = (Detector(bundle_of(live, SENSOR_ID)) for live in (BAD["score"], Live()))
    keeper = Keeper(before)
    ward = Ward(detector, keeper, Guard(Path(os.devnull)))
    fine = np.zeros_like(vectors()[0])
    for _ in range(5):
        assert ward.judge(fine, Phase.RUNNING).score == pytest.approx(GOOD)
        assert ward.scored_by is detector
        found = settle(ward, 2)
        assert [(digest, verdict.score) for digest, verdict in found] == [(before.digest, pytest.approx(GOOD))] * 2
    ward.judge(fine, Phase.RUNNING)
    assert [digest for digest, _ in settle(ward, 5)] == [before.digest] * 5
    assert ward.detector is before
    assert [word for word, *_ in keeper.told] == ["prove", "send back", "prove"]
    assert keeper.told[1][2].startswith("scoring:score: ")


def test_a_committed_model_without_one_before_leaves_a_window_invalid_and_then_the_sensor_learning():
    ward = Ward(Detector(bundle_of(BAD["error"], SENSOR_ID)), Keeper(), Guard(Path(os.devnull)))
    found = settle(ward, 4)
    assert [verdict.status for _, verdict in found] == [Status.INVALID] * 2 + [Status.LEARNING] * 2
    assert {digest for digest, _ in found} == {None}


def judged(probation, windows, verdict=NORMAL, seconds=0.001, shadow=None):
    return [probation.note(verdict, seconds, shadow) for _ in range(windows)]


def test_windows_of_a_machine_at_rest_do_not_end_a_probation():
    probation = Probation(Limits(windows=5, seconds=60), 5.0)
    assert not any(judged(probation, 100, STOPPED))
    assert judged(probation, 5) == [False] * 4 + [True]


def test_long_windows_end_it_by_time_but_not_before_ten():
    probation = Probation(Limits(windows=60, seconds=600), 120.0)
    assert judged(probation, 10) == [False] * 9 + [True]


@pytest.mark.parametrize(
    ("before", "passes"), [(None, False), (NORMAL, False), (ANOMALOUS, True)], ids=["none", "calm", "alarmed"]
)
def test_alarms_are_compared_with_the_model_before(before, passes):
    probation = Probation(Limits(windows=20), 5.0)
    judged(probation, 2, NORMAL, shadow=before and (NORMAL, 0.001))
    judged(probation, 17, ANOMALOUS, shadow=before and (before, 0.001))
    if passes:
        assert judged(probation, 1, ANOMALOUS, shadow=(before, 0.001)) == [True]
        return
    with pytest.raises(UnfitModelError, match=r"^alarm_rate: it calls 18 of 20"):
        judged(probation, 1, ANOMALOUS, shadow=before and (before, 0.001))


def test_a_busy_computer_that_slows_both_models_is_not_held_against_the_new_one():
    probation = Probation(Limits(windows=20), 5.0)
    assert judged(probation, 20, seconds=2.0, shadow=(NORMAL, 1.0))[-1]
    with pytest.raises(UnfitModelError, match=r"^latency: it takes 2000\.0 ms .* at most 1000\.0 ms"):
        judged(Probation(Limits(windows=20), 5.0), 10, seconds=2.0, shadow=(NORMAL, 0.001))


def test_a_few_slow_windows_are_nothing():
    probation = Probation(Limits(windows=20), 5.0)
    for seconds in [3.0, 0.001, 0.001] * 6 + [0.001, 0.001]:
        passed = probation.note(NORMAL, seconds, None)
    assert passed


def test_a_window_without_end_is_broken_off(store, good):
    ward = install(store, bundle_of(BAD["latency without end"], SENSOR_ID, version=2))
    began = time.monotonic()
    assert ward.judge(vectors()[0], Phase.RUNNING).score is not None
    assert 4.9 < time.monotonic() - began < 20
    assert ward.detector.digest == good.digest


@pytest.mark.parametrize("is_committed", [False, True])
def test_a_window_whose_features_are_no_numbers_is_not_held_against_a_model(store, good, is_committed):
    newer = resign(good, bundle_version=2)
    ward = install(store, newer)
    if is_committed:
        settle(ward)
    broken = vectors()[0].copy()
    broken[:] = np.nan
    for _ in range(5):
        assert ward.judge(broken, Phase.RUNNING) == Verdict(None, Status.INVALID)
        assert ward.scored_by is None
    settle(ward)
    running = store.running()[SENSOR_ID]
    assert (running.digest, running.state, running.refused) == (newer.digest, "committed", None)
