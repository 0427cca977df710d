"""What PostgreSQL makes of a card: JSON that is one, whatever names and numbers there are."""

import json
import math
import uuid

import pytest
from sqlalchemy import text

from audiosense_collector.machines.schemas import Fleet
from audiosense_common.wire import Status
from audiosense_common.wire_checks import CheckState

NAMES = ['Pump "1"', "Presse\\2", "line\nbreak\ttab", "<b>ü漢</b>", "'; DROP TABLE sensor; --", "\u2028", "{0} %s :now"]


async def machine(browser, agent, **parameters):
    fleet = (await browser.get("/api/v1/fleet", params=parameters)).json()
    sensors = set(agent.sensors.values())
    return next(each for each in fleet["machines"] if {card["id"] for card in each["sensors"]} <= sensors)


async def test_names_come_as_they_are(browser, make_agent, register):
    agent = await make_agent(*(register(name[:20], machine=name) for name in NAMES))
    response = await browser.get("/api/v1/fleet")
    fleet = Fleet.model_validate_json(response.content)
    shown = {each.name for each in fleet.machines if {card.agent_id for card in each.sensors} == {agent.id}}
    assert shown == set(NAMES)


@pytest.mark.parametrize(
    ("shown", "value", "expected"),
    [
        ("score", "'NaN'", None),
        ("level_dbfs", "'-Infinity'", None),
        ("level_dbfs", "3e38", 3e38),
        ("dominant_hz", "1e-30", 1e-30),
    ],
    ids=str,
)
async def test_no_number_breaks_the_fleet(browser, runtime, make_agent, register, *, shown, value, expected):
    agent = await make_agent(register(machine=f"Odd {uuid.uuid4()}", quantity="acceleration", full_scale=1e30))
    await agent.send(agent.batch(agent.columns(1)))
    async with runtime.sessions.begin() as session:
        statement = f"UPDATE sensor SET last_{shown} = {value}, last_velocity_db = 3e38 WHERE agent_id = :agent"
        await session.execute(text(statement), {"agent": agent.id})
    (card,) = (await machine(browser, agent))["sensors"]
    assert card[shown] == (expected if expected is None else pytest.approx(expected))
    assert card["velocity_mm_s"] is None or math.isfinite(card["velocity_mm_s"])


@pytest.mark.parametrize("heard_us", [1, 1_764_201_600_000_001, 1_795_868_940_123_457, 4_294_967_295_999_999], ids=str)
async def test_a_time_comes_to_the_microsecond(browser, runtime, make_agent, *, heard_us):
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(1)))
    async with runtime.sessions.begin() as session:
        statement = "UPDATE sensor SET last_time = from_us(:heard) WHERE agent_id = :agent"
        await session.execute(text(statement), {"agent": agent.id, "heard": heard_us})
    shown = await machine(browser, agent, sparklines=False)
    assert shown["last_heard_us"] == shown["sensors"][0]["last_heard_us"] == heard_us


async def test_the_machine_page_says_the_same(browser, make_agent, register):
    agent = await make_agent(register("a", machine="Twin"), register("b", machine="Twin", full_scale=20.0))
    first, second = agent.sensors.values()
    await agent.send(
        agent.batch(
            agent.columns(20, sensor=first, status=Status.NORMAL, score=0.3, digest="a" * 64),
            agent.columns(20, sensor=second, status=Status.INVALID),
        )
    )
    shown = await machine(browser, agent)
    detail = (await browser.get(f"/api/v1/machines/{shown['id']}")).json()
    for card, full in zip(shown["sensors"], detail["sensors"], strict=True):
        assert card == {name: full[name] for name in card}
    assert {name: shown[name] for name in shown if name != "sensors"} == {
        name: detail[name] for name in shown if name != "sensors"
    }
    assert (shown["status"], detail["sensors"][0]["health"]["state"]) == ("invalid", CheckState.UNKNOWN.value)


async def test_lines_are_left_out_where_they_are_not_wanted(browser, make_agent):
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(30)))
    line = (await machine(browser, agent))["sensors"][0]["sparkline"]
    assert len(line["time_us"]) == len(line["value"]) == 30
    without = (await machine(browser, agent, sparklines=False))["sensors"][0]["sparkline"]
    assert without == {"kind": line["kind"], "time_us": [], "value": []}
    page = (await browser.get("/api/v1/fleet", params={"limit": 1})).json()
    assert json.dumps(page["machines"][0]["sensors"][0]["sparkline"])
