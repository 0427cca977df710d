"""Gaps as agents tell them: each once, whoever's they are, and paged."""

import uuid

import pytest
from sqlalchemy import text

from audiosense_common.wire_gaps import Gap

AT = 1_795_444_444_000_000


def gap(agent, number, windows=3, reason="spool_full", **changes):
    sensor = next(iter(agent.sensors.values()))
    values = {
        "epoch": agent.epoch,
        "number": number,
        "sensor": sensor,
        "reason": reason,
        "windows": windows,
        "first_us": AT,
        "last_us": AT + 5_000_000 * (windows or 1),
        "first_seq": 1,
        "last_seq": windows,
    }
    return Gap(**values | changes)


async def read(browser, agent, **query):
    sensor = next(iter(agent.sensors.values()))
    response = await browser.get(f"/api/v1/sensors/{sensor}/gaps", params=query)
    assert response.status_code == 200
    return response.json()


async def test_a_gap_is_stored_once_however_often_it_comes(browser, make_agent, dump):
    agent = await make_agent()
    body = dump(agent.batch(gaps=[gap(agent, 1), gap(agent, 2, 4, "too_old", first_seq=None, last_seq=None)]))
    first = await agent.post(body)
    assert (await agent.post(body)).json() == first.json()
    agent.token = first.json()["token"]
    await agent.send(agent.batch(gaps=[gap(agent, 1), gap(agent, 2, 4, "too_old", first_seq=None, last_seq=None)]))
    page = await read(browser, agent)
    assert [(each["number"], each["reason"], each["windows"]) for each in page["items"]] == [
        (2, "too_old", 4),
        (1, "spool_full", 3),
    ]
    assert (page["windows_lost"], page["next"]) == (7, None)
    assert (page["items"][1]["first_us"], page["items"][1]["last_us"]) == (AT, AT + 15_000_000)
    assert (page["items"][0]["first_seq"], page["items"][1]["last_seq"]) == (None, 3)


async def test_a_gap_that_grew_replaces_itself_and_what_was_rescued_is_no_loss(browser, make_agent):
    agent = await make_agent()
    await agent.send(agent.batch(gaps=[gap(agent, 1, 3)]))
    await agent.send(agent.batch(gaps=[gap(agent, 1, 9), gap(agent, 2, 4, "rescued")]))
    page = await read(browser, agent)
    assert [each["windows"] for each in page["items"]] == [4, 9]
    assert page["windows_lost"] == 5


async def test_numbers_of_another_epoch_or_agent_are_other_gaps(browser, make_agent):
    one, other = await make_agent(), await make_agent()
    await one.send(one.batch(gaps=[gap(one, 1), gap(one, 1, epoch=uuid.uuid4())]))
    await other.send(other.batch(gaps=[gap(other, 1, epoch=one.epoch)]))
    assert [len((await read(browser, agent))["items"]) for agent in (one, other)] == [2, 1]


async def test_a_gap_of_nobody_knows_whom_shows_at_its_agent_only(browser, make_agent):
    agent, other = await make_agent(), await make_agent()
    strange = next(iter(other.sensors.values()))
    await agent.send(agent.batch(gaps=[gap(agent, 1, sensor=None, windows=None), gap(agent, 2, sensor=strange)]))
    assert (await read(browser, agent))["items"] == (await read(browser, other))["items"] == []
    page = (await browser.get(f"/api/v1/agents/{agent.id}/gaps")).json()
    assert [(each["number"], each["sensor_id"], each["windows"]) for each in page["items"]] == [
        (2, None, 3),
        (1, None, None),
    ]


async def test_pages_follow_each_other_without_a_gap_twice(browser, make_agent):
    agent = await make_agent()
    await agent.send(agent.batch(gaps=[gap(agent, number) for number in range(1, 8)]))
    seen, before = [], {}
    for _ in range(3):
        page = await read(browser, agent, limit=3, **before)
        seen += [each["number"] for each in page["items"]]
        before = {"before": page["next"]}
        assert page["windows_lost"] == 21
    assert seen == [7, 6, 5, 4, 3, 2, 1]
    assert page["next"] is None


@pytest.mark.parametrize("path", ["sensors", "agents"])
async def test_of_what_does_not_exist_there_are_no_gaps(browser, path):
    assert (await browser.get(f"/api/v1/{path}/{uuid.uuid4()}/gaps")).status_code == 404


async def test_a_batch_of_rescued_windows_keeps_its_epoch_and_the_token_goes_on(runtime, make_agent):
    agent = await make_agent()
    old = agent.epoch
    columns = agent.columns(6)
    await agent.send(agent.batch(columns))
    agent.epoch, agent.token, agent.seq = uuid.uuid4(), None, 100
    await agent.send(agent.batch(agent.columns(2), previous_epoch=old))
    answer = await agent.send(agent.batch(columns, agent.columns(3), epoch=old))
    assert (answer["stored"], answer["repeated"]) == (3, 6)
    answer = await agent.send(agent.batch(agent.columns(4)))
    assert answer["stored"] == 4
    async with runtime.sessions() as session:
        query = text("SELECT count(*), count(DISTINCT (epoch, seq)) FROM measurement WHERE sensor_id = :id")
        found = (await session.execute(query, {"id": next(iter(agent.sensors.values()))})).one()
    assert tuple(found) == (15, 15)
