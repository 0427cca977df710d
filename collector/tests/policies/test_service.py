"""Policies: what holds, who may change it, what a shorter retention says before it deletes, and that all go by it."""

import asyncio
import uuid
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import insert, text

from audiosense_collector.analyses.tables import Analysis
from audiosense_collector.clock import DAY_US, now_us
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.policies import current
from audiosense_collector.policies.current import Policies
from audiosense_collector.storage import retention
from audiosense_common.wire import Status

API = "/api/v1/policies"


@pytest.fixture(autouse=True)
async def nothing_set(runtime):
    yield
    async with runtime.sessions.begin() as session:
        await session.execute(text("DELETE FROM policy"))


async def policies(browser):
    return {each["setting"]: each for each in (await browser.get(API)).json()}


async def test_what_is_set_holds_and_says_who_set_it(browser, runtime):
    before = (await policies(browser))["retention_days"]
    assert (before["value"], before["origin"], before["set_by"]) == (30, "default", None)
    changed = (await browser.put(f"{API}/retention_days", json={"value": 60})).json()
    assert changed == (await policies(browser))["retention_days"]
    assert (changed["value"], changed["origin"], changed["set_by"]) == (60, "set", browser.user)
    assert runtime.settings.retention.days == 60
    assert isinstance(runtime.settings.retention_days, int)
    again = (await browser.put(f"{API}/retention_days", json={"value": None, "accept_loss": True})).json()
    assert again == before
    assert runtime.settings.retention_days == 30


async def test_the_environment_stands_over_it(browser, runtime):
    # The tests' collector was started with 40 windows of baseline.
    found = (await policies(browser))["baseline_windows"]
    assert (found["value"], found["origin"], found["variable"]) == (40, "environment", "AUDIOSENSE_BASELINE_WINDOWS")
    answer = await browser.put(f"{API}/baseline_windows", json={"value": 100})
    assert (answer.status_code, answer.json()["type"]) == (409, "set_by_environment")
    assert "AUDIOSENSE_BASELINE_WINDOWS is set to 40" in answer.json()["detail"]
    async with runtime.sessions.begin() as session:
        row = {"setting": "baseline_windows", "value": 100, "by": "anna"}
        await session.execute(text("INSERT INTO policy VALUES (:setting, :value, :by, now())"), row)
    await runtime.policies.refresh()
    assert runtime.settings.baseline_windows == 40
    assert (await policies(browser))["baseline_windows"]["set_value"] == 100
    # A process without the variable goes by what was set.
    bare = type(runtime.environment)(_env_file=None, data_dir=runtime.environment.data_dir)
    assert replace(runtime, environment=bare).settings.baseline_windows == 100


async def test_another_process_sees_it_without_a_restart(browser, runtime, monkeypatch):
    monkeypatch.setattr(current, "REFRESH_S", 0.01)
    other = replace(runtime, policies=Policies(runtime.sessions))
    async with other.policies.kept_fresh():
        await browser.put(f"{API}/false_alarms_per_week", json={"value": 0.25})
        async with asyncio.timeout(20):
            while other.settings.false_alarms_per_week != 0.25:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)


async def test_a_shorter_retention_says_what_goes_and_asks(browser, runtime, make_agent, database_url):
    agent = await make_agent()
    for days in (20, 3):
        start = now_us() - days * DAY_US
        await agent.send(agent.batch(agent.columns(40, start_us=start, status=Status.NORMAL, score=0.4)))
    with psycopg.connect(libpq_url(database_url), autocommit=True) as connection:
        connection.execute("ANALYZE")
    loss = (await browser.get(f"{API}/retention_days/loss", params={"value": 10})).json()
    assert (loss["rows"], loss["days"]) == (40, 1)
    assert loss["bytes"] > 8_192
    assert (await browser.get(f"{API}/retention_days/loss", params={"value": 40})).json()["rows"] == 0
    refused = await browser.put(f"{API}/retention_days", json={"value": 10})
    assert (refused.status_code, refused.json()["type"]) == (409, "loses_data")
    assert "40 rows over 1 days" in refused.json()["detail"]
    assert (await policies(browser))["retention_days"]["value"] == 30
    assert (await browser.put(f"{API}/retention_days", json={"value": 10, "accept_loss": True})).status_code == 200
    # A worker that has not looked since goes by it all the same: deleting reads it first.
    worker = replace(runtime, policies=Policies(runtime.sessions))
    outcome = await retention.apply(worker)
    assert sum(each.rows for each in outcome.partitions if each.parent == "measurement" and each.rows > 0) == 40
    async with runtime.sessions() as session:
        query = text("SELECT count(*) FROM measurement WHERE sensor_id = :sensor")
        assert await session.scalar(query, {"sensor": uuid.UUID(next(iter(agent.sensors.values())))}) == 40


