"""Self-checks as told by agents: the latest is kept, with the time of its last change, and shows in the fleet."""

import uuid

import pytest
from sqlalchemy import update

from audiosense_collector.checks.tables import AgentCheck
from audiosense_common.wire import Heartbeat
from audiosense_common.wire_checks import Check, CheckFigure, CheckState

GAIN = "Lower the gain."


def clipped(sensor, state=CheckState.FAILED, share=3.2):
    figures = [CheckFigure(key="full_scale", value=share, unit="%")]
    cause = None if state is CheckState.OK else "full_scale"
    return Check(key="sensor_clipped", sensor=sensor, state=state, cause=cause, evidence=figures, remedy=GAIN)


def disk(state=CheckState.OK):
    return Check(key="disk", state=state)


@pytest.fixture
def tell(make_agent):
    async def told(agent, *checks):
        beat = Heartbeat(version="0.2.0", checks=None if checks == (None,) else list(checks))
        await agent.send(agent.batch(heartbeat=beat))

    return told


async def read(browser, agent):
    response = await browser.get(f"/api/v1/agents/{agent.id}/checks")
    assert response.status_code == 200
    return response.json()["items"]


async def health(browser, agent):
    fleet = (await browser.get("/api/v1/fleet")).json()
    sensors = {sensor["id"]: sensor for machine in fleet["machines"] for sensor in machine["sensors"]}
    return sensors[str(next(iter(agent.sensors.values())))]["health"]


async def test_the_latest_checks_are_kept_with_the_time_of_their_last_change(browser, make_agent, tell):
    agent = await make_agent()
    sensor = next(iter(agent.sensors.values()))
    await tell(agent, disk(), clipped(sensor))
    first = await read(browser, agent)
    assert [(check["key"], check["state"]) for check in first] == [("sensor_clipped", "failed"), ("disk", "ok")]
    assert first[0]["sensor_id"] == str(sensor)
    assert first[0]["evidence"] == [{"key": "full_scale", "value": 3.2, "unit": "%"}]
    assert first[0]["remedy"] == GAIN
    assert first[1]["sensor_id"] is None

    await tell(agent, disk(), clipped(sensor, share=9.9))
    again = await read(browser, agent)
    assert [check["since_us"] for check in again] == [check["since_us"] for check in first]
    assert again[0]["told_us"] > first[0]["told_us"]
    assert again[0]["evidence"][0]["value"] == 9.9

    await tell(agent, disk(), clipped(sensor, CheckState.OK))
    (_, ended) = await read(browser, agent)
    assert ended["state"] == "ok"
    assert ended["since_us"] > first[0]["since_us"]


async def test_a_heartbeat_that_tells_none_leaves_them_and_checks_no_longer_told_go(browser, make_agent, tell):
    agent = await make_agent()
    sensor = next(iter(agent.sensors.values()))
    await tell(agent, disk(), clipped(sensor))
    await tell(agent, None)
    assert len(await read(browser, agent)) == 2
    await tell(agent, disk())
    assert [check["key"] for check in await read(browser, agent)] == ["disk"]


async def test_the_fleet_shows_a_sensors_health_apart_from_its_machine(browser, make_agent, tell):
    agent = await make_agent()
    sensor = next(iter(agent.sensors.values()))
    assert (await health(browser, agent))["state"] == "unknown", "agents of earlier releases tell none"
    await tell(agent, clipped(sensor, CheckState.OK), Check(key="model", sensor=sensor, state=CheckState.WARNING))
    assert await health(browser, agent) == {"state": "ok", "key": None, "cause": None, "since_us": None}
    await tell(agent, clipped(sensor), Check(key="sensor_overflow", sensor=sensor, state=CheckState.WARNING))
    found = await health(browser, agent)
    assert (found["state"], found["key"], found["cause"]) == ("failed", "sensor_clipped", "full_scale")


async def test_health_that_was_not_told_for_minutes_is_unknown(runtime, browser, make_agent, tell):
    agent = await make_agent()
    await tell(agent, clipped(next(iter(agent.sensors.values()))))
    async with runtime.sessions.begin() as session:
        await session.execute(update(AgentCheck).values(told=1))
    assert (await health(browser, agent))["state"] == "unknown"
    assert len(await read(browser, agent)) == 1


async def test_checks_of_sensors_of_others_are_left_out(browser, make_agent, tell):
    agent = await make_agent()
    await tell(agent, clipped(uuid.uuid4()), disk())
    assert [check["key"] for check in await read(browser, agent)] == ["disk"]


async def test_thousands_of_checks_are_kept(browser, make_agent, tell):
    agent = await make_agent()
    await tell(agent, *[Check(key=f"made_up_{number}", state=CheckState.OK) for number in range(2_500)])
    found, cursor = [], {}
    while cursor is not None:
        page = (await browser.get(f"/api/v1/agents/{agent.id}/checks", params={"limit": 1_000} | cursor)).json()
        found += [check["key"] for check in page["items"]]
        cursor = page["next"] and {"after": page["next"]}
    assert len(found) == len(set(found)) == 2_500


async def test_checks_of_no_agent_are_not_found(browser):
    assert (await browser.get(f"/api/v1/agents/{uuid.uuid4()}/checks")).status_code == 404
