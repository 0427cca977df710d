"""The running level of a sensor: learned in training, set by a person, pushed with the model."""

import numpy as np
import pytest

from audiosense_collector.clock import now_us
from audiosense_common.bundle import open_bundle
from audiosense_common.features import SCHEMA_ID, SCHEMAS, column
from audiosense_common.wire import FeatureMatrix, RunningModel, Status

LEVEL = column(SCHEMA_ID, "rms_dbfs")


async def work(runtime):
    await runtime.jobs.run_worker_async(
        wait=False, install_signal_handlers=False, listen_notify=False, additional_context={"runtime": runtime}
    )


def windows(agent, levels, **options):
    """Columns whose windows have given RMS levels, noise elsewhere."""
    rng = np.random.default_rng(len(levels))
    matrix = rng.normal(-40, 3, (len(levels), len(SCHEMAS[SCHEMA_ID]))).astype(np.float16)
    matrix[:, LEVEL] = levels
    columns = agent.columns(len(levels), **options)
    return columns.model_copy(update={"features": FeatureMatrix.pack(SCHEMA_ID, matrix)})


def steady(count, seed=0):
    return np.random.default_rng(seed).normal(-30, 0.5, count)


async def offered(runtime, agent):
    """The bundle that the agent is told to run, fetched as it would."""
    ((_, wanted),) = (await agent.send(agent.batch()))["desired"].items()
    response = await agent.client.get(f"/api/v1/bundles/{wanted['digest']}", headers=agent.headers)
    return open_bundle(response.content, runtime.signing_key.public_keys())


async def trained(runtime, agent):
    await agent.send(agent.batch(windows(agent, steady(45))))
    await work(runtime)
    return await offered(runtime, agent)


async def runs(agent, bundle):
    (sensor,) = agent.sensors.values()
    model = RunningModel(digest=bundle.digest, version=bundle.manifest.bundle_version)
    await agent.send(agent.batch(running={sensor: model}))


async def read(browser, agent):
    (sensor,) = agent.sensors.values()
    fleet = (await browser.get("/api/v1/fleet")).json()["machines"]
    machine = next(each for each in fleet if sensor in {card["id"] for card in each["sensors"]})
    return (await browser.get(f"/api/v1/machines/{machine['id']}")).json()["sensors"][0]


async def change(browser, agent, **settings):
    (sensor,) = agent.sensors.values()
    response = await browser.patch(f"/api/v1/sensors/{sensor}", json=settings)
    assert response.status_code == 200, response.text


async def test_the_level_is_learned_and_shown(runtime, browser, make_agent):
    agent = await make_agent()
    assert (await read(browser, agent))["running"] == {
        "level_dbfs": None, "level": None, "origin": "learned", "learned_dbfs": None, "setting": None,
        "settling_windows": None, "settling_setting": None,
    }  # fmt: skip
    bundle = await trained(runtime, agent)
    await runs(agent, bundle)
    level = bundle.manifest.running_level_dbfs
    assert -40 < level < -36
    shown = (await read(browser, agent))["running"]
    assert (shown["level_dbfs"], shown["origin"], shown["settling_windows"]) == (level, "learned", 2)


async def test_a_level_that_is_set_reaches_the_agent_with_the_same_model(runtime, browser, make_agent):
    agent = await make_agent()
    first = await trained(runtime, agent)
    await runs(agent, first)
    await change(browser, agent, running_level_dbfs=-50, settling_windows=4)
    second = await offered(runtime, agent)
    assert (second.model, second.golden) == (first.model, first.golden)
    assert second.manifest.bundle_version == first.manifest.bundle_version + 1
    assert (second.manifest.running_level_dbfs, second.manifest.running.settling_windows) == (-50, 4)
    shown = (await read(browser, agent))["running"]
    assert (shown["level_dbfs"], shown["origin"], shown["settling_windows"]) == (-50, "set", 4)
    await change(browser, agent, running_level_dbfs=-50)
    assert (await offered(runtime, agent)).digest == second.digest, "what changes nothing is not pushed"
    await change(browser, agent, running_level_dbfs="off")
    assert (await offered(runtime, agent)).manifest.running_level_dbfs is None
    assert (await read(browser, agent))["running"]["level_dbfs"] is None
    await change(browser, agent, running_level_dbfs=None, settling_windows=None)
    last = (await offered(runtime, agent)).manifest
    assert (last.running_level_dbfs, last.running) == (first.manifest.running_level_dbfs, first.manifest.running)


