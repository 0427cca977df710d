"""Bombs and abuse at every door that takes a body: refused or harmless, and the collector goes on serving."""

import asyncio
import contextlib
import io
import json
import resource
import ssl
import uuid
import zlib

import httpx
import numpy as np
import psycopg
import pytest
import soundfile
import zstandard

from audiosense_collector import slowness
from audiosense_collector.app import AGENT_ROUTERS, BROWSER_ROUTERS
from audiosense_collector.auth.roles import Role
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.server import running

ALL_AGENTS = "/api/v1/agents?limit=1000"

MEMORY_KIB = 400 * 1024
SQL = "'; DROP TABLE user_account; --"
HTML = "<img src=x onerror=alert(1)>"


def doors(routers):
    """Every operation that may have a body, the developer interface's too."""
    return sorted(
        (method, route.path)
        for router in routers
        for route in router.routes
        for method in route.methods & {"POST", "PUT", "PATCH", "DELETE"}
    )


def gzip_bomb():
    """1 GiB of zeros as a megabyte: the same piece, flushed, again and again."""
    squeezer = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = bytes(2**20)
    first = squeezer.compress(piece) + squeezer.flush(zlib.Z_FULL_FLUSH)
    again = squeezer.compress(piece) + squeezer.flush(zlib.Z_FULL_FLUSH)
    return first + again * 1023


def bodies():
    deep = b"[" * 100_000
    yield "deep list", deep + b"]" * 100_000, {"Content-Type": "application/json"}
    yield "deep object", b'{"a":' * 50_000 + b"1" + b"}" * 50_000, {"Content-Type": "application/json"}
    yield "not closed", deep, {"Content-Type": "application/json"}
    number = b"9" * 5_000
    yield "huge integer", b'{"name": %s, "windows": %s, "days": %s}' % (number, number, number), {}
    yield "huge float", b'{"running_level_dbfs": 1e999, "windows": -1e400, "days": NaN}', {}
    yield "gzip bomb", gzip_bomb(), {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    bomb = zstandard.ZstdCompressor(level=3).compress(bytes(64 * 2**20))
    yield "zstd bomb", bomb * 16, {"Content-Encoding": "zstd", "Content-Type": "application/json"}
    yield "zip bomb as a form", gzip_bomb(), {"Content-Type": "multipart/form-data; boundary=x"}
    yield "not text", b"\xff\xfe\x00" * 1_000, {"Content-Type": "application/json"}


@pytest.fixture
async def agent(make_agent):
    return await make_agent()


@pytest.mark.parametrize(("name", "body", "headers"), [pytest.param(*each, id=each[0]) for each in bodies()])
async def test_no_bomb_is_taken_at_any_door(  # noqa: PLR0917
    browser, agents_port, agent, viewer, name, body, headers
):
    kinds = ["sensor", "agent", "clip", "site", "session", "user", "token", "event", "note", "export", "evaluation"]
    kinds += ["analysis", "key", "machine"]
    ids = {f"{kind}_id": uuid.uuid4() for kind in kinds} | {"setting": "retention_days"}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    taken = []
    for client, credential, routers in ((browser, {}, BROWSER_ROUTERS), (agents_port, agent.headers, AGENT_ROUTERS)):
        for method, path in doors(routers):
            if path == "/api/v1/account/sessions":
                continue
            where = path.format(digest="0" * 64, **ids)
            answer = await client.request(method, where, content=body, headers=headers | credential)
            if path == "/api/v1/agent/credential" or (method, path) == ("DELETE", "/api/v1/session"):
                continue
            if not 400 <= answer.status_code < 500:
                taken.append((method, path, answer.status_code, answer.text[:200]))
    assert taken == []
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KIB
    assert (await viewer.get("/api/v1/fleet")).status_code == 200


def silent_flac(minutes):
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 16_000, 1, format="FLAC", subtype="PCM_16") as writer:
        for _ in range(minutes):
            writer.write(np.zeros(16_000 * 60, np.int16))
    return file.getvalue()


async def test_a_recording_of_hours_of_zeros_is_refused_unread(browser, agents_port, agent):
    """Hours of silence are a few hundred kilobytes as FLAC, and gigabytes as samples."""
    content = silent_flac(100)
    assert len(content) < 2**20
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = await browser.post("/api/v1/analyses", files={"file": ("x.flac", content)})
    assert answer.status_code in {413, 422}, answer.text
    query = {"sensor": next(iter(agent.sensors.values())), "kind": "reference", "start_us": 1, "opening_us": 1}
    query |= {"sample_rate_hz": 16_000, "frames": 16_000, "sha256": "0" * 64}
    answer = await agents_port.put(
        f"/api/v1/clips/{uuid.uuid4()}", params=query, content=content, headers=agent.headers
    )
    assert answer.status_code in {413, 422}, answer.text
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KIB


