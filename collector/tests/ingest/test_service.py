"""Batches on a real database: each measurement exactly once, nothing of a refused batch."""

import json
import random
import uuid
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import text

from audiosense_collector.clock import now_us
from audiosense_common.wire import Event, EventState, FeatureMatrix, Heartbeat, RunningModel, SensorColumns, Status

ALL_AGENTS = "/api/v1/agents?limit=1000"

COLUMNS = ("seq", "time_us", "score", "status", "model", "level_dbfs", "dominant_hz")
WINDOWS = 4
VALID = {
    "sensor": uuid.UUID(int=1),
    "seq": list(range(WINDOWS)),
    "time_us": [1] * WINDOWS,
    "score": [0.5] * WINDOWS,
    "status": ["normal"] * WINDOWS,
    "model": [None] * WINDOWS,
    "level_dbfs": [-30.0] * WINDOWS,
    "dominant_hz": [100.0] * WINDOWS,
    "features": FeatureMatrix.pack("audiosense-1", np.zeros((WINDOWS, 3), np.float16)).model_dump(by_alias=True),
}


async def rows_of(runtime, agent):
    async with runtime.sessions() as session:
        query = text("SELECT count(*) FROM measurement WHERE sensor_id = ANY(:ids)")
        return await session.scalar(query, {"ids": [uuid.UUID(str(i)) for i in agent.sensors.values()]})


async def test_a_batch_is_stored_and_answered_with_the_next_token(runtime, make_agent):
    agent = await make_agent()
    answer = await agent.send(agent.batch(agent.columns(30)))
    assert (answer["stored"], answer["repeated"]) == (30, 0)
    assert answer["token"]
    assert await rows_of(runtime, agent) == 30


async def test_an_exact_repeat_gets_the_same_answer_and_stores_nothing(runtime, make_agent, dump):
    agent = await make_agent()
    body = dump(agent.batch(agent.columns(10)))
    first = await agent.post(body)
    second = await agent.post(body)
    assert first.json() == second.json()
    assert await rows_of(runtime, agent) == 10


async def test_measurements_that_were_stored_before_are_counted_as_repeated(runtime, make_agent):
    agent = await make_agent()
    columns = agent.columns(10)
    await agent.send(agent.batch(columns))
    answer = await agent.send(agent.batch(columns, agent.columns(5)))
    assert (answer["stored"], answer["repeated"]) == (5, 10)
    assert await rows_of(runtime, agent) == 15


async def test_an_old_token_that_is_no_repeat_quarantines_the_agent(runtime, make_agent, dump):
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(1)))
    stale = agent.token
    await agent.send(agent.batch(agent.columns(1)))
    response = await agent.post(dump(agent.batch(agent.columns(1), token=stale)))
    assert (response.status_code, response.json()["type"]) == (403, "quarantined")
    right = await agent.post(dump(agent.batch(agent.columns(1))))
    assert (right.status_code, right.json()["type"]) == (403, "quarantined")
    assert await rows_of(runtime, agent) == 2


async def test_a_new_epoch_begins_without_a_token(make_agent):
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(1)))
    previous, agent.epoch, agent.token = agent.epoch, uuid.uuid4(), None
    agent.seq = 0
    answer = await agent.send(agent.batch(agent.columns(2), previous_epoch=previous))
    assert answer["stored"] == 2


async def test_times_outside_retention_and_tomorrow_are_kept_and_flagged(runtime, make_agent):
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(2, start_us=0)))
    await agent.send(agent.batch(agent.columns(3, start_us=4_000_000_000_000_000)))
    await agent.send(agent.batch(agent.columns(4)))
    async with runtime.sessions() as session:
        query = text("SELECT clock_suspect, count(*) FROM measurement WHERE sensor_id = :id GROUP BY 1 ORDER BY 1")
        found = (await session.execute(query, {"id": next(iter(agent.sensors.values()))})).all()
    assert found == [(False, 4), (True, 5)]


