"""Sites, machines and sensors are renamed and moved, and agents go on as they were."""

import asyncio
import uuid

import pytest

from audiosense_collector.agents.keys import create_key
from audiosense_collector.clock import DAY_US
from audiosense_collector.machines.tables import Machine

API = "/api/v1"


def unique(word):
    return f"{word} {uuid.uuid4().hex[:8]}"


@pytest.fixture
async def make(browser):
    """Makes a site with a machine; returns both."""

    async def made(site=None, machine="Pump 1", **more):
        place = (await browser.post(f"{API}/sites", json={"name": site or unique("Hall")})).json()
        body = {"site_id": place["id"], "name": machine} | more
        return place, (await browser.post(f"{API}/machines", json=body)).json()

    return made


async def machines_at(browser, site):
    return (await browser.get(f"{API}/machines", params={"site": site})).json()["items"]


async def tell(agent, *sensors):
    """Register again, as an agent does at each start."""
    answer = await agent.client.put(f"{API}/agent/sensors", json={"sensors": sensors}, headers=agent.headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["sensors"]


async def test_a_renamed_machine_and_site_survive_the_agents_restart(browser, make_agent, register):
    hall = unique("Hall")
    said = register(machine="Pump 1", site=hall)
    agent = await make_agent(said)
    site = next(each for each in (await browser.get(f"{API}/sites")).json()["items"] if each["name"] == hall)
    (machine,) = await machines_at(browser, site["id"])
    renamed = await browser.patch(f"{API}/machines/{machine['id']}", json={"name": "Boiler feed pump"})
    assert (await browser.patch(f"{API}/sites/{site['id']}", json={"name": hall + " north"})).status_code == 200
    assert renamed.json()["name"] == "Boiler feed pump"
    assert await tell(agent, said) == agent.sensors
    # A sensor that is new, and another agent, call it as before too.
    second = await tell(agent, said, register("other-end", machine="Pump 1", site=hall))
    await make_agent(register("gearbox", machine="Pump 1", site=hall), name="agent-2")
    (found,) = await machines_at(browser, site["id"])
    assert found["site"]["name"] == hall + " north"
    assert (found["id"], found["name"]) == (machine["id"], "Boiler feed pump")
    assert {each["name"] for each in found["sensors"]} == {"drive-end", "other-end", "gearbox"}
    assert second["drive-end"] == agent.sensors["drive-end"]
    assert hall not in [each["name"] for each in (await browser.get(f"{API}/sites")).json()["items"]]


async def test_an_earlier_name_leads_to_its_machine_until_another_one_has_it(browser, make, make_agent, register):
    site, pump = await make()
    agent = await make_agent(said := register(machine="Pump 1", site=site["name"]))
    for name in ("A", "B", "Pump 1", "C"):
        assert (await browser.patch(f"{API}/machines/{pump['id']}", json={"name": name})).status_code == 200
    new = (await browser.post(f"{API}/machines", json={"site_id": site["id"], "name": "A"})).json()
    await tell(agent, said, *(register(f"on {name}", machine=name, site=site["name"]) for name in ("A", "B", "Pump 1")))
    placed = {each["id"]: {s["name"] for s in each["sensors"]} for each in await machines_at(browser, site["id"])}
    assert placed == {pump["id"]: {"drive-end", "on B", "on Pump 1"}, new["id"]: {"on A"}}


async def test_a_machine_that_was_moved_stays_where_it_was_moved_to(browser, make, make_agent, register):
    site, pump = await make()
    other, _ = await make(machine="Fan")
    agent = await make_agent(said := register(site=site["name"]))
    moved = await browser.patch(f"{API}/machines/{pump['id']}", json={"site_id": other["id"]})
    assert moved.json()["site"] == {"id": other["id"], "name": other["name"]}
    await tell(agent, said, register("second", site=site["name"]))
    assert not await machines_at(browser, site["id"])
    assert [len(each["sensors"]) for each in await machines_at(browser, other["id"])] == [0, 2]


async def test_a_sensor_that_was_moved_and_renamed_stays_so_until_its_configuration_says_something_else(
    browser, make, make_agent, register
):
    site, pump = await make()
    fan = (await browser.post(f"{API}/machines", json={"site_id": site["id"], "name": "Fan"})).json()
    agent = await make_agent(said := register(site=site["name"]))
    path = f"{API}/sensors/{agent.sensors['drive-end']}/place"
    placed = (await browser.put(path, json={"machine_id": fan["id"], "name": "Bearing"})).json()
    assert (placed["name"], placed["told_name"]) == ("Bearing", "drive-end")
    assert await tell(agent, said) == agent.sensors
    assert [len(each["sensors"]) for each in await machines_at(browser, site["id"])] == [1, 0]
    # The agent's new sensor of the name that was given away is shown under a name of its own, and keeps it.
    both = await tell(agent, said, register("Bearing", site=site["name"]))
    assert await tell(agent, said, register("Bearing", site=site["name"])) == both
    (second,) = (await machines_at(browser, site["id"]))[1]["sensors"]
    assert (second["name"], second["told_name"]) == ("Bearing 2", "Bearing")
    await tell(agent, said | {"machine": "Mill"}, register("Bearing", site=site["name"]))
    found = {each["name"]: [s["name"] for s in each["sensors"]] for each in await machines_at(browser, site["id"])}
    assert found == {"Fan": [], "Mill": ["Bearing"], "Pump 1": ["Bearing 2"]}
    assert (await browser.delete(f"{API}/machines/{pump['id']}")).status_code == 409


async def test_a_replaced_agents_renamed_sensor_goes_over(browser, runtime, make_agent, register, agents_port):
    name = unique("agent")
    old = await make_agent(said := register(machine=unique("Pump")), name=name)
    await browser.put(f"{API}/sensors/{old.sensors['drive-end']}/place", json={"name": "Bearing"})
    async with runtime.sessions.begin() as session:
        key = await create_key(
            session, url="https://localhost", trust="0" * 64, uses=1, lifetime_us=DAY_US, may_replace=True
        )
    request = {"secret": key.secret, "name": unique("new"), "version": "1", "sensors": [said], "replace": name}
    answer = (await agents_port.post(f"{API}/enrol", json=request)).json()
    assert answer["sensors"] == old.sensors


async def test_a_sensor_taken_to_another_machine_learns_again_where_that_is_asked(browser, make_agent):
    agent = await make_agent()
    sensor = agent.sensors["drive-end"]
    await agent.send(agent.batch(agent.columns(5)))

    async def learning():
        (machine,) = [
            each
            for each in (await browser.get(f"{API}/fleet")).json()["machines"]
            if each["sensors"][0]["id"] == sensor
        ]
        return machine["sensors"][0]["learning"]["windows"]

    assert await learning() == 5
    await browser.put(f"{API}/sensors/{sensor}/place", json={"name": "A"})
    assert await learning() == 5
    await browser.put(f"{API}/sensors/{sensor}/place", json={"learn_again": True})
    assert await learning() == 0


async def test_renaming_while_agents_register_doubles_nothing(browser, make_agent, register):
    """Both orders of the two happen, many times over."""
    hall = unique("Hall")
    agents = [await make_agent(register(site=hall), name=f"agent-{number}") for number in range(3)]
    site = next(each for each in (await browser.get(f"{API}/sites")).json()["items"] if each["name"] == hall)
    (machine,) = await machines_at(browser, site["id"])

    async def rename():
        for number in range(12):
            for path, name in ((f"machines/{machine['id']}", "Pump"), (f"sites/{site['id']}", hall)):
                answer = await browser.patch(f"{API}/{path}", json={"name": f"{name} {number % 4}"})
                assert answer.status_code == 200, answer.text

    async def restart(agent, number):
        for turn in range(12):
            await tell(agent, register(site=hall), register(f"new {number} {turn}", site=hall))

    await asyncio.gather(rename(), *(restart(agent, number) for number, agent in enumerate(agents)))
    (found,) = await machines_at(browser, site["id"])
    assert (found["name"], len(found["sensors"])) == ("Pump 3", 3 + 3 * 12)
    assert sum(each["name"].startswith(hall) for each in (await browser.get(f"{API}/sites")).json()["items"]) == 1


async def test_two_that_want_the_same_name_at_once_do_not_both_get_it(browser, make):
    site, _ = await make()
    rest = [browser.post(f"{API}/machines", json={"site_id": site["id"], "name": "Mill"}) for _ in range(4)]
    answers = await asyncio.gather(*rest)
    assert sorted(each.status_code for each in answers) == [201, 409, 409, 409]
    refused = next(each.json() for each in answers if each.status_code == 409)
    assert (refused["type"], "Mill" in refused["detail"]) == ("name_taken", True)


async def test_only_what_is_empty_is_deleted_and_it_says_what_is_there(browser, make, make_agent, register):
    site, pump = await make()
    await make_agent(register(site=site["name"]))
    full = await browser.delete(f"{API}/machines/{pump['id']}")
    assert (full.status_code, full.json()["type"]) == (409, "not_empty")
    assert "'drive-end'" in full.json()["detail"]
    fan = (await browser.post(f"{API}/machines", json={"site_id": site["id"], "name": "Fan"})).json()
    await browser.post(f"{API}/notes", json={"machine_id": fan["id"], "text": "belt"})
    noted = await browser.delete(f"{API}/machines/{fan['id']}")
    assert (noted.status_code, "1 note," in noted.json()["detail"]) == (409, True)
    held = await browser.delete(f"{API}/sites/{site['id']}")
    assert (held.status_code, "'Fan', 'Pump 1'" in held.json()["detail"]) == (409, True)
    assert (await browser.delete(f"{API}/machines/{fan['id']}", params={"with_notes": True})).status_code == 204
    empty, gone = await make()
    for path in (f"machines/{gone['id']}", f"sites/{empty['id']}"):
        assert (await browser.delete(f"{API}/{path}")).status_code == 204
        assert (await browser.delete(f"{API}/{path}")).status_code == 404


async def test_an_agent_that_registers_while_its_machine_is_deleted_keeps_its_sensor(
    browser, make, make_agent, register
):
    site, pump = await make()
    agent = await make_agent(register("other", machine="Fan", site=site["name"]))
    said = [register("other", machine="Fan", site=site["name"]), register(site=site["name"])]
    deleted, told = await asyncio.gather(browser.delete(f"{API}/machines/{pump['id']}"), tell(agent, *said))
    found = {s["id"] for each in await machines_at(browser, site["id"]) for s in each["sensors"]}
    assert deleted.status_code in {204, 409}
    assert set(told.values()) == found


async def test_tags_are_normalised_counted_and_filter_the_fleet(browser, operator, make_agent, register):
    site, word = unique("Hall"), unique("line").lower()
    await make_agent(*(register(f"s{n}", machine=f"Pump {n}", site=site) for n in range(3)))
    place = next(each for each in (await browser.get(f"{API}/sites")).json()["items"] if each["name"] == site)
    machines = await machines_at(browser, place["id"])
    for number, machine in enumerate(machines[:2]):
        tags = [word.upper(), f"  {word}  ", *(["critical"] if number else [])]
        answer = await operator.patch(f"{API}/machines/{machine['id']}", json={"tags": tags})
        assert answer.json()["tags"] == sorted({word, *tags[2:]})
    counts = {each["tag"]: each["machines"] for each in (await browser.get(f"{API}/tags")).json()["items"]}
    assert (counts[word], counts["critical"]) == (2, 1)

    async def names(*tags):
        answer = (await browser.get(f"{API}/fleet", params={"tag": tags, "site": place["id"]})).json()
        assert sum(answer["counts"].values()) == len(answer["machines"])
        return [each["name"] for each in answer["machines"]]

    assert await names() == ["Pump 0", "Pump 1", "Pump 2"]
    assert await names(word.upper()) == ["Pump 0", "Pump 1"]
    assert await names(word, "critical") == ["Pump 1"]
    assert await names("nothing") == []
    assert (await browser.get(f"{API}/machines/{machines[1]['id']}")).json()["tags"] == ["critical", word]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "sites", {"name": " "}),
        ("POST", "sites", {"name": "a\x00b"}),
        ("POST", "sites", {"name": "x" * 121}),
        ("POST", "sites", {"name": "a", "more": 1}),
        ("PATCH", "machines/{machine}", {"tags": ["x"] * 300}),
        ("PATCH", "machines/{machine}", {"tags": [f"t{n}" for n in range(21)]}),
        ("PATCH", "machines/{machine}", {"sandbox": True}),
        ("PUT", "sensors/{sensor}/calibration", {"method": "sound_calibrator", "level_db": 94}),
        ("PUT", "sensors/{sensor}/calibration", {"method": "sound_calibrator", "level_db": 200, "reads_dbfs": -200}),
        ("PUT", "sensors/{sensor}/calibration", {"method": "vibration_calibrator", "rms_g": 0, "reads_dbfs": -20}),
        ("PUT", "sensors/{sensor}/calibration", {"method": "guess"}),
        ("PUT", "sensors/{sensor}/place", {"name": ""}),
    ],
    ids=[
        "blank", "null", "long", "unknown", "many-words", "many-tags", "sandbox", "half", "huge", "zero", "method",
        "no-name",
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused_and_changes_nothing(browser, make_agent, method, path, body):
    agent = await make_agent()
    sensor = agent.sensors["drive-end"]
    items = (await browser.get(f"{API}/machines", params={"limit": 1000})).json()["items"]
    machine = next(each for each in items if any(s["id"] == sensor for s in each["sensors"]))
    answer = await browser.request(method, f"{API}/{path.format(machine=machine['id'], sensor=sensor)}", json=body)
    assert answer.status_code == 422, answer.text
    assert (await browser.get(f"{API}/machines", params={"limit": 1000})).json()["items"] == items


async def test_the_sandbox_is_no_machine_to_set_up(browser, runtime, make):
    site, pump = await make()
    async with runtime.sessions.begin() as session:
        (await session.get(Machine, uuid.UUID(pump["id"]))).sandbox = True
    assert not await machines_at(browser, site["id"])
    for method in ("PATCH", "DELETE"):
        body = {"json": {"name": "Mine"}} if method == "PATCH" else {}
        assert (await browser.request(method, f"{API}/machines/{pump['id']}", **body)).status_code == 404
    assert site["id"] not in {each["id"] for each in (await browser.get(f"{API}/sites")).json()["items"]}


async def test_a_calibration_holds_until_the_configuration_says_something_else(browser, make_agent, register):
    said = register(machine=unique("Pump"))
    agent = await make_agent(said)
    path = f"{API}/sensors/{agent.sensors['drive-end']}/calibration"
    given = {"method": "sound_calibrator", "level_db": 94, "reads_dbfs": -31.2}
    found = (await browser.put(path, json=given)).json()
    assert found["full_scale"] == pytest.approx(36.4, abs=0.1)
    await tell(agent, said)
    items = (await browser.get(f"{API}/machines", params={"limit": 1000})).json()["items"]
    assert next(s for each in items for s in each["sensors"] if s["id"] == found["id"]) == found
    assert (await browser.delete(path)).json()["full_scale"] is None
    await browser.put(path, json=given)
    await tell(agent, said | {"full_scale": 5.0, "quantity": "acceleration"})
    answer = (await browser.put(path.replace("calibration", "place"), json={})).json()
    assert (answer["full_scale"], answer["quantity"]) == (5.0, "acceleration")


async def test_who_changed_what_is_in_the_log(browser, make):
    site, pump = await make()
    await browser.patch(f"{API}/machines/{pump['id']}", json={"name": "Mill", "tags": ["b", "A"]})
    await browser.delete(f"{API}/machines/{pump['id']}")
    entries = (await browser.get(f"{API}/audit", params={"subject_id": pump["id"]})).json()["items"]
    deleted, changed, created = entries
    assert {each["actor"] for each in entries} == {browser.user}
    assert (created["action"], created["after"]["name"]) == ("create_machine", "Pump 1")
    assert (changed["before"], changed["after"]) == (
        {"name": "Pump 1", "tags": []},
        {"name": "Mill", "tags": ["a", "b"]},
    )
    assert (deleted["action"], deleted["before"]["name"]) == ("delete_machine", "Mill")
    assert site


async def test_pages_of_machines_are_all_of_them(browser, make):
    site, _ = await make()
    for number in range(2, 6):
        await browser.post(f"{API}/machines", json={"site_id": site["id"], "name": f"Pump {number}"})
    names, after = [], None
    while True:
        params = {"site": site["id"], "limit": 2} | ({"after": after} if after else {})
        page = (await browser.get(f"{API}/machines", params=params)).json()
        names += [each["name"] for each in page["items"]]
        if (after := page["next"]) is None:
            break
    assert names == [f"Pump {number}" for number in range(1, 6)]
