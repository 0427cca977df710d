"""Lists are read page by page: every row once, whatever is added meanwhile."""

import base64
import uuid

import pytest
from storage_testing import run

from audiosense_collector import paging
from audiosense_collector.clock import now_us
from audiosense_collector.errors import InvalidError
from audiosense_common.wire import Event, EventState

SOME_ID = uuid.UUID(int=7)


def event(sensor, start):
    return Event(
        id=uuid.uuid4(), sensor=sensor, revision=1, state=EventState.CLOSE, start_us=start, end_us=start, peak_us=start,
        peak_score=0.9, threshold=0.5, windows=3, model="a" * 64,
    )  # fmt: skip


async def walk(browser, path, key, between, **parameters):
    """The identities that all pages show; something is added after each."""
    cursor, found = {}, []
    for _ in range(100):
        page = (await browser.get(path, params=parameters | cursor)).json()
        found += [item.get("id", item.get("digest")) for item in page[key]]
        assert len(page[key]) <= parameters["limit"]
        if page["next"] is None:
            return found
        cursor = {"after" if path.endswith(("agents", "fleet")) else "before": page["next"]}
        await between()
    raise AssertionError("the list has no end")


async def test_events_that_begin_together_are_each_shown_once(browser, make_agent):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    now = now_us()
    events = [event(sensor, now - place // 3) for place in range(20)]
    await agent.send(agent.batch(events=events))

    async def newer():
        await agent.send(agent.batch(events=[event(sensor, now_us())]))

    found = await walk(browser, "/api/v1/events", "items", newer, limit=3, sensor=sensor)
    assert sorted(found) == sorted(str(each.id) for each in events)


async def test_agents_and_machines_are_each_shown_once(browser, make_agent, register):
    names = ["b", "a", "c", "a", "b", "A", "ä", "a b"]
    made = [await make_agent(register(machine=f"M {place % 4}"), name=name) for place, name in enumerate(names)]

    async def more():
        await make_agent(register(machine="0 comes before all"), name="0")

    found = await walk(browser, "/api/v1/agents", "items", more, limit=3)
    assert {str(agent.id) for agent in made} <= set(found)
    assert len(found) == len(set(found))
    whole = [machine["id"] for machine in (await browser.get("/api/v1/fleet")).json()["machines"]]
    pages = await walk(browser, "/api/v1/fleet", "machines", more, limit=2)
    assert pages == whole


async def test_models_are_each_shown_once(browser, runtime, make_agent):
    (sensor,) = (await make_agent()).sensors.values()
    manifest = {
        "detector": "ensemble", "baseline": {"from_us": 0, "to_us": 1, "windows": 1}, "evaluation": {},
        "threshold": {"value": 0.5, "method": "m", "parameters": {}}, "running_level_dbfs": None,
    }  # fmt: skip

    async def store(version):
        await run(
            runtime,
            "INSERT INTO model (digest, sensor_id, version, created, manifest, bundle) "
            "VALUES (md5(:v ::text), :s, :v, from_us(:t), CAST(:m AS jsonb), '')",
            v=version, s=sensor, t=now_us() // 10**8 * 10**8, m=str(manifest).replace("'", '"').replace("None", "null"),
        )  # fmt: skip

    for version in range(9):
        await store(version)
    versions = iter(range(100, 200))
    found = await walk(browser, "/api/v1/models", "items", lambda: store(next(versions)), limit=2, sensor=sensor)
    assert len(found) == len(set(found))
    assert len(found) >= 9


def test_a_cursor_is_read_as_it_was_written():
    place = ("Halle «1»", "M\n2", SOME_ID)
    assert paging.decode(paging.encode(*place), (str, str, uuid.UUID)) == place
    assert paging.decode(paging.encode(5, SOME_ID), (int, uuid.UUID)) == (5, SOME_ID)


@pytest.mark.parametrize(
    "cursor",
    [
        "", "x", "%", "e30", paging.encode(5), paging.encode("5", SOME_ID), paging.encode(True, SOME_ID),
        paging.encode(10**18, SOME_ID), paging.encode(5, "no id"), base64.urlsafe_b64encode(b"[" * 900).decode(),
    ],
    ids=str,
)  # fmt: skip
async def test_what_is_no_cursor_is_refused(browser, cursor):
    with pytest.raises(InvalidError):
        paging.decode(cursor, (int, uuid.UUID))
    response = await browser.get("/api/v1/events", params={"before": cursor})
    assert response.status_code == 422
    assert response.json()["errors"][0]["loc"] == "before"
