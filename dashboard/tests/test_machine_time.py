"""Moving through time on the machine page: one view for all charts, ranges, bands, comparisons, files, the report."""

import re
import time

import pytest
from playwright.sync_api import expect

WINDOW_US = 5_000_000
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


def now_us():
    return time.time_ns() // 1000


@pytest.fixture
def heard(enrol, api, viewport):
    """A machine that was heard for the last hour, and an hour of yesterday 6 dB louder; with its id and address."""

    def make(name):
        agent = enrol(f"{name} {viewport}", window_s=5.0)
        hour = {"count": 720, "step_us": WINDOW_US}
        agent.send(**hour, start_us=now_us() - DAY_US - HOUR_US, louder_db=6)
        agent.send(**hour, start_us=now_us() - HOUR_US)
        fleet = api.get("/api/v1/fleet").json()["machines"]
        agent.machine_id = next(each["id"] for each in fleet if each["name"] == agent.machine)
        agent.address = f"/machines/{agent.machine_id}"
        return agent

    return make


def charts(page):
    return page.get_by_role("group", name="Charts", exact=True)


def settled(page, chart):
    """Where a chart's plot is, once no other part of the page can push it away any more."""
    expect(page.locator(".skeleton")).to_have_count(0)
    return chart.locator(".u-over").bounding_box()


def drag(page, chart, start, end):
    over = settled(page, chart)
    y = over["y"] + over["height"] / 2
    page.mouse.move(over["x"] + over["width"] * start, y)
    page.mouse.down()
    page.mouse.move(over["x"] + over["width"] * end, y, steps=6)
    page.mouse.up()


def span_in(page):
    found = re.search(r"from=(\d+).*to=(\d+)", page.url)
    return None if found is None else (int(found[1]), int(found[2]))


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_all_charts_move_together_by_pointer_and_keys_and_the_way_back_is_kept(page, heard):
    agent = heard("Moved pump")
    page.goto(f"{agent.address}?range=1h")
    level = page.get_by_role("region", name="Level", exact=True)
    expect(level.get_by_role("img", name=re.compile(r"7[012]\d points"))).to_be_visible()
    expect(page.locator('[data-age="fresh"]')).to_have_text(re.compile(r"newest data is .* old"))

    drag(page, level, 0.25, 0.75)
    expect(page).to_have_url(re.compile("from=[0-9]+"))
    low, high = span_in(page)
    assert high - low == pytest.approx(HOUR_US / 2, rel=0.05)
    expect(page.locator("[data-age]")).to_contain_text("Not following")
    expect(level.get_by_role("img", name=re.compile(r"3[4-8]\d points"))).to_be_visible()
    address = page.url

    charts(page).focus()
    page.keyboard.press("+")
    expect(page).not_to_have_url(address)
    zoomed = page.url
    page.keyboard.press("ArrowLeft")
    expect(page).not_to_have_url(zoomed)
    moved, end = span_in(page)
    assert end - moved == pytest.approx((high - low) / 2, rel=0.01)
    assert moved == pytest.approx(low + (high - low) / 8, abs=5_000_000)
    for _ in range(2):
        page.keyboard.press("Escape")
    expect(page).to_have_url(address)
    level.locator(".u-over").dblclick()
    expect(page).not_to_have_url(re.compile("from="))
    expect(page.locator("[data-age]")).not_to_contain_text("Not following")

    page.get_by_role("button", name="Earlier", exact=True).click()
    expect(page).to_have_url(re.compile("from="))
    charts(page).focus()
    page.keyboard.press("End")
    expect(page).not_to_have_url(re.compile("from="))
    page.keyboard.press("-")
    expect(page.get_by_role("navigation", name="Time range", exact=True).locator("[aria-current]")).to_have_text("6 h")

    page.goto(address)
    expect(level.get_by_role("img", name=re.compile(r"3[4-8]\d points"))).to_be_visible()
    over = settled(page, level)
    page.mouse.move(over["x"] + over["width"] / 2, over["y"] + 20)
    dominant = page.get_by_role("region", name="Dominant frequency", exact=True)
    expect(dominant.locator(".u-legend")).to_contain_text("1,480")


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_one_finger_pans_and_two_zoom(page, heard):
    agent = heard("Touched pump")
    page.goto(f"{agent.address}?range=1h")
    level = page.get_by_role("region", name="Level", exact=True)
    level.locator(".u-over").scroll_into_view_if_needed()
    over = settled(page, level)
    fingers = page.context.new_cdp_session(page)

    def touch(kind, *places):
        y = over["y"] + over["height"] / 2
        points = [{"x": over["x"] + over["width"] * x, "y": y, "id": number} for number, x in enumerate(places)]
        fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 0.3)
    for x in (0.4, 0.5, 0.6, 0.8):
        touch("touchMove", x)
    touch("touchEnd")
    expect(page).to_have_url(re.compile("from="))
    low, high = span_in(page)
    assert high - low == pytest.approx(HOUR_US, rel=0.02)
    assert now_us() - high == pytest.approx(HOUR_US / 2, rel=0.2)
    before = page.url
    touch("touchStart", 0.4, 0.6)
    touch("touchMove", 0.35, 0.65)
    touch("touchMove", 0.2, 0.8)
    touch("touchEnd")
    expect(page).not_to_have_url(before)
    low, high = span_in(page)
    assert high - low == pytest.approx(HOUR_US / 3, rel=0.1)


