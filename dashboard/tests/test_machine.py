"""The machine page against a real collector: learning, training, live scores, an event, models."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from audiosense_common.wire import Reason


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_a_model_on_probation_is_marked_and_one_that_was_sent_back_says_why(page, enrol, viewport):
    agent = enrol(f"Probation {viewport}")
    agent.send(40)
    agent.stage = "probation"
    digest = agent.run_what_is_desired()
    page.goto(agent.in_fleet)
    page.locator(f'[data-machine="{agent.machine}"]').click()
    model = page.get_by_role("region", name="Model in use", exact=True)
    badge = model.locator("[data-model-probation]")
    expect(badge).to_have_text("On probation", timeout=20_000)
    agent.stage = "committed"
    agent.post()
    expect(badge).to_have_count(0, timeout=20_000)
    expect(model.locator('[data-model-state="running"]')).to_be_visible()

    agent.running = agent.stage = None
    agent.sent_back = (digest, "probation:alarm_rate: it calls 60 of 60 windows anomalous")
    agent.post()
    expect(model).to_contain_text("it calls 60 of 60 windows anomalous", timeout=20_000)
    expect(model).to_contain_text("No model yet")


def test_a_machine_is_followed_from_learning_to_an_event(page, enrol, viewport):
    agent = enrol(f"Whole way {viewport}")
    agent.send(12)
    page.goto(agent.in_fleet)
    page.locator(f'[data-machine="{agent.machine}"]').click()
    page.wait_for_url("**/machines/*")
    expect(page.locator("[data-machine]")).to_have_count(0)
    expect(page.get_by_role("heading", name=agent.machine, exact=True)).to_be_visible()
    page.evaluate("window.notReloaded = true")
    expect(page.locator("main")).to_contain_text("12 of 40 windows")
    expect(page.get_by_role("img", name=re.compile("^Level: 12 points"))).to_be_visible()

    agent.send(28)
    digest = agent.run_what_is_desired()
    model = page.get_by_role("region", name="Model in use", exact=True)
    expect(model).to_contain_text(digest[:12], timeout=20_000)
    expect(model.locator('[data-model-state="running"]')).to_be_visible()
    expect(model).to_contain_text("40 windows")
    expect(model).to_contain_text("One mode heard")

    agent.send(2, score=0.41, status="normal")
    facts = page.get_by_role("region", name=f"{agent.machine} sensor", exact=True)
    expect(facts).to_contain_text("0.410")
    expect(facts.locator('[data-state="normal"]')).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("^Score against threshold: 2 points"))).to_be_visible()

    event = uuid4()
    agent.send(1, score=0.81, status="anomalous")
    agent.report_event(event=event, revision=1, state="open")
    expect(page.locator('[data-event="open"]')).to_contain_text("0.812")
    table = page.get_by_role("table").filter(has=page.locator("[data-event]"))
    assert table.evaluate("it => it.scrollWidth <= it.parentElement.clientWidth"), "columns are cut off"
    expect(table.get_by_role("columnheader", name="Windows", exact=True)).to_be_visible(visible=viewport == "desktop")
    expect(model).to_contain_text(re.compile(r"At most 1 false alarm a week\. \d.* of baseline are too few for that"))
    expect(page.locator('nav [aria-current="true"]')).to_have_text("10 min")
    expect(page.locator('main [data-state="alarm"]').first).to_be_visible()
    agent.send(1, score=0.42, status="normal")
    agent.report_event(event=event, revision=2, state="close")
    expect(page.locator('[data-event="closed"]')).to_be_visible()
    assert page.evaluate("window.notReloaded")


BAND = Reason(key="band", low_hz=3_180, high_hz=4_210, value=-41, normal=-60.5, unit="dBFS", deviation=37.5)
IMPULSES = Reason(key="impulsiveness", feature="kurtosis_log", value=9.41, normal=2.94, unit="", deviation=23.2)


def test_why_a_machine_is_anomalous_stands_in_words(page, enrol, open_menu, viewport):
    agent = enrol(f"Explained {viewport}")
    agent.send(40)
    agent.run_what_is_desired()
    agent.send(1, score=0.7, status="anomalous", reasons=[BAND])
    page.goto(agent.in_fleet)
    card = page.locator(f'[data-machine="{agent.machine}"]')
    expect(card).to_contain_text("3.2\u20134.2\u202fkHz band +20\u202fdB", timeout=20_000)
    card.click()
    why = page.get_by_role("region", name="Why", exact=True)
    expect(why).to_contain_text("3.2\u20134.2\u202fkHz band +20\u202fdB")
    agent.send(1, score=0.7, status="anomalous", reasons=[])
    expect(why).to_contain_text("No single figure stands out")
    agent.send(1, score=0.4, status="normal")
    expect(why).to_have_count(0)

    event = uuid4()
    agent.report_event(event=event, revision=1, state="open", reasons=[IMPULSES, BAND])
    expect(why).to_contain_text("Impulsiveness (kurtosis) 2.9 → 9.4")
    events = page.get_by_role("region", name="Events", exact=True).first
    expect(events.locator('[data-reason="impulsiveness"]')).to_contain_text("2.9 → 9.4")
    expect(events.locator('[data-reason="band"]')).to_be_visible()
    table = page.get_by_role("table").filter(has=page.locator("[data-event]"))
    assert table.evaluate("it => it.scrollWidth <= it.parentElement.clientWidth"), "columns are cut off"
    open_menu()
    page.get_by_role("button", name=re.compile("español")).click()
    expect(page.get_by_role("region", name="Por qué", exact=True)).to_contain_text("Impulsividad (curtosis) 2,9 → 9,4")
    agent.report_event(event=event, revision=2, state="close", reasons=[IMPULSES])
    expect(page.get_by_role("region", name="Por qué", exact=True)).to_have_count(0)
    expect(page.locator('[data-reason="impulsiveness"]')).to_be_visible()


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_drift_is_shown_and_learnt_anew_only_when_asked_to(page, enrol, viewport):
    agent = enrol(f"Drifting {viewport}")
    agent.send(40)
    agent.run_what_is_desired()
    agent.send(20, score=0.4, status="normal")
    page.goto(agent.in_fleet)
    page.locator(f'[data-machine="{agent.machine}"]').click()
    drift = page.get_by_role("region", name="Drift", exact=True)
    drift.get_by_role("button", name="Drift", exact=True).click()
    expect(drift).to_contain_text("20 running windows were heard, 50 are needed")

    agent.send(70, score=0.4, status="normal", louder_db=20)
    page.reload()
    level = drift.locator('[data-group="level"]')
    expect(level).to_have_attribute("data-degree", "marked")
    expect(level).to_contain_text(re.compile(r"\+\d\d\.\d\sdB"))
    expect(drift).to_contain_text("three days must be heard")
    expect(drift.locator('[data-group="shape"]')).to_have_count(0)
    drift.get_by_role("button", name="Show stable groups", exact=True).click()
    expect(drift.locator('[data-group="shape"]')).to_have_attribute("data-degree", "stable")

    drift.get_by_role("button", name="Train on the newest windows", exact=True).click()
    expect(drift.locator('[data-job="succeeded"]')).to_be_visible(timeout=60_000)
    agent.run_what_is_desired()
    expect(drift).to_contain_text("are needed", timeout=20_000)


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_a_model_is_trained_by_hand(page, enrol):
    agent = enrol("Trained pump")
    agent.send(40)
    agent.run_what_is_desired()
    page.goto(agent.in_fleet)
    page.locator(f'[data-machine="{agent.machine}"]').click()
    page.get_by_role("button", name="Train now", exact=True).click()
    page.get_by_role("spinbutton", name=re.compile("^Windows")).fill("30")
    page.get_by_label(re.compile("^Or threshold percentile")).fill("98")
    page.get_by_role("button", name="Start training", exact=True).click()
    expect(page.locator('[data-job="succeeded"]')).to_be_visible(timeout=60_000)
    second = agent.run_what_is_desired()
    model = page.get_by_role("region", name="Model in use", exact=True)
    expect(model).to_contain_text(second[:12], timeout=20_000)
    expect(model).to_contain_text("30 windows")
    model.get_by_role("link", name="All models, comparing, going back", exact=True).click()
    expect(page).to_have_url(re.compile(f"/models/{second}"))


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_ranges_features_and_zoom_stand_in_the_address(page, enrol):
    agent = enrol("Charted pump")
    agent.send(20)
    page.goto(agent.in_fleet)
    page.locator(f'[data-machine="{agent.machine}"]').click()
    page.get_by_role("link", name="10 min", exact=True).click()
    page.get_by_label("Add a feature", exact=True).select_option("crest_db")
    crest = page.get_by_role("img", name=re.compile("^Crest factor: 20 points"))
    expect(crest).to_be_visible()
    page.reload()
    expect(crest).to_be_visible()
    expect(page).to_have_url(re.compile("range=10m.*features=crest_db|features=crest_db.*range=10m"))

    over = page.locator(".u-over").first.bounding_box()
    middle = over["y"] + over["height"] / 2
    page.mouse.move(over["x"] + over["width"] * 0.5, middle)
    page.mouse.down()
    page.mouse.move(over["x"] + over["width"] * 0.95, middle, steps=5)
    page.mouse.up()
    expect(page).to_have_url(re.compile("from=[0-9]+"))
    page.get_by_role("link", name="Back to live", exact=True).click()
    expect(page).not_to_have_url(re.compile("from="))

    page.get_by_role("button", name=re.compile("Level: show as table$")).click()
    expect(page.get_by_role("cell", name=re.compile(r"^-31\.5\sdBFS$")).first).to_be_visible()


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_an_unknown_machine_says_so(page):
    page.watch.expected += ["404"]
    page.goto(f"/machines/{uuid4()}")
    expect(page.get_by_role("alert")).to_contain_text("The collector does not know this")


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_the_running_level_is_shown_and_set_and_reaches_the_agent(page, enrol, viewport):
    agent = enrol(f"Night pump {viewport}")
    agent.send(40)
    learned = agent.run_what_is_desired()
    page.goto(agent.in_fleet)
    page.locator(f'[data-machine="{agent.machine}"]').click()
    running = page.locator("[data-running]")
    expect(running).to_contain_text("learned", timeout=20_000)
    expect(running).to_contain_text("2 windows")
    running.get_by_role("button", name="Change running level", exact=True).click()
    running.get_by_label(re.compile("^Running level, dBFS")).fill("-42")
    running.get_by_label(re.compile("^Start waited out")).fill("4")
    running.get_by_role("button", name="Save", exact=True).click()
    expect(running).to_contain_text("-42.0\u202fdBFS")
    expect(running).to_contain_text("set here")
    expect(running).to_contain_text("4 windows")
    assert agent.run_what_is_desired() != learned
    running.get_by_role("button", name="Change running level", exact=True).click()
    running.get_by_label("The machine never counts as stopped", exact=True).check()
    running.get_by_role("button", name="Save", exact=True).click()
    expect(running).to_contain_text("never stopped")
    agent.send(2, score=0.5, status="stopped")
    expect(page.locator('main [data-state="stopped"]').first).to_be_visible()
    page.goto(agent.in_fleet)
    card = page.locator(f'[data-machine="{agent.machine}"]')
    expect(card.locator('[data-state="stopped"]')).to_be_visible()


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_an_accelerometers_levels_are_in_g_and_mm_per_second(page, enrol):
    agent = enrol("Shaken pump", quantity="acceleration", full_scale=16.0)
    agent.send(12)
    page.goto(agent.in_fleet)
    page.locator(f'[data-machine="{agent.machine}"]').click()
    facts = page.get_by_role("region", name=f"{agent.machine} sensor", exact=True)
    expect(facts).to_contain_text("0.4257\u202fg")
    expect(facts).to_contain_text("mm/s")
    expect(page.get_by_role("img", name=re.compile(r"^Acceleration, RMS: 12 points.*0.4257\sg"))).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("^Velocity, RMS 10.1000 Hz: 12 points.*mm.s"))).to_be_visible()
    agent.send(3)
    expect(page.get_by_role("img", name=re.compile("^Velocity, RMS 10.1000 Hz: 15 points"))).to_be_visible()


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_a_running_level_of_the_agents_own_is_told_and_not_offered_for_change(page, enrol):
    agent = enrol("Own level pump", running_level_dbfs=-55.0)
    agent.send(3)
    page.goto(agent.in_fleet)
    page.locator(f'[data-machine="{agent.machine}"]').click()
    running = page.locator('[data-running="agent"]')
    expect(running).to_contain_text("-55.0\u202fdBFS")
    expect(running).to_contain_text("stands over settings made here")
    expect(running.get_by_role("button")).to_have_count(0)
