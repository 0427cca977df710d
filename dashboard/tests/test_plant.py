"""Sites, machines, sensors and policies, as people set them up; at both sizes."""

import os
import re
import time
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import expect

PICTURES = os.environ.get("AUDIOSENSE_PICTURES")


def picture(page, name, viewport):
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"plant-{name}-{viewport}.png", full_page=True)


@pytest.fixture(autouse=True)
def no_policy(api):
    yield
    for policy in api.get("/api/v1/policies").json():
        if policy["origin"] == "set":
            body = {"value": None, "accept_loss": True}
            assert api.put(f"/api/v1/policies/{policy['setting']}", json=body).status_code == 200


def test_a_plant_is_made_renamed_tagged_and_taken_away(page, api, enrol, viewport):
    run = uuid4().hex[:6]
    hall, pump = f"Hall {run}", f"Pump {run}"
    agent = enrol(pump)
    agent.send(2)
    page.goto("/settings/plant")
    page.get_by_label(re.compile("New site")).fill(hall)
    page.get_by_role("button", name=re.compile("Add")).first.click()
    site = page.locator(f'[data-site="{hall}"]')
    expect(site.get_by_role("button", name=re.compile(re.escape(f"{hall} 0 machines")))).to_have_attribute(
        "aria-expanded", "true"
    )
    expect(site.get_by_text("No machine here yet.")).to_be_visible()
    site.get_by_label(re.compile("New machine")).fill("Spare")
    site.get_by_role("button", name=re.compile("Add")).click()
    expect(site.locator('[data-machine="Spare"]')).to_be_visible()
    # The agent's machine gets another name and comes to the new site.
    source = page.locator("[data-site]").filter(has_text="Default site")
    opener = source.get_by_role("heading").get_by_role("button")
    if opener.get_attribute("aria-expanded") == "false":
        opener.click()
    source.get_by_role("button", name=f"Change {pump}", exact=True).click()
    form = page.get_by_role("form", name=re.compile(re.escape(f"Change {pump}")))
    form.get_by_label(re.compile("Name")).fill(f"Boiler {run}")
    form.get_by_label(re.compile("Tags")).fill("Critical, Line 2")
    form.get_by_label(re.compile("Site")).select_option(hall)
    picture(page, "change", viewport)
    form.get_by_role("button", name=re.compile("Save")).click()
    moved = site.locator(f'[data-machine="Boiler {run}"]')
    expect(moved.get_by_text("critical · line 2")).to_be_visible()
    # A machine with a sensor stays; the empty one goes.
    stays = moved.get_by_role("button", name=re.compile(re.escape(f"Delete Boiler {run}")))
    expect(stays).to_be_disabled()
    expect(stays).to_have_accessible_description("To delete it, move its sensors first.")
    expect(moved.get_by_text("To delete it, move its sensors first.", exact=True)).to_be_visible()
    expect(site.get_by_text("To delete it, move or delete its machines first.", exact=True)).to_be_visible()
    site.get_by_role("button", name=re.compile("Delete Spare")).click()
    expect(site.get_by_text("It has no sensor and no notes")).to_be_visible()
    site.get_by_role("button", name="Delete", exact=True).click()
    expect(site.locator('[data-machine="Spare"]')).to_have_count(0)
    # The microphone is calibrated with what it reads now.
    moved.get_by_role("button", name=re.compile("Calibrate")).click()
    moved.get_by_role("button", name=re.compile("Take the newest window")).click()
    picture(page, "calibrate", viewport)
    moved.get_by_role("button", name=re.compile("Save")).click()
    expect(moved.get_by_text("A full-scale sample is 37.67")).to_be_visible()
    picture(page, "sites", viewport)
    agent.send(1)


def test_the_fleet_is_filtered_by_tag_and_a_machine_tagged_from_its_page(page, api, enrol, viewport):
    run = uuid4().hex[:6]
    enrol(f"Other {run}").send(1)
    enrol(f"Boiler {run}").send(1)
    machines = api.get("/api/v1/machines", params={"limit": 1000}).json()["items"]
    boiler = next(each["id"] for each in machines if each["name"] == f"Boiler {run}")
    api.patch(f"/api/v1/machines/{boiler}", json={"tags": ["Critical", f"line {run}"]})
    page.goto(f"/?tag=line+{run}")
    card = page.locator(f'[data-machine="Boiler {run}"]')
    expect(card.get_by_text("critical")).to_be_visible()
    expect(page.locator("[data-machine]")).to_have_count(1)
    picture(page, "fleet", viewport)
    card.click()
    page.get_by_role("button", name=re.compile("Tags and site")).click()
    page.get_by_role("form").get_by_label(re.compile("Tags")).fill(f"only {run}")
    picture(page, "machine", viewport)
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name=re.compile(re.escape(f"only {run}"))).click()
    page.get_by_label("Tag", exact=True).select_option("")
    expect(page.locator(f'[data-machine="Other {run}"]')).to_be_visible()


