"""Jobs that are taken over, given up, and told of."""

import contextlib
import uuid

import pytest
from sqlalchemy import text

from audiosense_collector.jobs import make_jobs
from audiosense_collector.queue import fencing, recovery
from audiosense_collector.queue.progress import Attempt
from audiosense_collector.queue.worker import queues_of
from audiosense_collector.runtime import open_runtime
from audiosense_collector.training import service
from audiosense_common.bundle import open_bundle

FETCH = """
WITH own AS (
    INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - :age * interval '1 second') RETURNING id
)
SELECT (procrastinate_fetch_job_v2(NULL, (SELECT id FROM own))).id
"""


async def queue_training(runtime, make_agent, agent=None):
    agent = agent or await make_agent()
    (sensor,) = agent.sensors.values()
    async with runtime.sessions.begin() as session:
        job = await service.request_by_hand(session, runtime.jobs, uuid.UUID(sensor), service.Request())
    return agent, job


async def fetch(runtime, *, age):
    """Take a job as a worker that gave its last sign of life ``age`` seconds ago."""
    async with runtime.sessions.begin() as session:
        found = await session.scalar(text(FETCH), {"age": age})
    return next(iter(await runtime.jobs.job_manager.list_jobs_async(id=found)))


async def read(browser, job):
    return (await browser.get(f"/api/v1/jobs/{job}")).json()


@pytest.fixture(autouse=True)
async def _empty(runtime):
    async with runtime.sessions.begin() as session:
        await session.execute(text("TRUNCATE procrastinate_jobs, job_progress CASCADE"))


async def test_a_job_whose_worker_died_waits_again_and_is_given_up_after_three_attempts(runtime, browser, make_agent):
    agent, job = await queue_training(runtime, make_agent)
    for attempt in range(recovery.MAX_ATTEMPTS):
        assert (await read(browser, job))["attempts"] == attempt
        async with runtime.sessions.begin() as session:
            await session.execute(text("UPDATE procrastinate_jobs SET scheduled_at = NULL"))
        taken = await fetch(runtime, age=600)
        assert taken.id == job
        assert (await read(browser, job))["state"] == "running"
        waiting = [await recovery.recover(runtime.jobs, runtime.sessions, 20) for _ in range(2)]
        assert waiting == ([1, 0] if attempt < 2 else [0, 0])
    given_up = await read(browser, job)
    assert (given_up["state"], given_up["attempts"]) == ("failed", 3)
    assert "died or hung in each of 3 attempts" in given_up["error"]
    _, other = await queue_training(runtime, make_agent, agent)
    assert (await fetch(runtime, age=0)).id == other, "it does not block the queue"


async def test_a_job_whose_worker_died_ends_if_another_one_waits(runtime, browser, make_agent):
    agent, job = await queue_training(runtime, make_agent)
    await fetch(runtime, age=600)
    _, other = await queue_training(runtime, make_agent, agent)
    assert await recovery.recover(runtime.jobs, runtime.sessions, 20) == 0
    assert [(await read(browser, each))["state"] for each in (job, other)] == ["failed", "waiting"]


async def test_an_attempt_that_was_taken_for_dead_changes_nothing_and_its_successor_pushes_one_model(
    runtime, browser, make_agent
):
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(39)))
    await agent.send(agent.batch(agent.columns(1)))
    first = await fetch(runtime, age=600)
    sensor = uuid.UUID(first.task_kwargs["sensor_id"])
    stalled = Attempt(runtime.sessions, first)
    await stalled.start()
    assert await recovery.recover(runtime.jobs, runtime.sessions, 20) == 1
    manager = runtime.jobs.job_manager
    await manager.finish_job(first, fencing.Status.SUCCEEDED, delete_job=False)
    assert (await read(browser, first.id))["state"] == "waiting", "the queue alone would have ended it"
    second = await fetch(runtime, age=0)
    successor = Attempt(runtime.sessions, second)
    await successor.start()
    with pytest.raises(fencing.TakenOverError, match="given to another worker"):
        await service.train(runtime, sensor, service.Request(), attempt=stalled)
    await stalled.end("late")
    await manager.retry_job(first)
    assert (await read(browser, first.id))["state"] == "running"
    await service.train(runtime, sensor, service.Request(), attempt=successor)
    done = await read(browser, first.id)
    assert (done["state"], done["attempts"], done["error"], done["progress"]) == ("done", 2, None, 1.0)
    await manager.finish_job(second, fencing.Status.FAILED, delete_job=False)
    assert (await read(browser, first.id))["state"] == "done"
    models = (await browser.get("/api/v1/models", params={"sensor": str(sensor)})).json()["items"]
    assert [model["state"] for model in models] == ["offered"]


