"""Copies of an agent: found, listed with evidence, one accepted, the other refused for ever, nothing lost or twice."""

import copy
import uuid

import pytest
from sqlalchemy import text

from audiosense_collector.agents import administration
from audiosense_collector.agents.copies import KEPT_BATCHES, MAX_COPIES
from audiosense_collector.errors import ConflictError, NotFoundError


def clone(agent):
    """The same disk in another process."""
    other = copy.copy(agent)
    other.instance = uuid.uuid4()
    return other


async def rows_of(runtime, agent):
    query = text("SELECT epoch, seq, time FROM measurement WHERE sensor_id = ANY(:ids)")
    async with runtime.sessions() as session:
        return (await session.execute(query, {"ids": [uuid.UUID(each) for each in agent.sensors.values()]})).all()


async def show(browser, agent):
    (found,) = [each for each in (await browser.get("/api/v1/agents")).json()["items"] if each["id"] == str(agent.id)]
    return found


async def accept(browser, agent, **body):
    return await browser.post(f"/api/v1/agents/{agent.id}/accept", json=body)


async def rotate(agent):
    response = await agent.client.post("/api/v1/agent/credential", headers=agent.headers)
    assert response.status_code == 201, response.text
    agent.credential = response.json()["credential"]


async def quarantined(make_agent, dump):
    """Two copies of one agent, just found: the first one's batches were taken, the second one's was refused."""
    first = await make_agent()
    await first.send(first.batch(first.columns(2)))
    second = clone(first)
    await first.send(first.batch(first.columns(3)))
    late = dump(second.batch(second.columns(4), heartbeat={"version": "1", "spool_rows": 4}))
    response = await second.post(late, **{"AudioSense-Waiting": "4"})
    assert (response.status_code, response.json()["type"]) == (403, "quarantined")
    return first, second, late


async def test_both_copies_are_refused_and_shown_with_what_was_seen(browser, make_agent, dump):
    first, second, _ = await quarantined(make_agent, dump)
    refused = await first.post(dump(first.batch(first.columns(1))), **{"AudioSense-Waiting": "1"})
    assert (refused.status_code, refused.json()["type"]) == (403, "quarantined")
    shown = await show(browser, first)
    assert shown["state"] == "quarantined"
    assert {each["instance"]: (each["cause"], each["waiting"]) for each in shown["copies"]} == {
        str(first.instance): ("last_taken", 1),
        str(second.instance): ("old_token", 4),
    }
    evidence = shown["evidence"]
    assert evidence["taken"]["instance"] == str(first.instance)
    assert evidence["refused"]["instance"] == str(second.instance)
    assert evidence["refused"]["epoch"] == str(second.epoch)
    assert evidence["taken"]["address"] == evidence["refused"]["address"] == "127.0.0.1"
    assert evidence["refused"]["token_given_us"] <= evidence["taken"]["seen_us"] + 1_000_000


@pytest.mark.parametrize("place", [0, 1])
async def test_the_accepted_copy_goes_on_and_the_other_is_refused_for_ever(runtime, browser, make_agent, dump, place):
    pair = await quarantined(make_agent, dump)
    chosen, other = pair[place], pair[1 - place]
    before = len(await rows_of(runtime, chosen))
    waiting = pair[2] if place else dump(chosen.batch(chosen.columns(3)))
    shown = (await accept(browser, chosen, copy=str(chosen.instance))).json()
    assert (shown["state"], shown["accepted_copy"]) == ("active", str(chosen.instance))
    assert (await other.post(dump(other.batch(other.columns(1))))).json()["type"] == "not_accepted"
    answer = (await chosen.post(waiting)).json()
    assert answer["rotate_credential"]
    assert len(await rows_of(runtime, chosen)) == before + answer["stored"]
    chosen.token = answer["token"]
    await rotate(chosen)
    await chosen.send(chosen.batch(chosen.columns(1)))
    refused = await other.post(dump(other.batch(other.columns(1))))
    assert (refused.status_code, refused.json()["type"]) == (401, "old_credential")
    await chosen.send(chosen.batch(chosen.columns(2)))
    rows = await rows_of(runtime, chosen)
    assert len(rows) == len(set(rows)) == before + answer["stored"] + 3
    shown = await show(browser, chosen)
    assert (shown["state"], shown["accepted_copy"]) == ("active", None)
    assert [(each["instance"], each["cause"]) for each in shown["copies"]] == [(str(other.instance), "not_accepted")]


