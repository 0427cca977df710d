"""What is shown when there is no live data, without a mouse, and to those who want nothing to move."""

import contextlib
import json
import re
import signal
import sys
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import expect

from deploy.testing import warm

FOCUSED = "document.activeElement"


def live(page):
    return page.get_by_role("status").filter(has_text=re.compile("^Live$"))


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_a_link_that_was_copied_in_part_is_no_page_and_asks_for_nothing(page):
    for place in ("/machines/0f9d5a57-8f55", "/machines/new/report", "/agents/new", "/models/3e3e", "/analyse/1"):
        page.goto(place)
        expect(page.get_by_role("heading", name="There is no such page", exact=True)).to_be_visible()
        expect(page.get_by_role("link", name="Go to the fleet", exact=True)).to_be_visible()


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_tabs_opened_while_the_stream_is_down_say_how_old_their_data_is(page, enrol, viewport):
    agent = enrol(f"Unheard {viewport}")
    agent.send(1)
    page.watch.expected += ["ERR_FAILED", "ERR_ABORTED"]
    page.context.route("**/api/v1/live", lambda route: route.abort())
    second = page.context.new_page()
    for tab in (page, second):
        tab.goto(agent.in_fleet)
        expect(tab.get_by_test_id("stale-banner")).to_contain_text(re.compile(r"No live data.* was read \d+ sec.* ago"))
        expect(tab.locator(f'[data-machine="{agent.machine}"]')).to_contain_text("1 of 40 windows")
    page.context.unroute("**/api/v1/live")
    # One tab has the stream for both: the other one asks it to try.
    second.get_by_role("button", name="Try now", exact=True).click()
    for tab in (page, second):
        expect(live(tab)).to_be_attached()
        expect(tab.get_by_test_id("stale-banner")).to_have_count(0)
    second.close()


@pytest.fixture
def own(collector, make_database, tmp_path, page):
    """A collector that may be stopped, open to everybody; its address and process."""
    environment = collector.environment | {
        "AUDIOSENSE_DATA_DIR": str(tmp_path),
        "AUDIOSENSE_HTTP_HOST": "127.0.0.1",
        "DATABASE_URL": make_database(),
        "AUDIOSENSE_DEMO": "1",
    }
    command = [sys.executable, "-m", "audiosense_collector", "serve"]
    with (tmp_path / "log").open("w") as log:
        process = warm.Popen(command, env=environment, cwd=tmp_path, stdout=log, stderr=log)
    addresses = tmp_path / "run" / "addresses.json"
    try:
        while not addresses.is_file():
            assert process.poll() is None, (tmp_path / "log").read_text()
            page.wait_for_timeout(50)
        yield json.loads(addresses.read_text())["http"], process
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_a_collector_that_hangs_and_one_that_ends_are_told_in_all_tabs(page, own, viewport):
    address, process = own
    page.watch.expected += ["ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY", "ERR_ABORTED", "ERR_NETWORK"]
    second = page.context.new_page()
    for tab in (page, second):
        tab.clock.install()
        tab.goto(f"{address}/")
        expect(live(tab)).to_be_visible()
    process.send_signal(signal.SIGSTOP)
    for seconds in (21, 6):
        page.clock.run_for(seconds * 1_000)
    for tab in (page, second):
        expect(tab.get_by_test_id("stale-banner")).to_contain_text(re.compile(r"lost: data is \d+ sec.* old"))
    process.send_signal(signal.SIGCONT)
    # The stream comes back by itself.
    for tab in (page, second):
        expect(live(tab)).to_be_visible()
    process.send_signal(signal.SIGTERM)
    for tab in (page, second):
        expect(tab.get_by_test_id("stale-banner")).to_contain_text("lost")
    second.close()
    page.goto("about:blank")


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_a_page_goes_on_by_itself_once_the_collector_is_back(page, serve, enrol_at, tmp_path, viewport):
    page.watch.expected += ["ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY", "ERR_ABORTED", "ERR_NETWORK"]
    card = page.locator('[data-machine="Comes back"]')
    streams = []
    page.on("request", lambda request: streams.append(request.url) if request.url.endswith("/api/v1/live") else None)
    with contextlib.ExitStack() as agents:
        with serve(tmp_path, AUDIOSENSE_DEMO="1") as before:
            agent = agents.enter_context(enrol_at(before))("Comes back")
            # The server ends, and its connections with it.
            agent.client.headers["Connection"] = "close"
            agent.send(3)
            page.goto(f"{before.http}/")
            expect(live(page)).to_be_visible()
            expect(card).to_contain_text("3 of 40 windows")
            page.evaluate("window.loadedOnce = true")
        expect(page.get_by_test_id("stale-banner")).to_contain_text(re.compile(r"lost: data is \d+ sec.* old"))
        expect(card).to_contain_text("3 of 40 windows")
        (tmp_path / "data" / "run" / "addresses.json").unlink(missing_ok=True)
        ports = {
            "AUDIOSENSE_HTTP_PORT": str(urlsplit(before.http).port),
            "AUDIOSENSE_AGENT_PORT": str(urlsplit(before.agents).port),
        }
        with serve(tmp_path, AUDIOSENSE_DEMO="1", **ports) as after:
            assert after.http == before.http
            expect(live(page)).to_be_visible(timeout=60_000)
            expect(page.get_by_test_id("stale-banner")).to_have_count(0)
            del streams[:]
            agent.send(2)
            expect(card).to_contain_text("5 of 40 windows")
            expect(card).to_have_count(1)
            stored = httpx.get(f"{after.http}/api/v1/agents").json()["items"][0]["sensors"][0]["measurements"]
            assert page.evaluate("window.loadedOnce"), "the page was loaded again"
            assert streams == [], "one stream is enough"
            assert stored == 5
            page.goto("about:blank")


