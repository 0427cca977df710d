"""Enrolment keys, credentials and registration."""

import asyncio
import uuid

import pytest
from sqlalchemy import update

from audiosense_collector.agents import administration, keys
from audiosense_collector.agents.tables import EnrolmentKeyRow
from audiosense_collector.clock import DAY_US, now_us


async def make_key(runtime, uses=1, lifetime_us=DAY_US):
    async with runtime.sessions.begin() as session:
        return await keys.create_key(
            session, url="https://localhost:8443", trust="0" * 64, uses=uses, lifetime_us=lifetime_us
        )


async def enrol(client, secret, *sensors, name="agent-1", **more):
    request = {"secret": secret, "name": name, "version": "0.1.0", "sensors": list(sensors)} | more
    return await client.post("/api/v1/enrol", json=request)


async def test_a_key_gives_as_many_credentials_as_it_has_uses(runtime, agents_port, register):
    key = await make_key(runtime, uses=2)
    first, second, third = [await enrol(agents_port, key.secret, register()) for _ in range(3)]
    assert (first.status_code, second.status_code, third.status_code) == (201, 201, 403)
    assert first.json()["credential"] != second.json()["credential"]
    assert "used up (2 of 2 uses)" in third.json()["detail"]
    assert set(first.json()["trust"]["signing_keys"]) == set(runtime.signing_key.public_keys())


async def test_a_key_used_by_two_agents_at_once_serves_one(runtime, agents_port, register):
    key = await make_key(runtime)
    answers = await asyncio.gather(*(enrol(agents_port, key.secret, register()) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 403, 403, 403]


@pytest.mark.parametrize("state", ["expired", "revoked", "unknown"])
async def test_a_key_that_is_not_valid_says_why(runtime, agents_port, state):
    key = await make_key(runtime)
    secret = "no such secret" if state == "unknown" else key.secret
    async with runtime.sessions.begin() as session:
        row = update(EnrolmentKeyRow).where(EnrolmentKeyRow.secret_sha256 == keys.digest(secret))
        if state == "expired":
            await session.execute(row.values(expires=now_us() - 1))
        if state == "revoked":
            (newest, *_) = await keys.list_keys(session)
            await keys.revoke_key(session, newest.id)
    response = await enrol(agents_port, secret)
    assert response.status_code == 403
    assert state in response.json()["detail"]


async def test_an_enrolment_whose_answer_was_lost_is_tried_again_and_spends_no_other_use(
    runtime, browser, agents_port, register
):
    key, attempt = await make_key(runtime), str(uuid.uuid4())
    sensor = register("a", machine="Fan 11")
    lost, again = [await enrol(agents_port, key.secret, sensor, attempt=attempt) for _ in range(2)]
    assert (lost.status_code, again.status_code) == (201, 201)
    assert again.json()["agent"] == lost.json()["agent"]
    assert again.json()["sensors"] == lost.json()["sensors"]
    codes = []
    for each in (lost, again):
        headers = {"Authorization": f"Bearer {each.json()['credential']}"}
        put = await agents_port.put("/api/v1/agent/sensors", json={"sensors": []}, headers=headers)
        codes.append(put.status_code)
    assert codes == [401, 200], "the credential that nobody got is void"
    other = await enrol(agents_port, key.secret, sensor, attempt=str(uuid.uuid4()))
    assert (other.status_code, other.json()["type"]) == (403, "key_used_up")
    async with runtime.sessions.begin() as session:
        (newest, *_) = await keys.list_keys(session)
        assert newest.used == 1
        await keys.revoke_key(session, newest.id)
    assert (await enrol(agents_port, key.secret, sensor, attempt=attempt)).json()["type"] == "key_revoked"


async def test_a_refused_sensor_leaves_the_key_unused(runtime, agents_port, register):
    key = await make_key(runtime)
    refused = await enrol(agents_port, key.secret, register(schema="audiosense-99"))
    assert refused.status_code == 422
    assert "sensors.0.schema" in refused.text
    assert (await enrol(agents_port, key.secret, register())).status_code == 201


async def test_registering_again_keeps_identities_and_adds_sensors(make_agent, register):
    agent = await make_agent(register("a", machine="Fan 9"))
    sensors = [register("a", machine="Fan 9"), register("b", machine="Fan 9", site="Hall 2")]
    response = await agent.client.put("/api/v1/agent/sensors", json={"sensors": sensors}, headers=agent.headers)
    found = response.json()["sensors"]
    assert found["a"] == agent.sensors["a"]
    assert set(found) == {"a", "b"}


async def test_a_sensor_that_hears_in_another_way_learns_again(browser, make_agent, register):
    agent = await make_agent(register("a", machine="Fan 10"))
    await agent.send(agent.batch(agent.columns(3)))
    changed = {"sensors": [register("a", machine="Fan 10", sample_rate_hz=48_000)]}
    assert (await agent.client.put("/api/v1/agent/sensors", json=changed, headers=agent.headers)).status_code == 200
    fleet = (await browser.get("/api/v1/fleet")).json()["machines"]
    (card,) = next(machine for machine in fleet if machine["name"] == "Fan 10")["sensors"]
    assert card["learning"]["windows"] == 0


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer nonsense", "Basic abc", ""])
async def test_without_a_known_credential_nothing_is_answered(agents_port, header):
    headers = {} if header is None else {"Authorization": header}
    response = await agents_port.post("/api/v1/batches", content=b"{}", headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == "Bearer"


async def test_a_revoked_agent_is_refused_with_the_next_request(runtime, make_agent, dump):
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(1)))
    async with runtime.sessions.begin() as session:
        await administration.revoke(session, agent.id)
    for body in (b"{}", dump(agent.batch(agent.columns(1)))):
        response = await agent.post(body)
        assert (response.status_code, response.json()["type"]) == (403, "revoked")


async def test_a_batch_of_another_agent_is_refused(make_agent, dump):
    agent = await make_agent()
    response = await agent.post(dump(agent.batch(agent=uuid.uuid4())))
    assert response.status_code == 422
    assert response.json()["errors"][0]["loc"] == "agent"


async def test_trust_is_readable_without_a_credential(runtime, agents_port):
    trust = (await agents_port.get("/api/v1/trust")).json()
    assert trust["ca_pem"].startswith("-----BEGIN CERTIFICATE-----")
    assert trust["signing_keys"] == runtime.signing_key.public_keys()