async def test_a_level_that_is_set_holds_in_the_next_training_and_for_older_models(runtime, browser, make_agent):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    first = await trained(runtime, agent)
    await change(browser, agent, running_level_dbfs=-45)
    scored = {"status": Status.NORMAL, "score": 0.4, "start_us": now_us()}
    await agent.send(agent.batch(windows(agent, [*steady(30), *[-48.0] * 10], **scored)))
    await browser.post(f"/api/v1/sensors/{sensor}/train", json={"windows": 40})
    await work(runtime)
    trained_again = await offered(runtime, agent)
    assert trained_again.manifest.running_level_dbfs == -45
    assert trained_again.manifest.baseline.windows == 29, "standstill is left out, and the window before it"
    assert trained_again.manifest.evaluation["windows_at_rest"] == 11
    await browser.post(f"/api/v1/models/{first.digest}/push")
    assert (await offered(runtime, agent)).manifest.running_level_dbfs == -45


async def test_standstill_during_learning_is_left_out_of_the_first_model(runtime, browser, make_agent):
    agent = await make_agent()
    await change(browser, agent, baseline_windows=200)
    await agent.send(agent.batch(windows(agent, [*steady(70), *np.full(60, -55.0), *steady(70, 1)])))
    await work(runtime)
    manifest = (await offered(runtime, agent)).manifest
    assert manifest.evaluation["windows_at_rest"] == pytest.approx(63, abs=3)
    assert manifest.baseline.windows + manifest.evaluation["windows_at_rest"] == 200
    assert -55 < manifest.running_level_dbfs < -36


async def test_a_machine_that_stood_still_while_it_was_learned_is_told_and_learned_once_it_ran(
    runtime, browser, make_agent
):
    agent = await make_agent()
    await change(browser, agent, running_level_dbfs=-40)
    await agent.send(agent.batch(windows(agent, np.full(40, -70.0), start_us=now_us() - 600_000_000)))
    await work(runtime)
    assert (await agent.send(agent.batch()))["desired"] == {}
    assert "ran in 0 of 40 windows" in (await read(browser, agent))["training_error"]
    await agent.send(agent.batch(windows(agent, steady(40))))
    await work(runtime)
    assert (await offered(runtime, agent)).manifest.baseline.windows == 40


async def test_the_agents_own_level_stands_over_the_one_set_here(runtime, browser, make_agent, register):
    agent = await make_agent(register(running_level_dbfs=-48.5, machine="Own level"))
    assert (await read(browser, agent))["running"]["origin"] == "agent"
    bundle = await trained(runtime, agent)
    await change(browser, agent, running_level_dbfs=-20)
    assert (await offered(runtime, agent)).manifest.running_level_dbfs == -48.5
    await agent.client.put(
        "/api/v1/agent/sensors", json={"sensors": [register(machine="Own level")]}, headers=agent.headers
    )
    shown = (await read(browser, agent))["running"]
    assert (shown["level_dbfs"], shown["origin"], shown["setting"]) == (-20, "set", -20)
    assert bundle.manifest.running.learned_dbfs != -48.5


@pytest.mark.parametrize("level", [-201, 1, "on", True])
async def test_a_level_that_is_none_is_refused(browser, make_agent, level):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    response = await browser.patch(f"/api/v1/sensors/{sensor}", json={"running_level_dbfs": level})
    assert response.status_code == 422
    assert "running_level_dbfs" in response.json()["errors"][0]["loc"]