async def test_times_that_an_agent_only_estimates_are_flagged(runtime, make_agent):
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(5).model_copy(update={"time_estimated": [0, 1, 4]})))
    async with runtime.sessions() as session:
        query = text("SELECT clock_suspect FROM measurement WHERE sensor_id = :id ORDER BY seq")
        found = (await session.scalars(query, {"id": next(iter(agent.sensors.values()))})).all()
    assert found == [True, True, False, False, True]


async def test_an_estimate_of_a_window_that_is_not_there_is_refused(make_agent, dump):
    agent = await make_agent()
    body = json.loads(dump(agent.batch(agent.columns(5))))
    body["sensors"][0]["time_estimated"] = [5]
    response = await agent.post(json.dumps(body))
    assert response.status_code == 422
    assert response.json()["errors"][0]["loc"] == "sensors.0.time_estimated"


async def test_a_clock_that_was_ahead_does_not_hide_the_present_once_it_is_right(browser, make_agent):
    agent = await make_agent()

    async def heard_us():
        fleet = (await browser.get("/api/v1/fleet")).json()
        sensors = [sensor for machine in fleet["machines"] for sensor in machine["sensors"]]
        return next(each["last_heard_us"] for each in sensors if each["id"] in set(agent.sensors.values()))

    hours_ahead_us = now_us() + 10 * 3_600_000_000
    await agent.send(agent.batch(agent.columns(2, start_us=hours_ahead_us)))
    assert await heard_us() > hours_ahead_us
    await agent.send(agent.batch(agent.columns(2)))
    present_us = await heard_us()
    assert abs(present_us - now_us()) < 60_000_000
    await agent.send(agent.batch(agent.columns(2, start_us=present_us - 3_600_000_000)))
    assert await heard_us() == present_us, "what is older is no news"


async def test_partitions_made_later_take_over_rows_of_the_default_partition(runtime, make_agent):
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(3, start_us=2_000_000_000_000_000)))
    async with runtime.sessions.begin() as session:
        assert await session.scalar(text("SELECT make_measurement_partition('2033-05-18')"))
        assert not await session.scalar(text("SELECT make_measurement_partition('2033-05-18')"))
        assert await session.scalar(text("SELECT count(*) FROM measurement_20330518")) == 3
    assert await rows_of(runtime, agent) == 3


async def test_of_an_event_the_highest_revision_stays(browser, make_agent):
    agent = await make_agent()
    sensor = next(iter(agent.sensors.values()))

    def revision(number, state, peak, event_id):
        return Event(
            id=event_id, sensor=sensor, revision=number, state=state, start_us=10**15, end_us=10**15 + number,
            peak_us=10**15, peak_score=peak, threshold=0.5, windows=number, model="a" * 64,
        )  # fmt: skip

    event_id = uuid.uuid4()
    late = [revision(3, EventState.CLOSE, 0.9, event_id), revision(2, EventState.UPDATE, 0.7, event_id)]
    await agent.send(agent.batch(events=late))
    await agent.send(agent.batch(events=[revision(1, EventState.OPEN, 0.6, event_id)]))
    (event,) = (await browser.get("/api/v1/events", params={"sensor": sensor})).json()["items"]
    assert (event["state"], event["windows"], round(event["peak_score"], 3)) == ("closed", 3, 0.9)
    page = (await browser.get("/api/v1/events", params={"sensor": sensor, "state": "open"})).json()
    assert (page["items"], page["next"]) == ([], None)


async def test_reasons_of_measurements_and_events_are_stored_once_and_shown(  # noqa: PLR0917 - fixtures
    runtime, browser, make_agent, dump, reasons, told
):
    agent = await make_agent()
    sensor = next(iter(agent.sensors.values()))
    columns = agent.columns(3, status=Status.ANOMALOUS, score=0.9, digest="a" * 64)
    columns = columns.model_copy(update={"reasons": {0: reasons, 2: []}})
    event = Event(
        id=uuid.uuid4(), sensor=sensor, revision=1, state=EventState.OPEN, start_us=10**15, end_us=10**15 + 1,
        peak_us=10**15, peak_score=0.9, threshold=0.5, windows=3, model="a" * 64, reasons=reasons,
    )  # fmt: skip
    body = dump(agent.batch(columns, events=[event]))
    for _ in range(2):
        assert (await agent.post(body)).status_code == 200
    plain = [reason.model_dump(exclude_none=True) for reason in reasons]
    async with runtime.sessions() as session:
        query = text("SELECT reasons FROM measurement WHERE sensor_id = :id ORDER BY time")
        assert list(await session.scalars(query, {"id": sensor})) == [plain, None, []]
    (shown,) = (await browser.get("/api/v1/events", params={"sensor": sensor})).json()["items"]
    assert shown["reasons"] == told


