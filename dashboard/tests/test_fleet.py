"""The fleet page against a real collector."""

import re
from contextlib import closing

import pytest
from playwright.sync_api import expect


def test_a_machine_appears_with_its_state_and_learns_without_a_reload(page, enrol, viewport):
    page.goto("/")
    expect(page.get_by_role("heading", name=re.compile("Fleet|Set up a machine")).first).to_be_visible()
    page.evaluate("window.notReloaded = true")
    agent = enrol(f"Fleet pump {viewport}")
    agent.send(3)
    card = page.locator(f'[data-machine="{agent.machine}"]')
    expect(card).to_be_visible(timeout=20_000)
    expect(card.locator('[data-state="learning"]')).to_be_visible()
    expect(card).to_contain_text("3 of 40 windows")
    agent.send(2)
    expect(card).to_contain_text("5 of 40 windows")
    expect(card).to_contain_text(re.compile(r"Heard \d+ sec ago"))
    expect(page.locator('[data-count="learning"]')).to_contain_text("Learning")
    assert page.evaluate("window.notReloaded")


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_a_card_is_reached_and_opened_by_keyboard(page, enrol):
    agent = enrol("Keyboard pump")
    agent.send(2)
    page.goto(agent.in_fleet)
    card = page.locator(f'[data-machine="{agent.machine}"]')
    card.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=agent.machine, exact=True)).to_be_visible()


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_theme_and_language_are_remembered(page, open_menu):
    page.goto("/")
    open_menu()
    page.get_by_role("button", name=re.compile("^Theme")).click()
    page.get_by_role("button", name=re.compile("^Theme: Light")).click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name=re.compile("español")).click()
    expect(page.locator("html")).to_have_attribute("lang", "es")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("html")).to_have_attribute("lang", "es")
    expect(page.get_by_role("link", name="Planta", exact=True)).to_be_visible()
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(13, 17, 20)"


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_only_the_language_that_is_spoken_is_loaded_and_one_that_cannot_be_leaves_it_and_stays_chosen(page):
    page.watch.expected += ["ERR_FAILED", "ERR_ABORTED"]
    loaded = set()
    page.on("request", lambda asked: loaded.update(re.findall(r"/assets/(en|es)-", asked.url)))
    page.route(re.compile("/assets/es-"), lambda route: route.abort())
    page.goto("/")
    expect(page.get_by_role("link", name="Fleet", exact=True)).to_be_visible()
    assert loaded == {"en"}
    page.get_by_role("button", name=re.compile("^ES ")).click()
    alert = page.get_by_role("alert").filter(has_text="could not change to Spanish")
    expect(alert).to_be_visible()
    expect(page.get_by_role("link", name="Fleet", exact=True)).to_be_visible()
    page.unroute_all()
    page.get_by_role("button", name="Retry", exact=True).click()
    expect(page.get_by_role("link", name="Planta", exact=True)).to_be_visible()
    expect(alert).to_have_count(0)
    # A page that is loaded again before the words are there begins with them.
    page.route(re.compile("/assets/en-"), lambda _: None)
    page.reload()
    with page.expect_request(re.compile("/assets/en-")):
        page.get_by_role("button", name=re.compile("^EN ")).click()
    page.unroute_all()
    page.reload()
    expect(page.get_by_role("link", name="Fleet", exact=True)).to_be_visible()


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_without_any_words_it_is_said_in_each_language(page):
    page.watch.expected += ["ERR_FAILED", "ERR_ABORTED"]
    page.route(re.compile("/assets/e[ns]-"), lambda route: route.abort())
    page.goto("/")
    expect(page.locator("#root").get_by_text("AudioSense could not be loaded")).to_be_visible()
    expect(page.locator("#root").get_by_text("AudioSense no se ha podido cargar")).to_be_visible()


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_the_system_s_dark_theme_is_followed(page):
    page.emulate_media(color_scheme="dark")
    page.goto("/")
    expect(page.get_by_role("link", name="Fleet", exact=True)).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 20)"


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_a_lost_connection_is_said_and_mended(page, enrol):
    agent = enrol("Radio pump")
    agent.send(1)
    page.watch.expected += ["ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "ERR_CONNECTION", "ERR_ABORTED"]
    cut = {"off": True}
    page.route("**/api/v1/live", lambda route: route.abort() if cut["off"] else route.continue_())
    page.goto("/")
    expect(page.get_by_test_id("stale-banner")).to_contain_text("was read")
    cut["off"] = False
    page.get_by_role("button", name="Try now", exact=True).click()
    expect(page.get_by_test_id("stale-banner")).to_have_count(0)


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_an_error_says_what_to_do_and_retries(page):
    page.watch.expected += ["ERR_FAILED", "ERR_ABORTED"]
    page.route("**/api/v1/fleet", lambda route: route.abort())
    page.goto("/")
    expect(page.get_by_role("alert").filter(has_text="audiosense-collector serve")).to_be_visible()
    page.unroute("**/api/v1/fleet")
    page.get_by_role("button", name="Retry", exact=True).click()
    expect(page.locator("main")).not_to_contain_text("audiosense-collector serve")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_tabs_share_one_live_stream_and_go_on_when_its_tab_is_closed(windowed, collector, set_up, enrol, watching):
    agent = enrol("Shared pump")
    agent.send(1)
    streams = []
    with closing(windowed.new_context(base_url=collector.http, storage_state=set_up, locale="en-GB")) as context:
        context.on("request", lambda request: streams.append(request) if "/api/v1/live" in request.url else None)
        first, second, third = (context.new_page() for _ in range(3))
        watches = [watching(each) for each in (first, second, third)]
        first.goto("/?q=Shared")
        expect(first.locator("[data-machine]")).to_contain_text("1 of 40 windows")
        expect(first.get_by_role("status").filter(has_text="Live")).to_be_visible()
        second.goto("/?q=Shared")
        expect(second.get_by_role("status").filter(has_text="Live")).to_be_visible()
        agent.send(1)
        for each in (first, second):
            expect(each.locator("[data-machine]")).to_contain_text("2 of 40 windows", timeout=5_000)
        assert len(streams) == 1
        third.goto("/?q=Shared")
        first.close()
        agent.send(1)
        for each in (second, third):
            expect(each.locator("[data-machine]")).to_contain_text("3 of 40 windows")
            expect(each.get_by_role("status").filter(has_text="Live")).to_be_visible()
        assert len(streams) == 2
        assert [line for watch in watches for line in watch.unexpected()] == []


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_machines_are_found_filtered_and_ordered_by_an_address_that_can_be_copied(page, enrol):
    for name in ("Kiln fan 2", "Kiln fan 10", "Kiln drive"):
        enrol(name).send(1)
    enrol("Kiln cooler")
    page.goto("/")
    expect(page.get_by_label("Search machines", exact=True)).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("kiln")
    cards = page.locator("[data-machine]")
    expect(cards).to_have_count(4)
    page.locator('[data-count="learning"]').click()
    page.get_by_label("Order", exact=True).select_option("name")
    expect(cards).to_have_count(3)
    for place, name in enumerate(("Kiln drive", "Kiln fan 2", "Kiln fan 10")):
        expect(cards.nth(place)).to_have_attribute("data-machine", name)
    expect(page).to_have_url(re.compile(r"/\?q=kiln&status=learning&sort=name$"))
    page.get_by_role("button", name="As a table", exact=True).click()
    page.goto(page.url)
    rows = page.locator("tbody tr[data-machine]")
    expect(rows).to_have_count(3)
    expect(page.locator('[data-count="learning"]')).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Search machines", exact=True).fill("nothing like it")
    expect(page.locator("main")).to_contain_text("No machine is like that")
    page.get_by_role("button", name="Show all machines", exact=True).click()
    expect(rows.first).to_be_visible()
    expect(page).to_have_url(re.compile("/$"))
    search = page.get_by_label("Search machines", exact=True)
    search.fill("kiln fan")
    expect(rows).to_have_count(2)
    page.get_by_role("navigation").get_by_role("link", name="Fleet", exact=True).click()
    expect(search).to_have_value("")
    page.go_back()
    expect(rows).to_have_count(2)
    expect(search).to_have_value("kiln fan")
    page.get_by_role("button", name="As cards", exact=True).click()