@pytest.mark.parametrize(
    ("setting", "value"),
    [("retention_days", 0), ("retention_days", 2.5), ("clip_retention_days", 4_000), ("false_alarms_per_week", 0)],
    ids=["none", "half", "many", "never"],
)
async def test_a_value_out_of_range_is_refused(browser, setting, value):
    answer = await browser.put(f"{API}/{setting}", json={"value": value, "accept_loss": True})
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, "value")
    assert (await policies(browser))[setting]["origin"] == "default"


async def test_no_other_setting_can_be_reached(browser):
    for name in ("demo", "data_dir", "keys_dir"):
        assert (await browser.put(f"{API}/{name}", json={"value": 1})).status_code == 422


async def test_two_administrators_at_once_leave_one_value(browser):
    answers = await asyncio.gather(
        *(browser.put(f"{API}/export_retention_days", json={"value": value}) for value in (3, 4, 5))
    )
    assert {each.status_code for each in answers} <= {200, 409}
    kept = (await policies(browser))["export_retention_days"]["value"]
    assert kept in {each.json()["value"] for each in answers if each.status_code == 200}


async def test_a_change_of_what_somebody_else_has_changed_since_is_refused(browser):
    path = f"{API}/export_retention_days"
    first = (await browser.put(path, json={"value": 9, "over_us": None})).json()
    late = await browser.put(path, json={"value": 8, "over_us": None})
    assert (late.status_code, late.json()["type"]) == (409, "changed_meanwhile")
    assert (await policies(browser))["export_retention_days"] == first
    second = await browser.put(path, json={"value": 8, "over_us": first["set_us"]})
    assert (second.status_code, second.json()["value"]) == (200, 8)
    late = await browser.put(path, json={"value": None, "over_us": first["set_us"]})
    assert (late.status_code, late.json()["type"]) == (409, "changed_meanwhile")
    assert (await browser.put(path, json={"value": None, "over_us": second.json()["set_us"]})).json()["value"] == 7


async def test_a_shorter_time_for_analyses_says_what_goes(browser, runtime):
    ages = (200, 150, 20)
    rows = [
        {"created": now_us() - days * DAY_US, "filename": f"{days}.wav", "result": {"kept": "x" * 3_000}}
        for days in ages
    ]
    async with runtime.sessions.begin() as session:
        await session.execute(insert(Analysis.__table__), rows)
    loss = (await browser.get(f"{API}/analysis_retention_days/loss", params={"value": 100})).json()
    assert loss["rows"] == 2
    assert loss["days"] == pytest.approx(100, abs=0.01)
    assert 0 < loss["bytes"] < 3_000 * 2
    answer = await browser.put(f"{API}/analysis_retention_days", json={"value": 100, "accept_loss": True})
    assert answer.status_code == 200
    outcome = await retention.apply(replace(runtime, policies=Policies(runtime.sessions)))
    assert outcome.analyses == 2


async def test_changes_are_in_the_log(browser):
    for value in (9, 8, None):
        await browser.put(f"{API}/export_retention_days", json={"value": value})
    log = (await browser.get("/api/v1/audit", params={"subject": "policy", "limit": 3})).json()["items"]
    assert {each["actor"] for each in log} == {browser.user}
    assert [(each["before"] or {}).get("value") for each in log] == [8, 9, None]
    assert [(each["after"] or {}).get("value") for each in log] == [None, 8, 9]
