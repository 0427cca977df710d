"""Signing in and out: cookies, expiries, rotation, other sites' pages, the first administrator's link."""

import uuid

import pytest
from sqlalchemy import update

from audiosense_collector.auth import cookies, service, setup
from audiosense_collector.auth.roles import Role
from audiosense_collector.auth.tables import UserSession
from audiosense_collector.clock import DAY_US, HOUR_US, now_us

PASSWORD = "four words of mine"
OTHER = "some other words, longer"


@pytest.fixture
async def anna(runtime):
    """A user who signs in as people do."""
    name = f"Anna-{uuid.uuid4().hex[:8]}"
    await service.create_with_password(runtime, name, Role.OPERATOR, PASSWORD)
    return name


async def sign_in(client, name, password=PASSWORD, **headers):
    return await client.post(
        "/api/v1/session", json={"name": name, "password": password}, headers={"AudioSense-Page": "1"} | headers
    )


async def state(client):
    return (await client.get("/api/v1/session")).json()


async def test_somebody_signs_in_looks_around_and_signs_out(anonymous, anna):
    answer = await sign_in(anonymous, f"  {anna.upper()} ")
    assert answer.status_code == 201, answer.text
    assert answer.json() == {"name": anna, "role": "operator", "means": "session"}
    given = answer.headers["set-cookie"]
    for attribute in ("HttpOnly", "Path=/", "SameSite=strict"):
        assert attribute in given
    assert "Secure" not in given
    assert "Domain" not in given
    assert (await state(anonymous))["user"]["name"] == anna
    answer = await anonymous.get("/api/v1/fleet")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    secret = anonymous.cookies[cookies.PLAIN]
    assert (await anonymous.delete("/api/v1/session", headers={"AudioSense-Page": "1"})).status_code == 204
    assert cookies.PLAIN not in anonymous.cookies
    anonymous.cookies[cookies.PLAIN] = secret
    assert (await anonymous.get("/api/v1/fleet")).status_code == 401


async def test_over_tls_the_cookie_is_bound_to_the_host_and_the_other_one_opens_nothing(open_browser, anna, runtime):
    secure = await open_browser(base_url="https://127.0.0.1")
    given = (await sign_in(secure, anna)).headers["set-cookie"]
    assert given.startswith("__Host-")
    assert "Secure" in given
    assert (await secure.get("/api/v1/fleet")).status_code == 200
    stolen = await open_browser(Role.VIEWER, base_url="https://127.0.0.1")
    assert (await stolen.get("/api/v1/fleet")).status_code == 401
    assert (await secure.get("/api/v1/fleet")).headers["strict-transport-security"].startswith("max-age=")


async def test_signing_in_again_ends_the_session_that_the_browser_had(anonymous, anna):
    await sign_in(anonymous, anna)
    before = anonymous.cookies[cookies.PLAIN]
    await sign_in(anonymous, anna)
    after = anonymous.cookies[cookies.PLAIN]
    assert before != after
    anonymous.cookies.clear()
    anonymous.cookies[cookies.PLAIN] = before
    assert (await anonymous.get("/api/v1/fleet")).status_code == 401


@pytest.mark.parametrize(("name", "password"), [("nobody-of-that-name", PASSWORD), (None, "wrong words in a row")])
async def test_a_wrong_name_and_a_wrong_password_are_answered_alike(anonymous, anna, name, password):
    answer = await sign_in(anonymous, name or anna, password)
    assert answer.status_code == 401
    assert answer.json()["type"] == "wrong_password"
    assert answer.json()["detail"] == "the name or the password is wrong, or the user is disabled"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({"last_used": lambda now: now - 11 * HOUR_US}, 200),
        ({"last_used": lambda now: now - 13 * HOUR_US}, 401),
        ({"expires": lambda now: now + HOUR_US, "created": lambda now: now - 7 * DAY_US}, 200),
        ({"expires": lambda now: now - 1}, 401),
    ],
    ids=["used", "idle", "old", "expired"],
)
async def test_a_session_ends_when_it_is_idle_and_when_it_is_old(runtime, viewer, values, status):
    (session_id,) = [each["id"] for each in (await viewer.get("/api/v1/account/sessions")).json()["items"]]
    now = now_us()
    async with runtime.sessions.begin() as session:
        changed = {name: value(now) for name, value in values.items()}
        await session.execute(update(UserSession).where(UserSession.id == uuid.UUID(session_id)).values(changed))
    assert (await viewer.get("/api/v1/fleet")).status_code == status
    if status == 200:
        (shown,) = (await viewer.get("/api/v1/account/sessions")).json()["items"]
        assert now_us() - shown["last_used_us"] < HOUR_US


async def test_one_can_sign_out_elsewhere_and_everywhere(open_browser, anna):
    one, two, three = [await open_browser() for _ in range(3)]
    for client in (one, two, three):
        await sign_in(client, anna)
        client.headers["AudioSense-Page"] = "1"
    shown = (await two.get("/api/v1/account/sessions")).json()["items"]
    assert len(shown) == 3
    assert [each["current"] for each in shown].count(True) == 1
    other = (await one.get("/api/v1/account/sessions")).json()["items"]
    mine = next(each["id"] for each in other if each["current"])
    assert (await two.delete(f"/api/v1/account/sessions/{mine}")).status_code == 204
    assert (await two.delete(f"/api/v1/account/sessions/{mine}")).status_code == 404
    assert [(await client.get("/api/v1/fleet")).status_code for client in (one, two, three)] == [401, 200, 200]
    assert (await two.delete("/api/v1/account/sessions")).status_code == 204
    assert [(await client.get("/api/v1/fleet")).status_code for client in (one, two, three)] == [401] * 3


