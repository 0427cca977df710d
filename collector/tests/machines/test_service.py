"""What the fleet and machine pages are told."""

import uuid

import pytest
from sqlalchemy import update

from audiosense_collector.clock import now_us
from audiosense_collector.machines.tables import Sensor
from audiosense_common.features import SCHEMA_ID, SCHEMAS
from audiosense_common.wire import Event, EventState, RunningModel, Status


async def read(browser, agent):
    fleet = (await browser.get("/api/v1/fleet")).json()["machines"]
    sensors = set(agent.sensors.values())
    return next(machine for machine in fleet if {card["id"] for card in machine["sensors"]} == sensors)


async def test_a_machine_that_was_never_heard_is_waiting(browser, make_agent):
    machine = await read(browser, await make_agent())
    assert machine["status"] == "waiting"
    assert machine["last_heard_us"] is None
    assert machine["sensors"][0]["heuristic_flag"] is None


async def test_a_machine_is_as_bad_as_its_worst_sensor(browser, make_agent, register):
    agent = await make_agent(register("a", machine="Press"), register("b", machine="Press"))
    first, second = agent.sensors.values()
    await agent.send(
        agent.batch(
            agent.columns(3, sensor=first, status=Status.NORMAL, score=0.3, digest="a" * 64),
            agent.columns(3, sensor=second, status=Status.ANOMALOUS, score=0.8, digest="a" * 64),
        )
    )
    machine = await read(browser, agent)
    assert (machine["status"], machine["score"]) == ("anomalous", pytest.approx(0.8))
    event = Event(
        id=uuid.uuid4(), sensor=first, revision=1, state=EventState.OPEN, start_us=now_us(), end_us=now_us(),
        peak_us=now_us(), peak_score=0.9, threshold=0.5, windows=3, model="a" * 64,
    )  # fmt: skip
    await agent.send(agent.batch(events=[event]))
    machine = await read(browser, agent)
    assert (machine["status"], machine["open_events"]) == ("alarm", 1)
    assert [card["open_event"] for card in machine["sensors"]] == [True, False]


async def test_a_card_has_the_reasons_of_its_open_event_or_of_its_newest_window(browser, make_agent, reasons, told):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()

    async def reasons_of_card():
        ((card,),) = ((await read(browser, agent))["sensors"],)
        return card["reasons"]

    def windows(status, said):
        columns = agent.columns(1, status=status, score=0.5, digest="a" * 64)
        return columns.model_copy(update={"reasons": {} if said is None else {0: said}})

    async def report(revision, state, said):
        event = Event(
            id=uuid.UUID(int=revision // 10), sensor=sensor, revision=revision, state=state, start_us=now_us(),
            end_us=now_us(), peak_us=now_us(), peak_score=0.9, threshold=0.5, windows=3, model="a" * 64, reasons=said,
        )  # fmt: skip
        await agent.send(agent.batch(events=[event]))

    assert await reasons_of_card() is None
    await agent.send(agent.batch(windows(Status.ANOMALOUS, reasons)))
    assert await reasons_of_card() == told
    await agent.send(agent.batch(windows(Status.ANOMALOUS, [])))
    assert await reasons_of_card() == []
    await report(10, EventState.OPEN, reasons[:1])
    assert await reasons_of_card() == told[:1]
    await report(20, EventState.OPEN, reasons[1:])
    assert await reasons_of_card() == told[1:]
    await report(21, EventState.CLOSE, reasons)
    assert await reasons_of_card() == told[:1]
    await report(11, EventState.CLOSE, reasons)
    await agent.send(agent.batch(windows(Status.NORMAL, None)))
    assert await reasons_of_card() is None


async def test_silence_is_offline(runtime, browser, make_agent):
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(3)))
    assert (await read(browser, agent))["status"] == "learning"
    (sensor,) = agent.sensors.values()
    async with runtime.sessions.begin() as session:
        row = update(Sensor).where(Sensor.id == uuid.UUID(sensor))
        await session.execute(row.values(last_heard=now_us() - 61_000_000))
    assert (await read(browser, agent))["status"] == "offline"


async def test_the_sparkline_has_at_most_a_point_a_minute(browser, make_agent):
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(1_500)))
    sparkline = (await read(browser, agent))["sensors"][0]["sparkline"]
    assert sparkline["kind"] == "level_dbfs"
    assert len(sparkline["value"]) == len(sparkline["time_us"]) == 60
    assert sparkline["time_us"] == sorted(sparkline["time_us"])


