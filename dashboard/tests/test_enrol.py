"""From an empty collector to a machine that is heard, by the lines that the page shows; and adding agents by a key."""

import os
import re
import signal
import socket
import subprocess
import time
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from audiosense_common.enrolment import EnrolmentKey

ROOT = Path(__file__).parents[2]
PICTURES = os.environ.get("AUDIOSENSE_PICTURES")
FIRST_WINDOW_MS = 90_000
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


def picture(page, name, viewport, *, whole=True):
    if PICTURES:
        page.wait_for_timeout(500)
        page.screenshot(path=Path(PICTURES) / f"enrol-{name}-{viewport}.png", full_page=whole)


def free_port():
    """A port that the keys can name before the collector listens on it."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture
def empty(tmp_path, serve):
    """A collector that nobody has used yet, and whose keys lead to it."""
    port = free_port()
    address = {"AUDIOSENSE_AGENT_PORT": port, "AUDIOSENSE_AGENT_URL": f"https://127.0.0.1:{port}"}
    (tmp_path / "server").mkdir()
    with serve(tmp_path / "server", **address) as started:
        yield started


@pytest.fixture
def checkout(tmp_path):
    """A folder that looks like the project's after ``make setup``, of a user who has no agent yet."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / ".venv").symlink_to(ROOT / ".venv")
    return folder


def environment_of(folder):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AUDIOSENSE_")}
    path = os.pathsep.join(str(ROOT / part) for part in ("common", "agent"))
    # As root an agent would keep its state where a service of this computer does.
    return kept | {"PYTHONPATH": path, "AUDIOSENSE_AGENT_STATE_DIR": str(folder / "state")}


def typed(folder, line):
    """Run a line as a shell would that it is pasted into."""
    run = subprocess.run(
        ["bash", "-c", line],
        cwd=folder,
        env=environment_of(folder),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, (line, run.stdout, run.stderr)
    return run.stdout


@contextmanager
def left_running(folder, line):
    """Run a line that does not come to an end, until Ctrl+C."""
    with (folder / "agent.log").open("w") as log:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {line}"], cwd=folder, env=environment_of(folder), stdout=log, stderr=log
        )
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def line(page, name):
    return page.locator(f"[data-line={name}] code").evaluate("it => it.innerText")


def states(page):
    return page.locator("[data-step]").evaluate_all("all => all.map((each) => each.dataset.stepState)")


def check_layout(page, name, too_wide):
    """The page is as wide as the window on a phone, too."""
    picture(page, name, "desktop")
    page.set_viewport_size(PHONE)
    assert too_wide(page) == 0, f"{name} is wider than a phone"
    picture(page, name, "phone")
    page.set_viewport_size(DESKTOP)


@pytest.fixture
def newcomer(browser, empty, first_account, watching):
    """The page of somebody who has just made the first account of a collector that nothing listens for yet."""
    with closing(browser.new_context(viewport=DESKTOP, locale="en-GB", base_url=empty.http)) as context:
        page = context.new_page()
        page.emulate_media(reduced_motion="reduce")
        watch = watching(page)
        first_account(page, empty)
        expect(page.get_by_role("heading", name="Set up a machine", exact=True)).to_be_visible()
        expect(page).to_have_url(f"{empty.http}/start")
        yield page
        assert watch.unexpected() == []


def choose_a_simulated_pump(page):
    page.get_by_label(re.compile("^Machine")).fill('Pump "A" 7')
    page.get_by_label(re.compile("^Site")).fill("Hall 3")
    page.get_by_label(re.compile("^Simulator, to try it out")).check()
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page).to_have_url(re.compile(r"/start\?.*machine="))


