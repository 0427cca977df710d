"""The fleet page against a real collector."""

import re

import pytest
from playwright.sync_api import expect


def test_a_machine_appears_with_its_state_and_learns_without_a_reload(page, enrol, viewport):
    page.goto("/")
    expect(page.get_by_role("heading", name=re.compile("Fleet|No machine yet")).first).to_be_visible()
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
    page.goto("/")
    card = page.locator(f'[data-machine="{agent.machine}"]')
    card.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=agent.machine, exact=True)).to_be_visible()


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_theme_and_language_are_remembered(page):
    page.goto("/")
    page.get_by_role("button", name=re.compile("^Theme")).click()
    page.get_by_role("button", name=re.compile("^Theme: Light")).click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name=re.compile("español")).click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("html")).to_have_attribute("lang", "es")
    expect(page.get_by_role("link", name="Planta")).to_be_visible()
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(13, 17, 20)"


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
    expect(page.get_by_test_id("stale-banner")).to_contain_text("old")
    cut["off"] = False
    page.get_by_role("button", name="Try now").click()
    expect(page.get_by_test_id("stale-banner")).to_have_count(0)


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_an_error_says_what_to_do_and_retries(page):
    page.watch.expected += ["ERR_FAILED", "ERR_ABORTED"]
    page.route("**/api/v1/fleet", lambda route: route.abort())
    page.goto("/")
    expect(page.get_by_role("alert").filter(has_text="audiosense-collector serve")).to_be_visible()
    page.unroute("**/api/v1/fleet")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_text("audiosense-collector serve")).to_have_count(0)
