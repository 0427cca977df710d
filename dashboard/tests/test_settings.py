"""The header's way to every page, and the settings, as administrators and viewers see them."""

import csv
import os
import re
import uuid
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

PICTURES = os.environ.get("AUDIOSENSE_PICTURES")
PASSWORD = "four words of mine"
VIEWPORTS = {"desktop": {"width": 1440, "height": 900}, "phone": {"width": 390, "height": 844}}


def picture(page, name):
    if PICTURES:
        size = page.viewport_size
        for each, other in VIEWPORTS.items():
            page.set_viewport_size(other)
            page.screenshot(path=Path(PICTURES) / f"settings-{name}-{each}.png", full_page=True)
        page.set_viewport_size(size)


def test_every_page_is_reached_from_the_header(page, open_menu):
    page.goto("/")
    navigation = page.get_by_role("navigation", name="Main", exact=True)
    for name, heading in (("Review", "Review"), ("Agents", "Agents"), ("Settings", "Settings"), ("Fleet", None)):
        if name in {"Agents", "Settings"}:
            open_menu()
        link = navigation.get_by_role("link", name=re.compile(f"^{name}"))
        link.click()
        if heading:
            expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
        if name in {"Agents", "Settings"}:
            picture(page, f"header-{name.lower()}")
            open_menu()
        expect(link).to_have_attribute("aria-current", "page")
        if name in {"Agents", "Settings"}:
            page.keyboard.press("Escape")


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_the_menu_of_a_phone_works_by_keyboard_and_closes(page):
    page.goto("/")
    button = page.get_by_role("button", name="Menu", exact=True)
    navigation = page.get_by_role("navigation", name="Main", exact=True)
    first = navigation.get_by_role("link", name="Models", exact=True)
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(navigation.get_by_role("link", name=re.compile("^(Fleet|Review)"))).to_have_count(2)
    expect(first).to_have_count(0)
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Tab")
    expect(first).to_be_focused()
    expect(page.get_by_role("button", name="Sign out", exact=True)).to_be_visible()

    page.keyboard.press("Escape")
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(first).to_have_count(0)
    button.click()
    expect(first).to_be_visible()
    page.mouse.click(195, 830)
    expect(first).to_have_count(0)
    button.click()
    navigation.get_by_role("link", name="Agents", exact=True).click()
    expect(page.get_by_role("heading", name="Agents", level=1, exact=True)).to_be_visible()
    expect(button).to_have_attribute("aria-expanded", "false")


def test_what_is_kept_in_this_browser_is_chosen_in_the_settings(page):
    page.goto("/settings/browser")
    picture(page, "browser")
    page.get_by_role("radio", name="Dark", exact=True).check()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("checkbox", name="Developer mode", exact=True).check()
    page.get_by_role("radio", name="español", exact=True).check()
    expect(page.locator("html")).to_have_attribute("lang", "es")
    page.reload()
    expect(page.get_by_role("heading", name="Ajustes", level=1, exact=True)).to_be_visible()
    expect(page.get_by_role("radio", name="Oscuro", exact=True)).to_be_checked()
    expect(page.get_by_role("checkbox", name="Modo desarrollador", exact=True)).to_be_checked()
    expect(page).to_have_title("Este navegador · Ajustes · AudioSense")
    picture(page, "browser-spanish")
    page.get_by_role("link", name="A su cuenta", exact=True).click()
    expect(page.get_by_role("heading", name=re.compile("^anna"))).to_be_visible()


@pytest.fixture
def make_user(api):
    def make(role):
        name = f"{role}-{uuid.uuid4().hex[:6]}"
        answer = api.post("/api/v1/users", json={"name": name, "role": role, "password": PASSWORD}, timeout=60)
        assert answer.status_code == 201, answer.text
        return name

    return make


