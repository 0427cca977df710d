"""How soon the dashboard shows what is asked for, and what it takes of a computer: a real collector, a real browser.

A plant of 1,000 machines, each with a model; one of them has a year of history and an event with a clip. The browser
begins with nothing in its cache. Live: each machine says something once a second, on the page Fleet. Browser, collector
and database share this computer. The last line is JSON.
"""

import argparse
import asyncio
import contextlib
import json
import re
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psutil
import psycopg
from playwright.sync_api import Browser, Page, sync_playwright

from audiosense_collector.db.embedded import EmbeddedServer
from audiosense_collector.db.engine import Sessions, libpq_url, make_engine, make_sessions
from audiosense_collector.live import notify
from benchmarks.dashboard_clip import add_events_with_clips
from benchmarks.dashboard_models import add_models
from benchmarks.dashboard_scripts import CLICK_AND_LINES, CLICK_YEAR, FIRST_LOAD, OBSERVE, ZOOM
from benchmarks.history import DIGEST, History, stay_heard
from benchmarks.live import serving

VIEWPORT = {"width": 1440, "height": 900}
PARTS_A_SECOND = 10
RUNS = 5
HISTORY_DAYS = 365
ZOOM_STEPS = 60


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--machines", type=int, default=1_000, help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=30.0, help="of live updates (default: %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        database = EmbeddedServer(Path(name) / "database")
        stack.callback(database.release)
        url = database.start()
        process, port = stack.enter_context(serving(Path(name) / "collector", url))
        plant = Plant(url, arguments.machines, Path(name) / "collector")
        browse = stack.enter_context(_browsers())
        address = f"http://127.0.0.1:{port}"
        result = first_load(browse, address)
        with browse() as browser:
            page = _page(browser)
            result |= charts(page, address, plant)
            result |= spectrogram(page, address)
            result |= models(page, address, arguments.machines)
            result |= live(page, address, plant, arguments.seconds)
        print(json.dumps(result | {"collector_rss_mib": round(process.memory_info().rss / 2**20)}))


class Plant:
    """Machines in a database: one with a year of history and an event, the others as they were heard last."""

    def __init__(self, url: str, machines: int, storage: Path) -> None:
        with History(libpq_url(url)) as history:
            filled = history.fill(1, 8, HISTORY_DAYS, fleet=machines - 1)
        self.url = url
        stay_heard(libpq_url(url))
        with psycopg.connect(libpq_url(url)) as connection:
            rows = connection.execute("SELECT id, machine_id FROM sensor").fetchall()
            self.machine_of: dict[UUID, UUID] = dict(rows)
            self.sensors = [sensor for sensor in self.machine_of if sensor not in filled.sensors]
            self.old = self.machine_of[filled.sensors[0]]
            # The page Review opens with the newest event: it is to be one with sound.
            connection.execute("DELETE FROM event")
            add_events_with_clips(connection, filled.sensors[0], storage / "clips", RUNS, DIGEST)
            add_models(connection)


@contextlib.contextmanager
def _browsers() -> Iterator[Any]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("chromium is missing; install it with: apt-get install --no-install-recommends chromium")
    with sync_playwright() as playwright:

        @contextlib.contextmanager
        def browse() -> Iterator[Browser]:
            arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
            browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
            try:
                yield browser
            finally:
                browser.close()

        yield browse


def _page(browser: Browser) -> Page:
    page = browser.new_page(viewport=VIEWPORT, locale="en-GB", bypass_csp=True)  # type: ignore[arg-type]
    page.add_init_script(OBSERVE)
    return page


def first_load(browse: Any, address: str) -> dict[str, float]:
    """Open the page Fleet in a browser that has never seen it, several times."""
    found = []
    for _ in range(RUNS):
        with browse() as browser:
            page = _page(browser)
            page.goto(address)
            page.wait_for_function("window.seen.cards !== undefined")
            page.wait_for_timeout(1_000)
            found.append(page.evaluate(FIRST_LOAD))
            print(found[-1])
    middle = {key: statistics.median(each[key] for each in found) for key in found[0]}
    return {
        "first_paint_s": round(middle["cards"] / 1e3, 3),
        "interactive_s": round(middle["settled"] / 1e3, 3),
        "js_kib": round(middle["js"] / 1_024, 1),
    }


def charts(page: Page, address: str, plant: Plant) -> dict[str, float]:
    """Ask for a year on the page of a machine, again and again, and zoom by the wheel."""
    years, works, frames = [], [], []
    for _ in range(RUNS):
        page.goto(f"{address}/machines/{plant.old}?range=1h")
        page.locator("[data-readout]").wait_for(state="attached")
        level = page.locator("section", has=page.locator("canvas")).nth(1).get_attribute("aria-label")
        page.wait_for_timeout(1_000)
        years.append(page.evaluate(CLICK_YEAR, level))
        page.wait_for_timeout(1_000)
        zoomed = page.evaluate(ZOOM, ZOOM_STEPS)
        works += zoomed["work"]
        frames += zoomed["frames"]
    print(f"a year: {[round(each) for each in years]} ms")
    return {
        "year_chart_ms": round(statistics.median(years)),
        "zoom_step_ms": round(statistics.median(works), 1),
        "zoom_frames_per_s": round(1e3 / statistics.median(frames)),
    }


def spectrogram(page: Page, address: str) -> dict[str, float]:
    """Open the page Review until its event's clip is a picture."""
    taken = []
    for _ in range(RUNS):
        page.goto(address)
        page.locator("[data-machine]").first.wait_for()
        page.evaluate("window.lastDrawn = undefined")
        page.get_by_role("link", name=re.compile("^Review")).click()
        page.wait_for_function("window.lastDrawn > window.clicked")
        page.wait_for_timeout(500)
        taken.append(page.evaluate("window.lastDrawn - window.clicked"))
    print(f"spectrogram: {[round(each) for each in taken]} ms")
    return {"spectrogram_ms": round(statistics.median(taken))}


def models(page: Page, address: str, machines: int) -> dict[str, float]:
    """Open the page Models by a click, then have it show all sensors, a hundred at a time."""
    opened, more = [], []
    for _ in range(RUNS):
        page.goto(address)
        page.locator("[data-machine]").first.wait_for()
        page.wait_for_timeout(500)
        opened.append(page.evaluate(CLICK_AND_LINES, ["nav a[href$='/models']", 2]))
    while page.locator("main > button").count():
        lines = int(page.locator("main table").get_attribute("aria-rowcount") or 0)
        more.append(page.evaluate(CLICK_AND_LINES, ["main > button", lines + 1]))
        page.wait_for_timeout(300)
    assert page.locator("main table").get_attribute("aria-rowcount") == str(machines + 1)
    print(f"models: {[round(each) for each in opened]} ms, a hundred more: {[round(each) for each in more]} ms")
    return {"models_list_ms": round(statistics.median(opened)), "models_more_ms": round(max(more, default=0.0))}


def live(page: Page, address: str, plant: Plant, seconds: float) -> dict[str, float]:
    """Let each machine say something once a second; the processor time is that of all the browser's processes."""
    page.goto(address)
    page.locator("[data-machine]").first.wait_for()
    page.wait_for_timeout(3_000)
    chatter = threading.Thread(target=lambda: asyncio.run(_say(plant, seconds + 4)))
    chatter.start()
    page.wait_for_timeout(2_000)
    processes = [each for each in psutil.Process().children(recursive=True) if "chrom" in each.name()]
    before, began = _cpu(processes), time.monotonic()
    page.wait_for_timeout(seconds * 1e3)
    percent = {
        kind: 100 * (spent - before[kind]) / (time.monotonic() - began) for kind, spent in _cpu(processes).items()
    }
    chatter.join()
    print(f"live: { ({kind: round(each, 1) for kind, each in percent.items()}) } % of a core")
    return {"live_cpu_percent": round(percent["renderer"], 1), "live_cpu_percent_all": round(sum(percent.values()), 1)}


def _cpu(processes: list[psutil.Process]) -> dict[str, float]:
    spent = {"renderer": 0.0, "other": 0.0}
    for process in processes:
        times = process.cpu_times()
        kind = "renderer" if "--type=renderer" in process.cmdline() else "other"
        spent[kind] += times.user + times.system
    return spent


async def _say(plant: Plant, seconds: float) -> None:
    engine = make_engine(plant.url)
    sessions = make_sessions(engine)
    sensors = plant.sensors
    share = -(-len(sensors) // PARTS_A_SECOND)
    start = time.monotonic()
    for turn in range(round(seconds * PARTS_A_SECOND)):
        await asyncio.sleep(max(0.0, start + turn / PARTS_A_SECOND - time.monotonic()))
        first = turn % PARTS_A_SECOND * share
        await _announce(sessions, plant, sensors[first : first + share], turn)
    await engine.dispose()


async def _announce(sessions: Sessions, plant: Plant, sensors: list[UUID], turn: int) -> None:
    now = time.time_ns() // 1_000
    updates = [
        notify.SensorUpdate(
            sensor_id=sensor,
            machine_id=plant.machine_of[sensor],
            threshold=0.62,
            reasons=None,
            columns={
                "time_us": [now],
                "score": [0.4 + (turn + place) % 17 / 100],
                "status": ["normal"],
                "level_dbfs": [-31.5],
                "level": [-31.5],
                "dominant_hz": [118.0],
            },
        )
        for place, sensor in enumerate(sensors)
    ]
    async with sessions.begin() as session:
        await notify.many(session, updates)


if __name__ == "__main__":
    main()
