"""The lists that people keep, such as users and sites: their pages meet, whatever is added meanwhile."""

import uuid

import pytest

from audiosense_collector import paging
from audiosense_collector.auth.tables import ApiToken, User, UserSession
from audiosense_collector.clock import HOUR_US, now_us
from audiosense_collector.machines.tables import Machine, Site
from audiosense_collector.reviews.tables import EventVerdict
from audiosense_common.wire import Event, EventState, Heartbeat
from audiosense_common.wire_checks import Check, CheckState

API = "/api/v1"
SOME_ID = uuid.UUID(int=7)
CURSORS = {
    "/users": ("after", paging.encode(5)),
    "/tokens": ("before", paging.encode("5", SOME_ID)),
    "/sites": ("after", paging.encode("Hall", SOME_ID)),
    "/tags": ("after", paging.encode("a\0b")),
    "/account/sessions": ("before", paging.encode(5, "no id")),
    f"/agents/{SOME_ID}/checks": ("after", paging.encode("failed", "disk", SOME_ID)),
    f"/events/{SOME_ID}/history": ("before", paging.encode(5)),
}
"""How each list is asked for the page after, and what is no cursor of it though it looks like one."""


@pytest.fixture
def add(runtime):
    async def added(*rows):
        async with runtime.sessions.begin() as session:
            session.add_all(rows)

    return added


def person(name):
    return User(id=uuid.uuid4(), name=name, name_key=name.casefold(), role="viewer", created=now_us())


def token(created, **more):
    values = {"scope": "viewer", "expires": now_us() + HOUR_US} | more
    return ApiToken(id=uuid.uuid4(), name=str(uuid.uuid4()), sha256=uuid.uuid4().bytes, created=created, **values)


async def walk(browser, path, cursor, between=None, limit=2, **parameters):
    """The items of all pages; ``between`` is awaited after each."""
    found = []
    for _ in range(500):
        answer = await browser.get(API + path, params=parameters | {"limit": limit})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert set(page) == {"items", "next"}
        assert len(page["items"]) == limit if page["next"] is not None else len(page["items"]) <= limit
        found += page["items"]
        if page["next"] is None:
            return found
        parameters[cursor] = page["next"]
        if between is not None:
            await between()
    raise AssertionError("the list has no end")


async def whole(browser, path, **parameters):
    page = (await browser.get(API + path, params=parameters | {"limit": paging.MAX_LIMIT})).json()
    assert page["next"] is None
    return page["items"]


def those_of(found, before, key="id"):
    """What was found of a list as it was before, in the order found; something added meanwhile may be there too."""
    known = {each[key] for each in before}
    return [each[key] for each in found if each[key] in known]


async def test_users_by_name(browser, add):
    mark = uuid.uuid4().hex[:8]
    names = [f"{word}{mark}" for word in ("b", "A", "ä", "a.b", "a-b", "Z", "z1")]
    await add(*map(person, names))

    async def more():
        await add(person(f"0{uuid.uuid4()}"))

    before = await whole(browser, "/users")
    found = await walk(browser, "/users", "after", more)
    assert those_of(found, before) == [each["id"] for each in before]
    assert {each["name"] for each in before} >= set(names)
    assert next(each["sessions"] for each in found if each["name"] == browser.user) == 1