def test_what_was_rolled_up_shows_its_range_and_says_so(page, heard, viewport):
    agent = heard("Rolled pump")
    page.goto(f"{agent.address}?range=7d")
    level = page.get_by_role("region", name="Level", exact=True).first
    expect(level).to_contain_text("mean, band from lowest to highest")
    level.get_by_role("button", name=re.compile("show as table$")).click()
    for name in ("Level", "lowest", "highest"):
        expect(level.get_by_role("columnheader", name=re.compile(name)).last).to_be_visible()
    expect(level.get_by_role("cell", name=re.compile(r"^-31\.5\sdBFS$")).first).to_be_visible()
    page.get_by_role("link", name="1 year", exact=True).click()
    expect(level).to_contain_text("each point")
    expect(page).to_have_url(re.compile("range=1y"))


def test_bands_are_a_picture_a_table_and_files(page, heard, viewport):
    agent = heard("Banded pump")
    page.goto(f"{agent.address}?range=1h")
    bands = page.get_by_role("region", name="Band levels", exact=True)
    expect(
        bands.get_by_role("img", name=re.compile(r"32 bands from 13.Hz to 16\.00.kHz, colours from -\d+.dB"))
    ).to_be_visible()
    if viewport == "desktop":
        over = settled(page, bands)
        page.mouse.move(over["x"] + over["width"] * 0.5, over["y"] + over["height"] * 0.5)
        expect(bands.locator("[data-readout]")).to_have_text(re.compile(r": \d.*Hz -\d\d\.\d.dB$"))
    with page.expect_download() as saved:
        bands.get_by_role("button", name=re.compile("save as CSV$")).click()
    assert saved.value.suggested_filename == f"Banded-pump-{viewport}-Banded-pump-{viewport}-sensor-Band-levels.csv"
    lines = saved.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("time_utc,")
    assert len(lines[0].split(",")) == 33
    assert len(lines) > 500
    assert float(lines[5].split(",")[7]) == pytest.approx(-40, abs=12)
    with page.expect_download() as saved:
        bands.get_by_role("button", name=re.compile("save as picture$")).click()
    assert saved.value.path().read_bytes().startswith(b"\x89PNG")
    bands.get_by_role("button", name=re.compile("show as table$")).click()
    expect(bands.get_by_role("columnheader", name="1.00 kHz", exact=True)).to_be_visible()
    # Band levels of the picture's newest column.
    expect(bands.get_by_role("cell", name=re.compile(r"^-\d\d\.\d.dB$")).first).to_be_visible()


def test_another_period_and_another_machine_are_laid_over(page, heard, viewport):
    agent = heard("Compared pump")
    page.goto(f"{agent.address}?range=1h")
    compare = page.get_by_label("Compare with", exact=True)
    compare.select_option("day")
    expect(page).to_have_url(re.compile(f"shift={DAY_US}"))
    changed = page.get_by_role("region", name="Band levels, difference to a day earlier", exact=True)
    expect(changed).to_contain_text(re.compile(r"most on average: .*Hz -[67]\.\d.dB"), use_inner_text=False)
    level = page.get_by_role("region", name="Level", exact=True)
    level.get_by_role("button", name=re.compile("show as table$")).click()
    expect(level.get_by_role("columnheader", name="a day earlier", exact=True)).to_be_visible()
    expect(level.get_by_role("row").nth(100).get_by_role("cell")).to_have_text(
        [re.compile(":"), re.compile("-31.5"), re.compile("-31.5")]
    )

    compare.select_option("start")
    start = page.get_by_label("The other period begins", exact=True)
    start.fill(time.strftime("%Y-%m-%dT%H:%M", time.localtime(time.time() - 2 * 86_400)))
    expect(page).to_have_url(re.compile(r"shift=1[67]\d+"))
    expect(page.locator("main")).to_contain_text("nothing was heard there to compare with")

    other = heard("Other pump")
    page.reload()
    compare.select_option(label=f"{other.machine}, {other.machine} sensor")
    expect(page).to_have_url(re.compile("vs="))
    expect(
        page.get_by_role(
            "region", name=f"Band levels, difference to {other.machine}, {other.machine} sensor", exact=True
        )
    ).to_be_visible()
    compare.select_option("")
    expect(page).not_to_have_url(re.compile("vs=|shift="))


