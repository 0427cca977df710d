"""Whose sound is kept: off for microphones until somebody allows it, told to agents, and who did it is kept."""

from uuid import uuid4

import pytest


async def of(browser, sensor):
    response = await browser.get(f"/api/v1/sensors/{sensor}/clips-permission")
    assert response.status_code == 200, response.text
    return response.json()


async def switch(browser, sensor, allowed):
    response = await browser.put(f"/api/v1/sensors/{sensor}/clips-permission", json={"allowed": allowed})
    assert response.status_code == 200, response.text
    return response.json()


async def log(browser, **query):
    return (await browser.get("/api/v1/clip-audit", params=query)).json()["items"]


@pytest.fixture
async def plant(make_agent, register):
    """An agent with three sensors at a site of its own."""
    site = f"Site {uuid4()}"
    sensors = [register(name, f"Pump {name}", site=site, source=name) for name in ("microphone", "recording")]
    return await make_agent(*sensors, register("simulator", "Pump 3", site=site, source="simulator pump"))


async def told(agent):
    allowed = (await agent.send(agent.batch()))["clips_allowed"]
    return {name for name, sensor in agent.sensors.items() if sensor in allowed}


async def test_microphones_are_off_and_all_else_is_on_until_somebody_says_otherwise(browser, plant):
    assert await told(plant) == {"recording", "simulator"}
    microphone = await of(browser, plant.sensors["microphone"])
    assert (microphone["allowed"], microphone["origin"], microphone["may_hear_speech"]) == (False, "source", True)
    simulator = await of(browser, plant.sensors["simulator"])
    assert (simulator["allowed"], simulator["origin"], simulator["may_hear_speech"]) == (True, "source", False)


async def test_a_sensor_is_switched_on_and_off_and_its_agent_hears_of_it_with_the_next_answer(browser, plant):
    sensor = plant.sensors["microphone"]
    assert (await switch(browser, sensor, allowed=True))["origin"] == "sensor"
    assert await told(plant) == {"microphone", "recording", "simulator"}
    assert (await switch(browser, sensor, allowed=False))["allowed"] is False
    assert (await switch(browser, plant.sensors["recording"], allowed=False))["allowed"] is False
    assert await told(plant) == {"simulator"}
    await switch(browser, plant.sensors["recording"], allowed=None)
    assert await told(plant) == {"recording", "simulator"}


async def test_a_sites_word_holds_for_its_sensors_that_have_none_of_their_own(browser, plant):
    site = (await of(browser, plant.sensors["microphone"]))["site_id"]
    await switch(browser, plant.sensors["recording"], allowed=False)
    response = await browser.put(f"/api/v1/sites/{site}/clips-permission", json={"allowed": True})
    assert response.json() == {"site_id": site, "allowed": True}
    assert await told(plant) == {"microphone", "simulator"}
    assert (await of(browser, plant.sensors["microphone"]))["origin"] == "site"
    await browser.put(f"/api/v1/sites/{site}/clips-permission", json={"allowed": False})
    assert await told(plant) == set()
    await browser.put(f"/api/v1/sites/{site}/clips-permission", json={"allowed": None})
    assert await told(plant) == {"simulator"}
    assert [entry["action"] for entry in await log(browser, site=site)] == ["reset", "withdrawn", "allowed"]


async def test_who_switched_it_is_kept_and_a_switch_that_changes_nothing_is_not(browser, plant):
    sensor = plant.sensors["microphone"]
    for allowed in (True, True, False, None):
        await switch(browser, sensor, allowed=allowed)
    entries = await log(browser, sensor=sensor)
    assert [entry["action"] for entry in entries] == ["reset", "withdrawn", "allowed"]
    assert {(entry["actor"], entry["address"]) for entry in entries} == {(browser.user, "127.0.0.1")}
    page = (await browser.get("/api/v1/clip-audit", params={"sensor": sensor, "limit": 2})).json()
    assert [entry["action"] for entry in page["items"]] == ["reset", "withdrawn"]
    rest = await log(browser, sensor=sensor, before=page["next"])
    assert [entry["action"] for entry in rest] == ["allowed"]


async def test_a_repeat_of_a_batch_tells_the_permission_of_now_not_of_then(browser, plant, dump):
    batch = dump(plant.batch())
    first = (await plant.post(batch)).json()
    assert plant.sensors["simulator"] in first["clips_allowed"]
    await switch(browser, plant.sensors["simulator"], allowed=False)
    again = (await plant.post(batch)).json()
    assert again["token"] == first["token"]
    assert plant.sensors["simulator"] not in again["clips_allowed"]


async def test_a_permission_of_a_simulator_does_not_hold_for_the_microphone_that_it_becomes(browser, plant, register):
    sensor = plant.sensors["simulator"]
    await switch(browser, sensor, allowed=True)
    site = {"site": (await of(browser, sensor))["site_name"]}
    now_real = register("simulator", "Pump 3", source="microphone", **site)
    response = await plant.client.put("/api/v1/agent/sensors", json={"sensors": [now_real]}, headers=plant.headers)
    assert response.status_code == 200, response.text
    found = await of(browser, sensor)
    assert (found["allowed"], found["origin"], found["sensor"]) == (False, "source", None)
    (entry, _) = await log(browser, sensor=sensor)
    assert (entry["action"], entry["actor"], entry["detail"]["source"]) == ("reset", "collector", "microphone")
    await switch(browser, sensor, allowed=True)
    await plant.client.put("/api/v1/agent/sensors", json={"sensors": [now_real]}, headers=plant.headers)
    assert (await of(browser, sensor))["allowed"] is True, "registering again takes nothing back"


@pytest.mark.parametrize("body", [{}, {"allowed": "perhaps"}, {"allowed": True, "more": 1}])
async def test_what_is_no_permission_is_refused(browser, plant, body):
    path = f"/api/v1/sensors/{plant.sensors['microphone']}/clips-permission"
    assert (await browser.put(path, json=body)).status_code == 422


async def test_unknown_sensors_and_sites_are_told(browser):
    for path in (f"/api/v1/sensors/{uuid4()}", f"/api/v1/sites/{uuid4()}"):
        assert (await browser.put(f"{path}/clips-permission", json={"allowed": True})).status_code == 404
    assert (await browser.get(f"/api/v1/sensors/{uuid4()}/clips-permission")).status_code == 404


async def test_another_sites_page_cannot_switch_it_on(browser, plant):
    path = f"/api/v1/sensors/{plant.sensors['microphone']}/clips-permission"
    response = await browser.put(path, json={"allowed": True}, headers={"Origin": "https://example.org"})
    assert response.status_code == 403
