"""The browsers' interface as a whole: its document, its protection, the dashboard's files."""

import asyncio
import dataclasses
import gzip
import json
import queue
import threading
from pathlib import Path

import httpx
import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from hypothesis import settings as hypothesis_settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from audiosense_collector.app import browser_document, create_app
from audiosense_collector.auth import cookies, tokens
from audiosense_collector.auth.roles import Role
from audiosense_collector.errors import away, problem
from audiosense_collector.server import running
from audiosense_collector.settings import Settings

DASHBOARD = Path(__file__).parents[2] / "dashboard"
# The document's copy, which test_cli holds against the document: to make one takes seconds in each worker.
schema = schemathesis.openapi.from_path(DASHBOARD / "openapi.json")
STREAMS = "/api/v1/live"
checked = schema.exclude(path=STREAMS)
LENIENT = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}
CALLERS = [None, *Role]
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]


@pytest.fixture(scope="module")
def served(settings, database_url):
    """Both servers in a thread, since schemathesis is a client that blocks; gives the address, and a token per role."""
    started: queue.Queue[tuple[str, dict, asyncio.AbstractEventLoop, asyncio.Event]] = queue.Queue()

    async def serve():
        stop = asyncio.Event()
        async with running(settings, database_url) as (addresses, runtime, _tasks):
            async with runtime.sessions.begin() as session:
                made = {role: await tokens.create(session, role.value, role, 1, None) for role in Role}
            bearers = {role: {"Authorization": f"Bearer {token.token}"} for role, token in made.items()}
            started.put((addresses.http, bearers | {None: {}}, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    address, bearers, loop, stop = started.get(timeout=60)
    yield address, bearers
    loop.call_soon_threadsafe(stop.set)
    thread.join(60)
    assert not thread.is_alive()


def ask(case, served, caller):
    """No request fails, breaks the schema, or reaches beyond the caller's role."""
    address, bearers = served
    response = case.call(base_url=address, headers=bearers[caller])
    case.validate_response(response, checks=CHECKS)
    needed = case.operation.definition.raw.get("x-required-role")
    if needed is None or case.method != case.operation.method.upper():
        return
    if caller is None:
        assert response.status_code == 401
    elif not caller.covers(Role(needed)):
        # A body that is no JSON is told before its sender's role is looked at.
        assert response.status_code in {400, 403, 413, 422}


# The server is in this process, and may draw random numbers while a request is made up.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning")
@pytest.mark.parametrize("caller", CALLERS)
@checked.parametrize()
@hypothesis_settings(max_examples=2, phases=[Phase.generate], **LENIENT)
def test_no_request_of_any_role_makes_the_interface_fail_or_reaches_beyond_it(case, served, caller):
    ask(case, served, caller)


@pytest.mark.soak
# The server is in this process, and may draw random numbers while a request is made up.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning")
@pytest.mark.parametrize("caller", CALLERS)
@checked.parametrize()
@hypothesis_settings(max_examples=10, **LENIENT)
def test_no_request_among_thousands_makes_the_interface_fail(case, served, caller):
    ask(case, served, caller)


def test_the_document_shows_errors_as_problem_documents():
    operations = [o for path in browser_document()["paths"].values() for o in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        for status, response in operation["responses"].items():
            # Of a range beyond a file's end the file's own answer tells.
            if status.startswith(("4", "5")) and status != "416":
                assert list(response["content"]) == ["application/problem+json"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "192.168.0.7:8000"])
async def test_other_host_names_are_refused(browser, host):
    response = await browser.get("/api/v1/system", headers={"Host": host})
    assert response.status_code == 400


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000"])
async def test_local_host_names_are_answered_with_protective_headers(browser, host):
    response = await browser.get("/api/v1/system", headers={"Host": host})
    assert response.status_code == 200
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert "microphone=()" in response.headers["permissions-policy"]
    assert response.headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in response.headers


@pytest.mark.parametrize("path", ["/api/v1/broken", "/broken"])
async def test_what_nobody_foresaw_is_answered_with_protective_headers_too(app, browser, path):
    async def fail():
        raise RuntimeError("nobody foresaw it")

    app.router.add_api_route(path, fail)
    app.router.routes.insert(0, app.router.routes.pop())
    whole = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=whole, base_url=browser.base_url, headers=browser.headers) as client:
        client.cookies = browser.cookies
        response = await client.get(path)
    assert (response.status_code, response.json()["status"]) == (500, 500)
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert (response.headers.get("cache-control") == "no-store") is path.startswith("/api")
    assert len(response.headers.get_list("x-request-id")) == 1


async def test_the_document_is_made_off_the_event_loop_on_which_batches_wait(app, browser, monkeypatch):
    made = []
    monkeypatch.setattr(app, "openapi", lambda: made.append(threading.current_thread()) or {"openapi": "3.1.0"})
    assert (await browser.get("/api/v1/openapi.json")).json() == {"openapi": "3.1.0"}
    assert made != []
    assert threading.current_thread() not in made


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg.errors.DiskFull("no space left"), "database_full"),
        (psycopg.errors.TooManyConnections("too many clients"), "database_busy"),
        (PoolTimeoutError("QueuePool limit"), "database_busy"),
        (psycopg.OperationalError("connection refused"), "database_away"),
    ],
    ids=["disk", "connections", "pool", "away"],
)
def test_why_the_database_cannot_be_used_has_a_word_that_the_dashboard_says_in_its_language(error, kind):
    answer = problem(away(error))
    assert (answer.status_code, json.loads(answer.body)["type"]) == (503, kind)
    assert "retry-after" in answer.headers
    for language in ("en", "es"):
        assert f"    {kind}: " in (DASHBOARD / f"src/i18n/auth.{language}.ts").read_text(encoding="utf-8")