async def test_a_later_revision_of_an_event_brings_its_own_reasons(browser, make_agent, reasons):
    agent = await make_agent()
    sensor, event_id = next(iter(agent.sensors.values())), uuid.uuid4()
    for revision, words in ((1, reasons), (2, reasons[1:]), (3, [])):
        event = Event(
            id=event_id, sensor=sensor, revision=revision, state=EventState.UPDATE, start_us=10**15,
            end_us=10**15 + 1, peak_us=10**15, peak_score=0.9, threshold=0.5, windows=3, model="a" * 64, reasons=words,
        )  # fmt: skip
        await agent.send(agent.batch(events=[event]))
        (shown,) = (await browser.get("/api/v1/events", params={"sensor": sensor})).json()["items"]
        assert [reason["key"] for reason in shown["reasons"]] == [reason.key for reason in words]


async def test_a_batch_that_an_agent_of_the_first_release_sent_is_taken(runtime, browser, make_agent):
    agent = await make_agent()
    sensor = next(iter(agent.sensors.values()))
    recorded = (Path(__file__).parent / "recorded" / "batch-0.1.0.json").read_text(encoding="utf-8")
    whose = {uuid.UUID(int=1): sensor, uuid.UUID(int=2): agent.id, uuid.UUID(int=3): agent.epoch}
    for old, new in whose.items():
        recorded = recorded.replace(str(old), str(new))
    response = await agent.post(recorded.encode())
    assert (response.status_code, response.json()["stored"]) == (200, 3)
    (event,) = (await browser.get("/api/v1/events", params={"sensor": sensor})).json()["items"]
    assert (event["windows"], event["reasons"]) == (4, [])
    async with runtime.sessions() as session:
        query = text("SELECT count(*) FROM measurement WHERE sensor_id = :id AND reasons IS NULL")
        assert await session.scalar(query, {"id": sensor}) == 3


async def test_the_heartbeat_shows_spool_clock_and_sources(browser, make_agent):
    agent = await make_agent()
    sensor = next(iter(agent.sensors.values()))
    beat = Heartbeat(version="0.2.0", spool_rows=7, dropped=1, sources={sensor: "no sound for 12 s"})
    running = {sensor: RunningModel(digest="b" * 64, version=2, refused="c" * 64, reason="stale")}
    await agent.send(agent.batch(heartbeat=beat, running=running, sent_us=0))
    shown = next(item for item in (await browser.get(ALL_AGENTS)).json()["items"] if item["id"] == str(agent.id))
    assert (shown["version"], shown["spool_rows"], shown["dropped"], shown["state"]) == ("0.2.0", 7, 1, "active")
    assert shown["clock_offset_us"] < -1_000_000_000_000_000
    assert shown["sensors"][0]["source_state"] == "no sound for 12 s"


async def test_stored_measurements_are_counted_for_each_sensor_once(browser, make_agent, register, dump):
    agent, other = await make_agent(register("a"), register("b")), await make_agent(register("a"))
    batch = agent.batch(agent.columns(3, sensor=agent.sensors["a"]), agent.columns(2, sensor=agent.sensors["b"]))
    for _ in range(2):
        assert (await agent.post(dump(batch))).status_code == 200
    await other.send(other.batch(other.columns(7)))
    shown = {item["id"]: item["sensors"] for item in (await browser.get(ALL_AGENTS)).json()["items"]}
    assert {sensor["name"]: sensor["measurements"] for sensor in shown[str(agent.id)]} == {"a": 3, "b": 2}
    assert [sensor["measurements"] for sensor in shown[str(other.id)]] == [7]


