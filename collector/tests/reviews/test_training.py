"""What reviews leave out of the next baseline, and what they keep in it although it looks odd."""

from uuid import uuid4

import numpy as np
import pytest

from audiosense_collector.clock import now_us
from audiosense_collector.training.quality.examine import examine
from audiosense_common.bundle import open_bundle
from audiosense_common.features import SCHEMA_ID, SCHEMAS
from audiosense_common.wire import Event, FeatureMatrix, Status

WINDOW_US = 5_000_000
WINDOWS = 160
ODD_DB = 25.0
# Windows that sound unlike the rest: a fault, and somebody beside the machine; 2 % of all, so they are sudden noises.
SHAPE = [place for place, name in enumerate(SCHEMAS[SCHEMA_ID]) if name.startswith(("mel_", "third_"))]
FAULT, PEOPLE = slice(60, 63), slice(100, 103)


async def work(runtime):
    await runtime.jobs.run_worker_async(
        wait=False, install_signal_handlers=False, listen_notify=False, additional_context={"runtime": runtime}
    )


@pytest.fixture
async def heard(make_agent):
    """An agent, its sensor, when its windows begin, and events of two odd spans of them."""
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    start = now_us() - WINDOWS * WINDOW_US
    columns = agent.columns(WINDOWS, start_us=start, status=Status.NORMAL, score=0.4)
    matrix = np.random.default_rng(3).normal(-40, 3, (WINDOWS, len(SCHEMAS[SCHEMA_ID])))
    matrix[FAULT, SHAPE[::2]] += ODD_DB
    matrix[PEOPLE, SHAPE[1::2]] += ODD_DB
    columns = columns.model_copy(update={"features": FeatureMatrix.pack(SCHEMA_ID, matrix.astype(np.float16))})
    events = [
        Event(
            id=uuid4(),
            sensor=sensor,
            revision=1,
            state="close",
            start_us=start + span.start * WINDOW_US,
            end_us=start + span.stop * WINDOW_US,
            peak_us=start + span.start * WINDOW_US,
            peak_score=0.9,
            threshold=0.6,
            windows=3,
            model="ab" * 32,
        )
        for span in (FAULT, PEOPLE)
    ]
    await agent.send(agent.batch(columns, events=events))
    return agent, sensor, events


async def train(runtime, browser, agent, sensor):
    response = await browser.post(f"/api/v1/sensors/{sensor}/train", json={"windows": 150, "percentile": 95})
    assert response.status_code == 202, response.text
    await work(runtime)
    job = (await browser.get(f"/api/v1/jobs/{response.json()['job_id']}")).json()
    assert job["status"] == "succeeded", job["error"]
    wanted = (await agent.send(agent.batch()))["desired"][sensor]
    response = await agent.client.get(f"/api/v1/bundles/{wanted['digest']}", headers=agent.headers)
    return open_bundle(response.content, runtime.signing_key.public_keys()).manifest


async def say(browser, event, verdict, cause, **more):
    body = {"events": [str(event.id)], "verdict": verdict, "cause": cause} | more
    response = await browser.post("/api/v1/reviews", json=body)
    assert response.status_code == 200, response.text
    return response.json()["entries"][0]["id"]


async def test_the_next_baseline_leaves_faults_out_and_keeps_false_alarms_in(runtime, browser, heard):
    agent, sensor, (fault, people) = heard
    before = await train(runtime, browser, agent, sensor)
    assert (before.baseline.windows, before.baseline.left_out) == (144, 6), "sudden noises, both of them"

    await say(browser, fault, "confirmed", "bearing")
    await say(browser, people, "false_alarm", "people")
    after = await train(runtime, browser, agent, sensor)
    assert after.evaluation["windows_left_out_by_review"] == 3
    assert after.evaluation["windows_kept_by_review"] == 3
    # Older windows take the place of the fault's; nothing of what is left looks odd.
    assert (after.baseline.windows, after.baseline.left_out) == (150, 0)
    assert before.baseline.from_us - after.baseline.from_us == 3 * WINDOW_US
    spread = np.array(after.baseline.location) - np.array(before.baseline.location)
    assert np.any(spread != 0), "another baseline gives another model"


async def test_what_was_expected_is_left_out_unless_it_is_to_be_known_and_undoing_brings_it_back(
    runtime, browser, heard
):
    agent, sensor, (first, second) = heard
    await say(browser, first, "expected", "maintenance")
    start_up = await say(browser, second, "expected", "start_up", kept=True)
    model = await train(runtime, browser, agent, sensor)
    assert (model.baseline.windows, model.baseline.left_out) == (150, 0)
    assert model.evaluation["windows_kept_by_review"] == 3
    assert (await browser.post("/api/v1/reviews/undo", json={"verdicts": [start_up]})).status_code == 200
    model = await train(runtime, browser, agent, sensor)
    assert (model.baseline.windows, model.baseline.left_out) == (147, 3), "a sudden noise again"
    assert model.evaluation["windows_kept_by_review"] == 0


def test_a_vouched_window_stays_whatever_it_looks_like():
    names = SCHEMAS[SCHEMA_ID]
    windows = np.random.default_rng(3).normal(-40, 3, (WINDOWS, len(names)))
    windows[PEOPLE, SHAPE[1::2]] += ODD_DB
    assert examine(windows, names).left_out == 3
    vouched = np.zeros(WINDOWS, np.bool_)
    vouched[PEOPLE] = True
    found = examine(windows, names, vouched)
    assert (found.left_out, found.odd) == (0, 0)
