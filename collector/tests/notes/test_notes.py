"""Notes and maintenance: whose they are, and what maintenance means to cards, notifications and baselines."""

import uuid

import pytest
from sqlalchemy import text

from audiosense_collector.auth.roles import Role
from audiosense_collector.clock import now_us
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.notifications import outbox
from audiosense_collector.training import service as training
from audiosense_common.wire import Event, EventState, Status

MINUTE_US = 60_000_000


@pytest.fixture
async def pump(make_agent, browser):
    """An agent that is heard, with the ids of its machine and sensor."""
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(3)))
    (agent.sensor,) = agent.sensors.values()
    fleet = (await browser.get("/api/v1/fleet")).json()["machines"]
    agent.machine = next(m["id"] for m in fleet if any(s["id"] == agent.sensor for s in m["sensors"]))
    return agent


async def listed(client, machine, **more):
    return (await client.get("/api/v1/notes", params={"machine": machine, **more})).json()["items"]


async def test_a_note_is_its_authors_and_an_administrators_and_comes_back_when_it_was_deleted(
    browser, open_browser, viewer, pump
):
    anna, ben = await open_browser(Role.OPERATOR), await open_browser(Role.OPERATOR)
    new = {"machine_id": pump.machine, "sensor_id": pump.sensor, "text": "  new bearing  "}
    note = (await anna.post("/api/v1/notes", json=new)).json()
    assert (note["text"], note["author"], note["kind"], note["end_us"]) == ("new bearing", anna.user, "note", None)
    path = f"/api/v1/notes/{note['id']}"
    refused = await ben.patch(path, json={"text": "no"})
    assert (refused.status_code, refused.json()["type"]) == (403, "not_yours")
    assert anna.user in refused.json()["detail"]
    assert (await ben.delete(path)).status_code == 403
    end = note["start_us"] + MINUTE_US
    changed = (await anna.patch(path, json={"text": "new bearing, SKF", "end_us": end})).json()
    assert (changed["text"], changed["end_us"], changed["kind"]) == ("new bearing, SKF", end, "note")
    assert changed["edited_us"] >= note["created_us"]
    assert (await browser.patch(path, json={"end_us": None})).json()["end_us"] is None
    readers = (viewer, ben, anna, browser)
    assert [each["yours"] for client in readers for each in await listed(client, pump.machine)] == [
        False, False, True, True,
    ]  # fmt: skip

    assert (await anna.delete(path)).status_code == 204
    assert await listed(viewer, pump.machine) == []
    assert (await anna.patch(path, json={"text": "gone"})).status_code == 404
    assert (await ben.post(f"{path}/restore")).status_code == 403
    assert (await anna.post(f"{path}/restore")).json()["text"] == "new bearing, SKF"
    assert len(await listed(viewer, pump.machine)) == 1

    log = (await browser.get("/api/v1/audit", params={"limit": 50})).json()["items"]
    own = [entry for entry in log if entry["subject"] == "note" and entry["subject_id"] == note["id"]]
    assert [entry["action"] for entry in own] == [
        "restore_note",
        "delete_note",
        "change_note",
        "change_note",
        "add_note",
    ]
    assert own[3]["before"]["text"] == "new bearing"


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({"end_us": 5, "start_us": 5}, 422, "is not after start_us"),
        ({"text": "   "}, 422, "text"),
        ({"kind": "party"}, 422, "kind"),
        ({"machine_id": str(uuid.UUID(int=9))}, 404, "there is no machine"),
        ({"sensor_id": str(uuid.UUID(int=9))}, 404, "has no sensor"),
    ],
    ids=["span", "empty", "kind", "machine", "sensor"],
)
async def test_what_is_wrong_with_a_note_is_named(operator, pump, change, status, told):
    answer = await operator.post("/api/v1/notes", json={"machine_id": pump.machine, "text": "x"} | change)
    assert answer.status_code == status
    assert told in str(answer.json())


async def test_notes_of_a_span_are_those_that_touch_it_newest_first_and_a_page_at_a_time(operator, pump):
    base = now_us() - 100 * MINUTE_US
    for start, end, kind in [(0, None, "note"), (10, 20, "note"), (30, None, "maintenance"), (50, None, "note")]:
        times = {"start_us": base + start * MINUTE_US, "end_us": end and base + end * MINUTE_US}
        await operator.post(
            "/api/v1/notes", json={"machine_id": pump.machine, "kind": kind, "text": f"{start}"} | times
        )

    async def texts(low, high, **more):
        span = {"from_us": base + low * MINUTE_US, "to_us": base + high * MINUTE_US}
        return [each["text"] for each in await listed(operator, pump.machine, **span, **more)]

    assert await texts(0, 100) == ["50", "30", "10", "0"]
    assert await texts(15, 25) == ["10"]
    assert await texts(60, 70) == ["30"], "maintenance without an end lasts"
    first = (await operator.get("/api/v1/notes", params={"machine": pump.machine, "limit": 3})).json()
    second = (
        await operator.get("/api/v1/notes", params={"limit": 3, "machine": pump.machine, "before": first["next"]})
    ).json()
    assert [each["text"] for each in first["items"] + second["items"]] == ["50", "30", "10", "0"]
    assert second["next"] is None