async def test_a_credential_that_was_under_way_to_both_copies_serves_neither(browser, make_agent, dump):
    first = await make_agent()
    await first.send(first.batch(first.columns(1)))
    response = await first.client.post("/api/v1/agent/credential", headers=first.headers)
    pending = response.json()["credential"]
    second = clone(first)
    await first.send(first.batch(first.columns(1)))
    assert (await second.post(dump(second.batch()))).status_code == 403
    await accept(browser, first, copy=str(first.instance))
    second.credential = pending
    assert (await second.post(dump(second.batch()))).status_code == 401
    assert (await first.post(dump(first.batch()))).status_code == 200


async def test_an_accepted_copy_that_started_again_is_listed_and_can_be_accepted(browser, make_agent, dump):
    first, second, late = await quarantined(make_agent, dump)
    await accept(browser, second, copy=str(second.instance))
    second.instance = uuid.uuid4()
    assert (await second.post(late)).json()["type"] == "not_accepted"
    assert [each["instance"] for each in (await show(browser, second))["copies"]] == [str(second.instance)]
    await accept(browser, second, copy=str(second.instance))
    answer = (await second.post(late)).json()
    assert answer["stored"] == 4
    second.token = answer["token"]
    await rotate(second)
    second.instance = uuid.uuid4()
    await second.send(second.batch(second.columns(1)))
    assert (await first.post(dump(first.batch()))).status_code == 401


async def test_a_disk_set_back_behind_a_rotation_is_listed_and_takes_the_place_when_accepted(
    runtime, browser, make_agent, dump
):
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(2)))
    restored = clone(agent)
    restored.instance = uuid.uuid4()
    await rotate(agent)
    await agent.send(agent.batch(agent.columns(3)))
    late = dump(restored.batch(restored.columns(5)))
    assert (await restored.post(late)).json()["type"] == "old_credential"
    await agent.send(agent.batch(agent.columns(1)))
    shown = await show(browser, agent)
    assert shown["state"] == "active", "the credential tells which is the old one; nobody else need stop"
    assert [each["cause"] for each in shown["copies"]] == ["old_credential"]
    refused = await accept(browser, agent)
    assert (refused.status_code, refused.json()["type"]) == (409, "already_active")
    assert shown["state_cause"] is None
    await accept(browser, agent, copy=str(restored.instance))
    restored.token = (await restored.post(late)).json()["token"]
    assert (await agent.post(dump(agent.batch()))).json()["type"] == "not_accepted"
    await rotate(restored)
    await restored.send(restored.batch(restored.columns(1)))
    assert (await agent.post(dump(agent.batch()))).status_code == 401
    rows = await rows_of(runtime, agent)
    assert len(rows) == len(set(rows)) == 2 + 3 + 5 + 1 + 1


async def test_sequence_numbers_given_twice_after_a_restore_are_two_measurements(runtime, browser, make_agent, dump):
    """The key holds the window's time: what was heard at another time is stored, what is the same is stored once."""
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(2)))
    restored = clone(agent)
    both = agent.columns(3)
    await agent.send(agent.batch(both))
    again = restored.columns(3, start_us=max(both.time_us) + 5_000_000)
    assert again.seq == both.seq
    assert (await restored.post(dump(restored.batch(both, again)))).status_code == 403
    await accept(browser, agent, copy=str(restored.instance))
    answer = (await restored.post(dump(restored.batch(both, again)))).json()
    assert (answer["stored"], answer["repeated"]) == (3, 3)
    rows = await rows_of(runtime, agent)
    assert len(rows) == len(set(rows)) == 8


async def test_a_repeat_of_any_of_the_last_batches_is_answered_and_stores_nothing(runtime, browser, make_agent, dump):
    agent = await make_agent()
    bodies = []
    for _ in range(KEPT_BATCHES + 2):
        bodies.append(dump(agent.batch(agent.columns(2))))
        agent.token = (await agent.post(bodies[-1])).json()["token"]
    for body in bodies[1:]:
        answer = await agent.post(body)
        assert answer.status_code == 200
        assert answer.json()["stored"] in {0, 2}
    assert len(await rows_of(runtime, agent)) == 2 * len(bodies)
    await agent.send(agent.batch(agent.columns(1)))
    assert (await show(browser, agent))["state"] == "active"
    assert (await agent.post(bodies[0])).status_code == 403, "older ones are no longer known"


async def test_a_late_repeat_does_not_hand_out_the_token_of_today(make_agent, dump):
    agent = await make_agent()
    body = dump(agent.batch(agent.columns(1)))
    agent.token = then = (await agent.post(body)).json()["token"]
    await agent.send(agent.batch(agent.columns(1)))
    restored = clone(agent)
    restored.token = (await restored.post(body)).json()["token"]
    assert restored.token == then != agent.token
    assert (await restored.post(dump(restored.batch(restored.columns(1))))).json()["type"] == "quarantined"


