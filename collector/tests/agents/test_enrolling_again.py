"""An attempt to enrol that is made again: the same enrolment after a lost answer, another one from a copied disk."""

import asyncio
import uuid

import pytest

from audiosense_collector.agents.keys import create_key, list_keys
from audiosense_collector.clock import DAY_US


@pytest.fixture
def device(runtime, agents_port, register):
    """Computers from one image that holds an attempt to enrol."""

    class Image:
        attempt = str(uuid.uuid4())

        async def prepare(self, uses):
            async with runtime.sessions.begin() as session:
                url = "https://localhost:8443"
                self.key = await create_key(session, url=url, trust="0" * 64, uses=uses, lifetime_us=DAY_US)

        async def enrol(self, name):
            request = {"secret": self.key.secret, "name": name, "version": "1", "attempt": self.attempt}
            return await agents_port.post("/api/v1/enrol", json=request | {"sensors": [register()]})

        async def code(self, enrolled):
            headers = {
                "Authorization": f"Bearer {enrolled.json()['credential']}",
                "AudioSense-Instance": str(uuid.uuid4()),
            }
            return (await agents_port.put("/api/v1/agent/sensors", json={"sensors": []}, headers=headers)).status_code

        async def used(self):
            async with runtime.sessions() as session:
                return (await list_keys(session))[0].used

    return Image()


async def test_an_attempt_is_another_agent_once_the_first_one_was_at_work(device):
    await device.prepare(uses=2)
    first = await device.enrol("device-1")
    assert await device.code(first) == 200
    second = await device.enrol("device-2")
    assert second.status_code == 201
    assert second.json()["agent"] != first.json()["agent"]
    assert [await device.code(each) for each in (first, second, first)] == [200, 200, 200]
    assert await device.used() == 2
    third = await device.enrol("device-3")
    assert (third.status_code, third.json()["type"]) == (403, "key_used_up")
    assert "2 of 2 uses" in third.json()["detail"]


async def test_an_attempt_made_again_before_makes_the_credential_of_before_void(device):
    await device.prepare(uses=1)
    lost = await device.enrol("device-1")
    again = await device.enrol("device-1")
    assert again.json()["agent"] == lost.json()["agent"]
    assert [await device.code(each) for each in (lost, again)] == [401, 200]
    assert await device.used() == 1
    assert (await device.enrol("device-1")).json()["type"] == "key_used_up"


async def test_a_first_use_and_the_attempt_made_again_at_once_leave_no_agent_with_two_computers(device):
    outcomes = set()
    for _ in range(12):
        device.attempt = str(uuid.uuid4())
        await device.prepare(uses=2)
        first = await device.enrol("device-1")
        used, second = await asyncio.gather(device.code(first), device.enrol("device-2"))
        same = first.json()["agent"] == second.json()["agent"]
        outcomes.add((used, same))
        assert await device.code(second) == 200
        assert await device.code(first) == (401 if same else 200)
    assert outcomes <= {(200, False), (401, True)}
