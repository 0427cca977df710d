"""Live updates: after the commit or never, and never more than a client can take."""

import asyncio
import contextlib
import json
import re
import uuid

import pytest
from sqlalchemy import text

from audiosense_collector.db.engine import libpq_url
from audiosense_collector.live import client, notify
from audiosense_collector.live.hub import Hub, Message, Wanted
from audiosense_common.wire import Event, EventState, Status

LIMIT_S = 120
SENSOR = uuid.uuid4()


def update_of(sensor, *times, **more):
    columns = {"time_us": list(times)} | {name: [value] * len(times) for name, value in more.items()}
    return notify.SensorUpdate(sensor_id=sensor, machine_id=uuid.uuid4(), threshold=None, reasons=None, columns=columns)


def ids(chunk):
    return re.findall(r"^id: (\S+)$", chunk.decode(), re.MULTILINE)


def times(chunk):
    found = re.findall(r"^data: (.*)$", chunk.decode(), re.MULTILINE)
    return [json.loads(line)["time_us"] for line in found]


@pytest.fixture
async def listening(runtime):
    await runtime.hub.start()
    async with asyncio.timeout(LIMIT_S):
        await runtime.hub.listening.wait()
    return runtime.hub


def heard(sensor, number, machine="m"):
    return Message("measurements", {"sensor_id": sensor, "machine_id": machine, "number": number}, f"{sensor}{number}")


