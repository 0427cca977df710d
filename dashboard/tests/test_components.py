"""The page of components, as `make dashboard-dev` serves it: in each theme and language, by desktop and phone."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

DASHBOARD = Path(__file__).parents[1]
PICTURES = os.environ.get("AUDIOSENSE_PICTURES")
SIZES = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}
THEMES = {"light": "Light", "dark": "Dark", "contrast": "High contrast"}
SERVE = """
import { createServer } from "vite";
const [cacheDir] = process.argv.slice(1);
const server = await createServer({ cacheDir, logLevel: "error", server: { host: "127.0.0.1", port: 0 } });
await server.listen();
console.log(server.httpServer.address().port);
process.stdin.on("end", () => process.exit()).resume();
"""
BLANK = """canvases => canvases
  .filter(each => each.getContext("2d").getImageData(0, 0, each.width, each.height).data.every(value => value === 0))
  .map(each => each.getAttribute("aria-label"))"""
STOP_S = 30


@pytest.fixture(scope="module")
def components(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page's address on a development server of its own; what it compiles is kept beside the tests."""
    node = shutil.which("node")
    assert node, "node is missing: run make setup"
    command = [node, "--input-type=module", "-e", SERVE, str(tmp_path_factory.mktemp("vite"))]
    with subprocess.Popen(command, cwd=DASHBOARD, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin
        assert server.stdout
        port = server.stdout.readline().strip()
        assert port.isdigit(), "the development server did not start; its words are above"
        yield f"http://127.0.0.1:{port}/components"
        # It ends with its standard input, also where the tests are killed.
        server.stdin.close()
        server.wait(STOP_S)


@pytest.fixture
def opened(
    components: str, lone_browser: Browser, watching: Callable[[Page], object], request: pytest.FixtureRequest
) -> Iterator[Page]:
    """The page at a size; what its console says fails the test."""
    phone = request.param == "phone"
    with closing(
        lone_browser.new_context(viewport=SIZES[request.param], is_mobile=phone, has_touch=phone, locale="en-GB")
    ) as context:
        page = context.new_page()
        watch = watching(page)
        # The first one waits for all sources to be compiled.
        page.goto(components, timeout=120_000)
        expect(page.get_by_role("heading", name="Components", exact=True)).to_be_visible(timeout=120_000)
        yield page
        assert watch.unexpected() == []


@pytest.mark.parametrize("opened", SIZES, indirect=True)
def test_every_state_in_every_theme(
    opened: Page,
    request: pytest.FixtureRequest,
    violations: Callable[[Page], list[str]],
    too_wide: Callable[[Page], int],
) -> None:
    size = request.node.callspec.params["opened"]
    for theme, word in THEMES.items():
        opened.get_by_role("button", name=word, exact=True).click()
        expect(opened.locator("html")).to_have_attribute("data-theme", theme)
        assert too_wide(opened) == 0
        keep(opened, f"components-{size}-{theme}")
    found = violations(opened)
    assert found == [], "\n".join(found)
    assert opened.locator("canvas").evaluate_all(BLANK) == ["No picture"]
    opened.get_by_role("button", name="español", exact=True).click()
    expect(opened.locator('[data-component="StatusBadge"]')).to_contain_text("Alarma")
    assert too_wide(opened) == 0
    keep(opened, f"components-{size}-es")


@pytest.mark.parametrize("opened", ["desktop"], indirect=True)
def test_the_list_leads_to_a_component(opened: Page, components: str) -> None:
    opened.get_by_role("navigation", name="Components", exact=True).get_by_role(
        "link", name="ClipPlayer", exact=True
    ).click()
    expect(opened).to_have_url(f"{components}#clipplayer")
    expect(opened.locator("#clipplayer")).to_be_in_viewport()
    opened.reload()
    expect(opened.locator("#clipplayer")).to_be_in_viewport()


def test_no_build_has_it() -> None:
    """Its own words are in its sources, and in nothing that the collector serves."""
    words = "No collector is behind this page"
    sources = DASHBOARD / "src" / "components-page"
    assert any(words in each.read_text() for each in sources.glob("*.tsx"))
    scripts = list((DASHBOARD / "dist").rglob("*.js"))
    assert scripts, "the dashboard is not built: run make dashboard"
    assert [each.name for each in scripts if words in each.read_text() or "ComponentsPage" in each.name] == []


def keep(page: Page, name: str) -> None:
    if PICTURES is None:
        return
    page.evaluate("document.fonts.ready.then(() => new Promise(requestAnimationFrame))")
    page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True, animations="disabled")
