"""Live updates: after the commit or never, and never more than a client can take."""

import asyncio
import uuid

import pytest

from audiosense_collector.live import hub, notify
from audiosense_collector.live.hub import Hub, Message
from audiosense_common.wire import Event, EventState, Status

LIMIT_S = 30


@pytest.fixture
async def listening(runtime):
    await runtime.hub.start()
    async with asyncio.timeout(LIMIT_S):
        await runtime.hub.listening.wait()
    return runtime.hub


async def test_a_client_that_is_too_slow_is_told_to_load_again():
    slow = Hub("")
    messages = slow.messages()
    assert (await anext(messages)).event == "hello"
    for number in range(hub.QUEUE_MESSAGES + 1):
        slow.publish(Message("event", {"number": number}))
    slow.publish(Message("event", {"number": -1}))
    assert [(await anext(messages)).event for _ in range(2)] == ["resync", "event"]
    slow.end_streams()
    assert [message async for message in messages] == []


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
