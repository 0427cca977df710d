"""From probes on an agent to what the sensor's page says of them, and to a detector that was chosen by them."""

import gzip
from dataclasses import replace
from uuid import uuid4

import numpy as np
import pytest
import zstandard

from audiosense_collector.app import create_agent_app
from audiosense_collector.clock import now_us
from audiosense_common.bundle import open_bundle
from audiosense_common.features import SCHEMA_ID
from audiosense_common.wire import FeatureMatrix, ProbeColumns

KINDS = ["tone", "hiss_high"]
LEVELS = [-6.0, 0.0, 6.0]


def probes(columns, *, sources=12, loudness=30.0, **changes):
    """Make probes of some windows: what is added to every feature grows with the level."""
    clean = columns.features.unpack().astype(float)
    rows = [(place, kind, level) for place in range(sources) for kind in (0, 1) for level in LEVELS]
    added = {-6.0: 0.0, 0.0: loudness / 2, 6.0: loudness}
    rng = np.random.default_rng(0)
    mixed = np.stack([clean[place] + added[level] * rng.choice((-1, 1), clean.shape[1]) for place, _, level in rows])
    content = {
        "sensor": columns.sensor,
        "seed": 7,
        "kinds": KINDS,
        "kind": [kind for _, kind, _ in rows],
        "level_db": [level for *_, level in rows],
        "window_us": [columns.time_us[place] for place, *_ in rows],
        "features": FeatureMatrix.pack(SCHEMA_ID, mixed.astype(np.float16)),
    }
    return ProbeColumns(**content | changes)


async def post(agent, message, **headers):
    content = message if isinstance(message, bytes) else message.model_dump_json(by_alias=True).encode()
    return await agent.client.post("/api/v1/probes", content=content, headers=agent.headers | headers)


async def work(runtime):
    await runtime.jobs.run_worker_async(
        wait=False, install_signal_handlers=False, listen_notify=False, additional_context={"runtime": runtime}
    )


async def read(browser, sensor):
    response = await browser.get(f"/api/v1/sensors/{sensor}/detectability")
    assert response.status_code == 200, response.text
    return response.json()


async def list_models(browser, sensor):
    return (await browser.get("/api/v1/models", params={"sensor": sensor})).json()["items"]


@pytest.fixture
async def learnt(runtime, make_agent):
    """An agent whose sensor has its first model, the sensor, and the windows that it was made from."""
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    columns = agent.columns(40)
    answer = await agent.send(agent.batch(columns))
    assert answer["probes_wanted"] == []
    await work(runtime)
    return agent, sensor, columns


async def test_probes_are_asked_for_once_there_is_a_model_and_until_they_are_there(runtime, browser, learnt):
    agent, sensor, columns = learnt
    assert (await read(browser, sensor))["state"] == "waiting"
    for _ in range(2):
        assert (await agent.send(agent.batch()))["probes_wanted"] == [sensor]
    response = await post(agent, probes(columns))
    assert (response.status_code, response.json()) == (200, {"stored": 72})
    assert (await agent.send(agent.batch()))["probes_wanted"] == []
    assert (await read(browser, sensor))["state"] == "computing"
    await work(runtime)
    found = await read(browser, sensor)
    (model,) = await list_models(browser, sensor)
    assert found["state"] == "known"
    assert (found["digest"], found["version"], found["detector"]) == (model["digest"], 1, "ensemble")
    assert found["report"]["windows"] == 12
    assert found["report"]["threshold"] == model["threshold"]["value"]
    assert 0 <= found["report"]["false_alarm_rate"] < 0.2
    for kind in found["report"]["kinds"]:
        assert [level["level_db"] for level in kind["levels"]] == LEVELS
        assert kind["levels"][0]["share"] < 0.5 < kind["levels"][2]["share"]
        assert -6 < kind["heard_from_db"] <= 6
    assert model["heard_from_db"] == {kind["kind"]: kind["heard_from_db"] for kind in found["report"]["kinds"]}


async def test_a_later_model_is_told_what_it_hears_by_its_own_training(runtime, browser, learnt):
    agent, sensor, columns = learnt
    await post(agent, probes(columns))
    await work(runtime)
    await browser.post(f"/api/v1/sensors/{sensor}/train", json={"windows": 30})
    await work(runtime)
    new, old = await list_models(browser, sensor)
    assert set(new["heard_from_db"]) == set(old["heard_from_db"]) == set(KINDS)
    await browser.post(f"/api/v1/models/{old['digest']}/push")
    pushed, *_ = await list_models(browser, sensor)
    assert pushed["version"] == 3
    assert pushed["heard_from_db"] == old["heard_from_db"]


