"""From stored measurements to a model that an agent is offered."""

import asyncio
import multiprocessing
import os
import signal
import uuid
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from audiosense_collector.clock import now_us
from audiosense_common.bundle import open_bundle
from audiosense_common.features import FEATURES, SCHEMA_ID, SCHEMAS
from audiosense_common.wire import FeatureMatrix, RunningModel, Status

LIMIT_S = 180


async def work(runtime):
    await runtime.jobs.run_worker_async(
        wait=False, install_signal_handlers=False, listen_notify=False, additional_context={"runtime": runtime}
    )


async def read_detail(browser, agent):
    fleet = (await browser.get("/api/v1/fleet")).json()["machines"]
    own = set(agent.sensors.values())
    machine = next(each for each in fleet if own & {card["id"] for card in each["sensors"]})
    return (await browser.get(f"/api/v1/machines/{machine['id']}")).json()["sensors"][0]


async def read_card(browser, sensor):
    fleet = (await browser.get("/api/v1/fleet")).json()["machines"]
    return next(card for machine in fleet for card in machine["sensors"] if card["id"] == sensor)


async def test_a_complete_baseline_becomes_a_model_that_the_agent_is_offered(runtime, browser, make_agent, dump):
    agent = await make_agent()
    sensor = next(iter(agent.sensors.values()))
    assert (await agent.send(agent.batch(agent.columns(39))))["desired"] == {}
    await agent.send(agent.batch(agent.columns(10)))
    await work(runtime)
    wanted = (await agent.send(agent.batch()))["desired"][sensor]

    response = await agent.client.get(f"/api/v1/bundles/{wanted['digest']}", headers=agent.headers)
    bundle = open_bundle(response.content, runtime.signing_key.public_keys())
    assert response.headers["content-type"] == "application/zip"
    assert "immutable" in response.headers["cache-control"]
    for named, code in ((response.headers["etag"], 304), ('"other"', 200)):
        path, headers = f"/api/v1/bundles/{wanted['digest']}", agent.headers | {"If-None-Match": named}
        again = await agent.client.get(path, headers=headers)
        assert (again.status_code, again.headers["etag"]) == (code, response.headers["etag"])
        assert again.content == (b"" if code == 304 else response.content)
    assert bundle.digest == wanted["digest"]
    assert bundle.manifest.bundle_version == wanted["version"] == 1
    assert bundle.manifest.baseline.windows == 40
    assert str(bundle.manifest.sensor) == sensor

    (model,) = (await browser.get("/api/v1/models", params={"sensor": sensor})).json()["items"]
    assert model["state"] == "offered"
    await agent.send(agent.batch(running={sensor: RunningModel(digest=wanted["digest"], version=1)}))
    card = await read_card(browser, sensor)
    assert card["learning"] is None
    assert card["heuristic_flag"] is None
    assert card["model_digest"] == wanted["digest"]
    assert card["threshold"] == pytest.approx(model["threshold"]["value"])


async def test_a_model_on_probation_is_shown_and_one_that_was_sent_back_is_not_in_use(runtime, browser, make_agent):
    agent = await make_agent()
    sensor = next(iter(agent.sensors.values()))
    await agent.send(agent.batch(agent.columns(45)))
    await work(runtime)
    wanted = (await agent.send(agent.batch()))["desired"][sensor]

    async def shown(**running):
        await agent.send(agent.batch(running={sensor: RunningModel(**running)}))
        (model,) = (await browser.get("/api/v1/models", params={"sensor": sensor})).json()["items"]
        return model["state"], model["on_probation"], model["refused_reason"]

    runs = {"digest": wanted["digest"], "version": 1}
    assert await shown(**runs) == ("running", False, None), "an agent of the release before does not say"
    assert await shown(**runs, state="probation") == ("running", True, None)
    assert await shown(**runs, state="committed") == ("running", False, None)
    reason = "probation:alarm_rate: it calls 60 of 60 windows anomalous"
    assert await shown(refused=wanted["digest"], reason=reason) == ("refused", False, reason)
    assert (await read_card(browser, sensor))["model_digest"] is None


async def test_other_agents_do_not_get_the_bundle(runtime, make_agent):
    agent, other = await make_agent(), await make_agent()
    await agent.send(agent.batch(agent.columns(45)))
    await work(runtime)
    ((_, wanted),) = (await agent.send(agent.batch()))["desired"].items()
    url = f"/api/v1/bundles/{wanted['digest']}"
    assert (await other.client.get(url, headers=other.headers)).status_code == 404
    assert (await other.client.get(url)).status_code == 401