def user_of(api, name):
    return next(user for user in api.get("/api/v1/users?limit=1000").json()["items"] if user["name"] == name)


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_users_are_made_changed_and_disabled_and_an_administrator_is_left(page, api):
    page.watch.expected += ["409"]
    page.goto("/settings")
    page.get_by_role("link", name="Users and roles", exact=True).click()
    expect(page.get_by_role("heading", name="Users and roles", level=2, exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("/settings/people$"))
    name = f"ben-{uuid.uuid4().hex[:6]}"
    page.get_by_role("button", name="Add a user", exact=True).click()
    form = page.get_by_role("form", name="Add a user", exact=True)
    form.get_by_label(re.compile("^Name")).fill("anna")
    form.get_by_label(re.compile("^First password")).fill(PASSWORD)
    form.get_by_label(re.compile("^Role")).select_option("operator")
    expect(form).to_contain_text("Also listens to sound")
    picture(page, "people-add")
    form.get_by_role("button", name="Make the user", exact=True).click()
    expect(form.get_by_role("alert")).to_have_text("This name is taken already. Choose another one.")
    form.get_by_label(re.compile("^Name")).fill(name)
    form.get_by_role("button", name="Make the user", exact=True).click()
    expect(form).to_have_count(0)
    ben = page.locator(f'[data-person="{name}"]')
    expect(ben).to_contain_text("Operator")
    expect(ben).to_contain_text("never signed in")

    ben.get_by_role("button", name=f"Change \u2013 {name}", exact=True).click()
    ben.get_by_label(re.compile("^Role")).select_option("viewer")
    ben.get_by_role("button", name="Save", exact=True).click()
    expect(ben.get_by_role("button", name="Save", exact=True)).to_have_count(0)
    expect(ben).to_contain_text("Viewer")
    assert user_of(api, name)["role"] == "viewer"
    ben.get_by_role("button", name=f"Disable \u2013 {name}", exact=True).click()
    expect(ben.get_by_role("group", name="Disable", exact=True)).to_contain_text("cannot sign in")
    ben.get_by_role("group", name="Disable", exact=True).get_by_role("button", name="Disable", exact=True).click()
    expect(ben).to_contain_text("Disabled")
    picture(page, "people")
    ben.get_by_role("button", name=f"Enable \u2013 {name}", exact=True).click()
    expect(ben.get_by_role("button", name=f"Disable \u2013 {name}", exact=True)).to_be_visible()
    assert user_of(api, name)["disabled_us"] is None

    anna = page.locator('[data-person="anna"]')
    expect(anna).to_contain_text("last sign-in")
    anna.get_by_role("button", name="Change \u2013 anna", exact=True).click()
    expect(anna.get_by_label(re.compile("^New password"))).to_have_count(0), "one's own is on the account's page"
    anna.get_by_label(re.compile("^Role")).select_option("viewer")
    anna.get_by_role("button", name="Save", exact=True).click()
    expect(anna.get_by_role("alert")).to_have_text(
        "No administrator would be left. Make another user an administrator first."
    )
    assert user_of(api, "anna")["role"] == "administrator"


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_a_token_is_shown_once_opens_what_its_role_says_and_is_revoked(page, collector):
    page.context.grant_permissions(["clipboard-write"])
    page.goto("/settings/tokens")
    page.get_by_role("button", name="Make a token", exact=True).click()
    name = f"report {uuid.uuid4().hex[:6]}"
    form = page.get_by_role("form", name="Make a token", exact=True)
    form.get_by_label(re.compile(r"^What is it for\?")).fill(name)
    form.get_by_label(re.compile("^Days until it ends")).fill("7")
    form.get_by_role("button", name="Make the token", exact=True).click()
    made = page.get_by_role("group", name=f"Token “{name}” is made.", exact=True)
    made.get_by_role("button", name=re.compile("^Copy")).click()
    expect(made).to_contain_text("Copied")
    picture(page, "token-made")
    secret = made.locator("code").first.evaluate("it => it.innerText")
    headers = {"Authorization": f"Bearer {secret}"}
    assert httpx.get(f"{collector.http}/api/v1/fleet", headers=headers).status_code == 200
    assert httpx.get(f"{collector.http}/api/v1/users", headers=headers).status_code == 403
    made.get_by_role("button", name="I have copied it", exact=True).click()
    assert secret not in page.content()
    row = page.locator(f'[data-token="{name}"]')
    expect(row).to_contain_text("Viewer")
    expect(row).to_contain_text("of anna")
    picture(page, "tokens")
    row.get_by_role("button", name=f"Revoke \u2013 {name}", exact=True).click()
    row.get_by_role("group", name="Revoke", exact=True).get_by_role("button", name="Revoke", exact=True).click()
    expect(row).to_be_hidden()
    page.locator("main").get_by_text("Ended tokens (").click()
    expect(row).to_contain_text("Revoked")
    assert httpx.get(f"{collector.http}/api/v1/fleet", headers=headers).status_code == 401


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_tokens_that_hold_come_in_pages_which_ended_ones_take_no_place_of(page, api):
    mark = uuid.uuid4().hex[:6]

    def make(number):
        answer = api.post("/api/v1/tokens", json={"name": f"report {mark} {number}", "scope": "viewer"})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    made = [make(number) for number in range(52)]
    page.goto("/settings/tokens")
    oldest, newest = (page.locator(f'[data-token="report {mark} {number}"]') for number in (0, 51))
    more = page.get_by_role("button", name="Show more", exact=True)
    expect(newest).to_be_visible()
    expect(oldest).to_have_count(0)
    more.click()
    expect(oldest).to_be_visible()
    for token in made[1:]:
        assert api.delete(f"/api/v1/tokens/{token}").status_code == 204
    page.reload()
    expect(oldest).to_be_visible()
    page.locator("main").get_by_text(re.compile(r"^Ended tokens \([0-9]+\+\)$")).click()
    expect(newest).to_contain_text("Revoked")


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_the_log_is_filtered_proven_whole_and_saved(page, api, make_user):
    name = make_user("viewer")
    user = user_of(api, name)["id"]
    assert api.patch(f"/api/v1/users/{user}", json={"role": "operator"}).status_code == 200
    page.goto("/settings/audit")
    page.get_by_label(re.compile("^Did")).select_option(label="changed a user")
    entry = page.locator("[data-entry]").filter(has=page.get_by_role("link", name=name)).first
    expect(entry).to_contain_text("anna changed a user")
    expect(entry.locator("del")).to_have_text("Viewer")
    expect(entry.locator("ins")).to_have_text("Operator")
    expect(entry.locator("dt")).to_have_text("role")
    expect(entry.locator("dt")).to_have_attribute("title", "role")
    entry.get_by_role("link", name=name).click()
    expect(page.locator("[data-entry]")).to_have_count(2)
    expect(page.locator("[data-entry]").last).to_contain_text("made a user")
    expect(page).to_have_url(re.compile(f"subject_id={user}"))
    page.get_by_role("button", name="Check the log", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="none changed or missing")).to_be_visible()
    picture(page, "audit-of-user")
    with page.expect_download() as saved:
        page.get_by_role("link", name="CSV", exact=True).click()
    rows = list(csv.reader(Path(saved.value.path()).read_text().splitlines()))
    assert [row[4] for row in rows[1:3]] == ["change_user", "create_user"]
    assert rows[3:] == [["# rows: 2"]]
    page.get_by_label(re.compile("^From")).fill("2099-01-01T00:00")
    page.keyboard.press("Enter")
    expect(page.locator("main").get_by_text("No such entries")).to_be_visible()
    page.get_by_role("button", name="Show all", exact=True).click()
    expect(page.get_by_label(re.compile("^From"))).to_have_value("")
    expect(page.locator("[data-entry]").nth(3)).to_be_visible()
    picture(page, "audit")


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_of_the_settings_a_viewer_sees_only_what_concerns_him(page, make_user):
    page.watch.expected += ["403"]
    page.context.clear_cookies()
    answer = page.request.post(
        "/api/v1/session", data={"name": make_user("viewer"), "password": PASSWORD}, headers={"AudioSense-Page": "1"}
    )
    assert answer.status == 201
    page.goto("/settings")
    expect(page.get_by_role("heading", name="This browser", exact=True)).to_be_visible()
    expect(
        page.get_by_role("navigation", name="Sections of the settings", exact=True).get_by_role("link")
    ).to_have_text(["This browser"])
    for part in ("people", "tokens", "audit"):
        page.goto(f"/settings/{part}")
        expect(page.locator("main").get_by_text("needs the role administrator")).to_be_visible()
        expect(page.get_by_role("heading", level=2)).to_have_count(0)
        path = {"people": "users"}.get(part, part)
        assert page.request.get(f"/api/v1/{path}").status == 403
    picture(page, "refused")
    page.goto("/settings/browser")
    page.get_by_role("radio", name="español", exact=True).check()
    expect(page.locator("html")).to_have_attribute("lang", "es")
    page.goto("/settings/people")
    expect(page.locator("main").get_by_text("requiere el papel de administrador")).to_be_visible()