async def test_pages_allow_no_inline_script_and_no_inline_style(anonymous):
    policy = (await anonymous.get("/")).headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy


@pytest.mark.parametrize(("proxy", "secure"), [("127.0.0.1", True), ("192.0.2.9", False)])
async def test_only_a_trusted_proxys_word_on_tls_and_addresses_counts(runtime, signed_in, proxy, secure):
    transport = httpx.ASGITransport(create_app(runtime), client=(proxy, 40_000))
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "198.51.100.7"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", **await signed_in()) as client:
        answer = await client.get("/api/v1/session", headers=forwarded)
        assert ("strict-transport-security" in answer.headers) is secure
        # The cookie of a plain connection is no session over TLS.
        assert (answer.json()["user"] is None) is secure


async def test_names_that_were_set_and_addresses_on_an_open_network_are_answered(runtime, settings):
    for options, answered in (
        ({"hosts": "audio.example"}, {"audio.example": 200, "192.168.0.7": 400, "evil.example": 400}),
        ({"insecure_lan": True}, {"audio.example": 400, "192.168.0.7": 200, "[fe80::1]": 200, "evil.example": 400}),
    ):
        changed = Settings(_env_file=None, data_dir=settings.data_dir, dashboard_dir=settings.dashboard_dir, **options)
        assert changed.http_host == ("0.0.0.0" if changed.insecure_lan else "127.0.0.1")
        transport = httpx.ASGITransport(create_app(dataclasses.replace(runtime, environment=changed)))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            for host, status in answered.items():
                answer = await client.get("/api/v1/session", headers={"Host": host})
                assert answer.status_code == status
                if status == 200:
                    assert answer.json()["insecure"] is changed.insecure_lan


