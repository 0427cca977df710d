"""Verdicts on events: said, taken back, kept for ever, listed, and logged."""

from uuid import uuid4

import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from audiosense_collector.clock import now_us
from audiosense_collector.reviews.spans import merged, within
from audiosense_common.wire import Event

PATH = "/api/v1/reviews"


def event(sensor, *, start_us=None, peak=0.9, threshold=0.6, **more):
    start = start_us or now_us() - 60_000_000
    content = {"revision": 1, "state": "close", "end_us": start + 10_000_000, "windows": 3, "model": "ab" * 32}
    return Event(
        **content
        | {"id": uuid4(), "sensor": sensor, "start_us": start, "peak_us": start, "threshold": threshold}
        | {"peak_score": peak}
        | more
    )


@pytest.fixture
async def heard(make_agent):
    """An agent, its sensor, and three events of it, the oldest first; the one between them is the worst."""
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    start = now_us() - 600_000_000
    events = [
        event(sensor, start_us=start, peak=0.9, threshold=0.6),
        event(sensor, start_us=start + 60_000_000, peak=0.89, threshold=0.5),
        event(sensor, start_us=start + 120_000_000, peak=0.7, threshold=0.6),
    ]
    await agent.send(agent.batch(events=events))
    return agent, sensor, events


async def listed(browser, **query):
    response = await browser.get("/api/v1/events", params=query)
    assert response.status_code == 200, response.text
    return response.json()


async def say(browser, events, verdict="confirmed", cause="bearing", **more):
    body = {"events": [str(each.id) for each in events], "verdict": verdict, "cause": cause} | more
    response = await browser.post(PATH, json=body)
    assert response.status_code == 200, response.text
    return response.json()["entries"]


async def take_back(browser, *numbers):
    return await browser.post(f"{PATH}/undo", json={"verdicts": list(numbers)})


async def test_a_verdict_says_who_and_when_and_moves_the_event_out_of_the_unreviewed(operator, viewer, heard):
    _, sensor, (first, second, third) = heard
    before = now_us()
    (entry,) = await say(operator, [first], comment="  outer race, replaced on Friday ")
    assert (entry["actor"], entry["event_id"], entry["kept"]) == (operator.user, str(first.id), False)
    assert before <= entry["at_us"] <= now_us()

    page = await listed(viewer, sensor=sensor)
    assert page["unreviewed"] == 2
    shown = {each["id"]: each["verdict"] for each in page["items"]}
    assert shown[str(second.id)] is None
    assert shown[str(first.id)] == {
        name: entry[name] for name in ("id", "at_us", "actor", "verdict", "cause", "comment", "kept")
    }
    assert shown[str(first.id)]["comment"] == "outer race, replaced on Friday"
    ids = [each["id"] for each in (await listed(viewer, sensor=sensor, reviewed="false"))["items"]]
    assert ids == [str(third.id), str(second.id)]
    assert [each["id"] for each in (await listed(viewer, sensor=sensor, reviewed="true"))["items"]] == [str(first.id)]
    assert (await listed(viewer, sensor=sensor, verdict="false_alarm"))["items"] == []
    assert len((await listed(viewer, sensor=sensor, verdict="confirmed"))["items"]) == 1
    assert (await viewer.get(f"/api/v1/events/{first.id}")).json()["verdict"]["cause"] == "bearing"


async def test_taking_back_restores_what_held_before_and_the_history_shows_all_of_it(operator, viewer, heard):
    _, sensor, (first, *_) = heard
    (fault,) = await say(operator, [first])
    (alarm,) = await say(operator, [first], "false_alarm", "people", comment="forklift")
    assert (await take_back(operator, fault["id"])).status_code == 409, "something else holds by now"
    response = await take_back(operator, alarm["id"])
    assert response.status_code == 200, response.text
    (undone,) = response.json()["entries"]
    assert (undone["undoes"], undone["verdict"], undone["cause"]) == (alarm["id"], "confirmed", "bearing")
    held = (await viewer.get(f"/api/v1/events/{first.id}")).json()["verdict"]
    assert (held["id"], held["at_us"]) == (fault["id"], fault["at_us"]), "as it was said the first time"
    assert (await take_back(operator, alarm["id"])).status_code == 409, "taken back already"

    assert (await take_back(operator, fault["id"])).json()["entries"][0]["verdict"] is None
    assert (await viewer.get(f"/api/v1/events/{first.id}")).json()["verdict"] is None
    assert (await listed(viewer, sensor=sensor))["unreviewed"] == 3
    history = (await viewer.get(f"/api/v1/events/{first.id}/history")).json()["items"]
    assert [(each["verdict"], each["undoes"]) for each in history] == [
        (None, fault["id"]),
        ("confirmed", alarm["id"]),
        ("false_alarm", None),
        ("confirmed", None),
    ]
    (again,) = await say(operator, [first], "expected", "maintenance")
    assert (await take_back(operator, again["id"])).json()["entries"][0]["verdict"] is None


