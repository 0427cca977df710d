"""A real collector, agents that speak to it over TLS, and a browser that fails a test on any error it meets."""

import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, StorageState, expect, sync_playwright

from audiosense_common import wire
from audiosense_common.enrolment import PREFIX, EnrolmentKey
from audiosense_common.features import FEATURES, SCHEMA_ID, SCHEMAS
from audiosense_common.synth.probes import LEVEL, PROBE_KINDS, STAGGER, levels_of
from audiosense_common.wire_checks import Check
from deploy.testing import warm

# As long as a page may take for anything else; a busy computer hashes a password in seconds.
expect.set_options(timeout=15_000)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SHELL = shutil.which("chromium-headless-shell")
"""Chromium without windows: half the processor time."""
# A page is there for seconds; to optimise its code for longer takes a third of a load's processor time.
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--js-flags=--no-opt"]
DASHBOARD = Path(__file__).parents[1] / "dist" / "index.html"
VIEWPORTS = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
BASELINE_WINDOWS = 40
PICTURES = os.environ.get("AUDIOSENSE_PICTURES")
ADMINISTRATOR, PASSWORD = "anna", "a few words of anna"
AXE = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"
THEMES = ("light", "dark", "contrast")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
OF_COLOURS = ["color-contrast", "link-in-text-block"]
"""Those of the rules whose answer a theme can change: it is an attribute of the document that sets colours alone."""
CHECKED = """([theme, chosen]) => {
  document.documentElement.dataset.theme = theme;
  return axe.run(document, { runOnly: chosen, resultTypes: ["violations"] }).then((result) => result.violations);
}"""
NOWHERE, NOTHING_THERE = "/nowhere", "There is no such page"
REACH = "place => { history.pushState({}, '', place); dispatchEvent(new PopStateEvent('popstate')) }"
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
WINDOW_US = 100_000
LAG_US = 10_000_000
START_S = 90
STOP_S = 30
LAID_OUT_S = 5