def test_three_steps_lead_from_an_empty_collector_to_a_machine_that_is_heard(newcomer, checkout, violations, too_wide):
    page = newcomer
    page.get_by_role("link", name="Fleet", exact=True).click()
    expect(page.locator("[data-step]")).to_have_count(3)
    assert states(page) == ["now", "later", "later"]
    check_layout(page, "step-1", too_wide)
    assert violations(page) == []
    choose_a_simulated_pump(page)
    page.reload()
    expect(page.locator("[data-step='1']")).to_contain_text('Pump "A" 7, Hall 3')
    page.get_by_role("button", name="Show the lines to type", exact=True).click()
    page.get_by_label(re.compile("^In a terminal")).check()
    expect(page.locator("[data-address-trouble=this_computer]")).to_be_visible()
    expect(page.locator("main").get_by_text("Waiting for the agent to enrol")).to_be_visible()
    secret = EnrolmentKey.decode(re.search(r"audiosense-1-\S+", line(page, "enrol"))[0]).secret
    page.locator("main").get_by_text("Show as a QR code").click()
    expect(page.get_by_role("img", name="QR code of the line that enrols the agent", exact=True)).to_be_visible()
    check_layout(page, "step-2", too_wide)
    assert violations(page) == []
    assert line(page, "install") == "make setup"
    for name in ("configure", "check", "enrol"):
        typed(checkout, line(page, name))
    expect(page.locator("[data-step='2']").get_by_text(re.compile("Agent .* has enrolled"))).to_be_visible()
    with left_running(checkout, line(page, "run")):
        expect(page.locator("[data-step='3']")).to_have_attribute("data-step-state", "done", timeout=FIRST_WINDOW_MS)
        meter = page.get_by_role("meter")
        assert -100 < float(meter.get_attribute("aria-valuenow")) < 0
        expect(page.get_by_role("progressbar")).to_be_visible()
        expect(page.locator("main").get_by_text("What comes next")).to_be_visible()
        stored = page.evaluate("JSON.stringify({ ...localStorage, ...sessionStorage })")
        assert secret not in stored
        expect(page).not_to_have_url(re.compile(re.escape(secret)))
        page.reload()
        expect(page.locator("[data-step-state=done]")).to_have_count(3)
        expect(page.locator("[data-line]")).to_have_count(0)
        assert secret not in page.content()
        first = page.get_by_test_id("level").evaluate("it => it.innerText")
        expect(page.get_by_test_id("level")).not_to_have_text(first, timeout=FIRST_WINDOW_MS)
        check_layout(page, "step-3", too_wide)
        assert violations(page) == []
        page.goto("/start")
        expect(page.locator("[data-step-state=done]")).to_have_count(3)
        page.get_by_role("link", name='Open Pump "A" 7', exact=True).click()
        expect(page.get_by_role("heading", name='Pump "A" 7', exact=True)).to_be_visible()


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_silence_is_told_before_it_is_learned(page, enrol, viewport):
    agent = enrol("Dumb pump")
    agent.level_dbfs = -120.0
    agent.send(2)
    page.goto("/start")
    expect(page.locator("[data-step='1']")).to_contain_text("Dumb pump")
    expect(page.get_by_role("alert")).to_contain_text("Only silence is heard")
    assert states(page) == ["done", "done", "now"]
    picture(page, "silent", viewport)


