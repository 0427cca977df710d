"""Developer mode against a real collector: the sandbox is filled, learned and emptied."""

import re

import pytest
from playwright.sync_api import expect


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_the_sandbox_is_generated_trained_and_cleared(page, open_menu):
    page.goto("/")
    open_menu()
    page.get_by_role("switch", name="Developer mode", exact=True).click()
    page.get_by_role("link", name="Developer mode", exact=True).click()
    said = page.get_by_test_id("sandbox-message")
    page.get_by_role("button", name="Generate", exact=True).click()
    expect(said).not_to_contain_text("running…", timeout=60_000)
    expect(page.get_by_role("definition").filter(has_text="10,000")).to_be_visible()
    for name in ("RMS level", "Dominant frequency", "Signal-to-noise ratio", "Spectral flatness", "Band levels"):
        expect(page.get_by_role("region", name=re.compile(f"^{name}"))).to_be_visible()

    page.get_by_role("button", name="Train", exact=True).click()
    expect(said).not_to_contain_text("running…", timeout=90_000)
    score = page.get_by_role("region", name=re.compile("^Model score and threshold"))
    expect(score.get_by_role("img", name=re.compile(r"\d points"))).to_be_visible(timeout=20_000)

    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.locator("main")).to_contain_text("The sandbox is empty", timeout=20_000)


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_the_choice_of_developer_mode_is_remembered(page):
    page.goto("/")
    page.get_by_role("switch", name="Developer mode", exact=True).click()
    page.reload()
    expect(page.get_by_role("switch", name="Developer mode", exact=True)).to_have_attribute("aria-checked", "true")
