"""A copy that changes its credential first: it cannot become the agent while the original is refused as an old disk."""

import copy
import uuid

import pytest

from audiosense_collector.agents.copies import KEPT_TAKERS


def started_again(agent):
    """The same disk in another process."""
    other = copy.copy(agent)
    other.instance = uuid.uuid4()
    return other


async def show(browser, agent):
    (found,) = [each for each in (await browser.get("/api/v1/agents")).json()["items"] if each["id"] == str(agent.id)]
    return found


async def ask(agent, **headers):
    return await agent.client.post("/api/v1/agent/credential", headers=agent.headers | headers)


async def rotate(agent):
    response = await ask(agent)
    assert response.status_code == 201, response.text
    agent.credential = response.json()["credential"]


async def test_a_copy_that_asks_for_a_credential_first_gets_none_and_is_found(browser, make_agent, dump):
    original = await make_agent()
    await original.send(original.batch(original.columns(2)))
    other = started_again(original)
    refused = await ask(other)
    assert (refused.status_code, refused.json()["type"]) == (409, "send_a_batch_first")
    assert "send a batch" in refused.json()["detail"]
    await other.send(other.batch(other.columns(3)))
    found = await original.post(dump(original.batch(original.columns(4))))
    assert (found.status_code, found.json()["type"]) == (403, "quarantined")
    assert (await other.post(dump(other.batch()))).json()["type"] == "quarantined"


@pytest.mark.parametrize("told", ["", str(uuid.uuid4())], ids=["no header", "another process"])
async def test_who_does_not_say_which_process_it_is_gets_no_credential(make_agent, told):
    agent = await make_agent()
    assert (await ask(agent)).status_code == 409, "no batch was taken yet"
    await agent.send(agent.batch(agent.columns(1)))
    assert (await ask(agent, **{"AudioSense-Instance": told})).status_code == 409
    assert (await ask(agent)).status_code == 201


async def test_an_agent_that_started_again_asks_after_its_next_batch(make_agent, dump):
    agent = await make_agent()
    body = dump(agent.batch(agent.columns(1)))
    await agent.post(body)
    agent = started_again(agent)
    agent.token = (await agent.post(body)).json()["token"]
    assert (await ask(agent)).status_code == 409, "a repeat does not show who is asking"
    await agent.send(agent.batch())
    await rotate(agent)
    await agent.send(agent.batch())


async def overtaken(make_agent):
    """A live original, and a copy that sent a batch and changed the credential before the original spoke again."""
    original = await make_agent()
    await original.send(original.batch(original.columns(2)))
    other = started_again(original)
    await other.send(other.batch(other.columns(3)))
    await rotate(other)
    await other.send(other.batch(other.columns(1)))
    return original, other


async def test_a_live_original_that_was_overtaken_stops_both_with_evidence(browser, make_agent, dump):
    original, other = await overtaken(make_agent)
    late = dump(original.batch(original.columns(4)))
    found = await original.post(late)
    assert (found.status_code, found.json()["type"]) == (403, "quarantined")
    for each in (original, other):
        assert (await each.post(dump(each.batch(each.columns(1))))).json()["type"] == "quarantined"
    shown = await show(browser, original)
    assert shown["state"] == "quarantined"
    assert "credential that another one had replaced" in shown["state_reason"]
    assert {each["instance"]: each["cause"] for each in shown["copies"]} == {
        str(original.instance): "old_credential",
        str(other.instance): "last_taken",
    }
    evidence = shown["evidence"]
    assert evidence["taken"]["instance"] == str(other.instance)
    assert evidence["refused"]["instance"] == str(original.instance)
    assert evidence["refused"]["token_given_us"] is not None


@pytest.mark.parametrize("place", [0, 1])
async def test_whichever_is_accepted_goes_on_and_the_other_stops_nobody_again(browser, make_agent, dump, place):
    pair = await overtaken(make_agent)
    chosen, other = pair[place], pair[1 - place]
    await pair[0].post(dump(pair[0].batch(pair[0].columns(4))))
    accepted = await browser.post(f"/api/v1/agents/{chosen.id}/accept", json={"copy": str(chosen.instance)})
    assert accepted.json()["state"] == "active"
    answer = await chosen.send(chosen.batch(chosen.columns(5)))
    assert (answer["stored"], answer["rotate_credential"]) == (5, True)
    await rotate(chosen)
    await chosen.send(chosen.batch(chosen.columns(1)))
    for _ in range(3):
        assert (await other.post(dump(other.batch(other.columns(1))))).status_code == 401
        await chosen.send(chosen.batch(chosen.columns(1)))
    shown = await show(browser, chosen)
    assert (shown["state"], [each["instance"] for each in shown["copies"]]) == ("active", [str(other.instance)])


async def test_an_original_that_started_again_since_looks_like_a_disk_that_was_set_back(browser, make_agent, dump):
    original, other = await overtaken(make_agent)
    original = started_again(original)
    found = await original.post(dump(original.batch(original.columns(1))))
    assert (found.status_code, found.json()["type"]) == (401, "old_credential")
    await other.send(other.batch(other.columns(1)))
    shown = await show(browser, original)
    assert (shown["state"], [each["cause"] for each in shown["copies"]]) == ("active", ["old_credential"])


async def test_a_late_repeat_under_the_replaced_credential_stops_nobody(browser, make_agent, dump):
    agent = await make_agent()
    body, old = dump(agent.batch(agent.columns(1))), copy.copy(agent)
    agent.token = (await agent.post(body)).json()["token"]
    await rotate(agent)
    await agent.send(agent.batch(agent.columns(1)))
    agent = started_again(agent)
    await agent.send(agent.batch(agent.columns(1)))
    assert (await old.post(body)).json()["type"] == "old_credential"
    assert (await show(browser, agent))["state"] == "active"


async def test_however_often_a_copy_starts_again_a_live_original_is_known(make_agent, dump):
    original = await make_agent()
    await original.send(original.batch(original.columns(1)))
    other = original
    for _ in range(KEPT_TAKERS - 1):
        other = started_again(other)
        await other.send(other.batch(other.columns(1)))
    await rotate(other)
    await other.send(other.batch(other.columns(1)))
    assert (await original.post(dump(original.batch(original.columns(1))))).json()["type"] == "quarantined"