async def test_a_training_by_hand_takes_the_newest_windows_and_an_old_model_can_be_pushed_again(
    runtime, browser, make_agent
):
    agent = await make_agent()
    sensor = next(iter(agent.sensors.values()))
    await agent.send(agent.batch(agent.columns(45)))
    await work(runtime)
    await agent.send(agent.batch(agent.columns(30, status=Status.NORMAL, score=0.4)))
    response = await browser.post(f"/api/v1/sensors/{sensor}/train", json={"windows": 50, "percentile": 90})
    assert response.status_code == 202
    again = await browser.post(f"/api/v1/sensors/{sensor}/train", json={})
    assert again.status_code == 409
    await work(runtime)
    job = (await browser.get(f"/api/v1/jobs/{response.json()['job_id']}")).json()
    assert (job["status"], job["error"]) == ("succeeded", None)
    new, old = (await browser.get("/api/v1/models", params={"sensor": sensor})).json()["items"]
    assert (new["version"], old["version"]) == (2, 1)
    assert new["baseline"]["windows"] == 50
    assert new["threshold"]["parameters"]["percentile"] == 90

    pushed = (await browser.post(f"/api/v1/models/{old['digest']}/push")).json()
    assert pushed["version"] == 3
    assert pushed["threshold"] == old["threshold"]
    wanted = (await agent.send(agent.batch()))["desired"][sensor]
    assert wanted == {"digest": pushed["digest"], "version": 3}
    kept = (await browser.post(f"/api/v1/models/{pushed['digest']}/push")).json()
    assert kept["digest"] == pushed["digest"]


async def test_the_threshold_keeps_the_narrowest_budget_that_was_set(runtime, browser, make_agent):
    agent = await make_agent()
    sensor = next(iter(agent.sensors.values()))
    await agent.send(agent.batch(agent.columns(45)))
    await work(runtime)
    changed = await browser.patch(f"/api/v1/sensors/{sensor}", json={"false_alarms_per_week": 7})
    assert changed.status_code == 200
    for request, expected in (({}, 7), ({"false_alarms_per_week": 14}, 14), ({"percentile": 90}, None)):
        await browser.post(f"/api/v1/sensors/{sensor}/train", json=request)
        await work(runtime)
        newest, *_ = (await browser.get("/api/v1/models", params={"sensor": sensor})).json()["items"]
        assert newest["threshold"]["parameters"].get("false_alarms_per_week") == expected
    first = (await browser.get("/api/v1/models", params={"sensor": sensor})).json()["items"][-1]
    assert first["threshold"]["parameters"]["false_alarms_per_week"] == 1
    both = await browser.post(f"/api/v1/sensors/{sensor}/train", json={"percentile": 90, "false_alarms_per_week": 1})
    assert both.status_code == 422
    assert "leave one of them out" in both.text


async def test_windows_that_cannot_give_a_model_fail_with_their_reason(runtime, browser, make_agent):
    agent = await make_agent()
    sensor = next(iter(agent.sensors.values()))
    await agent.send(agent.batch(agent.columns(5)))
    response = await browser.post(f"/api/v1/sensors/{sensor}/train", json={"windows": 5})
    await work(runtime)
    job = (await browser.get(f"/api/v1/jobs/{response.json()['job_id']}")).json()
    assert job["status"] == "failed"
    assert "5 windows" in job["error"]
    machine = next(
        m for m in (await browser.get("/api/v1/fleet")).json()["machines"] if m["sensors"][0]["id"] == sensor
    )
    detail = (await browser.get(f"/api/v1/machines/{machine['id']}")).json()
    assert detail["sensors"][0]["training_error"] == job["error"]


async def test_what_does_not_exist_is_not_trained(browser):
    response = await browser.post(f"/api/v1/sensors/{uuid.uuid4()}/train", json={})
    assert response.status_code == 404
    assert (await browser.get("/api/v1/jobs/999999")).status_code == 404
    assert (await browser.post(f"/api/v1/models/{'0' * 64}/push")).status_code == 404


