"""Pictures of every page of a running dashboard, as a desktop and as a phone show it."""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, StorageState, expect

SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
THEMES = ("light", "dark", "contrast")
QUALITY = 88
"""Of WebP, in percent: text stays sharp, and a picture has a fifth of a PNG's size."""
SETTLED_MS = 400
CLIP = """() => {
  const parts = [...document.querySelectorAll('main > *, main > * > *')];
  const ends = parts.map(each => each.getBoundingClientRect().bottom);
  const height = Math.min(innerHeight, Math.max(...ends) + 24);
  return { x: 0, y: scrollY, width: innerWidth, height, scale: 1 };
}"""
"""What is in the window, without what is empty below the page."""
Way = Callable[[Page], None]


@dataclass(frozen=True)
class Shot:
    """A page: its address, what is done there, what must be there before the picture, and what comes to the top."""

    place: str
    ready: str = "main h1"
    way: Way | None = None
    top: str | None = None


def _first(selector: str) -> Way:
    return lambda page: page.locator(selector).first.click()


def _view(name: str) -> Way:
    return lambda page: page.get_by_role("button", name=name, exact=True).click()


def _generate(page: Page) -> None:
    if page.locator(".u-over").count() == 0:
        page.get_by_role("button", name="Generate", exact=True).click()


def _report(page: Page) -> None:
    page.locator("[data-machine]").first.click()
    page.locator(".u-over").first.wait_for()
    page.goto(f"{page.url.split('?')[0]}/report")


def _compare(page: Page) -> None:
    page.locator("main a[href*='/models/']").first.click()
    page.locator("#model-facts").wait_for()
    first = page.url.split("?")[0].rsplit("/", 1)[1]
    page.goto("/models")
    links = page.locator("main a[href*='/models/']")
    links.first.wait_for()
    others = [str(each.get_attribute("href")) for each in links.all()]
    found = [match[1] for each in others if (match := re.search(r"/models/([0-9a-f]{64})", each))]
    page.goto(f"/models/compare?a={first}&b={next(each for each in found if each != first)}")


SHOTS = {
    "fleet": Shot("/", "[data-machine]", _view("As cards")),
    "fleet-table": Shot("/", "[data-machine]", _view("As a table")),
    "machine": Shot("/", ".u-over", _first("[data-machine]")),
    "machine-charts": Shot("/", ".u-over", _first("[data-machine]"), top="#charts"),
    "report": Shot("/", "canvas", _report),
    "review": Shot("/review", "canvas"),
    "models": Shot("/models", "main a[href*='/models/']"),
    "model": Shot("/models", "#model-facts", _first("main a[href*='/models/']")),
    "compare": Shot("/models", "main table", _compare),
    "agents": Shot("/agents", "[data-agent]"),
    "agent": Shot("/agents", "[data-agent]", _first("[data-agent] a")),
    "analyse": Shot("/analyse"),
    "analysis": Shot("/analyse", "canvas", _first("main a[href*='/analyse/']")),
    "users": Shot("/settings/people", "[data-person]"),
    "tokens": Shot("/settings/tokens", "[data-token]"),
    "plant": Shot("/settings/plant", "[data-site]"),
    "policies": Shot("/settings/policies", "main input"),
    "audit": Shot("/settings/audit", "[data-entry]"),
    "developer": Shot("/developer", ".u-over", _generate),
    "start": Shot("/start?again=true"),
    "account": Shot("/account"),
}
"""By the names of their files, in the order in which they are taken."""
SIGN_IN = Shot("/", "main form")


class Photographer:
    """Takes pictures of a dashboard at ``address`` into ``target``, signed in as ``storage`` says."""

    def __init__(self, browser: Browser, address: str, storage: StorageState, target: Path) -> None:
        self.browser = browser
        self.address = address
        self.storage = storage
        self.target = target
        target.mkdir(parents=True, exist_ok=True)

    def take(self, names: list[str], size: str, theme: str = "light") -> None:
        """Take the pictures of these names, in one size and theme; only another theme than light is in the name."""
        ending = size if theme == "light" else f"{size}-{theme}"
        page = self._page(size, theme, self.storage)
        for name in names:
            self._take(page, SHOTS[name], f"{name}-{ending}")
        page.context.close()

    def take_sign_in(self, size: str, theme: str = "light") -> None:
        """Take the page of those who are not signed in."""
        page = self._page(size, theme, None)
        self._take(page, SIGN_IN, f"sign-in-{size}" if theme == "light" else f"sign-in-{size}-{theme}")
        page.context.close()

    def _page(self, size: str, theme: str, storage: StorageState | None) -> Page:
        width, height = SIZES[size]
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            is_mobile=size == "phone",
            has_touch=size == "phone",
            locale="en-GB",
            base_url=self.address,
            color_scheme="light",
            reduced_motion="reduce",
            storage_state=storage,
        )
        context.add_init_script(f"localStorage.setItem('audiosense.theme', '{theme}')")
        return context.new_page()

    def _take(self, page: Page, shot: Shot, name: str) -> None:
        page.goto(shot.place)
        if shot.way is not None:
            page.locator("main a, main input, main button").first.wait_for(state="attached")
            shot.way(page)
        page.locator(shot.ready).first.wait_for()
        expect(page.locator(".skeleton, [data-live-banner]")).to_have_count(0)
        page.wait_for_load_state("networkidle") if shot is SIGN_IN else page.wait_for_timeout(SETTLED_MS)
        if shot.top is not None:
            header = page.locator("body header").first.evaluate("each => each.offsetHeight")
            page.locator(shot.top).evaluate(
                "(each, header) => scrollTo(0, each.getBoundingClientRect().top + scrollY - header - 12)", header
            )
        page.evaluate("document.fonts.ready.then(() => new Promise(requestAnimationFrame))")
        taken = page.context.new_cdp_session(page).send(
            "Page.captureScreenshot", {"format": "webp", "quality": QUALITY, "clip": page.evaluate(CLIP)}
        )
        (self.target / f"{name}.webp").write_bytes(base64.b64decode(taken["data"]))