@pytest.mark.parametrize("status", [Status.STOPPED, Status.INVALID, Status.ANOMALOUS])
async def test_only_learning_windows_count_for_the_baseline(browser, make_agent, status):
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(3), agent.columns(4, status=status)))
    sensor = next(iter(agent.sensors.values()))
    fleet = (await browser.get("/api/v1/fleet")).json()
    (card,) = [card for machine in fleet["machines"] for card in machine["sensors"] if card["id"] == sensor]
    assert card["learning"] == {"windows": 3, "needed": 40}


async def test_lost_answers_repeats_and_overlaps_leave_each_measurement_exactly_once(runtime, make_agent, dump):
    agent = await make_agent()
    chance = random.Random(7)
    spool = [agent.columns(chance.randint(1, 9)) for _ in range(40)]
    faults = {"lost answer": 0, "overlap": 0}
    for place, columns in enumerate(spool):
        overlapping = chance.random() < 0.3
        faults["overlap"] += overlapping
        body = dump(agent.batch(*(spool[max(0, place - 2) : place + 1] if overlapping else [columns])))
        response = await agent.post(body)
        while chance.random() < 0.4:
            faults["lost answer"] += 1
            repeated = await agent.post(body)
            assert repeated.json() == response.json()
        agent.token = response.json()["token"]
    assert min(faults.values()) >= 5
    assert await rows_of(runtime, agent) == sum(len(columns.seq) for columns in spool)


@given(st.sampled_from(COLUMNS), st.integers(0, 12))
def test_columns_of_unequal_length_are_refused_by_name(name, length):
    entry = {"seq": 1, "time_us": 1, "score": 0.5, "status": "normal", "model": None}.get(name, 1.0)
    content = VALID | {name: [entry] * length}
    if name == "seq":
        content |= {"seq": list(range(length))}
    if length == WINDOWS:
        SensorColumns.model_validate(content)
        return
    with pytest.raises(ValidationError, match="all must be equal"):
        SensorColumns.model_validate(content)


@pytest.mark.parametrize("column", ["level_dbfs", "dominant_hz"])
async def test_a_number_beyond_single_precision_is_named(make_agent, dump, column):
    agent = await make_agent()
    columns = agent.columns(3).model_copy(update={column: [1.0, 1e39, 1.0]})
    response = await agent.post(dump(agent.batch(columns)))
    assert response.status_code == 422
    assert response.json()["errors"][0]["loc"] == f"sensors.0.{column}.1"


async def test_numbers_too_small_for_the_database_are_zero(make_agent, browser, dump):
    agent = await make_agent()
    digest = "a" * 64
    columns = agent.columns(2, score=1e-300, status=Status.NORMAL, digest=digest)
    sensor = str(columns.sensor)
    event = {
        "id": str(uuid.uuid4()), "sensor": sensor, "revision": 1, "state": "open", "start_us": 1, "end_us": 2,
        "peak_us": 1, "peak_score": 1e-300, "threshold": 1e-300, "windows": 1, "model": digest,
    }  # fmt: skip
    answer = await agent.send(agent.batch(columns, events=[event]))
    assert answer["stored"] == 2
    [stored] = (await browser.get("/api/v1/events", params={"sensor": sensor})).json()["items"]
    assert stored["peak_score"] == stored["threshold"] == 0


async def test_an_agent_whose_clock_and_counts_are_broken_is_still_heard(make_agent, browser):
    agent = await make_agent()
    await agent.send(agent.batch(sent_us=2**80, heartbeat={"version": "1", "spool_rows": 2**70}))
    shown = next(each for each in (await browser.get(ALL_AGENTS)).json()["items"] if each["id"] == str(agent.id))
    assert shown["spool_rows"] == 2**63 - 1


async def test_a_text_that_the_database_does_not_take_is_refused_and_nothing_is_stored(make_agent, browser, dump):
    agent = await make_agent()
    batch = agent.batch(agent.columns(3), heartbeat={"version": "a\0b"})
    response = await agent.post(dump(batch))
    assert response.status_code == 422
    assert "NUL" in response.json()["detail"]
    assert (await agent.send(batch.model_copy(update={"heartbeat": None})))["stored"] == 3