async def test_requests_are_answered_while_a_model_is_trained(runtime, browser, make_agent):
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(45)))
    training = asyncio.create_task(work(runtime))
    answered = 0
    async with asyncio.timeout(LIMIT_S):
        while not training.done():
            assert (await browser.get("/api/v1/system")).status_code == 200
            answered += 1
    await training
    assert answered > 5


async def test_a_baseline_that_grows_while_its_training_waits_is_queued_once(runtime, make_agent):
    agent = await make_agent()
    for _ in range(5):
        assert (await agent.send(agent.batch(agent.columns(40))))["stored"] == 40
    (sensor,) = agent.sensors.values()
    jobs = [
        job for job in await runtime.jobs.job_manager.list_jobs_async() if job.task_kwargs.get("sensor_id") == sensor
    ]
    assert [job.status for job in jobs] == ["todo"]


async def kill_trainer_of(runtime, browser, agent):
    """Queue a training whose process is killed; return the worker at its second try, once the failure is told."""
    await work(runtime)  # what the module's other tests left waiting must not meet the killed process
    await agent.send(agent.batch(agent.columns(45)))
    runtime.trainer._pool = pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    os.kill(pool.submit(os.getpid).result(LIMIT_S), signal.SIGKILL)
    worker = asyncio.create_task(work(runtime))
    async with asyncio.timeout(LIMIT_S):
        while "killed" not in ((await read_detail(browser, agent))["training_error"] or ""):  # noqa: ASYNC110 - a database row
            await asyncio.sleep(0.02)
    return worker


async def test_a_training_process_that_is_killed_is_told_and_replaced(runtime, browser, make_agent):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    worker = await kill_trainer_of(runtime, browser, agent)
    async with asyncio.timeout(LIMIT_S):
        await worker
    assert (await read_detail(browser, agent))["training_error"] is None
    assert (await agent.send(agent.batch()))["desired"][sensor]["version"] == 2


async def test_a_training_that_is_tried_again_does_not_collide_with_one_that_waits(runtime, browser, make_agent):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    worker = await kill_trainer_of(runtime, browser, agent)
    waiting = await browser.post(f"/api/v1/sensors/{sensor}/train", json={})
    assert waiting.status_code == 202
    async with asyncio.timeout(LIMIT_S):
        await worker
        await work(runtime)
    assert (await browser.get(f"/api/v1/jobs/{waiting.json()['job_id']}")).json()["status"] == "succeeded"
    assert (await agent.send(agent.batch()))["desired"][sensor]["version"] == 3


def with_course(columns, course):
    """The same windows of a steady machine, at levels that follow a course (windows,) in decibels."""
    names = SCHEMAS[SCHEMA_ID]
    levels = np.array([FEATURES[name].unit == "dBFS" for name in names])
    matrix = np.random.default_rng(0).normal(-40, 0.5, (len(columns.seq), len(names))) + np.outer(course, levels)
    return columns.model_copy(update={"features": FeatureMatrix.pack(SCHEMA_ID, matrix.astype(np.float16))})


async def train_by_hand(runtime, browser, sensor, **request):
    response = await browser.post(f"/api/v1/sensors/{sensor}/train", json=request)
    await work(runtime)
    return (await browser.get(f"/api/v1/jobs/{response.json()['job_id']}")).json()


async def test_a_drifting_baseline_is_refused_unless_that_is_accepted(runtime, browser, make_agent):
    agent = await make_agent()
    sensor = next(iter(agent.sensors.values()))
    await agent.send(agent.batch(with_course(agent.columns(80, status=Status.NORMAL), np.linspace(0, 12, 80))))
    refused = await train_by_hand(runtime, browser, sensor, windows=80)
    assert refused["status"] == "failed"
    assert "still drifts: its level rose by" in refused["error"]
    assert (await read_detail(browser, agent))["training_error"] == refused["error"]
    assert (await train_by_hand(runtime, browser, sensor, windows=80, accept_drift=True))["status"] == "succeeded"
    assert (await read_detail(browser, agent))["training_error"] is None


async def test_after_a_baseline_that_was_refused_the_newest_windows_are_tried(runtime, browser, make_agent):
    agent = await make_agent()
    earlier_us = now_us() - 600_000_000
    await agent.send(agent.batch(with_course(agent.columns(40, start_us=earlier_us), np.full(40, -80))))
    await work(runtime)
    assert "is silent" in (await read_detail(browser, agent))["training_error"]
    await agent.send(agent.batch(with_course(agent.columns(40), np.zeros(40))))
    await work(runtime)
    detail = await read_detail(browser, agent)
    assert detail["training_error"] is None
    (model,) = detail["models"]
    assert model["baseline"]["windows"] == 40
    [mode] = model["baseline"]["modes"]
    assert mode["level_dbfs"] == pytest.approx(-40, abs=1)


