"""``python -m deploy.demo.pictures``: the pictures of the documentation, taken of the demo itself.

It runs the demo on simulated machines until their faults are heard, then opens each page in Chromium as a desktop and
as a phone. Pictures go to ``docs/images``.
"""

import argparse
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from deploy.demo.processes import DemoError
from deploy.demo.run import Demo
from deploy.demo.terminal import Terminal

SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
PLAIN_PAGES = {
    "analyse": "/analyse",
    "plant": "/settings/plant",
    "policies": "/settings/policies",
    "start": "/start?again=true",
}
LISTENED_S = 40
"""So long the machines are heard with their faults before the pictures."""


class PicturedDemo(Demo):
    """A demo that takes pictures where others go on until Ctrl-C."""

    target = Path("docs/images")

    def _stay(self) -> None:
        self.terminal.stage("pictures", "Taking pictures of each page")
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        if chromium is None:
            raise DemoError("chromium is missing; install it with: apt-get install --no-install-recommends chromium")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            for size, (width, height) in SIZES.items():
                self._take_all(browser, size, width, height)
            browser.close()

    def _take_all(self, browser: Browser, size: str, width: int, height: int) -> None:
        phone = size == "phone"
        context = browser.new_context(
            viewport={"width": width, "height": height},
            is_mobile=phone,
            has_touch=phone,
            locale="en-GB",
            base_url=str(self.api.base_url),
            color_scheme="light",
        )
        page = context.new_page()
        page.goto("/")
        page.locator("[data-machine]").first.wait_for()
        if not phone:
            page.wait_for_timeout(1e3 * LISTENED_S)
        self._take(page, f"fleet-{size}")
        page.locator("[data-machine]").first.click()
        page.locator(".u-over").first.wait_for()
        self._take(page, f"machine-{size}")
        page.goto(f"{page.url.split('?')[0]}/report")
        page.locator("canvas").first.wait_for()
        self._take(page, f"report-{size}")
        page.goto("/review")
        page.locator("canvas").first.wait_for()
        self._take(page, f"review-{size}")
        page.goto("/agents")
        page.locator("[data-agent]").first.wait_for()
        self._take(page, f"agents-{size}")
        page.goto("/models")
        page.locator("main a[href*='/models/']").first.wait_for()
        self._take(page, f"models-{size}")
        page.locator("main a[href*='/models/']").first.click()
        page.locator("#model-facts").wait_for()
        self._take(page, f"model-{size}")
        for name, place in PLAIN_PAGES.items():
            page.goto(place)
            page.locator("main h1").first.wait_for()
            self._take(page, f"{name}-{size}")
        context.close()

    def _take(self, page: Page, name: str) -> None:
        page.wait_for_timeout(1_500)
        page.screenshot(path=self.target / f"{name}.png")


def main() -> None:
    """Run the demo for its pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8000, help="the dashboard's port (default: %(default)s)")
    parser.add_argument("--target", type=Path, default=PicturedDemo.target, help="default: %(default)s")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="audiosense-pictures-") as folder:
        demo = PicturedDemo(Path(folder), Terminal(), None, check=False, port=arguments.port)
        demo.target = arguments.target
        demo.target.mkdir(parents=True, exist_ok=True)
        demo.run()


if __name__ == "__main__":
    main()
