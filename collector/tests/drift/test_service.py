"""From stored measurements to what the interface says of drift."""

import uuid

import numpy as np
import pytest
from sqlalchemy import update

from audiosense_collector.clock import DAY_US, now_us
from audiosense_collector.drift import service
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.models.tables import Model
from audiosense_common.features import FEATURES, SCHEMA_ID, SCHEMAS
from audiosense_common.wire import FeatureMatrix, RunningModel, Status

NAMES = SCHEMAS[SCHEMA_ID]
DBFS = np.array([FEATURES[name].unit == "dBFS" for name in NAMES])
EVERY_US = 20 * 60 * 1_000_000
BASELINE = 200


def windows_of(agent, start_us, count, *, status, louder=0.0, every_us=EVERY_US):
    """Measurements of a steady machine, far enough apart to fill a day."""
    columns = agent.columns(count, start_us=start_us, status=status)
    matrix = np.random.default_rng(agent.seq).normal(-40, 1, (count, len(NAMES))) + louder * DBFS
    times = [start_us + place * every_us for place in range(count)]
    features = FeatureMatrix.pack(SCHEMA_ID, matrix.astype(np.float16))
    return columns.model_copy(update={"time_us": times, "features": features})


@pytest.fixture
def trained(runtime, browser, make_agent):
    """An agent whose model learnt ``days`` ago."""

    async def make(days):
        agent = await make_agent()
        (sensor,) = agent.sensors.values()
        start = now_us() - days * DAY_US - BASELINE * 5_000_000
        async with runtime.sessions.begin() as session:
            changes = {"baseline_since": 0, "baseline_windows": BASELINE}
            await session.execute(update(Sensor).where(Sensor.id == uuid.UUID(sensor)).values(changes))
        await agent.send(agent.batch(windows_of(agent, start, BASELINE, status=Status.LEARNING, every_us=5_000_000)))
        await runtime.jobs.run_worker_async(
            wait=False, install_signal_handlers=False, listen_notify=False, additional_context={"runtime": runtime}
        )
        wanted = (await agent.send(agent.batch()))["desired"][sensor]
        await agent.send(agent.batch(running={sensor: RunningModel(**wanted)}))
        return agent

    return make


async def read(browser, agent, **query):
    (sensor,) = agent.sensors.values()
    response = await browser.get(f"/api/v1/sensors/{sensor}/drift", params=query)
    assert response.status_code == 200, response.text
    return response.json()


async def hear(agent, days, louder):
    """Send the running windows of the last days, each so much louder than the baseline."""
    for number, level in zip(range(days, 0, -1), louder, strict=True):
        start = now_us() - number * DAY_US
        await agent.send(agent.batch(windows_of(agent, start, 72, status=Status.NORMAL, louder=level)))


async def test_a_machine_as_it_was_is_steady(browser, trained):
    agent = await trained(4)
    await hear(agent, 4, (0, 0, 0, 0))
    found = await read(browser, agent)
    assert (found["missing"], found["degree"], found["verdict"]) == (None, "stable", "steady")
    assert found["windows"] == pytest.approx(72, abs=1)
    assert found["baseline_windows"] == BASELINE
    assert {group["degree"] for group in found["groups"]} == {"stable"}


async def test_a_level_that_grows_over_days_is_slow_drift(browser, trained):
    agent = await trained(5)
    await hear(agent, 5, (0.5, 1, 1.5, 2, 2.5))
    found = await read(browser, agent)
    groups = {group["group"]: group for group in found["groups"]}
    assert (found["degree"], found["verdict"], found["since_us"]) == ("marked", "slow", None)
    assert groups["level"]["degree"] == "marked"
    assert groups["shape"]["degree"] == "stable"
    assert groups["level"]["moved_most"]["change"] == pytest.approx(2.5, abs=0.5)
    course = [day["psi"]["level"] for day in found["days"]]
    assert len(course) >= 5
    assert course[-1] > 3 * course[0]


async def test_a_level_that_jumps_is_sudden_and_dated(browser, trained):
    agent = await trained(5)
    await hear(agent, 5, (0, 0, 0, 4, 4))
    found = await read(browser, agent)
    assert (found["degree"], found["verdict"]) == ("marked", "sudden")
    assert now_us() - 3 * DAY_US <= found["since_us"] <= now_us() - DAY_US


async def test_what_was_heard_while_it_was_worked_on_is_no_drift(browser, trained):
    agent = await trained(5)
    await hear(agent, 5, (0, 0, 0, 0, 4))
    assert (await read(browser, agent, hours=48))["verdict"] == "sudden"
    (sensor,) = agent.sensors.values()
    fleet = (await browser.get("/api/v1/fleet")).json()["machines"]
    machine = next(each["id"] for each in fleet if any(card["id"] == sensor for card in each["sensors"]))
    note = {"machine_id": machine, "kind": "maintenance", "text": "Hoods off.", "start_us": now_us() - DAY_US}
    assert (await browser.post("/api/v1/notes", json=note)).status_code == 201
    found = await read(browser, agent, hours=48)
    assert (found["degree"], found["verdict"]) == ("stable", "steady")
    assert found["windows"] == pytest.approx(72, abs=1)


async def test_a_machine_at_rest_and_one_that_was_hardly_heard_say_nothing(browser, trained):
    agent = await trained(1)
    start = now_us() - DAY_US
    await agent.send(
        agent.batch(
            windows_of(agent, start, 70, status=Status.STOPPED, louder=-40),
            windows_of(agent, start, 10, status=Status.NORMAL),
        )
    )
    found = await read(browser, agent, hours=30)
    assert (found["missing"], found["windows"], found["groups"]) == ("too_few_windows", 10, [])
    assert found["needed_windows"] > 10


async def test_what_is_missing_is_told(runtime, browser, make_agent, trained):
    assert (await read(browser, await make_agent()))["missing"] == "no_model"
    agent = await trained(1)
    async with runtime.sessions.begin() as session:
        await session.execute(update(Model).values(reference_bins=None))
    assert (await read(browser, agent))["missing"] == "no_reference"
    assert (await browser.get(f"/api/v1/sensors/{uuid.uuid4()}/drift")).status_code == 404
    assert (await browser.get(f"/api/v1/sensors/{uuid.uuid4()}/drift", params={"hours": 0})).status_code == 422


async def test_a_model_that_is_pushed_again_keeps_what_drift_is_measured_against(browser, trained):
    agent = await trained(2)
    await hear(agent, 2, (0, 0))
    (sensor,) = agent.sensors.values()
    first = (await read(browser, agent))["model_digest"]
    await browser.post(f"/api/v1/sensors/{sensor}/train", json={"windows": 60})
    pushed = await browser.post(f"/api/v1/models/{first}/push")
    assert pushed.status_code == 200
    await agent.send(
        agent.batch(running={sensor: RunningModel(digest=pushed.json()["digest"], version=pushed.json()["version"])})
    )
    found = await read(browser, agent)
    assert found["model_digest"] == pushed.json()["digest"]
    assert found["missing"] is None


async def test_however_many_windows_there_are_only_some_are_read(browser, trained, monkeypatch):
    monkeypatch.setattr(service, "MOST_WINDOWS", 60)
    agent = await trained(1)
    await agent.send(
        agent.batch(windows_of(agent, now_us() - 600 * 5_000_000, 600, status=Status.NORMAL, every_us=5_000_000))
    )
    found = await read(browser, agent, hours=1)
    assert 50 <= found["windows"] <= 61