def test_notes_are_written_changed_deleted_and_brought_back(page, heard, viewport):
    agent = heard("Noted pump")
    page.goto(agent.address)
    notes = page.get_by_role("region", name="Notes and maintenance", exact=True)
    expect(notes).to_contain_text("Nothing noted yet")
    notes.get_by_role("button", name="Add a note", exact=True).click()
    notes.get_by_label("Note", exact=True).fill("Bearing greased")
    notes.get_by_role("button", name="Save", exact=True).click()
    note = notes.locator('[data-note="note"]')
    expect(note).to_contain_text("Bearing greased")
    expect(note).to_contain_text("anna")
    note.get_by_role("button", name="Edit", exact=True).click()
    note.get_by_label("Note", exact=True).fill("Bearing greased, drive end")
    note.get_by_role("button", name="Save", exact=True).click()
    expect(note).to_contain_text("drive end")
    expect(note).to_contain_text("edited")
    note.get_by_role("button", name="Delete", exact=True).click()
    expect(note).to_have_count(0)
    notes.get_by_role("button", name="Undo", exact=True).click()
    expect(note).to_contain_text("drive end")
    note.get_by_role("link").click()
    expect(page).to_have_url(re.compile("from="))


def test_a_machine_under_maintenance_says_so_everywhere_until_it_is_ended(page, heard, viewport):
    agent = heard("Serviced pump")
    page.goto(agent.address)
    notes = page.get_by_role("region", name="Notes and maintenance", exact=True)
    notes.get_by_role("button", name="Maintenance…", exact=True).click()
    notes.get_by_label("What is done", exact=True).fill("Belt changed")
    notes.get_by_role("button", name="Save", exact=True).click()
    strip = page.get_by_role("region", name="Maintenance", exact=True)
    expect(strip).to_contain_text("Belt changed")
    expect(page.locator('main [data-state="maintenance"]').first).to_be_visible()
    agent.send(2)
    page.goto(agent.in_fleet)
    card = page.locator(f'[data-machine="{agent.machine}"]')
    expect(card.locator('[data-state="maintenance"]')).to_be_visible()
    agent.send(1)
    page.wait_for_timeout(500)
    expect(card.locator('[data-state="maintenance"]')).to_be_visible()
    card.click()
    strip.get_by_role("button", name="End maintenance", exact=True).click()
    expect(strip).to_have_count(0)
    expect(page.locator('main [data-state="learning"]').first).to_be_visible()
    expect(notes.locator('[data-note="maintenance"]')).to_contain_text("\u2013")


def test_the_report_is_one_light_page_of_paper(page, heard, api, viewport):
    agent = heard("Reported pump")
    for number in range(8):
        api.post("/api/v1/notes", json={"machine_id": agent.machine_id, "text": f"Round {number}"})
    page.emulate_media(color_scheme="dark")
    page.goto(agent.address)
    page.get_by_role("link", name="Report", exact=True).click()
    report = page.get_by_role("article", name=f"Report: {agent.machine}", exact=True)
    expect(report.get_by_role("img", name=re.compile("^Level, .* points"))).to_be_visible()
    expect(report).to_contain_text("Collecting the normal sound")
    expect(
        report.get_by_role("region", name="Notes and maintenance", exact=True).get_by_role("listitem")
    ).to_have_count(5)
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.evaluate("localStorage.setItem('audiosense.theme', 'dark')")
    page.reload()
    page.get_by_role("link", name="Last 7 days", exact=True).click()
    expect(page).to_have_url(re.compile("range=7d"))
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    expect(report).to_contain_text("each point", use_inner_text=False)
    cut = report.get_by_role("group").filter(has=page.get_by_role("table"))
    assert cut.evaluate_all("all => all.map(each => each.scrollWidth - each.clientWidth)") == [0]
    figures = report.get_by_role("table", name="Sensors", exact=True).get_by_role("row")
    expect(figures.get_by_role("cell")).to_have_count(8)
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.get_by_role("button", name="Print", exact=True)).to_be_hidden()
    expect(page.get_by_role("link", name="Fleet", exact=True)).to_be_hidden()
    paper = page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type /Page\b(?!s)", paper)) == 1
    page.emulate_media(media="screen")
    page.get_by_role("link", name="Back to the machine", exact=True).click()
    expect(page.get_by_role("heading", name=agent.machine, exact=True)).to_be_visible()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