@pytest.fixture
async def remote(settings, database_url, tmp_path):
    """What a worker on another host has open."""
    elsewhere = settings.model_copy(update={"data_dir": tmp_path / "elsewhere"})
    async with open_runtime(elsewhere, database_url, make_jobs(database_url), local=False) as opened:
        yield opened


async def do_all(runtime, queues=None):
    await runtime.jobs.run_worker_async(
        wait=False,
        queues=queues,
        install_signal_handlers=False,
        listen_notify=False,
        additional_context={"runtime": runtime},
    )


async def test_a_worker_without_the_key_has_its_model_signed_where_the_key_is(runtime, remote, browser, make_agent):
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(45)))
    assert {"training", "default"} <= set(queues_of(remote))
    assert not {"signing", "clips", "notifications"} & set(queues_of(remote))
    await do_all(remote, queues_of(remote))
    assert not remote.settings.data_dir.exists()
    assert (await agent.send(agent.batch()))["desired"] == {}
    page = (await browser.get("/api/v1/jobs", params={"state": "waiting", "kind": "sign"})).json()
    (waiting,) = page["items"]
    await do_all(runtime)
    assert (await read(browser, waiting["id"]))["state"] == "done"
    (wanted,) = (await agent.send(agent.batch()))["desired"].values()
    response = await agent.client.get(f"/api/v1/bundles/{wanted['digest']}", headers=agent.headers)
    bundle = open_bundle(response.content, runtime.signing_key.public_keys())
    assert bundle.manifest.signing_key == runtime.signing_key.key_id
    async with runtime.sessions() as session:
        assert await session.scalar(text("SELECT count(*) FROM unsigned_model")) == 0


async def test_jobs_are_listed_by_page_state_kind_and_sensor_with_their_real_steps(runtime, browser, make_agent):
    await runtime.hub.start()
    await runtime.hub.listening.wait()
    messages = runtime.hub.messages()
    await anext(messages)
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(45)))
    (sensor,) = agent.sensors.values()
    _, job = await queue_training(runtime, make_agent)
    await do_all(runtime)
    (trained,) = (await browser.get("/api/v1/jobs", params={"sensor": sensor, "kind": "train"})).json()["items"]
    assert (trained["state"], trained["progress"], trained["error"]) == ("done", 1.0, None)
    assert trained["queued_us"] <= trained["started_us"] <= trained["finished_us"]
    failed = (await browser.get("/api/v1/jobs", params={"state": "failed"})).json()
    assert [each["id"] for each in failed["items"]] == [job]
    assert "0 windows" in failed["items"][0]["error"]
    told = []
    while not told or told[-1][0] != "failed":
        message = await anext(messages)
        if message.event == "job":
            told.append((message.data["state"], message.data["step"], message.data["sensor_id"]))
    assert ("running", "reading", sensor) in told
    assert ("done", None, sensor) in told
    pages, before = [], None
    with contextlib.suppress(StopIteration):
        while True:
            asked = {"limit": 1} | ({} if before is None else {"before": before})
            page = (await browser.get("/api/v1/jobs", params=asked)).json()
            pages += [each["id"] for each in page["items"]]
            before = page["next"]
            if before is None:
                break
    assert pages == sorted(set(pages), reverse=True)
    assert {trained["id"], job} <= set(pages)


async def test_a_fleet_is_trained_by_one_job_for_each_sensor(runtime, browser, make_agent, register):
    machine = f"Mill {uuid.uuid4()}"
    agent = await make_agent(*[register(name=f"spot-{number}", machine=machine) for number in range(3)])
    names = sorted(agent.sensors.values())
    one = await browser.post("/api/v1/training", json={"sensors": names[:1]})
    assert list(one.json()["jobs"]) == names[:1]
    fleet = (await browser.get("/api/v1/fleet")).json()["machines"]
    (mill,) = [each["id"] for each in fleet if each["name"] == machine]
    three = (await browser.post("/api/v1/training", json={"machines": [mill], "windows": 30})).json()
    assert (sorted(three["jobs"]), three["waiting"]) == (names[1:], 1)
    everything = (await browser.post("/api/v1/training", json={"all": True})).json()
    assert everything["waiting"] == 3
    assert not set(names) & set(everything["jobs"])
    for wrong in ({}, {"all": True, "machines": [mill]}):
        assert (await browser.post("/api/v1/training", json=wrong)).status_code == 422
    assert (await browser.post("/api/v1/training", json={"sites": [str(uuid.uuid4())]})).status_code == 404
