"""The header's way to every page, and the settings, as administrators and viewers see them."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

PICTURES = os.environ.get("AUDIOSENSE_PICTURES")


def picture(page, name, viewport):
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"settings-{name}-{viewport}.png", full_page=True)


def test_every_page_is_reached_from_the_header(page, open_menu, viewport):
    page.goto("/")
    navigation = page.get_by_role("navigation", name="Main")
    for name, heading in (("Review", "Review"), ("Agents", "Agents"), ("Settings", "Settings"), ("Fleet", None)):
        if name in {"Agents", "Settings"}:
            open_menu()
        link = navigation.get_by_role("link", name=re.compile(f"^{name}"))
        link.click()
        if heading:
            expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
        if name in {"Agents", "Settings"}:
            picture(page, f"header-{name.lower()}", viewport)
            open_menu()
        expect(link).to_have_attribute("aria-current", "page")
        if name in {"Agents", "Settings"}:
            page.keyboard.press("Escape")


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_the_menu_of_a_phone_works_by_keyboard_and_closes(page, viewport):
    page.goto("/")
    button = page.get_by_role("button", name="Menu")
    navigation = page.get_by_role("navigation", name="Main")
    agents = navigation.get_by_role("link", name="Agents")
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(navigation.get_by_role("link", name=re.compile("^(Fleet|Review)"))).to_have_count(2)
    expect(agents).to_have_count(0)
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    expect(agents).to_be_focused()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    picture(page, "menu", viewport)
    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(agents).to_have_count(0)
    button.click()
    expect(agents).to_be_visible()
    page.mouse.click(195, 830)
    expect(agents).to_have_count(0)
    button.click()
    agents.click()
    expect(page.get_by_role("heading", name="Agents", level=1)).to_be_visible()
    expect(button).to_have_attribute("aria-expanded", "false")


def test_what_is_kept_in_this_browser_is_chosen_in_the_settings(page, viewport):
    page.goto("/settings/browser")
    picture(page, "browser", viewport)
    page.get_by_role("radio", name="Dark").check()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("checkbox", name="Developer mode").check()
    page.get_by_role("radio", name="español").check()
    page.reload()
    expect(page.get_by_role("heading", name="Ajustes", level=1)).to_be_visible()
    expect(page.get_by_role("radio", name="Oscuro")).to_be_checked()
    expect(page.get_by_role("checkbox", name="Modo desarrollador")).to_be_checked()
    expect(page).to_have_title("Este navegador · Ajustes · AudioSense")
    picture(page, "browser-spanish", viewport)
    page.get_by_role("link", name="A su cuenta").click()
    expect(page.get_by_role("heading", name="anna")).to_be_visible()