async def test_a_revoked_agent_with_a_full_queue_is_accepted_again_and_nothing_is_lost(
    runtime, browser, make_agent, dump
):
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(1)))
    shown = (await browser.post(f"/api/v1/agents/{agent.id}/revoke")).json()
    assert (shown["state"], shown["state_reason"]) == ("revoked", "revoked by an administrator")
    assert (shown["state_cause"], shown["replaced_by"]) == ("revoked", None)
    bodies = [dump(agent.batch(agent.columns(50))) for _ in range(3)]
    refused = await agent.post(bodies[0])
    assert (refused.status_code, refused.json()["type"]) == (403, "revoked")
    assert (await accept(browser, agent)).json()["state"] == "active"
    answer = (await agent.post(bodies[0])).json()
    assert answer["stored"] == 50
    assert len(await rows_of(runtime, agent)) == 51


async def test_one_of_several_copies_must_be_named_and_be_one(browser, make_agent, dump):
    agent, second, _ = await quarantined(make_agent, dump)
    assert (await show(browser, agent))["state_cause"] == "copies"
    unnamed = await accept(browser, agent)
    assert (unnamed.status_code, unnamed.json()["type"]) == (409, "copy_not_named")
    assert str(second.instance) in unnamed.json()["detail"]
    unknown = await accept(browser, agent, copy=str(uuid.uuid4()))
    assert (unknown.status_code, "no copy" in unknown.json()["detail"]) == (409, True)
    assert unknown.json()["type"] == "no_such_copy"
    assert (await browser.post(f"/api/v1/agents/{uuid.uuid4()}/accept", json={})).status_code == 404
    rotated = await browser.post(f"/api/v1/agents/{agent.id}/rotate")
    assert (rotated.status_code, rotated.json()["type"]) == (409, "not_active")


async def test_the_list_of_copies_is_bounded_and_keeps_those_heard_last(browser, make_agent, dump):
    agent, second, late = await quarantined(make_agent, dump)
    for _ in range(MAX_COPIES + 5):
        second.instance = uuid.uuid4()
        await second.post(late)
    found = [each["instance"] for each in (await show(browser, agent))["copies"]]
    assert len(found) == MAX_COPIES
    assert str(second.instance) in found


@pytest.mark.parametrize("header", ["", "no uuid", "1" * 400])
async def test_an_agent_that_says_nothing_of_use_about_itself_is_served(make_agent, dump, header):
    agent = await make_agent()
    told = {"AudioSense-Instance": header, "AudioSense-Waiting": header}
    assert (await agent.post(dump(agent.batch(agent.columns(1))), **told)).status_code == 200


async def test_an_agent_is_found_by_name_or_id_and_never_guessed(runtime, make_agent):
    one, two = [await make_agent(name="twin") for _ in range(2)]
    async with runtime.sessions() as session:
        assert await administration.find(session, str(one.id)) == one.id
        assert await administration.find(session, str(two.id)[:13].upper()) == two.id
        with pytest.raises(ConflictError, match=f"2 agents are named 'twin': {one.id} .active., {two.id} .active."):
            await administration.find(session, "twin")
        with pytest.raises(NotFoundError, match="no agent 'twi'"):
            await administration.find(session, "twi")


async def test_an_agent_of_an_earlier_release_is_accepted_without_naming_a_copy(runtime, browser, make_agent, dump):
    agent = await make_agent()
    told = {"AudioSense-Instance": ""}
    first = dump(agent.batch(agent.columns(1)))
    agent.token = stale = (await agent.post(first, **told)).json()["token"]
    agent.token = (await agent.post(dump(agent.batch(agent.columns(1))), **told)).json()["token"]
    late = dump(agent.batch(agent.columns(3), token=stale))
    assert (await agent.post(late, **told)).json()["type"] == "quarantined"
    shown = await show(browser, agent)
    assert (shown["copies"], shown["evidence"]["refused"]["instance"]) == ([], None)
    assert (await accept(browser, agent)).json()["state"] == "active"
    assert (await agent.post(late, **told)).json()["stored"] == 3
    assert len(await rows_of(runtime, agent)) == 5


@pytest.mark.parametrize("action", ["revoke", "accept", "rotate"])
async def test_a_page_of_another_site_cannot_act_on_agents(browser, make_agent, action):
    agent = await make_agent()
    foreign = {"Origin": "https://evil.example"}
    refused = await browser.post(f"/api/v1/agents/{agent.id}/{action}", json={}, headers=foreign)
    assert refused.status_code == 403
    shown = await show(browser, agent)
    assert (shown["state"], shown["rotating"]) == ("active", False)