async def test_another_password_ends_all_other_sessions_and_the_old_one_is_void(open_browser, anna):
    here, there = await open_browser(), await open_browser()
    for client in (here, there):
        await sign_in(client, anna)
        client.headers["AudioSense-Page"] = "1"
    path = "/api/v1/account/password"
    wrong = await here.put(path, json={"current": OTHER, "new": OTHER})
    assert (wrong.status_code, wrong.json()["errors"][0]["loc"]) == (422, "current")
    weak = await here.put(path, json={"current": PASSWORD, "new": "short"})
    assert (weak.status_code, weak.json()["errors"][0]["loc"]) == (422, "password")
    assert (await here.put(path, json={"current": PASSWORD, "new": OTHER})).status_code == 204
    assert (await here.get("/api/v1/fleet")).status_code == 200
    assert (await there.get("/api/v1/fleet")).status_code == 401
    assert (await sign_in(there, anna)).status_code == 401
    assert (await sign_in(there, anna, OTHER)).status_code == 201


OURS = {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize(
    ("headers", "status", "kind"),
    [
        ({"AudioSense-Page": "1"}, 404, "about:blank"),
        ({"AudioSense-Page": "1"} | OURS, 404, "about:blank"),
        (OURS, 403, "not_from_our_page"),
        ({}, 403, "not_from_our_page"),
        ({"AudioSense-Page": "1", "Origin": "http://evil.example"}, 403, "not_from_our_page"),
        ({"AudioSense-Page": "1", "Origin": "null"}, 403, "not_from_our_page"),
        ({"AudioSense-Page": "1", "Sec-Fetch-Site": "cross-site"}, 403, "not_from_our_page"),
        # Another port of the same host is the same site, and may be another program's page.
        (
            {"AudioSense-Page": "1", "Sec-Fetch-Site": "same-site"} | {"Origin": OURS["Origin"]},
            403,
            "not_from_our_page",
        ),
    ],
)
async def test_no_other_sites_page_changes_anything_with_the_cookie(browser, headers, status, kind):
    del browser.headers["AudioSense-Page"]
    answer = await browser.post(f"/api/v1/models/{'0' * 64}/push", headers=headers)
    assert answer.status_code == status
    assert answer.json()["type"] == kind


async def test_a_page_elsewhere_cannot_sign_its_reader_in(anonymous, anna):
    answer = await sign_in(anonymous, anna, **{"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


class TestFirstAdministrator:
    """On a database of its own: there must be no user yet."""

    @pytest.fixture
    def database_url(self, make_database):
        return make_database()

    async def test_the_link_makes_one_administrator_once(self, runtime, open_browser):
        async with runtime.sessions.begin() as session:
            link, second = await setup.make_link(session), await setup.make_link(session)
        stored = [bytes(sha) for sha in await self.kept(runtime)]
        assert len(stored) == 2
        assert link.encode() not in b"".join(stored)
        first, late = await open_browser(), await open_browser()
        assert (await state(first))["setup_needed"] is True
        body = {"link": link, "name": "anna", "password": PASSWORD}
        weak = await first.post("/api/v1/setup", json=body | {"password": "audiosense password"})
        assert weak.status_code == 422
        wrong = await first.post("/api/v1/setup", json=body | {"link": "x" * 43})
        assert (wrong.status_code, wrong.json()["type"]) == (403, "link_void")
        made = await first.post("/api/v1/setup", json=body)
        assert (made.status_code, made.json()["role"]) == (201, "administrator")
        assert (await first.get("/api/v1/users")).status_code == 200
        assert (await state(late))["setup_needed"] is False
        for used in (link, second):
            again = await late.post("/api/v1/setup", json=body | {"link": used, "name": "ben"})
            assert again.status_code == 403
        async with runtime.sessions.begin() as session:
            assert await setup.make_link(session) is None

    async def test_an_old_link_is_void(self, runtime, anonymous, monkeypatch):
        monkeypatch.setattr(setup, "LIFETIME_H", 0)
        async with runtime.sessions.begin() as session:
            link = await setup.make_link(session)
        body = {"link": link, "name": "anna", "password": PASSWORD}
        assert (await anonymous.post("/api/v1/setup", json=body)).status_code == 403

    async def kept(self, runtime):
        async with runtime.sessions() as session:
            return list(await session.scalars(setup.select(setup.SetupLink.sha256)))


async def test_the_last_administrator_cannot_be_taken_away(make_database, settings, runtime, browser):
    async with runtime.sessions.begin() as session:
        await session.execute(
            update(service.User)
            .where(service.User.name != browser.user, service.User.role == "administrator")
            .values(role="viewer")
        )
    users = (await browser.get("/api/v1/users?limit=1000")).json()["items"]
    path = f"/api/v1/users/{next(user['id'] for user in users if user['name'] == browser.user)}"
    for change in ({"role": "operator"}, {"disabled": True}):
        answer = await browser.patch(path, json=change)
        assert answer.status_code == 409
        assert "no administrator would be left" in answer.json()["detail"]
    assert (await browser.get("/api/v1/users")).status_code == 200
