"""The dashboard in a folder of another site, behind a proxy that takes the folder's name away."""

import http.client
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

FOLDER = "/audio/sense"
ANSWER_S = 30


@pytest.fixture
def storage():
    """Nobody is signed in when these tests begin."""
    return


class Patient(ThreadingHTTPServer):
    """Takes all connections that a page opens at once, and lets streams end with the test."""

    request_queue_size = 128
    daemon_threads = True
    block_on_close = False


@pytest.fixture
def proxied(collector) -> Iterator[str]:
    """Address of the folder on a proxy that passes everything below it on, the live stream as it comes."""
    upstream = urlsplit(collector.http)

    class Proxy(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            if not self.path.startswith(f"{FOLDER}/"):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = dict(self.headers) | {"X-Forwarded-For": self.client_address[0], "X-Forwarded-Proto": "http"}
            behind = http.client.HTTPConnection(upstream.hostname, upstream.port, timeout=ANSWER_S)
            try:
                behind.request(self.command, self.path.removeprefix(FOLDER), body, headers)
                answer = behind.getresponse()
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in {"transfer-encoding", "connection"}:
                        self.send_header(name, value)
                self.end_headers()
                while part := answer.read1():
                    self.wfile.write(part)
            except OSError:
                # The browser has left, or the test has ended.
                self.close_connection = True
            finally:
                behind.close()

        def log_message(self, *args: object) -> None:
            """Say nothing of each request."""

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Proxy, f"do_{method}", Proxy.pass_on)
    server = Patient(("127.0.0.1", 0), Proxy)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}{FOLDER}"
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_under_a_sub_path_links_files_sign_in_and_live_data_stay_in_it(proxied, page, enrol, viewport):
    agent = enrol(f"Proxied {viewport}")
    agent.send(3)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.watch.expected += ["401"]
    page.goto(f"{proxied}/agents?seen=1")
    page.get_by_label("Name", exact=True).fill("anna")
    page.get_by_label("Password", exact=True).fill("a few words of anna")
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.locator(f'[data-agent="{agent.identity}"]')).to_be_visible()
    expect(page).to_have_url(f"{proxied}/agents?seen=1")
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()

    page.goto(f"{proxied}{agent.in_fleet}")
    card = page.locator(f'[data-machine="{agent.machine}"]')
    expect(card).to_contain_text("3 of 40 windows")
    expect(page.get_by_role("status").filter(has_text="Live")).to_be_visible()
    agent.send(2)
    expect(card).to_contain_text("5 of 40 windows")
    card.click()
    expect(page).to_have_url(re.compile(re.escape(f"{proxied}/machines/") + "[0-9a-f-]+"))
    page.reload()
    expect(page.get_by_role("heading", name=agent.machine, exact=True)).to_be_visible()
    page.get_by_role("link", name="Report", exact=True).click()
    expect(page.get_by_role("article", name=f"Report: {agent.machine}", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_role("img", name=re.compile("^Level: 5 points"))).to_be_visible()
    page.get_by_role("navigation", name="Main", exact=True).get_by_role("link", name=re.compile("^Review")).click()
    expect(page).to_have_url(re.compile(re.escape(f"{proxied}/review")))
    assert [url for url in asked if not url.startswith(f"{proxied}/") and not url.startswith("data:")] == []
