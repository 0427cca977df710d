"""Signing in from where one is, one's account, and pages for those who may not do everything."""

import json
import re
import signal
import sys
import uuid

import pytest
from playwright.sync_api import expect

from deploy.testing import warm

PASSWORD = "four words of mine"
OTHER = "some other words, longer"


@pytest.fixture
def storage():
    """Nobody is signed in when these tests begin."""
    return


@pytest.fixture
def make_user(api):
    def make(role):
        name = f"{role}-{uuid.uuid4().hex[:6]}"
        answer = api.post("/api/v1/users", json={"name": name, "role": role, "password": PASSWORD}, timeout=60)
        assert answer.status_code == 201, answer.text
        return name

    return make


def picture(page, name, viewport):
    page.watch.picture(f"sign-in-{name}-{viewport}")


def sign_in(page, name, password=PASSWORD):
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_one_signs_in_where_one_is_and_out_again(page, make_user, enrol, viewport):
    agent = enrol(f"Behind the door {viewport}")
    agent.send(3)
    name = make_user("operator")
    page.watch.expected += ["401"]
    page.goto(f"/agents?seen={viewport}")
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    expect(page.get_by_role("navigation")).to_have_count(0)
    picture(page, "form", viewport)
    sign_in(page, name, "not what it was")
    expect(page.get_by_role("alert")).to_have_text("The name or the password is wrong, or the account is disabled.")
    sign_in(page, name)
    expect(page.locator(f'[data-agent="{agent.identity}"]')).to_be_visible()
    expect(page).to_have_url(re.compile(rf"/agents\?seen={viewport}$"))
    expect(page.locator(f"[data-user={name}]")).to_be_visible()
    cookies = page.context.cookies()
    assert [(c["httpOnly"], c["sameSite"]) for c in cookies] == [(True, "Strict")]
    assert page.evaluate("document.cookie") == ""
    if viewport == "phone":
        page.locator("[data-user]").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()
    assert page.context.cookies() == []


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_a_session_that_ends_meanwhile_leads_to_signing_in_and_back(page, make_user, api):
    name = make_user("viewer")
    page.watch.expected += ["401"]
    page.goto("/agents")
    sign_in(page, name)
    expect(page.get_by_role("heading", name="Agents", level=1, exact=True)).to_be_visible()
    user = next(each["id"] for each in api.get("/api/v1/users?limit=1000").json()["items"] if each["name"] == name)
    assert api.patch(f"/api/v1/users/{user}", json={"password": OTHER}, timeout=60).status_code == 200
    # The next reading finds out; no page is left that shows what its reader may not see any more.
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible(timeout=30_000)
    sign_in(page, name, OTHER)
    expect(page.get_by_role("heading", name="Agents", level=1, exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("/agents$"))


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_what_a_viewer_may_not_do_is_not_there(page, make_user, enrol, viewport):
    agent = enrol(f"Only to look at {viewport}")
    agent.send(40)
    agent.run_what_is_desired()
    page.goto(f"/agents/{agent.identity}")
    sign_in(page, make_user("viewer"))
    mine = page.locator(f'[data-agent="{agent.identity}"]')
    expect(mine).to_be_visible()
    expect(mine.get_by_role("button", name=re.compile("Revoke|Rotate"))).to_have_count(0)
    page.goto("/")
    page.get_by_role("link", name=re.compile(re.escape(agent.machine))).first.click()
    page.get_by_role("button", name="Sound clips", exact=True).click()
    expect(page.get_by_role("switch", name=re.compile("[Kk]eep"))).to_be_disabled()
    expect(page.locator("main")).to_contain_text("This needs the role administrator.")
    expect(page.get_by_role("button", name=re.compile("^Train now|Maintenance"))).to_have_count(0)
    picture(page, "viewer", viewport)
    agent.report_event(event=uuid.uuid4(), revision=1, state="close")
    page.goto("/review")
    expect(page.locator("main")).to_contain_text("Sound is for operators")
    expect(page.locator("main")).to_contain_text("This needs the role operator. Ask an administrator.")
    expect(page.get_by_role("button", name="False alarm", exact=True)).to_have_count(0)
    page.keyboard.press("f")
    expect(page.get_by_role("form")).to_have_count(0)


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_ones_password_and_sessions_are_looked_after_on_the_account_page(page, make_user, browser, collector, viewport):
    name = make_user("operator")
    other = browser.new_context(base_url=collector.http)
    elsewhere = other.new_page()
    elsewhere.goto("/")
    sign_in(elsewhere, name)
    expect(elsewhere.locator(f"[data-user={name}]")).to_be_visible()
    page.watch.expected += ["422"]
    page.goto("/account")
    sign_in(page, name)
    expect(page.locator("[data-session]")).to_have_count(2)
    picture(page, "account", viewport)
    page.get_by_label("Current password", exact=True).fill("not what it was")
    page.get_by_label("New password", exact=True).fill(OTHER)
    page.get_by_role("button", name="Change it", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("The current password is wrong.")
    page.get_by_label("Current password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Change it", exact=True).click()
    expect(page.locator("main")).to_contain_text("Changed. All other browsers are signed out.")
    expect(page.locator("[data-session]")).to_have_count(1)
    other.close()
    page.get_by_role("button", name="Sign out everywhere", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in", exact=True)).to_be_visible()


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_signing_in_is_told_in_spanish(page, viewport):
    page.goto("/")
    page.get_by_role("button", name=re.compile("Language")).click()
    expect(page.get_by_role("heading", name="Iniciar sesión", exact=True)).to_be_visible()
    picture(page, "spanish", viewport)


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
@pytest.mark.parametrize(
    ("mode", "banner", "words"),
    [
        ("AUDIOSENSE_DEMO", "demo", "signing in is switched off"),
        ("AUDIOSENSE_INSECURE_LAN", "insecure", "Not encrypted"),
    ],
)
def test_each_page_says_what_is_not_protected(  # noqa: PLR0917
    page, collector, make_database, tmp_path, mode, banner, words, viewport
):
    environment = collector.environment | {
        "AUDIOSENSE_DATA_DIR": str(tmp_path),
        "AUDIOSENSE_HTTP_HOST": "127.0.0.1",
        "DATABASE_URL": make_database(),
        mode: "1",
    }
    with (tmp_path / "log").open("w") as log:
        process = warm.Popen(
            [sys.executable, "-m", "audiosense_collector", "serve"],
            env=environment,
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        )
    try:
        addresses = tmp_path / "run" / "addresses.json"
        while not addresses.is_file():
            assert process.poll() is None, (tmp_path / "log").read_text()
            page.wait_for_timeout(50)
        address = json.loads(addresses.read_text())["http"]
        for path in ("/", "/agents"):
            page.goto(f"{address}{path}")
            expect(page.locator(f"[data-banner={banner}]")).to_contain_text(words)
        shown = page.get_by_role("heading", name="Agents" if banner == "demo" else "Sign in", level=1, exact=True)
        expect(shown).to_be_visible()
        assert ("/setup#" in (tmp_path / "log").read_text()) is (banner == "insecure")
        picture(page, banner, viewport)
        page.goto("about:blank")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_hostile_names_are_shown_as_the_text_that_they_are(page, set_up, enrol):
    """A page error, a console error or another request would fail the test; so does a dialogue."""
    dialogues = []
    page.on("dialog", lambda dialogue: (dialogues.append(dialogue.message), dialogue.dismiss()))
    page.context.add_cookies(set_up["cookies"])
    machine = "<img src=x onerror=alert(1)><script>alert(2)</script>'; DROP TABLE user_account; --"
    agent = enrol(machine)
    agent.send(3)
    page.goto("/")
    page.get_by_role("link").filter(has_text=machine).first.click()
    expect(page.get_by_role("heading", name=machine, level=1, exact=True)).to_be_visible()
    page.goto("/agents")
    page.locator("[data-agent]").filter(has_text=machine).get_by_role("link").first.click()
    expect(page.get_by_role("heading", name=f"agent of {machine}", exact=True)).to_be_visible()
    expect(page.locator("img[src=x]")).to_have_count(0)
    assert dialogues == []
    # Were such a script to get into a page after all, the browser would not run it.
    page.watch.expected += ["Content Security Policy", "Content-Security-Policy"]
    page.evaluate(
        "() => { const it = document.createElement('script'); it.text = 'window.ran = 1'; document.body.append(it) }"
    )
    page.evaluate(
        "() => { document.body.insertAdjacentHTML('beforeend', '<i onclick=\"window.ran = 2\" id=trap>x</i>') }"
    )
    page.locator("#trap").dispatch_event("click")
    assert page.evaluate("window.ran") is None
