"""API tokens: what they open, for how long, and that they are shown once."""

import uuid

import pytest
from sqlalchemy import select, update

from audiosense_collector.auth.tables import ApiToken
from audiosense_collector.clock import DAY_US, now_us


@pytest.fixture
async def made(browser):
    answer = await browser.post("/api/v1/tokens", json={"name": f"report {uuid.uuid4()}", "scope": "operator"})
    assert answer.status_code == 201, answer.text
    return answer.json()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


async def test_a_token_opens_what_its_scope_says_and_is_never_shown_again(runtime, browser, anonymous, made):
    token = made["token"]
    assert token.startswith("as_")
    assert (await anonymous.get("/api/v1/clip-audit", headers=bearer(token))).status_code == 200
    assert (await anonymous.get("/api/v1/users", headers=bearer(token))).status_code == 403
    # No cookie, so no page of another site can use it: no header of the page is asked for.
    push = await anonymous.post(f"/api/v1/sensors/{uuid.uuid4()}/train", json={}, headers=bearer(token))
    assert push.status_code == 404
    listed = await browser.get("/api/v1/tokens")
    (shown,) = [each for each in listed.json()["items"] if each["id"] == made["id"]]
    assert token not in listed.text
    assert (shown["owner"], shown["scope"], shown["state"]) == (browser.user, "operator", "valid")
    assert abs(shown["last_used_us"] - now_us()) < 60_000_000
    assert abs(shown["expires_us"] - now_us() - 90 * DAY_US) < 60_000_000
    async with runtime.sessions() as session:
        row = await session.scalar(select(ApiToken).where(ApiToken.id == uuid.UUID(made["id"])))
        assert len(row.sha256) == 32
    again = await browser.post("/api/v1/tokens", json={"name": made["name"], "scope": "viewer"})
    assert again.status_code == 409


@pytest.mark.parametrize("end", ["revoked", "expired", "owner disabled"])
async def test_a_token_that_has_ended_opens_nothing(runtime, browser, open_browser, made, end):
    token = made["token"]
    client = await open_browser()
    if end == "revoked":
        assert (await browser.delete(f"/api/v1/tokens/{made['id']}")).status_code == 204
    elif end == "expired":
        async with runtime.sessions.begin() as session:
            await session.execute(
                update(ApiToken).where(ApiToken.id == uuid.UUID(made["id"])).values(expires=now_us() - 1)
            )
    else:
        other = await open_browser("administrator")
        users = {user["name"]: user["id"] for user in (await other.get("/api/v1/users?limit=1000")).json()["items"]}
        assert (await other.patch(f"/api/v1/users/{users[browser.user]}", json={"disabled": True})).status_code == 200
    answer = await client.get("/api/v1/fleet", headers=bearer(token))
    assert (answer.status_code, answer.json()["type"]) == (401, "unknown_token")
    asks = other if end == "owner disabled" else browser
    states = {each["id"]: each["state"] for each in (await asks.get("/api/v1/tokens?limit=1000")).json()["items"]}
    assert states[made["id"]] == {"owner disabled": "suspended"}.get(end, end)


async def test_a_tokens_owner_bounds_what_it_may_do(open_browser, anonymous):
    owner, other = await open_browser("administrator"), await open_browser("administrator")
    made = await owner.post("/api/v1/tokens", json={"name": str(uuid.uuid4()), "scope": "administrator"})
    token = made.json()["token"]
    assert (await anonymous.get("/api/v1/users", headers=bearer(token))).status_code == 200
    users = {user["name"]: user["id"] for user in (await other.get("/api/v1/users?limit=1000")).json()["items"]}
    await other.patch(f"/api/v1/users/{users[owner.user]}", json={"role": "viewer"})
    assert (await anonymous.get("/api/v1/users", headers=bearer(token))).status_code == 403
    assert (await anonymous.get("/api/v1/fleet", headers=bearer(token))).status_code == 200


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer as_", "Bearer as_" + "x" * 43, "Basic YTpi", "Bearer \u00e9", "as_" + "x" * 43]
)
async def test_what_is_no_token_is_refused_even_with_a_good_cookie(viewer, given):
    answer = await viewer.get("/api/v1/session", headers={"Authorization": given.encode()})
    assert answer.status_code == 401


async def test_no_agent_is_a_user_and_no_user_an_agent(make_agent, anonymous, agents_port, browser, made):
    agent = await make_agent()
    for path in ("/api/v1/fleet", "/api/v1/session", "/api/v1/users"):
        assert (await anonymous.get(path, headers=bearer(agent.credential))).status_code == 401
    cookies = {"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
    for headers in (bearer(made["token"]), cookies):
        answer = await agents_port.post("/api/v1/batches", content=b"{}", headers=headers)
        assert answer.status_code == 401