@dataclass(frozen=True)
class Collector:
    """A running collector: address for browsers, address for agents, its environment."""

    http: str
    agents: str
    environment: dict[str, str]
    log: Path

    def command(self, *arguments: str) -> str:
        run = warm.run(
            [sys.executable, "-m", "audiosense_collector", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    def enrolment_key(self, *options: str) -> EnrolmentKey:
        printed = self.command("enrolment-key", "create", *options)
        found = re.search(re.escape(PREFIX) + r"[\w-]+", printed)
        assert found, printed
        return EnrolmentKey.decode(found[0])


def _wait_for(what: str, ready: Callable[[], bool], process: subprocess.Popen[str], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"the collector has no {what}; it said:\n{log.read_text()[-4000:]}")
        time.sleep(0.1)


@pytest.fixture(scope="session")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with serving(tmp_path_factory.mktemp("collector")) as started:
        yield started


@contextmanager
def serving(data: Path, **settings: str) -> Iterator[Collector]:
    """Run a collector of its own, with an empty database, that keeps all it has in a folder."""
    if CHROMIUM is None:
        pytest.skip("chromium is missing; install it with: apt-get install --no-install-recommends chromium")
    if not DASHBOARD.is_file():
        pytest.fail("the dashboard is not built: run make dashboard")
    log = data / "serve.log"
    environment = (
        {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        | {
            "PYTHONPATH": os.pathsep.join(sys.path),
            "AUDIOSENSE_DATA_DIR": str(data / "data"),
            "AUDIOSENSE_HTTP_PORT": "0",
            "AUDIOSENSE_AGENT_HOST": "127.0.0.1",
            "AUDIOSENSE_AGENT_PORT": "0",
            "AUDIOSENSE_AGENT_URL": "https://127.0.0.1:8443",
            "AUDIOSENSE_BASELINE_WINDOWS": str(BASELINE_WINDOWS),
            "AUDIOSENSE_TREES": "20",
            "AUDIOSENSE_DEVELOPER_MODE": "1",
            "AUDIOSENSE_DASHBOARD_DIR": str(DASHBOARD.parent),
        }
        | settings
    )
    addresses = data / "data" / "run" / "addresses.json"
    with log.open("w") as output:
        process = warm.Popen(
            [sys.executable, "-m", "audiosense_collector", "serve"],
            env=environment,
            cwd=data,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            _wait_for("addresses", addresses.is_file, process, log)
            found = json.loads(addresses.read_text())
            yield Collector(found["http"], found["agents"], environment, log)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@dataclass
class Agent:
    """An enrolled agent with one sensor; it sends made-up windows as a real one would."""

    client: httpx.Client
    identity: UUID
    machine: str
    sensor: UUID
    random: np.random.Generator
    epoch: UUID = field(default_factory=uuid4)
    token: str | None = None
    seq: int = 0
    heard_us: int = 0
    running: tuple[str, int] | None = None
    stage: Literal["probation", "committed"] | None = None
    sent_back: tuple[str, str] | None = None
    desired: wire.DesiredModel | None = None
    checks: list[Check] | None = None
    level_dbfs: float = -31.5

    @property
    def in_fleet(self) -> str:
        """Address of the fleet with this machine alone: no other's card moves in under a click, whatever is heard."""
        return f"/?q={quote(self.machine)}"

    def send(
        self,
        count: int = 1,
        *,
        score: float | None = None,
        status: str = "learning",
        reasons: list[wire.Reason] | None = None,
        louder_db: float = 0.0,
        start_us: int | None = None,
        step_us: int = WINDOW_US,
    ) -> wire.Answer:
        """Send the next ``count`` windows, each ``step_us`` after the one before.

        They begin where the last ones ended and none is older than ``LAG_US``, unless ``start_us`` says otherwise.
        """
        start = max(self.heard_us, time.time_ns() // 1000 - LAG_US) if start_us is None else start_us
        self.heard_us = start + count * step_us
        levels = [FEATURES[name].unit == "dBFS" for name in SCHEMAS[SCHEMA_ID]]
        vectors = self.random.normal(-40, 2, (count, len(levels))) + louder_db * np.array(levels)
        columns = wire.SensorColumns(
            sensor=self.sensor,
            seq=list(range(self.seq, self.seq + count)),
            time_us=[start + index * step_us for index in range(count)],
            score=[score] * count,
            status=[wire.Status(status)] * count,
            models=[self.running[0]] if self.running else [],
            model=[0 if self.running else None] * count,
            level_dbfs=[self.level_dbfs] * count,
            dominant_hz=[1480.0] * count,
            features=wire.FeatureMatrix.pack(SCHEMA_ID, vectors.astype(np.float16)),
            reasons={} if reasons is None else dict.fromkeys(range(count), reasons),
        )
        self.seq += count
        return self.post(sensors=[columns])

    def post(self, **parts: object) -> wire.Answer:
        digest, version = self.running or (None, None)
        refused, reason = self.sent_back or (None, None)
        model = wire.RunningModel(digest=digest, version=version, state=self.stage, refused=refused, reason=reason)
        batch = wire.Batch(
            agent=self.identity,
            epoch=self.epoch,
            token=self.token,
            sent_us=time.time_ns() // 1000,
            running={self.sensor: model},
            heartbeat=wire.Heartbeat(version="0.1.0", sources={self.sensor: "ok"}, checks=self.checks),
            **parts,
        )
        answer = self.client.post(
            "/api/v1/batches",
            content=batch.model_dump_json(by_alias=True),
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 200, answer.text
        parsed = wire.Answer.model_validate_json(answer.content)
        self.token = parsed.token
        self.desired = parsed.desired.get(self.sensor)
        return parsed

    def send_probes(self, strength: dict[str, float]) -> None:
        """Send probes of 24 windows: each kind grows with its level, by ``strength`` dB above its weakest one."""
        rows = [
            (number, kind, level)
            for number in range(24)
            for kind in PROBE_KINDS
            for level in levels_of(kind)[number % STAGGER :: STAGGER]
        ]
        growth = [
            max(0.0, (level - levels_of(kind)[0] + strength[kind]) * (2.0 if kind == LEVEL else 1.0))
            for _, kind, level in rows
        ]
        sign = self.random.choice((-1, 1), (len(rows), len(SCHEMAS[SCHEMA_ID])))
        vectors = self.random.normal(-40, 2, sign.shape) + 0.3 * np.array(growth)[:, np.newaxis] * sign
        message = wire.ProbeColumns(
            sensor=self.sensor,
            seed=1,
            kinds=list(PROBE_KINDS),
            kind=[PROBE_KINDS.index(kind) for _, kind, _ in rows],
            level_db=[level for *_, level in rows],
            window_us=[self.heard_us - (number + 1) * WINDOW_US for number, *_ in rows],
            features=wire.FeatureMatrix.pack(SCHEMA_ID, vectors.astype(np.float16)),
        )
        answer = self.client.post(
            "/api/v1/probes",
            content=message.model_dump_json(by_alias=True),
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code == 200, answer.text

    def run_what_is_desired(self, *, timeout_s: float = 60) -> str:
        """Ask until the collector wishes a model that is not running, then report that it runs."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            self.post()
            if self.desired and (self.running is None or self.desired.digest != self.running[0]):
                self.running = (self.desired.digest, self.desired.version)
                self.post()
                return self.desired.digest
            time.sleep(0.2)
        pytest.fail(f"the collector offered no new model for {self.machine} within {timeout_s} s")

    def report_event(
        self,
        *,
        event: UUID,
        revision: int,
        state: str,
        started_s_ago: int = 30,
        reasons: Sequence[wire.Reason] = (),
    ) -> None:
        now = time.time_ns() // 1000
        assert self.running
        self.post(
            events=[
                wire.Event(
                    id=event,
                    sensor=self.sensor,
                    revision=revision,
                    state=wire.EventState(state),
                    start_us=now - started_s_ago * 1_000_000,
                    end_us=now,
                    peak_us=now - 5_000_000,
                    peak_score=0.8123,
                    threshold=0.55,
                    windows=6,
                    model=self.running[0],
                    reasons=list(reasons),
                )
            ]
        )


@pytest.fixture(scope="session")
def secret(collector: Collector) -> str:
    """Of one enrolment key for all tests: making one starts a process."""
    return collector.enrolment_key("--uses", "1000", "--may-replace").secret


@pytest.fixture
def enrol(collector: Collector, secret: str) -> Iterator[Callable[..., Agent]]:
    """Enrols an agent with one sensor on a machine of the given name."""
    with enrolling(collector, secret) as enrol_agent:
        yield enrol_agent


@pytest.fixture
def enrol_at() -> Callable[[Collector], AbstractContextManager[Callable[..., Agent]]]:
    """Enrols agents at another collector than that of all tests."""
    return lambda collector: enrolling(collector, collector.enrolment_key("--uses", "10").secret)


@contextmanager
def enrolling(collector: Collector, secret: str) -> Iterator[Callable[..., Agent]]:
    """Enrol agents that keep their connections until the end."""
    clients: list[httpx.Client] = []

    def enrol_agent(
        machine: str, *, replacing: UUID | None = None, with_secret: str | None = None, **registration: object
    ) -> Agent:
        trust = httpx.get(f"{collector.agents}/api/v1/trust", verify=_unverified())
        context = ssl.create_default_context(cadata=trust.json()["ca_pem"])
        client = httpx.Client(base_url=collector.agents, verify=context)
        clients.append(client)
        sensor = wire.SensorRegistration(
            name=f"{machine} sensor",
            machine=machine,
            sample_rate_hz=48_000,
            schema_id=SCHEMA_ID,
            **{"source": "simulator pump", "window_s": WINDOW_US / 1e6} | registration,
        )
        request = wire.EnrolmentRequest(
            secret=with_secret or secret,
            name=f"agent of {machine}",
            version="0.1.0",
            sensors=[sensor],
            replace=None if replacing is None else str(replacing),
        )
        answer = client.post("/api/v1/enrol", json=request.model_dump(mode="json", by_alias=True))
        assert answer.status_code == 201, answer.text
        enrolled = wire.Enrolled.model_validate_json(answer.content)
        client.headers["Authorization"] = f"Bearer {enrolled.credential}"
        seed = int.from_bytes(machine.encode()[-6:])
        return Agent(client, enrolled.agent, machine, enrolled.sensors[sensor.name], np.random.default_rng(seed))

    yield enrol_agent
    for client in clients:
        client.close()


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@contextmanager
def launched() -> Iterator[Browser]:
    """Run a browser. Until it ends this thread has a running event loop: no asynchronous test can run beside it."""
    if CHROMIUM is None:
        pytest.skip("chromium is missing; install it with: apt-get install --no-install-recommends chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=SHELL or CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def browser(set_up: StorageState) -> Iterator[Browser]:
    """Ends with its module: other tests may follow in this process. ``set_up`` had one of its own before."""
    del set_up
    with launched() as opened:
        yield opened


@pytest.fixture
def windowed(browser: Browser) -> Iterator[Browser]:
    """A browser with windows, for what hangs on tabs: in the shell none takes over from one that is closed."""
    with closing(browser.browser_type.launch(executable_path=CHROMIUM, args=ARGUMENTS)) as opened:
        yield opened


@pytest.fixture(scope="module")
def lone_browser() -> Iterator[Browser]:
    """A browser without a collector, for what needs none."""
    with launched() as opened:
        yield opened


class Watch:
    """Gathers what a page must not do: console errors, page errors, failed requests."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.found: list[str] = []
        self.expected: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.found.append(f"page error: {error}"))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.found.append(f"console: {message.text} {message.location}")

    def _failed(self, request: Request) -> None:
        # Leaving a page or a chart aborts what it was still reading; that is no failure.
        if request.failure != "net::ERR_ABORTED":
            self.found.append(f"request failed: {request.method} {request.url} {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.found.append(f"request failed: {response.request.method} {response.url} {response.status}")

    def unexpected(self) -> list[str]:
        return [line for line in self.found if not any(text in line for text in self.expected)]

    def picture(self, name: str, *, full_page: bool = True) -> None:
        """Keep a picture in ``AUDIOSENSE_PICTURES`` for whoever looks at the pages, once nothing loads or moves."""
        if PICTURES is None:
            return
        expect(self.page.locator(".skeleton")).to_have_count(0)
        self.page.evaluate("document.fonts.ready.then(() => new Promise(requestAnimationFrame))")
        self.page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=full_page, animations="disabled")


@pytest.fixture(scope="session")
def set_up(collector: Collector) -> StorageState:
    """Makes the first administrator by the link that the collector has printed, and gives the browser's cookies."""
    link = setup_link(collector)
    with launched() as browser, closing(browser.new_context(viewport=VIEWPORTS["phone"], locale="en-GB")) as context:
        page = context.new_page()
        watch = Watch(page)
        make_account(page, link)
        page.get_by_role("link", name="Fleet", exact=True).wait_for()
        expect(page).to_have_url(f"{collector.http}/start")
        assert watch.found == []
        return context.storage_state()


def setup_link(collector: Collector) -> str:
    """Return the one-time link that a collector without users prints."""
    deadline = time.monotonic() + START_S
    while not (found := re.search(r"http\S+/setup#\S+", collector.log.read_text())):
        assert time.monotonic() < deadline, collector.log.read_text()
        time.sleep(0.05)
    return found[0]


def make_account(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("Name", exact=True).fill(ADMINISTRATOR)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again", exact=True).fill(PASSWORD)
    expect(page).not_to_have_url(re.compile("#"))
    page.get_by_role("button", name="Make the account", exact=True).click()


@pytest.fixture
def serve() -> Callable[..., AbstractContextManager[Collector]]:
    """Runs another collector than the one of all tests."""
    return serving


@pytest.fixture
def first_account() -> Callable[[Page, Collector], None]:
    """Makes the first administrator of a collector in a page."""
    return lambda page, collector: make_account(page, setup_link(collector))


@pytest.fixture
def watching() -> Callable[[Page], Watch]:
    """Gathers what a page must not do, where a test opens its own."""
    return Watch


@pytest.fixture
def violations() -> Callable[[Page], list[str]]:
    """Looks for what breaks a rule of WCAG 2.2 A and AA in each theme, as far as axe can tell."""
    return _violations


def _violations(page: Page) -> list[str]:
    assert AXE.is_file(), "axe-core is missing: run make setup"
    if page.evaluate("typeof axe === 'undefined'"):
        page.evaluate(AXE.read_text())
    found = []
    for place, theme in enumerate(THEMES):
        chosen = {"type": "rule", "values": OF_COLOURS} if place else {"type": "tag", "values": RULES}
        found += [
            f"{theme}: {each['id']}: {node['target']} {node['failureSummary']}"
            for each in page.evaluate(CHECKED, [theme, chosen])
            for node in each["nodes"]
        ]
    page.evaluate("delete document.documentElement.dataset.theme")
    return found


@pytest.fixture
def api(set_up: StorageState, collector: Collector) -> Iterator[httpx.Client]:
    """The administrator's calls, past the pages."""
    cookies = {cookie["name"]: cookie["value"] for cookie in set_up["cookies"]}
    with httpx.Client(base_url=collector.http, cookies=cookies, headers={"AudioSense-Page": "1"}) as client:
        yield client


@pytest.fixture(params=VIEWPORTS)
def viewport(request: pytest.FixtureRequest) -> str:
    """Desktop and phone, for what is laid out in another way; other tests ``parametrize`` one, ``indirect=True``."""
    return request.param


@pytest.fixture
def storage(set_up: StorageState) -> StorageState | None:
    """The browser's cookies when a test begins: an administrator is signed in. A test module may say otherwise."""
    return set_up


def width_beyond(page: Page) -> int:
    """How many pixels a page is too wide, once it had time to be laid out. Its policy forbids to poll in the page."""
    deadline = time.monotonic() + LAID_OUT_S
    while (found := int(page.evaluate(TOO_WIDE))) > 0 and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    return max(0, found)


@pytest.fixture
def too_wide() -> Callable[[Page], int]:
    """Tells how many pixels a page is wider than its window."""
    return width_beyond


@pytest.fixture
def page(browser: Browser, viewport: str, collector: Collector, storage: StorageState | None) -> Iterator[Page]:
    phone = viewport == "phone"
    context = browser.new_context(
        viewport=VIEWPORTS[viewport],
        is_mobile=phone,
        has_touch=phone,
        locale="en-GB",
        color_scheme="light",
        # What beats on a page is drawn at each frame, without a graphics card by the processor.
        reduced_motion="reduce",
        base_url=collector.http,
        storage_state=storage,
    )
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    watch = Watch(opened)
    opened.watch = watch
    yield opened
    too_much_before = width_beyond(opened)
    # Few tests are run at both sizes; what the others leave is looked at in the other size, too.
    other = next(name for name in VIEWPORTS if name != viewport)
    opened.set_viewport_size(VIEWPORTS[other])
    try:
        if too_much := width_beyond(opened):
            pytest.fail(f"the page is {too_much} px wider than a {other}")
    finally:
        context.close()
    assert watch.unexpected() == []
    assert too_much_before == 0, f"the page is {too_much_before} px wider than a {viewport}"


@pytest.fixture
def visit(page: Page) -> Callable[[str], None]:
    """Reaches a page within the application, as by a link; to load one takes five times the processor time."""

    def visited(place: str) -> None:
        if page.url == "about:blank":
            page.goto(NOWHERE)
        # From a page that has another heading: the one before stands until the next one's code is there.
        page.evaluate(REACH, NOWHERE)
        heading = page.locator("main h1")
        expect(heading).to_have_text(NOTHING_THERE)
        if place != NOWHERE:
            page.evaluate(REACH, place)
            expect(heading).not_to_have_text(NOTHING_THERE)

    return visited


@pytest.fixture
def open_menu(page: Page, viewport: str) -> Callable[[], None]:
    """Opens the header's menu on a phone, where pages and choices are in it; on a desktop they are in sight."""

    def opened() -> None:
        if viewport == "phone":
            page.get_by_role("button", name=re.compile("^Men[uú]$")).click()

    return opened
