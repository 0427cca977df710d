"""While the previous release runs beside this one: it does not know what agents told, and nothing gets lost by that.

Both releases serve the same agents on one schema, which is this one's: it is migrated first. What the previous one
writes of a sensor is done here as it does it, without the columns that it does not know.
"""

import uuid
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from audiosense_collector.clock import now_us
from audiosense_collector.db.engine import libpq_url

API = "/api/v1"
RECORDED = Path(__file__).parents[1] / "ingest" / "recorded" / "batch-0.1.0.json"
REGISTERED = """
INSERT INTO sensor (id, agent_id, machine_id, name, created, sample_rate_hz, window_s, schema_id, source, quantity,
    full_scale, baseline_since, learning_windows, measurements, bundle_version)
SELECT gen_random_uuid(), agent_id, machine_id, %(name)s, now(), sample_rate_hz, window_s, schema_id, source, quantity,
    full_scale, to_timestamp(0), 0, 0, 0
FROM sensor WHERE id = %(like)s RETURNING id
"""
FORGOTTEN = """
UPDATE sensor SET told_name = NULL, told_site = NULL, told_machine = NULL, told_quantity = NULL, told_full_scale = NULL
WHERE id = :sensor
"""


async def tell(agent, *registrations):
    """As an agent does at each start."""
    answer = await agent.client.put(
        f"{API}/agent/sensors", json={"sensors": list(registrations)}, headers=agent.headers
    )
    assert answer.status_code == 200, answer.text
    return answer.json()["sensors"]


async def counted(runtime, sensor):
    async with runtime.sessions() as session:
        query = (
            "SELECT count(*), (SELECT measurements FROM sensor WHERE id = :id) FROM measurement WHERE sensor_id = :id"
        )
        return tuple((await session.execute(text(query), {"id": sensor})).one())


async def machine_of(browser, sensor):
    for machine in (await browser.get(f"{API}/fleet")).json()["machines"]:
        for card in machine["sensors"]:
            if card["id"] == sensor:
                return machine["name"], card["name"]
    raise AssertionError(f"sensor {sensor} is lost")


async def test_an_agent_of_the_first_release_loses_nothing_when_its_sensor_was_renamed_and_moved(
    runtime, browser, make_agent, register
):
    agent = await make_agent(said := register(machine=f"Pump {uuid.uuid4()}"))
    (sensor,) = agent.sensors.values()
    await agent.send(agent.batch(agent.columns(4)))
    site = (await browser.post(f"{API}/sites", json={"name": f"Hall {uuid.uuid4()}"})).json()
    fan = (await browser.post(f"{API}/machines", json={"site_id": site["id"], "name": "Fan"})).json()
    moved = {"machine_id": fan["id"], "name": "Bearing"}
    assert (await browser.put(f"{API}/sensors/{sensor}/place", json=moved)).status_code == 200
    recorded = RECORDED.read_text(encoding="utf-8")
    for old, new in {uuid.UUID(int=1): sensor, uuid.UUID(int=2): agent.id, uuid.UUID(int=3): uuid.uuid4()}.items():
        recorded = recorded.replace(str(old), str(new))
    # What its batches name are identities, and these stay.
    answer = await agent.post(recorded.replace('"token":null', f'"token":"{agent.token}"').encode())
    assert (answer.status_code, answer.json().get("stored")) == (200, 3), answer.text
    agent.token = answer.json()["token"]
    assert await tell(agent, said) == agent.sensors
    await agent.send(agent.batch(agent.columns(5)))
    assert await counted(runtime, sensor) == (12, 12)
    assert await machine_of(browser, sensor) == ("Fan", "Bearing")


async def test_a_sensor_that_the_previous_release_made_stays_as_people_change_it(
    runtime, browser, make_agent, register
):
    agent = await make_agent(
        said := register(machine=f"Pump {uuid.uuid4()}", full_scale=20.0, quantity="sound_pressure")
    )
    (sensor,) = agent.sensors.values()
    async with runtime.sessions.begin() as session:
        await session.execute(text(FORGOTTEN), {"sensor": sensor})
    await agent.send(agent.batch(agent.columns(4)))
    # To take a calibration back leads to what the agent told, also where that is known from the row alone.
    path = f"{API}/sensors/{sensor}/calibration"
    found = (await browser.delete(path)).json()
    assert (found["quantity"], found["full_scale"]) == ("sound_pressure", 20.0)
    async with runtime.sessions.begin() as session:
        await session.execute(text(FORGOTTEN), {"sensor": sensor})
    calibrated = await browser.put(path, json={"method": "full_scale", "quantity": "acceleration", "full_scale": 5.0})
    assert calibrated.status_code == 200, calibrated.text
    site = (await browser.post(f"{API}/sites", json={"name": f"Hall {uuid.uuid4()}"})).json()
    fan = (await browser.post(f"{API}/machines", json={"site_id": site["id"], "name": "Fan"})).json()
    placed = await browser.put(f"{API}/sensors/{sensor}/place", json={"machine_id": fan["id"], "name": "Bearing"})
    assert placed.status_code == 200, placed.text
    # Its agent starts again and tells the same as ever, now to this release.
    assert await tell(agent, said) == agent.sensors
    await agent.send(agent.batch(agent.columns(5)))
    assert await counted(runtime, sensor) == (9, 9)
    assert await machine_of(browser, sensor) == ("Fan", "Bearing")
    async with runtime.sessions() as session:
        query = text("SELECT quantity, full_scale FROM sensor WHERE id = :sensor")
        assert tuple((await session.execute(query, {"sensor": sensor})).one()) == ("acceleration", 5.0)


async def test_the_previous_release_cannot_make_a_renamed_sensor_twice(
    runtime, browser, make_agent, register, database_url
):
    agent = await make_agent(said := register(machine=f"Pump {uuid.uuid4()}"))
    (sensor,) = agent.sensors.values()
    assert (await browser.put(f"{API}/sensors/{sensor}/place", json={"name": "Bearing"})).status_code == 200
    with psycopg.connect(libpq_url(database_url), autocommit=True) as previous:
        # It looks for the name that the agent tells among those that are shown, finds none, and would make another:
        # half of the measurements would be there, half here.
        with pytest.raises(psycopg.errors.UniqueViolation, match="uq_sensor_agent_id_told_name"):
            previous.execute(REGISTERED, {"name": "drive-end", "like": sensor})
        # One that is new is made by either, and known to the other.
        (new,) = previous.execute(REGISTERED, {"name": "fan side", "like": sensor}).fetchone()
    # The agent comes back until a process of this release answers; what it measured meanwhile waits in its spool.
    known = await tell(agent, said, said | {"name": "fan side"})
    assert known == {"drive-end": sensor, "fan side": str(new)}
    start = now_us() - 60_000_000
    both = [agent.columns(6, sensor=each, start_us=start) for each in known.values()]
    assert (await agent.send(agent.batch(*both)))["stored"] == 12
    assert [await counted(runtime, each) for each in known.values()] == [(6, 6), (6, 6)]