async def test_the_demo_needs_no_signing_in_on_this_computer_and_nowhere_else(runtime, settings):
    demo = Settings(_env_file=None, data_dir=settings.data_dir, dashboard_dir=settings.dashboard_dir, demo=True)
    app = create_app(dataclasses.replace(runtime, environment=demo))
    push = f"/api/v1/models/{'0' * 64}/push"
    for address, headers, status in (
        ("127.0.0.1", {}, 200),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 401),
        ("192.0.2.1", {}, 401),
    ):
        transport = httpx.ASGITransport(app, client=(address, 40_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", headers=headers) as client:
            state = (await client.get("/api/v1/session")).json()
            assert state["demo"] is True
            assert (state["user"] or {}).get("means") == ("demo" if status == 200 else None)
            assert (await client.get("/api/v1/fleet")).status_code == status
            # Any page of the web may send to this computer; what it cannot send is the page's header.
            assert (await client.post(push)).status_code == (403 if status == 200 else 401)
            answer = await client.post(push, headers={"AudioSense-Page": "1"})
            assert answer.status_code == (404 if status == 200 else 401)


@pytest.mark.parametrize(
    ("origin", "status"), [("http://127.0.0.1:8000", 404), ("http://evil.example", 403), ("null", 403), (None, 404)]
)
async def test_only_the_collectors_own_page_may_change_anything(browser, origin, status):
    headers = {} if origin is None else {"Origin": origin}
    response = await browser.post(f"/api/v1/models/{'0' * 64}/push", headers=headers)
    assert response.status_code == status


async def test_the_dashboard_is_served_under_every_path(browser, settings):
    missing = await browser.get("/")
    assert missing.status_code == 404
    assert "make dashboard" in missing.text
    folder = settings.dashboard_dir
    (folder / "assets").mkdir(exist_ok=True)
    (folder / "index.html").write_text("<title>start</title>")
    (folder / "assets" / "app-1a2b.js").write_text("1")
    for path in ("/", "/machines/7", "/index.html"):
        page = await browser.get(path)
        assert (page.status_code, page.text) == (200, "<title>start</title>")
        assert page.headers["cache-control"] == "no-cache"
    asset = await browser.get("/assets/app-1a2b.js")
    assert "immutable" in asset.headers["cache-control"]
    for path in ("/assets/none.js", "/api/v1/none", "/api/v2"):
        answer = await browser.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"
    (folder / "index.html").unlink()


async def test_what_the_build_compressed_is_sent_as_it_is(browser, settings):
    assets = settings.dashboard_dir / "assets"
    assets.mkdir(exist_ok=True)
    (assets / "app-3c4d.js").write_text("plain")
    (assets / "app-3c4d.js.gz").write_bytes(gzip.compress(b"compressed"))
    taken = await browser.get("/assets/app-3c4d.js", headers={"Accept-Encoding": "gzip"})
    assert (taken.text, taken.headers["content-encoding"]) == ("compressed", "gzip")
    assert taken.headers["content-type"].startswith("text/javascript")
    assert "immutable" in taken.headers["cache-control"]
    plain = await browser.get("/assets/app-3c4d.js", headers={"Accept-Encoding": "identity"})
    assert (plain.text, plain.headers.get("content-encoding")) == ("plain", None)


async def test_the_start_page_asks_early_for_what_its_reader_may_see(browser, settings):
    index = settings.dashboard_dir / "index.html"
    index.write_text('<script src="./before.js" data-early="./api/v1/session"></script>')
    asked = {}
    for cookie in ("", f"{cookies.PLAIN}=1"):
        for path in ("/", "/machines/7"):
            page = await browser.get(path, headers={"Cookie": cookie})
            asked[cookie, path] = page.text.split('data-early="')[1].split('"')[0].split()
    session, fleet = "./api/v1/session", "./api/v1/fleet"
    assert list(asked.values()) == [[session], ["./../api/v1/session"], [session, fleet], ["./../api/v1/session"]]
    index.unlink()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("POST", "/api/v1/nothing", 404),
        ("GET", "/api", 404),
        ("DELETE", "/api/v1/fleet", 405),
        ("POST", "/machines/x", 405),
    ],
)
async def test_an_unknown_call_is_a_problem_that_names_it(browser, method, path, status):
    response = await browser.request(method, path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"].startswith(f"{method} {path}: ")


async def test_an_unknown_key_of_a_setting_is_named(browser, make_agent):
    sensor = next(iter((await make_agent()).sensors.values()))
    for method, path in (("PATCH", ""), ("POST", "/train")):
        response = await browser.request(method, f"/api/v1/sensors/{sensor}{path}", json={"percentil": 99})
        assert response.status_code == 422
        assert response.json()["errors"] == [
            {"loc": "percentil", "msg": "this key is unknown; see the interface's description"}
        ]


@pytest.mark.parametrize("declared", [True, False])
async def test_a_huge_registration_is_refused_before_it_is_read(agents_port, declared):
    sent = 0

    async def endless():
        nonlocal sent
        while sent < 100 * 2**20:
            sent += 2**16
            yield b" " * 2**16

    headers = {"Content-Type": "application/json"} | ({"Content-Length": str(100 * 2**20)} if declared else {})
    response = await agents_port.post("/api/v1/enrol", content=endless(), headers=headers)
    assert response.status_code == 413
    assert "1048576 bytes" in response.json()["detail"]
    assert response.json()["errors"] == [{"loc": "body", "msg": response.json()["detail"]}]
    assert sent < 2 * 2**20
