"""The pages about models against a real collector: train, push, go back, evaluate, compare, and who may do it."""

import os
import re
import time
import uuid
from pathlib import Path

import pytest
from playwright.sync_api import expect

PICTURES = os.environ.get("AUDIOSENSE_PICTURES")
PASSWORD = "four words of mine"


def picture(page, name, viewport):
    if PICTURES:
        page.wait_for_timeout(500)
        page.screenshot(path=Path(PICTURES) / f"models-{name}-{viewport}.png", full_page=True)


@pytest.fixture
def trained(enrol, viewport):
    """An agent whose sensor runs its first model."""
    agent = enrol(f"Compared pump {viewport} {time.time_ns() % 10**6}")
    agent.send(40)
    agent.run_what_is_desired()
    agent.send(20, score=0.4, status="normal")
    return agent


def open_model(page, agent, digest):
    page.goto("/models")
    page.get_by_role("searchbox").fill(agent.machine)
    row = page.locator(f'[data-sensor="{agent.sensor}"]')
    expect(row.locator("[data-standing]")).to_have_attribute("data-standing", "running")
    row.get_by_role("link", name=agent.machine).click()
    expect(page).to_have_url(re.compile(f"/models/{digest}"))


def test_a_model_is_trained_compared_and_gone_back_from_and_that_undone(page, trained, viewport):
    first = trained.running[0]
    open_model(page, trained, first)
    agent = page.get_by_role("region", name="Agent that runs it", exact=True)
    expect(agent.locator("[data-golden]")).to_have_attribute("data-golden", "passed")
    expect(agent.locator('[data-run="open"]')).to_contain_text("since")
    actions = page.get_by_role("region", name="What can be done", exact=True)
    expect(actions.get_by_role("button", name=re.compile("^Go back"))).to_have_count(0)

    actions.get_by_role("button", name=re.compile("Train now")).click()
    actions.get_by_role("spinbutton", name=re.compile("^Windows")).fill("30")
    actions.get_by_role("button", name=re.compile("Start training")).click()
    expect(actions.locator('[data-job="succeeded"]')).to_be_visible(timeout=60_000)
    jobs = page.get_by_role("region", name="Work on this sensor's models", exact=True)
    expect(jobs.locator('[data-job-kind="train"][data-job-state="done"]').first).to_be_visible()
    second = trained.run_what_is_desired()
    trained.send(20, score=0.4, status="normal")

    history = page.get_by_role("region", name="All models of this sensor", exact=True)
    history.get_by_role("link", name=re.compile("Version 2")).click()
    expect(page).to_have_url(re.compile(f"/models/{second}"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Version 2")
    back = page.get_by_role("button", name=re.compile(re.escape(f"Go back to version 1 on {trained.machine} sensor")))
    back.click()
    question = page.get_by_role("group", name=re.compile("^Go back to version 1"))
    expect(question).to_contain_text("the present one can be pushed again")
    page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    back.click()
    question.get_by_role("button", name=re.compile("Push it")).click()
    expect(page.locator('[data-pushed="3"]')).to_contain_text("The content of version 1 was pushed")
    third = trained.run_what_is_desired()
    assert third not in {first, second}
    page.get_by_role("button", name=re.compile("Undo: push version 2 again")).click()
    expect(page.locator('[data-pushed="4"]')).to_contain_text("The content of version 2 was pushed")
    assert trained.run_what_is_desired() not in {first, second, third}
    picture(page, "pushed", viewport)
    page.get_by_role("link", name=re.compile("See version 4")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Version 4")
    facts = page.get_by_role("region", name="The model", exact=True)
    expect(facts).to_contain_text("Content of")
    expect(facts.get_by_role("link", name=re.compile("Version 2"))).to_be_visible()
    picture(page, "one", viewport)
    page.goto("/models")
    expect(page.locator(f'[data-sensor="{trained.sensor}"]')).to_be_visible()
    picture(page, "all", viewport)


def test_two_models_are_compared_on_the_same_stored_windows(page, trained, api, viewport):
    first = trained.running[0]
    api.post(f"/api/v1/sensors/{trained.sensor}/train", json={"windows": 30}).raise_for_status()
    second = trained.run_what_is_desired()
    trained.send(60, score=0.4, status="normal")
    page.goto(f"/models/{second}")
    history = page.get_by_role("region", name="All models of this sensor", exact=True)
    history.get_by_role("link", name=re.compile("Compare with version 1")).click()
    expect(page).to_have_url(re.compile(f"a={second}.*b={first}"))
    side = page.get_by_role("region", name="Side by side", exact=True)
    expect(side).to_contain_text("Both use the same")
    expect(side.get_by_role("row", name=re.compile("^Baseline"))).to_contain_text("30 windows")
    windows = page.get_by_role("region", name="Evaluations on stored windows", exact=True)
    windows.get_by_label(re.compile("^Windows of the last")).select_option("hour")
    windows.get_by_role("button", name=re.compile("Evaluate both on the same windows")).click()
    done = windows.locator('[data-evaluation="done"]')
    expect(done).to_be_visible(timeout=60_000)
    expect(done.get_by_role("row", name=re.compile("^Alarms a day"))).to_contain_text("(95 %)")
    expect(done.get_by_role("columnheader", name="Version 1", exact=True).first).to_be_visible()
    expect(done).to_contain_text("Anomalous to both")
    chart = done.get_by_role("region", name="Highest score over threshold", exact=True)
    expect(chart.locator("canvas")).to_be_visible()
    chart.get_by_role("button", name=re.compile("Highest score over threshold: show as table")).click()
    expect(chart.get_by_role("columnheader", name="Version 2", exact=True)).to_be_visible()
    expect(chart.get_by_role("row").nth(2)).to_be_visible()
    chart.get_by_role("button", name=re.compile("Highest score over threshold: show as chart")).click()
    picture(page, "compare", viewport)
    page.get_by_role("button", name=re.compile("Swap")).click()
    expect(page).to_have_url(re.compile(f"a={first}.*b={second}"))
    expect(windows.locator('[data-evaluation="done"]')).to_be_visible()


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_what_was_refused_stands_out_and_is_found(page, trained, api, viewport):
    first = trained.running[0]
    api.post(f"/api/v1/sensors/{trained.sensor}/train", json={"windows": 30}).raise_for_status()
    deadline = time.monotonic() + 60
    while trained.desired is None or trained.desired.digest == first:
        assert time.monotonic() < deadline
        trained.post()
        time.sleep(0.2)
    second = trained.desired.digest
    page.goto(f"/models?q={trained.machine.replace(' ', '+')}")
    row = page.locator(f'[data-sensor="{trained.sensor}"]')
    expect(row).to_contain_text("Version 2 is offered")
    trained.sent_back = (second, "golden: the model is off its golden vectors by 1e-1")
    trained.post()
    # The stream tells the page; nobody reloads it.
    expect(row.locator("[data-standing]")).to_have_attribute("data-standing", "refused")
    expect(row).to_contain_text("Version 2 refused: golden: the model is off")
    picture(page, "refused", viewport)
    page.locator('[data-count="refused"]').click()
    expect(page).to_have_url(re.compile("standing=refused"))
    expect(row).to_be_visible()
    page.goto(f"/models/{second}")
    agent = page.get_by_role("region", name="Agent that runs it", exact=True)
    expect(agent.get_by_role("alert")).to_contain_text("off its golden vectors")
    expect(agent.locator("[data-golden]")).to_have_attribute("data-golden", "failed")
    page.goto("/models?q=nothing+like+it")
    expect(page.locator("main").get_by_text("No sensor is like this")).to_be_visible()
    page.get_by_role("button", name=re.compile("Show all")).click()
    expect(page.locator("[data-sensor]").first).to_be_visible()
    page.watch.expected += ["404"]
    page.goto(f"/models/{'0' * 64}")
    expect(page.get_by_role("alert")).to_contain_text("The collector does not know this")


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_models_are_told_in_spanish(page, trained, viewport):
    page.add_init_script("localStorage.setItem('audiosense.language', 'es')")
    page.goto(f"/models/{trained.running[0]}")
    expect(page.get_by_role("region", name="Qué se puede hacer", exact=True)).to_contain_text("Entrenar ahora")
    expect(page.get_by_role("region", name="Agente que lo ejecuta", exact=True)).to_contain_text("Superada")
    page.get_by_role("link", name=re.compile("Todos los modelos")).first.click()
    expect(page.get_by_role("heading", name="Modelos", exact=True)).to_be_visible()


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_the_mark_of_a_model_stands_where_the_agent_began_to_run_it(page, trained, api, viewport):
    detail = api.get(f"/api/v1/models/{trained.running[0]}").json()
    (run,) = detail["runs"]
    assert run["began_us"] >= detail["created_us"]
    machine = api.get(f"/api/v1/machines/{detail['place']['machine_id']}").json()
    assert machine["sensors"][0]["models"][0]["runs"] == [run]
    page.goto(f"/machines/{detail['place']['machine_id']}")
    model = page.get_by_role("region", name="Model in use", exact=True)
    model.get_by_role("link", name=re.compile("All models, comparing, going back")).click()
    expect(page).to_have_url(re.compile(f"/models/{trained.running[0]}"))


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_a_viewer_reads_all_and_changes_nothing(page, trained, api, collector, viewport):
    api.post(f"/api/v1/sensors/{trained.sensor}/train", json={"windows": 30}).raise_for_status()
    second = trained.run_what_is_desired()
    name = f"viewer-{uuid.uuid4().hex[:6]}"
    user = {"name": name, "role": "viewer", "password": PASSWORD}
    api.post("/api/v1/users", json=user, timeout=60).raise_for_status()
    page.watch.expected += ["401"]
    page.context.clear_cookies()
    page.goto(f"/models/{second}")
    page.get_by_label(re.compile("^Name")).fill(name)
    page.get_by_label(re.compile("^Password")).fill(PASSWORD)
    page.get_by_role("button", name=re.compile("Sign in")).click()
    expect(page.get_by_role("region", name="How small a fault would be heard", exact=True)).to_be_visible()
    expect(page.get_by_role("region", name="What can be done", exact=True)).to_have_count(0)
    for button in ("Train now", "Evaluate", "Download the bundle", re.compile("^Go back to version 1")):
        expect(page.get_by_role("button", name=button)).to_have_count(0)
    headers = {"AudioSense-Page": "1", "Origin": collector.http}
    for path in (f"models/{second}/push", f"models/{second}/evaluations"):
        answer = page.request.post(f"/api/v1/{path}", data={}, headers=headers)
        assert answer.status == 403, answer.text()
    assert page.request.get(f"/api/v1/models/{second}/bundle").status == 403