async def test_backlog_does_not_replace_the_newest_measurement(browser, make_agent):
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(2)))
    newest = (await read(browser, agent))["last_heard_us"]
    await agent.send(agent.batch(agent.columns(2, start_us=newest - 3_600_000_000)))
    await agent.send(agent.batch(agent.columns(1, start_us=newest + 90_000_000_000)))
    assert (await read(browser, agent))["last_heard_us"] == newest


async def test_settings_of_a_sensor_are_changed_and_returned_to_the_default(browser, make_agent):
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(2)))
    (sensor,) = agent.sensors.values()
    url = f"/api/v1/sensors/{sensor}"
    changed = (await browser.patch(url, json={"heuristic_dominant_hz": 50, "baseline_windows": 99})).json()
    assert changed["heuristic_flag"] is True
    assert changed["learning"] == {"windows": 2, "needed": 99}
    changed = (await browser.patch(url, json={"heuristic_dominant_hz": None})).json()
    assert changed["heuristic_flag"] is False
    assert changed["learning"]["needed"] == 99
    assert (await browser.patch(url, json={"baseline_windows": 0})).status_code == 422


async def test_a_machine_shows_how_its_sensors_hear(browser, make_agent):
    agent = await make_agent()
    machine = await read(browser, agent)
    detail = (await browser.get(f"/api/v1/machines/{machine['id']}")).json()
    (sensor,) = detail["sensors"]
    assert (sensor["sample_rate_hz"], sensor["window_s"], sensor["schema_id"]) == (16_000, 5.0, SCHEMA_ID)
    assert (sensor["model"], sensor["models"], sensor["baseline_windows"]) == (None, [], 40)
    assert (await browser.get(f"/api/v1/machines/{uuid.uuid4()}")).status_code == 404


async def test_features_are_listed_in_the_schemas_order(browser):
    found = (await browser.get("/api/v1/features")).json()
    assert tuple(feature["name"] for feature in found) == SCHEMAS[SCHEMA_ID]
    assert (await browser.get("/api/v1/features", params={"schema": "other"})).status_code == 404


async def test_the_line_of_a_young_sensor_has_a_point_per_window(browser, make_agent):
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(30)))
    [card] = (await read(browser, agent))["sensors"]
    assert len(card["sparkline"]["time_us"]) == 30


async def test_the_line_of_an_old_sensor_has_sixty_points_of_its_last_hour(browser, make_agent):
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(1_000)))
    [card] = (await read(browser, agent))["sensors"]
    times = card["sparkline"]["time_us"]
    assert len(times) == 60
    assert 3_400e6 < times[-1] - times[0] < 3_600e6


async def test_the_line_of_scores_begins_with_the_first_score(browser, make_agent):
    agent = await make_agent()
    sensor = next(iter(agent.sensors))
    digest = "b" * 64
    learning = agent.columns(400, start_us=now_us() - 410 * 5_000_000)
    scored = agent.columns(10, score=0.4, status=Status.NORMAL, digest=digest)
    await agent.send(agent.batch(learning, scored, running={agent.sensors[sensor]: {"digest": digest}}))
    [card] = (await read(browser, agent))["sensors"]
    assert card["sparkline"]["kind"] == "score"
    assert card["sparkline"]["value"] == pytest.approx([0.4] * 10)


async def test_a_machine_at_rest_has_no_score_in_its_sparkline(browser, make_agent):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    scored = {"digest": "a" * 64, "score": 0.4}
    await agent.send(agent.batch(agent.columns(30, status=Status.NORMAL, start_us=now_us() - 300_000_000, **scored)))
    running = {sensor: RunningModel(digest="a" * 64, version=1)}
    rest = agent.columns(30, status=Status.STOPPED, **(scored | {"score": 0.9}))
    await agent.send(agent.batch(rest, running=running))
    card = (await read(browser, agent))["sensors"][0]
    assert (card["status"], card["sparkline"]["kind"]) == ("stopped", "score")
    assert card["sparkline"]["value"][-1] is None
    assert max(value for value in card["sparkline"]["value"] if value is not None) == pytest.approx(0.4)