async def test_of_a_client_that_is_slow_only_the_newest_measurements_wait_and_then_it_is_told_to_load_again():
    slow = Hub("")
    messages = slow.messages()
    assert (await anext(messages)).event == "hello"
    for number in range(1_000):
        slow.publish(heard("pump", number))
    slow.publish(heard("fan", 0))
    numbers = [(await anext(messages)).data["number"] for _ in range(client.COALESCE_FROM + 2)]
    assert numbers == [*range(client.COALESCE_FROM), 999, 0], "of those that wait longest none is lost"
    for number in range(client.QUEUE_MESSAGES + 1):
        slow.publish(Message("event", {"number": number}))
    slow.publish(Message("event", {"number": -1}))
    assert [(await anext(messages)).event for _ in range(2)] == ["resync", "event"]
    big = {"text": "x" * 6_000}
    for _ in range(client.QUEUE_BYTES // len(Message("event", big).body) + 1):
        slow.publish(Message("event", big))
    assert (await anext(messages)).event == "resync"
    slow.end_streams()
    assert [message async for message in messages] == []


async def test_a_stream_of_some_sensors_or_machines_gets_what_is_about_them():
    own = Hub("")
    narrow = own.messages(Wanted.of(sensors=["fan"], machines=["mill"]))
    await anext(narrow)
    own.publish(heard("pump", 1))
    own.publish(Message("job", {"job_id": 1, "sensor_id": "pump"}))
    own.publish(Message("job", {"job_id": 2}))
    own.publish(Message("job", {"job_id": 3, "sensor_id": "fan"}))
    own.publish(heard("saw", 2, machine="mill"))
    own.publish(Message("resync", {}))
    got = [await anext(narrow) for _ in range(3)]
    assert [(message.event, message.sensor) for message in got] == [
        ("job", "fan"),
        ("measurements", "saw"),
        ("resync", None),
    ]


async def test_a_client_that_comes_back_gets_what_it_missed_once_at_any_process(runtime, database_url):
    other = Hub(libpq_url(database_url))
    wanted = Wanted.of(sensors=[SENSOR])
    async with contextlib.AsyncExitStack() as stack, asyncio.timeout(LIMIT_S):
        stack.push_async_callback(other.close)
        for each in (runtime.hub, other):
            await each.start()
            await each.listening.wait()

        async def tell(*numbers):
            async with runtime.sessions.begin() as session:
                await notify.many(session, [update_of(SENSOR, number) for number in numbers])

        first = runtime.hub.chunks(wanted)
        assert b'"resumed":false' in await anext(first)
        await tell(1)
        while b"data" not in (chunk := await anext(first)):
            """A sign of life."""
        last_id = ids(chunk)[-1]
        await first.aclose()
        await tell(2, 3)
        later = other.messages()
        assert (await anext(later)).event == "hello"
        await tell(4)
        while (await anext(later)).data["time_us"] != [4]:
            pass
        again = other.chunks(wanted, last_id)
        assert b'"resumed":true' in await anext(again)
        missed = await anext(again)
        assert times(missed) == [[2], [3], [4]]
        await tell(5)
        while b"data" not in (chunk := await anext(again)):
            """A sign of life."""
        assert times(chunk) == [[5]]
        assert len(set(ids(missed))) == 3
        wide = other.messages(last_id=last_id)
        assert [(await anext(wide)).event for _ in range(2)] == ["hello", "resync"], "an id of another stream"
        strange = other.messages(wanted, last_id="ffff." + wanted.key)
        assert [(await anext(strange)).event for _ in range(2)] == ["hello", "resync"]


async def test_measurements_are_announced_only_where_a_stream_of_any_process_wants_them(runtime, database_url):
    other = Hub(libpq_url(database_url))
    machine = uuid.uuid4()
    async with contextlib.AsyncExitStack() as stack, asyncio.timeout(LIMIT_S):
        assert runtime.hub.wants(SENSOR, machine), "in doubt, yes"
        for each in (runtime.hub, other):
            await each.start()
            await each.listening.wait()
        stack.push_async_callback(other.close)
        listener = "DELETE FROM live_listener"
        async with runtime.sessions.begin() as session:
            await session.execute(text(listener))
        runtime.hub._interest.note_change()
        while runtime.hub.wants(SENSOR, machine):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        watching = other.messages(Wanted.of(machines=[machine]))
        await anext(watching)
        while not runtime.hub.wants(uuid.uuid4(), machine):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert not runtime.hub.wants(SENSOR, uuid.uuid4())
        await watching.aclose()
        assert runtime.hub.wants(uuid.uuid4(), machine), "its client may come back"


async def test_streams_survive_a_cut_of_the_connection_that_listens(runtime, listening):
    messages = listening.messages()
    await anext(messages)
    kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    where = " WHERE application_name LIKE 'audiosense-live%' AND datname = current_database()"
    async with runtime.sessions.begin() as session:
        assert await session.scalar(text(kill + where)) == 2
    async with asyncio.timeout(LIMIT_S):
        while (await anext(messages)).event != "resync":
            pass
        async with runtime.sessions.begin() as session:
            await notify.model(session, uuid.uuid4(), "c" * 64, "running")
        message = await anext(messages)
    assert message.data["digest"] == "c" * 64


def test_updates_of_many_sensors_travel_in_few_notifications():
    updates = [update_of(uuid.uuid4(), *range(12)) for _ in range(1_000)]
    payloads = notify.pack(updates)
    assert max(len(payload.encode()) for payload in payloads) <= notify.MAX_PAYLOAD_BYTES
    told = [data["sensor_id"] for payload in payloads for _event, data in json.loads(payload)["data"]["messages"]]
    assert told == [str(update.sensor_id) for update in updates]
    assert len(payloads) < 100
    (long,) = notify.pack([update_of(SENSOR, *range(60), words="x" * 200)])
    ((_event, data),) = json.loads(long)["data"]["messages"]
    assert data["time_us"] == list(range(60))[-len(data["words"]) :], "too long: the newest of them"
    assert 0 < len(data["words"]) < 60


async def test_a_transaction_that_is_rolled_back_tells_nobody(runtime, listening):
    messages = listening.messages()
    await anext(messages)
    async with runtime.sessions() as session:
        await notify.model(session, uuid.uuid4(), "a" * 64, "running")
        await session.rollback()
    async with runtime.sessions.begin() as session:
        await notify.model(session, uuid.uuid4(), "b" * 64, "running")
    async with asyncio.timeout(LIMIT_S):
        assert (await anext(messages)).data["digest"] == "b" * 64


async def test_a_message_that_is_too_long_becomes_a_resync(runtime, listening):
    messages = listening.messages()
    await anext(messages)
    async with runtime.sessions.begin() as session:
        await notify.event(session, {"id": "é" * 9_000})
    async with asyncio.timeout(LIMIT_S):
        assert (await anext(messages)).event == "resync"


async def test_measurements_and_events_are_announced_with_their_reasons(listening, make_agent, reasons, told):
    messages = listening.messages()
    await anext(messages)
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    columns = agent.columns(2, status=Status.ANOMALOUS, score=0.9, digest="a" * 64)
    event = Event(
        id=uuid.uuid4(), sensor=sensor, revision=1, state=EventState.OPEN, start_us=1, end_us=2, peak_us=1,
        peak_score=0.9, threshold=0.5, windows=2, model="a" * 64, reasons=reasons,
    )  # fmt: skip
    await agent.send(agent.batch(columns.model_copy(update={"reasons": {1: reasons}}), events=[event]))
    async with asyncio.timeout(LIMIT_S):
        first, second = await anext(messages), await anext(messages)
    plain = [reason.model_dump(exclude_none=True) for reason in reasons]
    assert (first.event, first.data["reasons"]) == ("measurements", plain)
    assert (second.event, second.data["reasons"]) == ("event", told)


async def test_of_a_backlog_only_the_newest_measurements_are_live(listening, make_agent):
    messages = listening.messages()
    await anext(messages)
    agent = await make_agent()
    columns = agent.columns(500)
    await agent.send(agent.batch(columns))
    async with asyncio.timeout(LIMIT_S):
        message = await anext(messages)
    assert message.data["time_us"] == columns.time_us[-notify.MAX_ROWS :]