async def test_with_auto_the_detector_is_chosen_anew_from_the_same_windows_and_only_once(
    runtime, browser, learnt, monkeypatch
):
    agent, sensor, columns = learnt
    auto = replace(runtime, environment=runtime.settings.model_copy(update={"detector": "auto"}))
    client = agent.client
    monkeypatch.setattr(client, "_transport", type(client._transport)(create_agent_app(auto)))
    assert (await post(agent, probes(columns))).status_code == 200
    await work(auto)
    new, old = await list_models(browser, sensor)
    assert new["baseline"] == old["baseline"]
    assert new["evaluation"]["auto_probe_windows"] == 12
    assert {name for name in new["evaluation"] if name.startswith("auto_heard_")} == {
        "auto_heard_ensemble",
        "auto_heard_isolation_forest",
        "auto_heard_mahalanobis",
    }
    assert (await read(browser, sensor))["report"]["windows"] == 12
    wanted = (await agent.send(agent.batch()))["desired"][sensor]
    assert wanted == {"digest": new["digest"], "version": 2}
    assert (await post(agent, probes(columns))).status_code == 200
    await work(auto)
    assert len(await list_models(browser, sensor)) == 2


async def test_with_auto_the_first_model_is_the_default_and_says_that_nothing_was_compared(runtime, make_agent):
    auto = replace(runtime, environment=runtime.settings.model_copy(update={"detector": "auto"}))
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    await agent.send(agent.batch(agent.columns(40)))
    await work(auto)
    wanted = (await agent.send(agent.batch()))["desired"][sensor]
    packed = (await agent.client.get(f"/api/v1/bundles/{wanted['digest']}", headers=agent.headers)).content
    manifest = open_bundle(packed, runtime.signing_key.public_keys()).manifest
    assert manifest.detector == "ensemble"
    assert manifest.evaluation["auto_probe_windows"] == 0


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, bytes], ids=["gzip", "zstd", "plain"])
async def test_a_repeat_replaces_and_any_encoding_is_taken(learnt, browser, runtime, pack):
    agent, sensor, columns = learnt
    encoding = {gzip.compress: "gzip", zstandard.compress: "zstd", bytes: "identity"}[pack]
    for loudness in (0.0, 60.0):
        content = pack(probes(columns, loudness=loudness).model_dump_json(by_alias=True).encode())
        assert (await post(agent, content, **{"Content-Encoding": encoding})).json() == {"stored": 72}
        await work(runtime)
    report = (await read(browser, sensor))["report"]
    assert all(kind["heard_from_db"] is not None for kind in report["kinds"])


async def test_what_does_not_fit_is_refused_by_its_field(learnt, make_agent):
    agent, _, columns = learnt
    other = await make_agent(name="another")
    good = probes(columns)
    narrow = FeatureMatrix.pack(SCHEMA_ID, np.zeros((72, 3), np.float16))
    unknown = FeatureMatrix.pack("audiosense-99", good.features.unpack())
    rows = good.model_dump(by_alias=True, mode="json")
    cases = [
        (good.model_copy(update={"sensor": uuid4()}), "sensor"),
        (good.model_copy(update={"features": narrow}), "features.shape"),
        (good.model_copy(update={"features": unknown}), "features.schema"),
        (good.model_copy(update={"level_db": [0.0]}), "level_db"),
        (good.model_copy(update={"kinds": ["tone"]}), "kind"),
        (good.model_copy(update={"kinds": ["tone", "tone"]}), "kinds"),
        (good.model_copy(update={"window_us": [-1] * 72}), "window_us"),
    ]
    for message, field in cases:
        response = await post(agent, message)
        assert response.status_code == 422, field
        assert field in response.text
    assert (await post(other, good)).status_code == 422
    assert (await agent.client.post("/api/v1/probes", json=rows)).status_code == 401
    assert (await post(agent, b"{")).status_code == 400
    assert (await post(agent, b"x", **{"Content-Encoding": "zstd"})).status_code == 400
    assert (await post(agent, bytes(9 * 2**20))).status_code == 413


async def test_a_sensor_without_a_model_or_without_existence_says_so(browser, make_agent):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    found = await read(browser, sensor)
    assert (found["state"], found["report"], found["digest"]) == ("no_model", None, None)
    assert (await browser.get(f"/api/v1/sensors/{uuid4()}/detectability")).status_code == 404


async def test_probes_before_the_first_model_wait_for_it(runtime, browser, make_agent):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    columns = agent.columns(40)
    assert (await post(agent, probes(columns))).status_code == 200
    await work(runtime)
    assert await list_models(browser, sensor) == []
    await agent.send(agent.batch(columns))
    await work(runtime)
    assert (await read(browser, sensor))["state"] == "known"


async def test_a_sensor_that_hears_otherwise_is_asked_again(runtime, browser, learnt, register):
    agent, sensor, columns = learnt
    await post(agent, probes(columns))
    (model,) = await list_models(browser, sensor)
    fleet = (await browser.get("/api/v1/fleet")).json()["machines"]
    machine = next(each for each in fleet if each["sensors"][0]["id"] == sensor)
    changed = register(machine=machine["name"], sample_rate_hz=8_000)
    sensors = {"sensors": [changed]}
    assert (await agent.client.put("/api/v1/agent/sensors", json=sensors, headers=agent.headers)).status_code == 200
    assert (await agent.send(agent.batch()))["probes_wanted"] == []
    await agent.send(agent.batch(agent.columns(40, start_us=now_us())))
    await work(runtime)
    assert (await agent.send(agent.batch()))["probes_wanted"] == [sensor]
    assert (await list_models(browser, sensor))[0]["digest"] != model["digest"]
