"""A model is evaluated again on what its sensor has stored, beside the model that the agent runs."""

import contextlib
import uuid
from dataclasses import replace

import numpy as np
import pytest

from audiosense_agent.detector import Detector
from audiosense_agent.events import Debouncer
from audiosense_collector.clock import HOUR_US, now_us
from audiosense_collector.model_evaluation import service, windows
from audiosense_collector.queue.progress import Attempt
from audiosense_collector.training.process import Trainer
from audiosense_common.bundle import open_bundle
from audiosense_common.features import SCHEMA_ID
from audiosense_common.wire import FeatureMatrix, RunningModel, Status

WINDOW_US = 5_000_000


async def work(runtime):
    await runtime.jobs.run_worker_async(
        wait=False, install_signal_handlers=False, listen_notify=False, additional_context={"runtime": runtime}
    )


async def fetch_bundle(runtime, agent, digest):
    content = (await agent.client.get(f"/api/v1/bundles/{digest}", headers=agent.headers)).content
    return open_bundle(content, runtime.signing_key.public_keys())


def score(columns, detector, *, faulty):
    """Windows as an agent would send them: some are made strange, all are scored by the real detector."""
    matrix = columns.features.unpack().copy()
    rng = np.random.default_rng(1)
    matrix[faulty] += rng.choice((-25, 25), (len(faulty), matrix.shape[1])).astype(np.float16)
    picked = matrix[:, detector._columns].astype(np.float32)
    scores = detector.score_matrix(picked)
    status = [
        Status.ANOMALOUS if found >= detector.manifest.threshold.value else Status.NORMAL for found in scores.tolist()
    ]
    status[-3:] = [Status.STOPPED, Status.INVALID, Status.STOPPED]
    told = [None if each is Status.INVALID else found for found, each in zip(scores.tolist(), status, strict=True)]
    matrices = FeatureMatrix.pack(SCHEMA_ID, matrix)
    return columns.model_copy(update={"score": told, "status": status, "features": matrices}), scores


@pytest.fixture
async def heard(runtime, make_agent):
    """An agent with a model, and 200 windows that it scored with it after the baseline."""
    agent = await make_agent()
    sensor = next(iter(agent.sensors.values()))
    await agent.send(agent.batch(agent.columns(40)))
    await work(runtime)
    wanted = (await agent.send(agent.batch()))["desired"][sensor]
    bundle = await fetch_bundle(runtime, agent, wanted["digest"])
    start = now_us()
    blank = agent.columns(200, start_us=start, digest=bundle.digest, status=Status.NORMAL, score=0.4)
    columns, scores = score(blank, Detector(bundle), faulty=[*range(20, 30), *range(90, 97), 150])
    running = {sensor: RunningModel(digest=bundle.digest, version=1)}
    await agent.send(agent.batch(columns, running=running))
    span = {"from_us": start - HOUR_US, "to_us": start + HOUR_US}
    return agent, bundle, columns, scores, span


