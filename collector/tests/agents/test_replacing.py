"""An agent takes the place of a dead one: the same sensors, with their history and models; the old one is refused."""

import uuid

import pytest
from sqlalchemy import update

from audiosense_collector.agents.keys import create_key, list_keys
from audiosense_collector.clock import DAY_US
from audiosense_collector.machines.tables import Sensor

DIGEST = "c" * 64


async def make_key(runtime, *, may_replace=True):
    async with runtime.sessions.begin() as session:
        return await create_key(
            session, url="https://localhost:8443", trust="0" * 64, uses=1, lifetime_us=DAY_US, may_replace=may_replace
        )


async def enrol(client, key, replace, *sensors, name="successor"):
    request = {"secret": key.secret, "name": name, "version": "1", "sensors": list(sensors), "replace": replace}
    return await client.post("/api/v1/enrol", json=request)


async def used(runtime):
    async with runtime.sessions() as session:
        return (await list_keys(session))[0].used


async def test_sensors_of_the_same_names_go_over_with_their_history(  # noqa: PLR0917 - fixtures
    runtime, browser, make_agent, register, agents_port, dump
):
    sensors = [register(each, machine="Press 1") for each in ("a", "b", "gone")]
    old = await make_agent(*sensors, name="hall-1")
    await old.send(old.batch(*(old.columns(5, sensor=each) for each in old.sensors.values())))
    async with runtime.sessions.begin() as session:
        changed = update(Sensor).where(Sensor.id == uuid.UUID(old.sensors["a"]))
        await session.execute(changed.values(desired_digest=DIGEST, running_digest=DIGEST))
    found = (await enrol(agents_port, await make_key(runtime), "hall-1", *sensors[:2], register("new"))).json()
    assert (found["taken_over"], found["left_behind"]) == (["a", "b"], ["gone"])
    assert {name: found["sensors"][name] for name in "ab"} == {name: old.sensors[name] for name in "ab"}
    refused = await old.post(dump(old.batch(old.columns(1))))
    assert (refused.status_code, refused.json()["type"]) == (403, "revoked")
    assert f"replaced by successor ({found['agent']})" in refused.json()["detail"]
    shown = {each["id"]: each for each in (await browser.get("/api/v1/agents")).json()["items"]}
    assert [each["name"] for each in shown[str(old.id)]["sensors"]] == ["gone"]
    assert {each["name"]: each["measurements"] for each in shown[found["agent"]]["sensors"]} == {
        "a": 5,
        "b": 5,
        "new": 0,
    }
    async with runtime.sessions() as session:
        sensor = await session.get(Sensor, uuid.UUID(old.sensors["a"]))
        assert (sensor.desired_digest, sensor.running_digest) == (DIGEST, None), "offered, and not said to run already"


async def test_a_key_that_is_not_for_it_cannot_take_over_a_history(runtime, make_agent, register, agents_port):
    old = await make_agent(register("a", machine="Press 2"), name="hall-2")
    plain = await make_key(runtime, may_replace=False)
    refused = await enrol(agents_port, plain, "hall-2", register("a", machine="Press 2"))
    assert (refused.status_code, refused.json()["type"]) == (403, "key_may_not_replace")
    assert "--may-replace" in refused.json()["detail"]
    assert await used(runtime) == 0
    await old.send(old.batch(old.columns(1)))


@pytest.mark.parametrize("wanted", ["nobody", "twins", "replaced"])
async def test_an_agent_that_is_not_clear_spends_no_use_of_the_key(runtime, make_agent, register, agents_port, wanted):
    agents = [await make_agent(name="twins") for _ in range(2)]
    expected = {"nobody": (404, "no agent 'nobody'"), "twins": (409, str(agents[1].id)), "replaced": (409, "before")}
    code, words = expected[wanted]
    if wanted == "replaced":
        assert (await enrol(agents_port, await make_key(runtime), str(agents[0].id))).status_code == 201
        wanted = str(agents[0].id)
    key = await make_key(runtime)
    refused = await enrol(agents_port, key, wanted, register("x"))
    assert refused.status_code == code
    assert words in refused.json()["detail"]
    assert await used(runtime) == 0
    free = await make_agent(name=f"free {code} {words}")
    assert (await enrol(agents_port, key, str(free.id), register("x"))).status_code == 201


async def test_the_name_of_a_replaced_agent_means_its_successor(runtime, browser, make_agent, agents_port):
    old = await make_agent(name="hall-5")
    second = (await enrol(agents_port, await make_key(runtime), "hall-5", name="hall-5")).json()["agent"]
    assert (await enrol(agents_port, await make_key(runtime), "hall-5", name="hall-5")).status_code == 201
    shown = {each["id"]: each for each in (await browser.get("/api/v1/agents")).json()["items"]}
    assert shown[str(old.id)]["state_reason"] == f"replaced by hall-5 ({second})"
    assert shown[str(old.id)]["state_cause"] == "replaced"
    assert shown[str(old.id)]["replaced_by"] == {"id": second, "name": "hall-5"}
    assert shown[second]["state"] == "revoked"
    assert len({each["id"] for each in (shown[str(old.id)]["replaced_by"], shown[second]["replaced_by"])}) == 2
    refused = await browser.post(f"/api/v1/agents/{old.id}/accept", json={})
    assert (refused.status_code, "enrol it again" in refused.json()["detail"]) == (409, True)
    assert refused.json()["type"] == "was_replaced"
