"""The browsers' interface as a whole: its document, its protection, the dashboard's files."""

import asyncio
import queue
import threading

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from audiosense_collector.app import browser_document
from audiosense_collector.server import running

schema = schemathesis.openapi.from_dict(browser_document())
STREAMS = "/api/v1/live"
checked = schema.exclude(path=STREAMS)


@pytest.fixture(scope="module")
def server_address(settings, database_url):
    """Both servers in a thread; schemathesis is a client that blocks."""
    started: queue.Queue[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = queue.Queue()

    async def serve():
        stop = asyncio.Event()
        async with running(settings, database_url) as (addresses, _runtime, _tasks):
            started.put((addresses.http, asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    address, loop, stop = started.get(timeout=60)
    yield address
    loop.call_soon_threadsafe(stop.set)
    thread.join(60)
    assert not thread.is_alive()


@checked.parametrize()
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), database=None)
def test_no_request_makes_the_interface_fail(case, server_address):
    response = case.call(base_url=server_address)
    case.validate_response(response, checks=[not_a_server_error, content_type_conformance, response_schema_conformance])


def test_the_document_shows_errors_as_problem_documents():
    operations = [o for path in browser_document()["paths"].values() for o in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    for operation in operations:
        for status, response in operation["responses"].items():
            if status.startswith(("4", "5")):
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