def test_an_agent_is_added_by_one_line_and_the_page_says_that_it_is_there(page, collector, enrol, viewport):
    page.goto("/agents")
    page.get_by_role("link", name="Add an agent", exact=True).click()
    page.get_by_label(re.compile("^How many agents may enrol with it")).fill("2")
    page.get_by_label(re.compile("^Valid for")).select_option(label="1 week")
    picture(page, "form", viewport)
    page.get_by_role("button", name="Make the key", exact=True).click()
    expect(page.locator("main").get_by_text("Waiting for the agent to enrol")).to_be_visible()
    shown = line(page, "enrol")
    assert shown.startswith("sudo audiosense-agent enroll audiosense-1-")
    page.locator("main").get_by_text("Show as a QR code").click()
    code = page.get_by_role("img", name="QR code of the line that enrols the agent", exact=True)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert code.locator("rect").evaluate("it => getComputedStyle(it).fill") == "rgb(255, 255, 255)"
    picture(page, "made-dark", viewport)
    page.evaluate("delete document.documentElement.dataset.theme")
    key = EnrolmentKey.decode(shown.split()[-1])
    agent = enrol(f"Added {viewport}", with_secret=key.secret)
    told = page.locator(f'[data-enrolled="{agent.identity}"]')
    expect(told).to_contain_text(f"Agent agent of Added {viewport} has enrolled")
    expect(told).to_contain_text("It has sent nothing yet")
    agent.send(1)
    expect(told).to_contain_text("was heard")
    page.reload()
    expect(told).to_be_visible()
    expect(page.locator("main").get_by_text("The key's text was shown once")).to_be_visible()
    assert key.secret not in page.content()
    row = page.locator("[data-key]").first
    expect(row).to_contain_text("1 of 2")
    row.get_by_role("button", name="Revoke", exact=True).click()
    row.get_by_role("button", name="Revoke it", exact=True).click()
    expect(row).to_have_attribute("data-state", "revoked")
    picture(page, "keys", viewport)
    told.get_by_role("link", name="Open the agent", exact=True).click()
    expect(page.get_by_role("region", name=f"agent of Added {viewport}", exact=True)).to_be_visible()


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_keys_are_for_administrators_and_the_page_says_so_in_spanish(page, collector, api, viewport):
    name, password = f"viewer-{time.time_ns()}", "a few words of a viewer"
    made = api.post("/api/v1/users", json={"name": name, "role": "viewer", "password": password}, timeout=60)
    assert made.status_code == 201, made.text
    with httpx.Client(base_url=collector.http, headers={"AudioSense-Page": "1"}) as client:
        signed = client.post("/api/v1/session", json={"name": name, "password": password}, timeout=60)
        assert signed.status_code == 201
        assert client.post("/api/v1/enrolment-keys", json={}).status_code == 403
        cookies = [{"name": each.name, "value": each.value, "url": collector.http} for each in client.cookies.jar]
    page.context.clear_cookies()
    page.context.add_cookies(cookies)
    page.add_init_script("localStorage.setItem('audiosense.language', 'es')")
    page.goto("/agents")
    expect(page.get_by_role("heading", name="Agentes", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Añadir un agente", exact=True)).to_have_count(0)
    page.goto("/start")
    expect(
        page.locator("main").get_by_text("Un administrador puede configurar aquí la primera máquina")
    ).to_be_visible()


NOT_TOLD = [
    "state_reason",
    "state_cause",
    "replaced_by",
    "address",
    "dropped",
    "dead_letters",
    "clips_waiting",
    "clips_dropped",
]
NOT_TOLD += ["accepted_copy", "evidence", "rotating"]


def made_up(number):
    """An agent as the collector would tell it."""
    sensor = {"id": f"{number:032x}", "name": "mic", "machine_id": f"{number:032x}", "machine_name": f"Press {number}"}
    more = {"source": "microphone", "source_state": "ok", "window_s": 5.0, "measurements": 12}
    now = time.time_ns() // 1000
    return {
        "id": f"00000000-0000-4000-8000-{number:012x}",
        "name": f"hall {number}",
        "version": "0.1.0" if number % 50 == 0 else "0.2.0",
        "state": "active",
        "last_seen_us": now - (900_000_000 if number == 777 else 1_000_000),
        "enrolled_us": now - 3_600_000_000,
        "credential_since_us": now - 3_600_000_000,
        "clock_offset_us": 1_000,
        "spool_rows": 2_160 if number == 500 else 0,
        "link": {"batches": 900, "at_once": 1.0, "repeats": 0, "delay_ms": 12.0},
        "sensors": [sensor | more],
        "copies": [],
    } | dict.fromkeys(NOT_TOLD)


def test_a_thousand_agents_are_ordered_by_need_searched_and_filtered(page, viewport):
    agents = [made_up(number) for number in range(1, 1_001)]
    page.route("**/api/v1/agents?*", lambda route: route.fulfill(json={"items": agents, "next": None}))
    page.goto("/agents")
    rows = page.locator("[data-agent]")
    expect(rows.first).to_contain_text("hall 777")
    expect(rows.first).to_have_attribute("data-agent-state", "silent")
    expect(rows.nth(1)).to_contain_text("hall 500")
    expect(rows.nth(1).get_by_text("3 hrs behind, 2,160 windows waiting").locator("visible=true")).to_have_count(1)
    if viewport == "desktop":
        expect(rows.nth(1)).to_contain_text("0.1.0 ▲ older")
    expect(rows.nth(60)).to_have_count(0), "only those near the window are in the document"
    picture(page, "thousand", viewport, whole=False)
    page.get_by_label(re.compile("^Search agents")).fill("press 999")
    expect(page.locator("main").get_by_text("1 of 1,000 agents")).to_be_visible()
    page.get_by_label(re.compile("^Search agents")).fill("")
    page.locator("[data-count=silent]").click()
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile("state=silent"))