async def test_windows_of_a_machine_at_rest_are_not_learnt(runtime, browser, make_agent):
    agent = await make_agent()
    sensor = next(iter(agent.sensors.values()))
    await agent.send(agent.batch(agent.columns(30, status=Status.NORMAL), agent.columns(30, status=Status.STOPPED)))
    await browser.post(f"/api/v1/sensors/{sensor}/train", json={"windows": 60})
    await work(runtime)
    [model] = (await browser.get("/api/v1/models", params={"sensor": sensor})).json()["items"]
    assert model["baseline"]["windows"] == 30


async def upgrade(agent, register, **changes):
    (name,) = agent.sensors
    body = {"sensors": [register(name, machine=f"Fan {agent.id}", **changes)]}
    response = await agent.client.put("/api/v1/agent/sensors", json=body, headers=agent.headers)
    assert response.status_code == 200, response.text


async def test_an_agent_of_the_release_before_gets_a_model_of_its_own_schema(runtime, browser, make_agent, register):
    agent = await make_agent(register(machine=f"Fan {uuid.uuid4()}", schema="audiosense-1"))
    await agent.send(agent.batch(agent.columns(45, schema="audiosense-1")))
    await work(runtime)
    ((_, wanted),) = (await agent.send(agent.batch()))["desired"].items()
    response = await agent.client.get(f"/api/v1/bundles/{wanted['digest']}", headers=agent.headers)
    bundle = open_bundle(response.content, runtime.signing_key.public_keys())
    assert bundle.manifest.schema_id == "audiosense-1"
    assert {need.name for need in bundle.manifest.features} <= set(SCHEMAS["audiosense-1"])


async def test_an_upgraded_agent_keeps_its_model_and_is_trained_on_windows_of_the_new_schema(
    runtime, browser, make_agent, register
):
    agent = await make_agent(register(machine=f"Fan {uuid.uuid4()}", schema="audiosense-1"))
    (sensor,) = agent.sensors.values()
    await agent.send(agent.batch(agent.columns(45, schema="audiosense-1")))
    await work(runtime)
    before = (await agent.send(agent.batch()))["desired"][sensor]
    await upgrade(agent, register)
    scored = {"status": Status.NORMAL, "score": 0.4}
    backlog, fresh = agent.columns(20, schema="audiosense-1", **scored), agent.columns(30, **scored)
    answer = await agent.send(agent.batch(backlog, fresh))
    assert (answer["stored"], answer["desired"][sensor]) == (50, before)
    assert (await browser.post(f"/api/v1/sensors/{sensor}/train", json={"windows": 60})).status_code == 202
    await work(runtime)
    newest, *_ = (await browser.get("/api/v1/models", params={"sensor": sensor})).json()["items"]
    assert newest["baseline"]["windows"] == 30


async def test_an_agent_upgraded_while_it_learns_learns_again_on_the_new_schema(runtime, make_agent, register):
    agent = await make_agent(register(machine=f"Fan {uuid.uuid4()}", schema="audiosense-1"))
    await agent.send(agent.batch(agent.columns(30, schema="audiosense-1")))
    await upgrade(agent, register)
    later = now_us() + 1_000_000
    await agent.send(agent.batch(agent.columns(30, schema="audiosense-1"), agent.columns(39, start_us=later)))
    await work(runtime)
    assert (await agent.send(agent.batch()))["desired"] == {}
    await agent.send(agent.batch(agent.columns(1, start_us=later + 300_000_000)))
    await work(runtime)
    assert len((await agent.send(agent.batch()))["desired"]) == 1


async def test_an_agent_set_back_to_the_release_before_learns_again(runtime, make_agent, register):
    agent = await make_agent(register(machine=f"Fan {uuid.uuid4()}"))
    await agent.send(agent.batch(agent.columns(45)))
    await work(runtime)
    assert len((await agent.send(agent.batch()))["desired"]) == 1
    await upgrade(agent, register, schema="audiosense-1")
    assert (await agent.send(agent.batch()))["desired"] == {}