async def test_many_are_judged_at_once_or_none(operator, browser, heard):
    _, sensor, events = heard
    body = {"events": [str(events[0].id), str(uuid4())], "verdict": "false_alarm", "cause": "neighbour"}
    refused = await operator.post(PATH, json=body)
    assert refused.status_code == 404
    assert body["events"][1] in refused.json()["detail"]
    assert (await listed(operator, sensor=sensor))["unreviewed"] == 3

    entries = await say(operator, events, "false_alarm", "neighbour")
    assert [each["event_id"] for each in entries] == [str(each.id) for each in events]
    assert all(each["kept"] for each in entries)
    assert (await listed(operator, sensor=sensor))["unreviewed"] == 0
    logged = (await browser.get("/api/v1/audit", params={"actor": operator.user})).json()["items"]
    told = [each for each in logged if each["subject"] == "event_verdict"]
    assert {each["after"]["event_id"] for each in told} == {str(each.id) for each in events}
    assert {each["action"] for each in told} == {"review_events"}
    assert (await take_back(operator, *[each["id"] for each in entries])).status_code == 200
    assert (await listed(operator, sensor=sensor))["unreviewed"] == 3


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ({"verdict": "confirmed", "cause": "people"}, "cause"),
        ({"verdict": "false_alarm", "cause": "bearing"}, "cause"),
        ({"verdict": "expected", "cause": "maintenance", "kept": True}, "never learnt from"),
        ({"verdict": "confirmed", "cause": "gear", "kept": True}, "expected"),
        ({"verdict": "odd", "cause": "gear"}, "verdict"),
        ({"verdict": "confirmed", "cause": "gear", "comment": "x" * 2_001}, "comment"),
        ({"verdict": "confirmed", "cause": "gear", "comment": "a\0b"}, "comment"),
        ({"verdict": "confirmed", "cause": "gear", "events": []}, "events"),
    ],
    ids=["fault-people", "alarm-bearing", "kept-maintenance", "kept-fault", "unknown", "long", "nul", "none"],
)
async def test_what_does_not_fit_is_refused_by_name(operator, heard, said, names):
    _, _, (first, *_) = heard
    response = await operator.post(PATH, json={"events": [str(first.id)]} | said)
    assert response.status_code == 422
    assert names in response.text


async def test_the_worst_come_first_whatever_scale_their_scores_are_on_page_by_page(viewer, heard):
    _, sensor, (first, second, third) = heard
    found, before = [], {}
    while True:
        page = await listed(viewer, sensor=sensor, order="worst", limit=1, **before)
        found += [each["id"] for each in page["items"]]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert found == [str(second.id), str(first.id), str(third.id)]
    response = await viewer.get("/api/v1/events", params={"before": before["before"], "order": "newest"})
    assert response.status_code == 422, "a cursor of another order"
    since = {"since_us": first.end_us + 1}
    assert [each["id"] for each in (await listed(viewer, sensor=sensor, **since))["items"]] == [
        str(third.id),
        str(second.id),
    ]
    fleet = (await viewer.get("/api/v1/fleet")).json()["machines"]
    machine = next(each for each in fleet if any(card["id"] == sensor for card in each["sensors"]))
    assert len((await listed(viewer, site=machine["site"]["id"], machine=machine["id"]))["items"]) == 3
    assert (await listed(viewer, site=str(uuid4())))["items"] == []


async def test_a_later_revision_of_an_event_leaves_its_verdict_alone(operator, heard):
    agent, _, (first, *_) = heard
    await say(operator, [first], "expected", "start_up", kept=True)
    later = first.model_copy(update={"revision": 2, "windows": 9})
    await agent.send(agent.batch(events=[later]))
    shown = (await operator.get(f"/api/v1/events/{first.id}")).json()
    assert (shown["windows"], shown["verdict"]["cause"], shown["verdict"]["kept"]) == (9, "start_up", True)


@pytest.mark.parametrize("change", ["DELETE FROM event_verdict", "UPDATE event_verdict SET comment = ''"])
async def test_the_database_refuses_to_forget(operator, heard, runtime, change):
    await say(operator, heard[2][:1])
    async with runtime.sessions() as session:
        with pytest.raises(DBAPIError, match="only ever added"):
            await session.execute(sa.text(change))


def test_spans_are_joined_and_times_found_in_them():
    spans = merged([(50, 60), (0, 10), (5, 20), (20, 30), (70, 70)])
    assert spans.tolist() == [[0, 30], [50, 60]]
    inside = [False, True, True, False, False, True, True, False]
    assert within(spans, np.array([-1, 0, 29, 30, 49, 50, 59, 60])).tolist() == inside
    assert not within(merged([]), np.array([1])).any()
