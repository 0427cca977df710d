"""Levels in physical units, against worked examples, and from a sensor's registration to what the interface says."""

import math

import numpy as np
import pytest

from audiosense_collector.machines.units import Scale
from audiosense_common.features import SCHEMA_ID, SCHEMAS, FeatureExtractor, column
from audiosense_common.wire import FeatureMatrix, Quantity

RATE = 16_000
PRESSURE, ACCELERATION = Quantity.SOUND_PRESSURE, Quantity.ACCELERATION


def features_of(sine_hz, amplitude, seconds=5):
    time = np.arange(RATE * seconds) / RATE
    return FeatureExtractor(RATE).extract((amplitude * np.sin(2 * np.pi * sine_hz * time)).astype(np.float32))


def value(vector, name):
    return float(vector[column(SCHEMA_ID, name)])


def test_1_pa_rms_is_94_db():
    scale = Scale(PRESSURE, full_scale=10.0)
    vector = features_of(1_000, 1.0024 * math.sqrt(2) / 10.0)
    assert scale.unit == "dB SPL"
    assert scale.level(value(vector, "rms_dbfs")) == pytest.approx(94.0, abs=0.05)
    assert scale.level_a(value(vector, "level_a_dbfs")) == pytest.approx(94.0, abs=0.1), "A is 0 dB at 1 kHz"
    assert scale.velocity(value(vector, "velocity_db")) is None


def test_100_hz_is_19_db_less_in_db_a():
    scale = Scale(PRESSURE, full_scale=10.0)
    vector = features_of(100, 1.0024 * math.sqrt(2) / 10.0)
    assert scale.level_a(value(vector, "level_a_dbfs")) == pytest.approx(94.0 - 19.1, abs=0.2)


def test_1_g_at_100_hz_is_11_mm_per_second():
    scale = Scale(ACCELERATION, full_scale=16.0)
    vector = features_of(100, 1.0 / 16.0)
    assert scale.unit == "g"
    assert scale.level(value(vector, "rms_dbfs")) == pytest.approx(1 / math.sqrt(2), rel=0.005)
    peak_mm_s = 9.80665 / (2 * math.pi * 100) * 1_000
    assert peak_mm_s == pytest.approx(15.6, abs=0.01)
    assert scale.velocity(value(vector, "velocity_db")) == pytest.approx(11.04, rel=0.005)
    assert scale.level_a(value(vector, "level_a_dbfs")) is None


def test_what_is_not_calibrated_stays_in_dbfs():
    for quantity in Quantity:
        scale = Scale(quantity, None)
        assert (scale.unit, scale.level(-31.5), scale.second) == ("dBFS", -31.5, None)
        assert scale.level_a(-30.0) is scale.velocity(-30.0) is None


async def read(browser, agent):
    (sensor,) = agent.sensors.values()
    fleet = (await browser.get("/api/v1/fleet")).json()["machines"]
    machine = next(each for each in fleet if sensor in {card["id"] for card in each["sensors"]})
    detail = (await browser.get(f"/api/v1/machines/{machine['id']}")).json()["sensors"][0]
    series = (await browser.get(f"/api/v1/sensors/{sensor}/series")).json()
    return detail, series


def heard(agent, vector, schema=SCHEMA_ID):
    """Two windows of a sound; the level column as the agent sends it."""
    matrix = np.stack([vector[: len(SCHEMAS[schema])]] * 2)
    columns = agent.columns(2, schema=schema)
    level = value(vector, "rms_dbfs")
    return columns.model_copy(update={"features": FeatureMatrix.pack(schema, matrix), "level_dbfs": [level] * 2})


async def test_an_accelerometer_shows_g_and_velocity(browser, make_agent, register):
    agent = await make_agent(register(machine="Shaken", quantity="acceleration", full_scale=16.0))
    await agent.send(agent.batch(heard(agent, features_of(100, 1.0 / 16.0))))
    detail, series = await read(browser, agent)
    assert (detail["quantity"], detail["unit"], detail["full_scale"]) == ("acceleration", "g", 16.0)
    assert detail["level"] == pytest.approx(0.7071, rel=0.005)
    assert detail["velocity_mm_s"] == pytest.approx(11.04, rel=0.005)
    assert detail["level_a_db"] is None
    assert detail["level_dbfs"] == pytest.approx(20 * math.log10(0.7071 / 16), abs=0.05)
    assert (series["quantity"], series["unit"]) == ("acceleration", "g")
    assert series["level"] == pytest.approx([detail["level"]] * 2)
    assert series["velocity_mm_s"] == pytest.approx([detail["velocity_mm_s"]] * 2)
    assert series["level_a_db"] is None
    assert series["features"] == {}


async def test_a_calibrated_microphone_shows_db_spl_and_db_a(browser, make_agent, register):
    agent = await make_agent(register(machine="Loud", full_scale=20.0))
    await agent.send(agent.batch(heard(agent, features_of(1_000, 0.1 * math.sqrt(2)))))
    detail, series = await read(browser, agent)
    assert (detail["quantity"], detail["unit"]) == ("sound_pressure", "dB SPL")
    expected = 20 * math.log10(2 / 20e-6)
    assert detail["level"] == pytest.approx(expected, abs=0.1)
    assert detail["level_a_db"] == pytest.approx(expected, abs=0.1)
    assert series["level_a_db"] == pytest.approx([detail["level_a_db"]] * 2)


async def test_rows_of_the_first_schema_lack_what_it_did_not_hold(browser, make_agent, register):
    agent = await make_agent(register(machine="Old", full_scale=20.0, schema="audiosense-1"))
    await agent.send(agent.batch(heard(agent, features_of(1_000, 0.1), schema="audiosense-1")))
    detail, series = await read(browser, agent)
    assert detail["unit"] == "dB SPL"
    assert detail["level_a_db"] is None
    assert series["level_a_db"] == [None, None]


async def test_a_calibration_is_taken_up_with_the_next_registration(browser, make_agent, register):
    agent = await make_agent(register(machine="Calibrated later"))
    await agent.send(agent.batch(heard(agent, features_of(1_000, 0.1))))
    detail, series = await read(browser, agent)
    assert (detail["unit"], detail["level"], series["level_a_db"]) == ("dBFS", detail["level_dbfs"], None)
    body = {"sensors": [register(machine="Calibrated later", full_scale=2.0)]}
    assert (await agent.client.put("/api/v1/agent/sensors", json=body, headers=agent.headers)).status_code == 200
    detail, series = await read(browser, agent)
    assert detail["level"] == pytest.approx(detail["level_dbfs"] + 100.0)
    assert series["level"] == pytest.approx([detail["level"]] * 2)
    assert detail["learning"]["windows"] == 2, "what was learned stays"


async def test_a_calibration_that_is_none_is_refused(make_agent, register):
    agent = await make_agent()
    for wrong in ({"full_scale": 0}, {"full_scale": -1}, {"quantity": "velocity"}):
        body = {"sensors": [register(**wrong)]}
        response = await agent.client.put("/api/v1/agent/sensors", json=body, headers=agent.headers)
        assert response.status_code == 422
        assert next(iter(wrong)) in response.json()["errors"][0]["loc"]
