"""Fixtures of the dashboard's tests; what they are made of stands in ``browser_testing``."""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, StorageState, expect

sys.path.insert(0, str(Path(__file__).parent))

from browser_testing.agents import Agent, enrolling
from browser_testing.browsers import (
    ARGUMENTS,
    VIEWPORTS,
    Watch,
    launched,
    make_account,
    moving,
    violations_of,
    width_beyond,
)
from browser_testing.collector import CHROMIUM, Collector, serving, setup_link


@pytest.fixture(scope="session")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with serving(tmp_path_factory.mktemp("collector")) as started:
        yield started


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
    return violations_of


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
    return moving(page)


@pytest.fixture
def open_menu(page: Page, viewport: str) -> Callable[[], None]:
    """Opens the header's menu on a phone, where pages and choices are in it; on a desktop they are in sight."""

    def opened() -> None:
        if viewport == "phone":
            page.get_by_role("button", name=re.compile("^Men[uú]$")).click()

    return opened
