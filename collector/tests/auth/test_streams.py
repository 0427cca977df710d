"""A stream ends with the session or token that opened it."""

import asyncio

import httpx
import pytest

from audiosense_collector.auth import streams
from audiosense_collector.auth.roles import Role
from audiosense_collector.server import running

LIMIT_S = 60


@pytest.mark.parametrize("end", ["signed out", "disabled", "token revoked"])
async def test_a_stream_ends_in_good_order_when_its_session_does(  # noqa: PLR0917
    settings, database_url, signed_in, browser, monkeypatch, end
):
    monkeypatch.setattr(streams, "RECHECK_S", 0.05)
    name = end.replace(" ", "-")
    async with asyncio.timeout(LIMIT_S), running(settings, database_url) as (addresses, _runtime, _tasks):
        options = await signed_in(Role.VIEWER, name=name)
        if end == "token revoked":
            made = (await browser.post("/api/v1/tokens", json={"name": name, "scope": "viewer"})).json()
            options = {"headers": {"Authorization": f"Bearer {made['token']}"}}
        async with (
            httpx.AsyncClient(base_url=addresses.http, trust_env=False, timeout=LIMIT_S, **options) as client,
            client.stream("GET", "/api/v1/live") as stream,
        ):
            lines = stream.aiter_lines()
            assert await anext(lines) == "event: hello"
            # Looked after several times, and still open.
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    [line async for line in lines if line.startswith("event")]
        async with (
            httpx.AsyncClient(base_url=addresses.http, trust_env=False, timeout=LIMIT_S, **options) as client,
            client.stream("GET", "/api/v1/live") as stream,
        ):
            lines = stream.aiter_lines()
            assert await anext(lines) == "event: hello"
            if end == "signed out":
                assert (await client.delete("/api/v1/session")).status_code == 204
            elif end == "disabled":
                users = {
                    user["name"]: user["id"] for user in (await browser.get("/api/v1/users?limit=1000")).json()["items"]
                }
                await browser.patch(f"/api/v1/users/{users[name]}", json={"disabled": True})
            else:
                await browser.delete(f"/api/v1/tokens/{made['id']}")
            # The end of the response, not of the connection: httpx would raise otherwise.
            assert "event: measurements" not in [line async for line in lines]
        async with httpx.AsyncClient(base_url=addresses.http, trust_env=False, **options) as client:
            assert (await client.get("/api/v1/live")).status_code == 401