async def test_tokens_that_were_made_together_and_those_that_have_ended(browser, add):
    now = now_us()
    revoked = [token(now - place // 3, revoked=now) for place in range(4)]
    expired = [token(now - place // 3, expires=now - 1) for place in range(4)]
    valid = [token(now - place // 3) for place in range(5)]
    await add(*revoked, *expired, *valid)

    async def more():
        await add(token(now_us()))

    before = [each["id"] for each in await whole(browser, "/tokens")]
    assert [each["id"] for each in await walk(browser, "/tokens", "before", more, limit=3)] == before
    made = {str(each.id) for each in (*revoked, *expired, *valid)}
    over = await walk(browser, "/tokens", "before", ended=True)
    assert made & {each["id"] for each in over} == {str(each.id) for each in (*revoked, *expired)}
    assert {each["state"] for each in over} == {"revoked", "expired"}
    held = await walk(browser, "/tokens", "before", ended=False)
    assert made & {each["id"] for each in held} == {str(each.id) for each in valid}
    assert len({each["id"] for each in held}) == len(held)


async def test_sites_and_tags_but_those_of_the_sandbox(browser, add):
    mark = uuid.uuid4().hex[:8]
    sites = [Site(id=uuid.uuid4(), name=f"{word} {mark}") for word in ("B", "a", "Ä", "A b", "ab", "1")]
    hidden, *open_ones = sites
    await add(*sites)
    tags = [f"{word} {mark}" for word in ("press", "a", "ä", "shift 2")]
    await add(
        Machine(site_id=hidden.id, name="sandbox", sandbox=True, tags=[f"hidden {mark}"]),
        *(Machine(site_id=open_ones[0].id, name=f"M {place}", tags=tags[place:]) for place in range(4)),
    )

    async def more():
        name = f"! {uuid.uuid4()}"
        site = Site(id=uuid.uuid4(), name=name)
        await add(site)
        await add(Machine(site_id=site.id, name="M", tags=[name]))

    before = await whole(browser, "/sites")
    found = await walk(browser, "/sites", "after", more)
    assert those_of(found, before) == [each["id"] for each in before]
    mine = {each["name"]: each["machines"] for each in found if mark in each["name"]}
    assert mine == {site.name: 4 if site is open_ones[0] else 0 for site in open_ones}

    before = await whole(browser, "/tags")
    found = await walk(browser, "/tags", "after", more)
    assert those_of(found, before, "tag") == [each["tag"] for each in before]
    assert {each["tag"]: each["machines"] for each in found if mark in each["tag"]} == {
        tag: place + 1 for place, tag in enumerate(tags)
    }


async def test_sessions_that_are_used_meanwhile(runtime, add, viewer):
    (here,) = await whole(viewer, "/account/sessions")
    now = now_us()
    async with runtime.sessions() as session:
        user = (await session.get(UserSession, uuid.UUID(here["id"]))).user_id

    def one(created, **more):
        values = {"last_used": now, "expires": now + HOUR_US, "address": "::1", "browser": ""} | more
        return UserSession(id=uuid.uuid4(), sha256=uuid.uuid4().bytes, user_id=user, created=created, **values)

    others = [one(now - HOUR_US - place // 3, last_used=now - place) for place in range(8)]
    await add(*others, one(now, ended=now))

    async def used():
        async with runtime.sessions.begin() as session:
            (await session.get(UserSession, others[-1].id)).last_used = now_us()

    found = [each["id"] for each in await walk(viewer, "/account/sessions", "before", used)]
    assert found[0] == here["id"]
    assert sorted(found) == sorted([here["id"], *(str(each.id) for each in others)])


async def test_an_agents_checks_the_worst_first(browser, make_agent, register):
    agent = await make_agent(*(register(name, machine=f"M {uuid.uuid4()}") for name in "abc"))
    states = [CheckState.OK, CheckState.UNKNOWN, CheckState.FAILED, CheckState.WARNING]
    checks = [
        Check(key=key, sensor=sensor, state=states[(place + len(key)) % 4])
        for place, sensor in enumerate([None, *agent.sensors.values()])
        for key in ("disk", "clock", "silent_sensor")
    ]
    await agent.send(agent.batch(heartbeat=Heartbeat(version="0.2.0", checks=checks)))
    found = await walk(browser, f"/agents/{agent.id}/checks", "after", limit=5)
    told = [(each["state"], each["key"], each["sensor_id"]) for each in found]
    assert sorted(told, key=str) == sorted(
        ((each.state.value, each.key, each.sensor and str(each.sensor)) for each in checks), key=str
    )
    assert [state for state, *_ in told] == [
        state for state in ("failed", "warning", "ok", "unknown") for _ in range(3)
    ]
    assert found == await whole(browser, f"/agents/{agent.id}/checks")


async def test_an_events_history_the_newest_first(browser, make_agent, add):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    now = now_us()
    event = Event(
        id=uuid.uuid4(), sensor=sensor, revision=1, state=EventState.CLOSE, start_us=now, end_us=now, peak_us=now,
        peak_score=0.9, threshold=0.5, windows=3, model="a" * 64,
    )  # fmt: skip
    await agent.send(agent.batch(events=[event]))

    async def more():
        said = {"verdict": "expected", "cause": "usual", "comment": "", "kept": False}
        await add(EventVerdict(event_id=event.id, at=now_us(), actor="anna", **said))

    for _ in range(7):
        await more()
    path = f"/events/{event.id}/history"
    before = await whole(browser, path)
    assert len(before) == 7
    assert await walk(browser, path, "before", more) == before


@pytest.mark.parametrize("path", CURSORS)
async def test_bad_limits_and_cursors_are_refused_by_name(browser, make_agent, path):
    agent = await make_agent()
    cursor, wrong = CURSORS[path]
    where = API + path.replace(f"agents/{SOME_ID}", f"agents/{agent.id}")
    for name, value in [("limit", 0), ("limit", paging.MAX_LIMIT + 1), ("limit", "x"), (cursor, "%"), (cursor, wrong)]:
        answer = await browser.get(where, params={name: value})
        assert answer.status_code == 422, (name, value, answer.text)
        problem = answer.json()
        (error,) = problem["errors"]
        assert name in error["loc"]
        assert problem["detail"]
