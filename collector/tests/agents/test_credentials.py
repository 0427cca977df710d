"""Rotation: the old credential serves until the new one is used, whatever is lost on the way."""

import asyncio

from sqlalchemy import func, select, update

from audiosense_collector.agents.keys import digest
from audiosense_collector.agents.tables import Agent, AgentCredential
from audiosense_collector.clock import DAY_US, HOUR_US, now_us

LOST_ANSWERS = 20


async def ask(agent):
    response = await agent.client.post("/api/v1/agent/credential", headers=agent.headers)
    assert response.status_code == 201, response.text
    return response.json()["credential"]


async def started(make_agent):
    """An agent whose first batch was taken; before that none is given another credential."""
    agent = await make_agent()
    await agent.send(agent.batch())
    return agent


async def code(agent, credential):
    response = await agent.client.put(
        "/api/v1/agent/sensors", json={"sensors": []}, headers=agent.headers | {"Authorization": f"Bearer {credential}"}
    )
    return response.status_code


async def test_the_old_credential_serves_until_the_new_one_is_used(make_agent):
    agent = await started(make_agent)
    old, new = agent.credential, await ask(agent)
    assert [await code(agent, each) for each in (old, old, new, old, new)] == [200, 200, 200, 401, 200]


async def test_however_many_answers_are_lost_the_agent_is_never_locked_out(runtime, make_agent):
    agent = await started(make_agent)
    lost = [await ask(agent) for _ in range(LOST_ANSWERS)]
    new = await ask(agent)
    assert len({agent.credential, new, *lost}) == LOST_ANSWERS + 2
    assert {await code(agent, each) for each in lost} == {401}, "one that was replaced before its use is void"
    assert await code(agent, agent.credential) == 200
    assert await code(agent, new) == 200
    async with runtime.sessions() as session:
        of_agent = AgentCredential.agent_id == agent.id
        assert await session.scalar(select(func.count()).select_from(AgentCredential).where(of_agent)) == 1


async def test_a_new_credential_that_lay_unused_has_lapsed_and_the_old_one_goes_on(runtime, make_agent):
    agent = await started(make_agent)
    new = await ask(agent)
    async with runtime.sessions.begin() as session:
        late = now_us() - round(runtime.settings.credential_overlap_h * HOUR_US) - 1
        await session.execute(update(AgentCredential).where(AgentCredential.agent_id == agent.id).values(since=late))
    assert [await code(agent, each) for each in (new, agent.credential)] == [401, 200]


async def test_two_requests_that_bring_a_new_credential_at_once_are_both_served(make_agent):
    for _ in range(10):
        agent = await started(make_agent)
        new = await ask(agent)
        assert set(await asyncio.gather(*(code(agent, new) for _ in range(4)))) == {200}
        agent.credential = new


async def test_only_digests_of_credentials_are_kept(runtime, make_agent):
    agent = await started(make_agent)
    new = await ask(agent)
    async with runtime.sessions() as session:
        kept = set(await session.scalars(select(AgentCredential.sha256).where(AgentCredential.agent_id == agent.id)))
        kept.add((await session.get(Agent, agent.id)).credential_sha256)
    assert kept == {digest(new), digest(agent.credential)}


async def test_an_agent_is_told_to_rotate_when_its_credential_is_old(runtime, make_agent):
    agent = await make_agent()
    assert not (await agent.send(agent.batch()))["rotate_credential"]
    async with runtime.sessions.begin() as session:
        old = now_us() - runtime.settings.credential_days * DAY_US
        await session.execute(update(Agent).where(Agent.id == agent.id).values(created=old))
    assert (await agent.send(agent.batch()))["rotate_credential"]
    agent.credential = await ask(agent)
    assert not (await agent.send(agent.batch()))["rotate_credential"]


async def test_an_administrator_has_an_agent_rotate_at_once(browser, make_agent):
    agent = await make_agent()
    shown = (await browser.post(f"/api/v1/agents/{agent.id}/rotate")).json()
    assert shown["rotating"]
    assert (await agent.send(agent.batch()))["rotate_credential"]
    old, agent.credential = agent.credential, await ask(agent)
    assert not (await agent.send(agent.batch()))["rotate_credential"]
    assert await code(agent, old) == 401
    (found,) = [each for each in (await browser.get("/api/v1/agents")).json()["items"] if each["id"] == str(agent.id)]
    assert not found["rotating"]
    assert found["copies"] == [], "the agent itself is no copy, though it may show its old credential once more"