async def test_stored_windows_are_scored_again_bit_for_bit_and_alarms_counted_as_the_agent_does(
    runtime, operator, viewer, heard
):
    _, bundle, columns, scores, span = heard
    path = f"/api/v1/models/{bundle.digest}/evaluations"
    asked = await operator.post(path, json=span)
    assert asked.status_code == 202, asked.text
    asked = asked.json()
    assert (asked["state"], asked["report"], asked["sensor_id"]) == ("waiting", None, str(bundle.manifest.sensor))
    again = await operator.post(path, json=span)
    assert (again.status_code, again.json()["type"]) == (409, "evaluation_waits")
    await work(runtime)
    job = (await viewer.get(f"/api/v1/jobs/{asked['job_id']}")).json()
    assert (job["kind"], job["state"], job["sensor_id"]) == ("evaluate", "done", asked["sensor_id"])
    done = (await viewer.get(f"{path}/{asked['id']}")).json()
    assert (await viewer.get(path)).json()["items"] == [done]
    assert done["state"] == "done"
    report = done["report"]
    threshold = bundle.manifest.threshold.value
    assert report["windows"] == 197
    assert report["hours"] == pytest.approx(197 * 5 / 3_600, abs=1e-4)
    assert report["left_out"] == {
        "stopped": 2,
        "invalid": 1,
        "maintenance": 0,
        "in_baseline": 40,
        "other_features": 0,
    }
    assert report["stored_scores"] == {"windows": 199, "equal": 199}
    assert report["compared"] is report["agreement"] is None
    figures = report["model"]
    debouncer = Debouncer("sensor", bundle.digest, threshold, bundle.manifest.debouncing)
    revisions = [
        debouncer.push(at, at + WINDOW_US, float(found) if place < 197 else None)
        for place, (at, found) in enumerate(zip(columns.time_us, scores, strict=True))
    ]
    events = len({revision.id for revision in revisions if revision is not None})
    assert figures["alarms"] == events >= 2
    assert figures["alarms_per_day"] == pytest.approx(events / (197 * 5 / 86_400))
    low, high = figures["alarms_per_day_ci"]
    assert low < figures["alarms_per_day"] < high
    assert figures["budget_per_day"] == pytest.approx(1 / 7)
    assert figures["over_threshold"] == pytest.approx((scores[:197].astype(float) >= threshold).mean())
    assert figures["score_quantiles"]["0.5"] == pytest.approx(np.median(scores[:197].astype(float)))
    assert sum(figures["score_histogram"]) == 197
    course = report["course"]
    assert course["span_us"] == WINDOW_US
    assert course["time_us"] == columns.time_us[:197]
    assert course["model"]["highest"] == course["model"]["median"] == pytest.approx(scores[:197].tolist(), abs=1e-5)
    assert course["compared"] is None


async def test_another_model_is_told_beside_the_one_that_runs_on_windows_that_neither_learnt(runtime, operator, heard):
    _, first, columns, _, span = heard
    sensor = str(first.manifest.sensor)
    queued = await operator.post(f"/api/v1/sensors/{sensor}/train", json={"windows": 60})
    assert queued.status_code == 202
    await work(runtime)
    newest = (await operator.get("/api/v1/models", params={"sensor": sensor})).json()["items"][0]
    assert newest["digest"] != first.digest
    asked = (await operator.post(f"/api/v1/models/{newest['digest']}/evaluations", json=span)).json()
    told = []

    class Told(Attempt):
        def step(self, name, fraction):
            told.append((name, fraction))

    await service.evaluate(runtime, uuid.UUID(asked["id"]), Told())
    assert [name for name, _ in told][:2] == ["reading", "scoring"]
    found = (await operator.get(f"/api/v1/models/{newest['digest']}/evaluations/{asked['id']}")).json()
    report = found["report"]
    assert report["model"]["digest"] == newest["digest"]
    assert report["compared"]["digest"] == first.digest
    baseline = newest["baseline"]
    later = [at for at in columns.time_us[:197] if not baseline["from_us"] <= at < baseline["to_us"]]
    assert report["windows"] == len(later) < 197
    assert report["stored_scores"]["windows"] == 0
    agreement = report["agreement"]
    anomalous = round(report["compared"]["over_threshold"] * len(later))
    assert agreement["both"] + agreement["only_compared"] == anomalous > 0
    assert agreement["both"] + agreement["only_model"] == round(report["model"]["over_threshold"] * len(later))
    await asked_the_other_way_round(runtime, operator, report, span)


async def asked_the_other_way_round(runtime, operator, report, span):
    """The model that runs can be compared with any other of its sensor, on the same windows."""
    running, newest = report["compared"]["digest"], report["model"]["digest"]
    path = f"/api/v1/models/{running}/evaluations"
    asked = await operator.post(path, json=span | {"compare_with": newest})
    assert (asked.status_code, asked.json()["compare_with"]) == (202, newest)
    await work(runtime)
    other = (await operator.get(f"{path}/{asked.json()['id']}")).json()["report"]
    assert (other["model"], other["compared"]) == (report["compared"], report["model"])
    assert other["windows"] == report["windows"]
    assert other["course"]["model"] == report["course"]["compared"]
    assert other["course"]["compared"] == report["course"]["model"]
    for digest, status, told in (
        ("0" * 64, 404, "there is no model"),
        (running, 422, "is the same model; name another model of sensor"),
    ):
        refused = await operator.post(path, json=span | {"compare_with": digest})
        assert (refused.status_code, told in refused.json()["detail"]) == (status, True), refused.text


