"""A browser, and what is to be noticed in its pages: errors, broken rules of accessibility, too much width."""

import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Response, expect, sync_playwright

from browser_testing.collector import CHROMIUM

SHELL = shutil.which("chromium-headless-shell")
"""Chromium without windows: half the processor time."""
# A page is there for seconds; to optimise its code for longer takes a third of a load's processor time.
ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--js-flags=--no-opt"]
# As long as a page may take for anything else; a busy computer hashes a password in seconds.
expect.set_options(timeout=15_000)
VIEWPORTS = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
PICTURES = os.environ.get("AUDIOSENSE_PICTURES")
ADMINISTRATOR, PASSWORD = "anna", "a few words of anna"
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
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
LAID_OUT_S = 5


@contextmanager
def launched() -> Iterator[Browser]:
    """Run a browser. Until it ends this thread has a running event loop: no asynchronous test can run beside it."""
    if CHROMIUM is None:
        pytest.skip("chromium is missing; install it with: apt-get install --no-install-recommends chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=SHELL or CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


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


def make_account(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("Name", exact=True).fill(ADMINISTRATOR)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again", exact=True).fill(PASSWORD)
    expect(page).not_to_have_url(re.compile("#"))
    page.get_by_role("button", name="Make the account", exact=True).click()


def violations_of(page: Page) -> list[str]:
    """Look for what breaks a rule of WCAG 2.2 A and AA in each theme, as far as axe can tell."""
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


def width_beyond(page: Page) -> int:
    """How many pixels a page is too wide, once it had time to be laid out. Its policy forbids to poll in the page."""
    deadline = time.monotonic() + LAID_OUT_S
    while (found := int(page.evaluate(TOO_WIDE))) > 0 and time.monotonic() < deadline:
        page.wait_for_timeout(100)
    return max(0, found)


def moving(page: Page) -> Callable[[str], None]:
    """Reach places within the application, as by links."""

    def visit(place: str) -> None:
        if page.url == "about:blank":
            page.goto(NOWHERE)
        # From a page that has another heading: the one before stands until the next one's code is there.
        page.evaluate(REACH, NOWHERE)
        heading = page.locator("main h1")
        expect(heading).to_have_text(NOTHING_THERE)
        if place != NOWHERE:
            page.evaluate(REACH, place)
            expect(heading).not_to_have_text(NOTHING_THERE)

    return visit