def test_a_name_that_is_taken_is_refused_with_what_to_do(page, api, viewport):
    hall = f"Hall {uuid4().hex[:6]}"
    assert api.post("/api/v1/sites", json={"name": hall}).status_code == 201
    page.watch.expected.append("409")
    page.goto("/settings/plant")
    page.get_by_label(re.compile("New site")).fill(hall)
    page.get_by_role("button", name=re.compile("Add")).first.click()
    expect(page.get_by_role("alert")).to_have_text("That name is taken here. Choose another one.")


def test_a_policy_is_changed_and_says_first_what_it_deletes(page, api, enrol, viewport):
    agent = enrol(f"Old {uuid4().hex[:6]}")
    day_us = 86_400_000_000
    agent.send(60, start_us=time.time_ns() // 1_000 - 5 * day_us)
    # What is lost is the database's estimate, which follows the rows after a moment.
    deadline = time.monotonic() + 30
    while not api.get("/api/v1/policies/retention_days/loss", params={"value": 2}).json()["rows"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    page.goto("/settings/policies")
    windows = page.get_by_role("form", name=re.compile("Keep windows for"))
    expect(windows.get_by_text("The default.")).to_be_visible()
    expect(page.get_by_role("form", name=re.compile("Length of a baseline")).get_by_role("spinbutton")).to_be_disabled()
    expect(page.locator("main").get_by_text("AUDIOSENSE_BASELINE_WINDOWS=40 stands over")).to_be_visible()
    windows.get_by_role("spinbutton").fill("2")
    windows.get_by_role("button", name=re.compile("Save")).click()
    expect(windows.get_by_text("With 2 days the next upkeep deletes for good")).to_be_visible()
    picture(page, "policies", viewport)
    windows.get_by_role("button", name=re.compile("Cancel")).click()
    assert api.get("/api/v1/policies").json()[0]["origin"] == "default"
    windows.get_by_role("spinbutton").fill("60")
    windows.get_by_role("button", name=re.compile("Save")).click()
    expect(windows.get_by_text("Set by anna")).to_be_visible()
    windows.get_by_role("button", name=re.compile("Back to the default, 30 days")).click()
    expect(windows.get_by_text("With 30 days")).to_have_count(0)
    expect(windows.get_by_text("The default.")).to_be_visible()


def test_a_policy_that_somebody_else_has_changed_asks_which_to_keep(page, api, viewport):
    # The browser says of a 409 that it failed, as of any other.
    page.watch.expected.append("409")
    page.goto("/settings/policies")
    exports = page.get_by_role("form", name=re.compile("Keep exports for"))
    figure = exports.get_by_role("spinbutton")
    question = exports.get_by_role("group", name=re.compile("Keep exports for"))
    expect(exports.get_by_text("The default.")).to_be_visible()
    api.put("/api/v1/policies/export_retention_days", json={"value": 9}).raise_for_status()
    figure.fill("20")
    exports.get_by_role("button", name=re.compile("Save")).click()
    expect(question).to_contain_text("anna has set it to 9 days meanwhile")
    picture(page, "policy-changed", viewport)
    question.get_by_role("button", name="Keep 9 days", exact=True).click()
    expect(question).to_have_count(0)
    expect(figure).to_have_value("9")
    # Once more, and over theirs; what a third one does in between is asked about again.
    api.put("/api/v1/policies/export_retention_days", json={"value": 10}).raise_for_status()
    figure.fill("20")
    exports.get_by_role("button", name=re.compile("Save")).click()
    expect(question).to_contain_text("set it to 10 days")
    api.put("/api/v1/policies/export_retention_days", json={"value": None}).raise_for_status()
    question.get_by_role("button", name="Set 20 days", exact=True).click()
    expect(question).to_contain_text("returned it to the default, 7 days")
    with page.expect_response(lambda answer: answer.request.method == "PUT" and answer.ok):
        question.get_by_role("button", name="Set 20 days", exact=True).click()
    expect(question).to_have_count(0)
    expect(figure).to_have_value("20")
    found = {each["setting"]: each["value"] for each in api.get("/api/v1/policies").json()}
    assert found["export_retention_days"] == 20


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_the_hint_of_an_uncalibrated_sensor_leads_to_its_calibration(page, enrol, viewport):
    machine = f"Bare {uuid4().hex[:6]}"
    enrol(machine).send(2)
    page.goto("/")
    page.get_by_role("link", name=re.compile(re.escape(machine))).first.click()
    page.get_by_role("link", name=re.compile(f"Calibrate {re.escape(machine)}")).click()
    expect(page.get_by_role("form", name=re.compile(f"Calibrate {re.escape(machine)}"))).to_be_in_viewport()


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_the_same_in_spanish(page, viewport):
    page.add_init_script("localStorage.setItem('audiosense.language', 'es')")
    for place, heading in (("plant", "Lugares y máquinas"), ("policies", "Conservación y presupuesto")):
        page.goto(f"/settings/{place}")
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        picture(page, f"{place}-spanish", viewport)