async def test_windows_of_maintenance_that_is_entered_later_count_for_nothing(runtime, operator, viewer, heard):
    _, bundle, columns, scores, span = heard
    path = f"/api/v1/models/{bundle.digest}/evaluations"

    async def evaluated(asked_of):
        asked = (await operator.post(path, json=span)).json()
        await work(asked_of)
        return (await viewer.get(f"{path}/{asked['id']}")).json()["report"]

    class Watched(Trainer):
        def __init__(self):
            super().__init__()
            self.done = []

        async def do(self, work, *arguments, **named):
            self.done.append(work.__name__)
            return await super().do(work, *arguments, **named)

    with contextlib.closing(Watched()) as trainer:
        before = await evaluated(replace(runtime, trainer=trainer))
    # All that takes a processor is done in the training process, and nothing of it where batches are taken.
    assert set(trainer.done[:-1]) == {"score"}
    assert trainer.done[-1] == "report"
    fleet = (await viewer.get("/api/v1/fleet")).json()["machines"]
    sensor = str(bundle.manifest.sensor)
    machine = next(each["id"] for each in fleet if any(card["id"] == sensor for card in each["sensors"]))
    # From within a window on, which is left out whole, up to where another begins, which is not.
    begin, end = columns.time_us[85] + WINDOW_US // 2, columns.time_us[100]
    note = {"machine_id": machine, "kind": "maintenance", "text": "Belt changed.", "start_us": begin, "end_us": end}
    assert (await operator.post("/api/v1/notes", json=note)).status_code == 201
    after = await evaluated(runtime)
    assert after["left_out"] == before["left_out"] | {"maintenance": 15}
    assert after["windows"] == before["windows"] - 15
    assert after["model"]["alarms"] == before["model"]["alarms"] - 1
    threshold = bundle.manifest.threshold.value
    kept = np.delete(scores[:197].astype(float), range(85, 100))
    assert after["model"]["over_threshold"] == pytest.approx((kept >= threshold).mean())
    # What the agent told of these windows is compared all the same: that is no assessment of the machine.
    assert after["stored_scores"] == before["stored_scores"]


async def test_without_windows_there_are_no_figures_and_too_many_are_refused(runtime, operator, heard, monkeypatch):
    _, bundle, _, _, span = heard
    path = f"/api/v1/models/{bundle.digest}/evaluations"
    empty = (await operator.post(path, json={"from_us": 1, "to_us": 2})).json()
    await work(runtime)
    found = (await operator.get(f"{path}/{empty['id']}")).json()
    assert (found["state"], found["report"]["windows"], found["report"]["model"]) == ("done", 0, None)
    monkeypatch.setattr(windows, "MOST_WINDOWS", 100)
    many = (await operator.post(path, json=span)).json()
    await work(runtime)
    found = (await operator.get(f"{path}/{many['id']}")).json()
    assert (found["state"], found["report"]) == ("failed", None)
    assert "more than 100 windows" in found["error"]


async def test_what_is_not_there_is_not_found(operator, heard):
    _, bundle, _, _, span = heard
    nobody = "0" * 64
    assert (await operator.post(f"/api/v1/models/{nobody}/evaluations", json=span)).status_code == 404
    made = (await operator.post(f"/api/v1/models/{bundle.digest}/evaluations", json=span)).json()
    assert (await operator.get(f"/api/v1/models/{nobody}/evaluations/{made['id']}")).status_code == 404
    wrong = {"from_us": 9, "to_us": 9}
    assert (await operator.post(f"/api/v1/models/{bundle.digest}/evaluations", json=wrong)).status_code == 422