def press_until(page, key, selector, most=60):
    """Press a key until what has the focus matches; each thing on the way must show that it has it."""
    for _ in range(most):
        page.keyboard.press(key)
        if page.evaluate(f"{FOCUSED}.matches({json.dumps(selector)})"):
            return
        seen = page.evaluate(f"({FOCUSED} === document.body) || getComputedStyle({FOCUSED}).outlineStyle !== 'none'")
        assert seen, page.evaluate(f"{FOCUSED}.outerHTML")
    pytest.fail(f"{key} was pressed {most} times and {selector} has no focus")


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_the_way_from_the_fleet_to_a_machine_and_to_review_needs_no_mouse(page, enrol, viewport):
    agent = enrol(f"Typed {viewport}")
    agent.send(2)
    page.goto(agent.in_fleet)
    card = f'[data-machine="{agent.machine}"]'
    expect(page.locator(card)).to_be_visible()
    press_until(page, "Tab", 'a[href="#main"]', most=1)
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    press_until(page, "Tab", card)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=agent.machine, exact=True)).to_be_visible()
    charts = '[role="group"][aria-label="Charts"]'
    expect(page.locator(charts)).to_be_visible()
    press_until(page, "Tab", charts)
    press_until(page, "Shift+Tab", 'nav a[href$="/review"]')
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Review", exact=True)).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_nothing_moves_for_those_who_want_that(page, enrol, viewport):
    enrol(f"Still {viewport}").send(1)
    page.route("**/api/v1/fleet", lambda _: None)
    page.goto("/")
    moving = "document.getAnimations().filter((each) => each.playState === 'running').length"
    page.emulate_media(reduced_motion="no-preference")
    expect(page.locator(".skeleton").first).to_be_visible()
    page.wait_for_function(f"{moving} > 0")
    page.emulate_media(reduced_motion="reduce")
    page.wait_for_function(f"{moving} === 0")
    page.unroute_all(behavior="ignoreErrors")


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_on_a_phone_the_charts_come_before_the_sensors_facts(page, enrol, viewport):
    agent = enrol(f"Small {viewport}")
    agent.send(3)
    page.goto(agent.in_fleet)
    page.locator(f'[data-machine="{agent.machine}"]').click()
    facts = page.get_by_role("region", name=f"{agent.machine} sensor", exact=True)
    expect(facts).to_be_visible()
    expect(page.locator(".skeleton")).to_have_count(0)
    top = "it => it.getBoundingClientRect().top"
    assert page.locator("#charts").evaluate(top) < facts.evaluate(top)