async def test_a_machine_that_is_worked_on_says_so_and_nobody_is_notified(runtime, browser, operator, pump):
    async def status():
        found = (await browser.get(f"/api/v1/machines/{pump.machine}")).json()
        return found["status"], found["sensors"][0]["status"], found["open_events"]

    identity = uuid.uuid4()

    async def report(revision, state):
        now = now_us()
        await pump.send(pump.batch(events=[Event(
            id=identity, sensor=pump.sensor, revision=revision, state=state, start_us=now - MINUTE_US, end_us=now,
            peak_us=now, peak_score=0.9, threshold=0.5, windows=12, model="a" * 64, reasons=[],
        )]))  # fmt: skip
        async with runtime.sessions() as session:
            query = text("SELECT kind FROM notification WHERE event_id = :id ORDER BY id")
            return list(await session.scalars(query, {"id": identity}))

    assert await status() == ("learning", "learning", 0)
    work = {"machine_id": pump.machine, "kind": "maintenance", "text": "alignment"}
    note = (await operator.post("/api/v1/notes", json=work)).json()
    assert await status() == ("maintenance", "maintenance", 0)
    assert await report(1, EventState.OPEN) == []
    assert await status() == ("maintenance", "maintenance", 1), "the event itself is kept"
    await operator.patch(f"/api/v1/notes/{note['id']}", json={"end_us": now_us()})
    assert await status() == ("alarm", "alarm", 1)
    assert await report(2, EventState.UPDATE) == ["event_open"], "what outlasts the work is told"
    await operator.patch(f"/api/v1/notes/{note['id']}", json={"end_us": None})
    assert await report(3, EventState.CLOSE) == ["event_open"]
    await operator.delete(f"/api/v1/notes/{note['id']}")
    assert await status() == ("learning", "learning", 0)


async def test_an_agent_that_is_switched_off_with_its_machine_is_told_as_silent_only_afterwards(
    runtime, operator, make_agent, register
):
    agent = await make_agent(register(name="a", machine=f"Saw {uuid.uuid4()}"), register(name="b", machine="Saw 2"))
    await agent.send(agent.batch())
    ids = [uuid.UUID(sensor) for sensor in agent.sensors.values()]

    async def told():
        async with runtime.sessions.begin() as session:
            await session.execute(
                text("UPDATE agent SET last_seen = now() - interval '1 hour' WHERE id = :id"), {"id": agent.id}
            )
            await outbox.note_agents(session)
            kinds = text("SELECT kind FROM notification WHERE subject = :subject ORDER BY id")
            return list(await session.scalars(kinds, {"subject": f"agent-{agent.id}"}))

    async def work_on(sensor_id):
        async with runtime.sessions() as session:
            machine = (await session.get(Sensor, sensor_id)).machine_id
        new = {"machine_id": str(machine), "sensor_id": str(sensor_id), "kind": "maintenance", "text": "no power"}
        return (await operator.post("/api/v1/notes", json=new)).json()["id"]

    notes = [await work_on(sensor_id) for sensor_id in ids]
    assert await told() == []
    await operator.delete(f"/api/v1/notes/{notes[1]}")
    assert await told() == ["agent_silent"], "one of its machines should be heard"


async def test_windows_of_maintenance_are_none_of_the_next_baseline(runtime, operator, make_agent):
    agent = await make_agent()
    start = now_us() - 3_600_000_000
    await agent.send(agent.batch(agent.columns(60, start_us=start, status=Status.LEARNING)))
    (sensor_id,) = agent.sensors.values()
    async with runtime.sessions() as session:
        sensor = await session.get(Sensor, uuid.UUID(sensor_id))
    # From within window 10 to the start of window 20; and all of another sensor's time.
    cut = {"start_us": start + 52_000_000, "end_us": start + 100_000_000, "kind": "maintenance", "text": "belt"}
    await operator.post("/api/v1/notes", json=cut | {"machine_id": str(sensor.machine_id)})
    remark = {"machine_id": str(sensor.machine_id), "start_us": start, "end_us": now_us(), "text": "a remark only"}
    await operator.post("/api/v1/notes", json=remark)
    async with runtime.sessions.begin() as session:
        sensor = await session.get(Sensor, uuid.UUID(sensor_id))
        order = await training._make_order(session, runtime, sensor, training.Request(windows=100))
        assert list((order.times_us - start) // 5_000_000) == [*range(10), *range(20, 60)]
        first = await training._make_order(session, runtime, sensor, training.Request())
        assert list((first.times_us - start) // 5_000_000) == [*range(10), *range(20, 50)]