@pytest.mark.parametrize(
    "name",
    [
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e%2f%2e%2e%2fkeys%2fsigning.pem",
        "....//....//etc/passwd",
        "..\\..\\keys",
        "%00",
        "a%00.flac",
        "/etc/passwd",
        "~root",
        "file:%2f%2f%2fetc%2fpasswd",
    ],
)
async def test_no_name_of_a_clip_or_page_leads_out_of_its_folder(settings, browser, agents_port, agent, name):
    (settings.dashboard_dir / "index.html").write_text("<title>start</title>")
    before = sorted(settings.data_dir.rglob("*"))
    for client, headers in ((browser, {}), (agents_port, agent.headers)):
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            answer = await client.request(method, f"/api/v1/clips/{name}", content=b"{}", headers=headers)
            # A path that leads out of the interface by its dots is a page of the dashboard's own.
            assert 400 <= answer.status_code < 500 or answer.text == "<title>start</title>", (method, answer.text)
    for folder in ("/", "/assets/"):
        answer = await browser.get(f"{folder}{name}")
        assert answer.status_code in {200, 400, 404}
        assert "root:x:" not in answer.text
        assert "PRIVATE KEY" not in answer.text
        if answer.status_code == 200:
            assert answer.text == "<title>start</title>"
    assert sorted(settings.data_dir.rglob("*")) == before
    (settings.dashboard_dir / "index.html").unlink()


@pytest.mark.parametrize(
    "name", [SQL, HTML, "\u202eadmin", "a\nb", "-" * 65, "x' OR '1'='1", "../../etc", "anna:root", ""]
)
async def test_names_of_users_that_mean_something_elsewhere_are_refused(browser, anonymous, name):
    made = await browser.post(
        "/api/v1/users", json={"name": name, "role": "viewer", "password": "a few words in a row"}
    )
    assert made.status_code == 422
    body = {"name": name, "password": f"{name} or anything else"}
    assert (await anonymous.post("/api/v1/session", json=body)).status_code in {401, 429}


async def test_sql_and_html_in_every_other_name_stay_the_text_that_they_are(
    browser, make_agent, register, database_url
):
    for hostile in (SQL, HTML, f"{HTML}{SQL}\u202e"):
        sensor = register(name=hostile, machine=hostile, site=hostile)
        agent = await make_agent(sensor, name=hostile)
        await agent.send(agent.batch(agent.columns(2)))
        fleet = await browser.get("/api/v1/fleet")
        assert fleet.headers["content-type"] == "application/json"
        assert fleet.headers["x-content-type-options"] == "nosniff"
        assert fleet.headers["content-security-policy"].startswith("default-src 'none'")
        assert any(machine["name"] == hostile for machine in fleet.json()["machines"])
        assert any(each["name"] == hostile for each in (await browser.get(ALL_AGENTS)).json()["items"])
        for query in ({"before": hostile}, {"machine": hostile}, {"sensor": hostile}, {"state": hostile}):
            assert (await browser.get("/api/v1/events", params=query)).status_code == 422
        for query in ({"actor": hostile[:99]}, {"action": hostile[:99]}, {"subject_id": hostile[:99]}):
            assert (await browser.get("/api/v1/audit", params=query)).json()["items"] == []
        wave = io.BytesIO()
        soundfile.write(wave, np.random.default_rng(1).normal(0, 0.1, 48_000), 16_000, format="WAV")
        made = await browser.post("/api/v1/analyses", files={"file": (f"{hostile}.wav", wave.getvalue())})
        assert made.status_code == 201, made.text
        token = await browser.post("/api/v1/tokens", json={"name": hostile, "scope": "viewer"})
        assert token.status_code == 422
    with psycopg.connect(libpq_url(database_url)) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM user_account").fetchone() == (True,)


async def test_clients_that_send_a_byte_now_and_then_are_cut_and_others_are_served(
    settings, database_url, signed_in, monkeypatch
):
    """Slow-loris on both ports: headers that never end, bodies that never end, connections that say nothing."""
    monkeypatch.setattr(slowness, "HEADERS_S", 1.0)
    monkeypatch.setattr(slowness, "PATIENCE_S", 2.0)
    async with (
        asyncio.timeout(120),
        running(settings, database_url) as (addresses, runtime, _tasks),
        contextlib.AsyncExitStack() as stack,
    ):
        trust = ssl.create_default_context(cadata=runtime.tls.ca_pem)
        client = httpx.AsyncClient(base_url=addresses.http, trust_env=False, **await signed_in(Role.VIEWER))
        await stack.enter_async_context(client)
        begun = b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        ends = []
        for address, tls in ((addresses.http, None), (addresses.agents, trust)):
            host, port = address.split("//")[1].rsplit(":", 1)
            for start in (b"", b"GET / HT", begun, begun + b"Content-Length: 1000\r\n\r\n{"):
                for _ in range(25):
                    reader, writer = await asyncio.open_connection(
                        host, int(port), ssl=tls, server_hostname="localhost" if tls else None
                    )
                    writer.write(start)
                    ends.append(asyncio.create_task(hold(reader, writer, dripping=bool(start))))
        served = 0
        while not all(end.done() for end in ends):
            assert (await client.get("/api/v1/fleet")).status_code == 200
            served += 1
            await asyncio.sleep(0.1)
        assert served
        assert len(ends) == 200


async def hold(reader, writer, *, dripping):
    """Send a byte now and then until the collector has had enough."""
    try:
        while True:
            try:
                async with asyncio.timeout(0.3):
                    if not await reader.read(1_000):
                        return
            except TimeoutError:
                if dripping:
                    writer.write(b"x")
                    await writer.drain()
    except (ConnectionError, ssl.SSLError):
        return
    finally:
        writer.transport.abort()
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()


async def test_deep_json_that_is_no_bomb_is_answered_with_the_field(browser):
    body = json.dumps({"name": {"a": [[[[]]]]}, "role": "viewer", "password": "x"})
    answer = await browser.post("/api/v1/users", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["loc"] == "name"
