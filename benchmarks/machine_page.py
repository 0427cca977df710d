"""How soon a year of measurements is a picture on the machine page, and what a step of a zoom costs the browser.

Fills a database of its own with a year of one sensor (a day of raw rows, roll-ups by minute and hour), runs a collector
on it, opens the page in Chromium and clicks "1 year": from the click to the frame in which all charts show that year.
Then it zooms with the wheel, a step in each frame: how long the scripts and the painting of a step take, and how far
frames lie apart. `--rounds 9` takes more of them; the figures are medians.
"""

import argparse
import json
import re
import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from audiosense_collector.cli.common import print_table
from audiosense_collector.db.engine import libpq_url
from benchmarks.history import History
from benchmarks.queries import MINUTE_DAYS, collector, database
from deploy.demo.processes import wait_for

PASSWORD = "a few words of a benchmark"  # noqa: S105 - of an account that ends with it
STEPS = 60
CLICK = """(name) => new Promise((resolve) => {
    const image = () => document.querySelector(`section[aria-label="${name}"] [role="img"]`);
    const before = image().getAttribute("aria-label");
    const year = [...document.querySelectorAll("nav a")].find((link) => link.textContent === "1 year");
    const begun = performance.now();
    const look = () => {
        const shown = image();
        const busy = document.querySelector('[aria-busy="true"]') || !document.querySelector("[data-readout]");
        if (shown && shown.getAttribute("aria-label") !== before && !busy) {
            requestAnimationFrame(() => resolve(performance.now() - begun));
        } else requestAnimationFrame(look);
    };
    year.click();
    look();
})"""
ZOOM = """(steps) => new Promise((resolve) => {
    const over = document.querySelector(".u-over");
    const box = over.getBoundingClientRect();
    const work = [], frames = [];
    let left = steps, last = performance.now();
    const step = (now) => {
        frames.push(now - last);
        last = now;
        if (left-- === 0) return resolve({ work, frames: frames.slice(2) });
        const begun = performance.now();
        const way = left % 30 < 15 ? 60 : -60;
        const place = { clientX: box.left + box.width * 0.7, clientY: box.top + 20, deltaY: way, ctrlKey: true };
        over.dispatchEvent(new WheelEvent("wheel", { bubbles: true, cancelable: true, ...place }));
        queueMicrotask(() => queueMicrotask(() => work.push(performance.now() - begun)));
        requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
})"""


def main() -> None:
    """Fill, click, zoom, and print; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="clicks and zooms (default: %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="audiosense-machine-page-") as name:
        print(json.dumps(measure(Path(name), arguments.rounds)))


def measure(folder: Path, rounds: int) -> dict[str, float]:
    """Return the medians, in milliseconds."""
    with database(folder) as url:
        history = History(libpq_url(url))
        try:
            filled = history.fill(1, 1, MINUTE_DAYS)
        finally:
            history.close()
        print(f"{filled.raw:,} raw rows, {filled.minutes:,} minutes, {filled.hours:,} hours in {filled.seconds:.0f} s")
        with collector(folder, url) as client, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1440, "height": 900}, locale="en-GB")
            page.set_default_timeout(60_000)
            sign_up(page, folder / "log")
            page.goto(f"{client.base_url}")
            page.locator("[data-machine]").first.click()
            address = page.url
            found = [_round(page, address) for _ in range(rounds)]
            browser.close()
    figures = {name: round(statistics.median(each[name] for each in found), 1) for name in found[0]}
    print_table(
        ("figure", "median", "worst"),
        [(n, f"{v} ms", f"{max(e[n] for e in found):.1f} ms") for n, v in figures.items()],
    )
    return figures


def sign_up(page: Page, log: Path) -> None:
    """Make the first account by the link that the collector has printed."""
    link = wait_for(
        "the set-up link", lambda: re.search(r"http\S+/setup#\S+", log.read_text()), seconds=60, processes=[]
    )
    page.goto(link[0])
    page.get_by_label("Name").fill("benchmark")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.get_by_role("link", name="Fleet").wait_for()


def _round(page: Page, address: str) -> dict[str, float]:
    """Load the page anew, click and zoom."""
    page.goto(f"{address}?range=1h")
    page.locator("[data-readout]").wait_for(state="attached")
    level = page.locator("section", has=page.locator("canvas")).nth(1).get_attribute("aria-label")
    page.wait_for_timeout(1_000)
    year = page.evaluate(CLICK, level)
    page.wait_for_timeout(1_000)
    zoom = page.evaluate(ZOOM, STEPS)
    return {
        "year_chart_ms": year,
        "zoom_step_ms": statistics.median(zoom["work"]),
        "zoom_frame_ms": statistics.median(zoom["frames"]),
    }


if __name__ == "__main__":
    main()
