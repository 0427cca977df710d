"""The page of agents against a real collector: how each is, and what an administrator does with it."""

import re
import time
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from browser_testing.copies import copied, refused, told
from playwright.sync_api import expect

from audiosense_collector.db.embedded import EmbeddedServer
from audiosense_collector.db.engine import libpq_url
from audiosense_common.wire_checks import Check, CheckFigure, CheckState
from audiosense_common.wire_gaps import Gap


def picture(page, name, viewport):
    page.watch.picture(f"agents-{name}-{viewport}")


def let_pass(collector, agent, minutes):
    """Let what the collector knows of an agent be so much older: as if it had been quiet for so long."""
    server = EmbeddedServer(Path(collector.environment["AUDIOSENSE_DATA_DIR"]) / "postgresql")
    with psycopg.connect(libpq_url(server.url())) as db:
        for change in (
            "agent SET last_seen = last_seen - %s, created = created - %s WHERE id = %s",
            "agent_check SET told = told - %s, since = since - %s WHERE agent_id = %s",
        ):
            done = db.execute(f"UPDATE {change}", (*[timedelta(minutes=minutes)] * 2, agent.identity))
            assert done.rowcount == 1


def test_an_agents_state_backlog_and_checks_are_shown(page, enrol, open_menu, viewport):
    agent = enrol(f"Steady {viewport}")
    agent.checks = [
        Check(
            key="clock",
            state=CheckState.WARNING,
            cause="skewed",
            remedy="Set the clock.",
            evidence=[CheckFigure(key="offset", value=3.5, unit="s")],
        ),
        Check(key="sensor_silent", sensor=agent.sensor, state=CheckState.FAILED, cause="digital", remedy="Look."),
    ]
    agent.send(4)
    page.goto("/")
    open_menu()
    page.get_by_role("navigation").get_by_role("link", name="Agents", exact=True).click()
    row = page.locator(f'[data-agent="{agent.identity}"]')
    expect(row).to_contain_text("Active")
    expect(row).to_contain_text("1 sensor")
    expect(page).to_have_title("Agents · AudioSense")
    picture(page, "list", viewport)
    row.get_by_role("link").click()
    panel = page.get_by_role("region", name=f"agent of {agent.machine}", exact=True)
    expect(panel).to_contain_text("Active")
    expect(panel).to_contain_text("nothing waits")
    expect(panel).to_contain_text(re.compile(r"[+-]\d+\.\d\d\u202fs"))
    expect(panel).to_contain_text("4 measurements")
    expect(panel.locator('[data-check="clock"]')).to_contain_text("Warning: Clock wrong")
    expect(panel.locator('[data-check="sensor_silent"]')).to_have_count(0), "its sensors' checks stand at the machine"
    expect(page).to_have_title(f"agent of {agent.machine} · AudioSense")
    picture(page, "one", viewport)
    panel.get_by_role("link", name=agent.machine).click()
    expect(page.get_by_role("heading", name=agent.machine, exact=True)).to_be_visible()


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_an_agent_is_revoked_accepted_again_and_told_to_change_its_credential(page, enrol, viewport):
    agent = enrol(f"Lost {viewport}")
    agent.send(2)
    page.goto(f"/agents/{agent.identity}")
    panel = page.locator(f'[data-agent="{agent.identity}"]')
    panel.get_by_role("button", name="Revoke", exact=True).click()
    question = panel.get_by_role("group", name="Revoke", exact=True)
    expect(question).to_contain_text("It keeps what it hears")
    question.get_by_role("button", name="Cancel", exact=True).click()
    agent.send(1)
    panel.get_by_role("button", name="Revoke", exact=True).click()
    panel.get_by_role("button", name="Revoke it", exact=True).click()
    expect(panel).to_have_attribute("data-agent-state", "revoked")
    expect(panel).to_contain_text("Revoked by an administrator")
    assert refused(agent) == "revoked"
    panel.get_by_role("button", name="Accept again", exact=True).click()
    panel.get_by_role("button", name="Accept it", exact=True).click()
    expect(panel).to_have_attribute("data-agent-state", "active")
    panel.get_by_role("button", name="New credential", exact=True).click()
    panel.get_by_role("button", name="Ask for it", exact=True).click()
    expect(panel).to_contain_text("is being changed")
    assert agent.send(1).rotate_credential


def lost(agent, number, reason, windows, **what):
    return Gap(epoch=agent.epoch, number=number, reason=reason, windows=windows, **what)


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_what_an_agent_lost_is_told_with_reason_sensor_and_time(page, enrol, viewport):
    agent = enrol(f"Lossy {viewport}")
    agent.send(1)
    now_us = time.time_ns() // 1_000
    span = {"sensor": agent.sensor, "first_us": now_us - 7_200_000_000, "last_us": now_us - 3_600_000_000}
    agent.post(gaps=[lost(agent, 1, "spool_full", 1_240, **span), lost(agent, 2, "rescued", 40, sensor=agent.sensor)])
    agent.post(gaps=[lost(agent, 3, "damaged", None), lost(agent, 4, "word_of_later", 1, **span)])
    page.goto(f"/agents/{agent.identity}")
    panel = page.locator(f"[data-agent='{agent.identity}']")
    panel.get_by_text("1,201 windows lost").click()
    full = panel.locator("[data-gap=spool_full]")
    expect(full).to_contain_text(f"1,240 windows · Lossy {viewport} · Lossy {viewport} sensor")
    expect(full).to_contain_text("The agent's spool was full")
    expect(full).to_contain_text(" to ")
    expect(panel.locator("[data-gap=damaged]")).to_contain_text("Nobody knows how many windows · sensor not known")
    expect(panel.locator("[data-gap=rescued]")).to_contain_text("no loss")
    expect(panel.locator("[data-gap=word_of_later]")).to_contain_text("word_of_later")
    picture(page, "gaps", viewport)
    page.evaluate("localStorage.setItem('audiosense.language', 'es')")
    page.reload()
    panel.get_by_text(re.compile(r"1\.?201 ventanas perdidas")).click()
    expect(full).to_contain_text("La cola del agente estaba llena")


def test_of_two_copies_one_is_accepted_and_the_page_says_what_is_lost(page, enrol, viewport):
    agent, (first, second) = copied(enrol, f"Doubled {viewport}")
    page.goto(f"/agents/{agent.identity}")
    panel = page.locator(f'[data-agent="{agent.identity}"]')
    expect(panel).to_have_attribute("data-agent-state", "quarantined")
    copies = panel.get_by_role("region", name="Copies", exact=True)
    expect(copies).to_contain_text(re.compile(r"The last batch that was taken came from 127\.0\.0\.1, .* ago"))
    expect(copies).to_contain_text(re.compile(r"The token that it carried had been given out .* ago"))
    expect(copies.locator(f'[data-copy="{first}"]')).to_contain_text("Its batches were taken until then")
    expect(copies.locator(f'[data-copy="{second}"]')).to_contain_text("Came with an old token · holds 1,240 windows")
    picture(page, "quarantined", viewport)
    copies.locator(f'[data-copy="{first}"]').get_by_role("button", name="Accept this copy", exact=True).click()
    question = copies.get_by_role("group", name="Accept this copy", exact=True)
    expect(question).to_contain_text(f"Accept copy {str(first)[:8]}?")
    expect(question).to_contain_text("the 1,240 windows that others hold now")
    picture(page, "asked", viewport)
    question.get_by_role("button", name="Accept it", exact=True).click()
    expect(panel).to_have_attribute("data-agent-state", "active")
    expect(panel).to_contain_text(f"Copy {str(first)[:8]} was accepted and gets its own credential")
    assert refused(agent) == "not_accepted"
    told(agent, first, 0)
    agent.send(1)
    issued = agent.client.post("/api/v1/agent/credential").json()["credential"]
    agent.client.headers["Authorization"] = f"Bearer {issued}"
    agent.send(1)
    page.reload()
    expect(panel).to_contain_text("were refused")
    expect(panel).not_to_contain_text("gets its own credential with")


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_agents_and_copies_are_told_in_spanish(page, enrol, viewport):
    agent, (_, second) = copied(enrol, f"Duplicada {viewport}")
    page.add_init_script("localStorage.setItem('audiosense.language', 'es')")
    page.goto("/agents")
    expect(page.get_by_role("heading", name="Agentes", exact=True)).to_be_visible()
    page.get_by_role("link", name=f"agent of {agent.machine}", exact=True).click()
    panel = page.locator(f'[data-agent="{agent.identity}"]')
    expect(panel).to_contain_text("En cuarentena")
    copy = panel.locator(f'[data-copy="{second}"]')
    expect(copy).to_contain_text(re.compile(r"Llegó con un testigo antiguo · guarda 1\.?240 ventanas"))
    copy.get_by_role("button", name="Aceptar esta copia", exact=True).click()
    expect(panel.get_by_role("group", name="Aceptar esta copia", exact=True)).to_contain_text(
        "Las demás copias se rechazan para siempre"
    )
    picture(page, "spanish", viewport)


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_what_another_administrator_did_meanwhile_is_told(page, enrol, api, viewport):
    agent, (first, second) = copied(enrol, f"Contested {viewport}")
    page.goto(f"/agents/{agent.identity}")
    panel = page.locator(f'[data-agent="{agent.identity}"]')
    panel.locator(f'[data-copy="{second}"]').get_by_role("button", name="Accept this copy", exact=True).click()
    answer = api.post(f"/api/v1/agents/{agent.identity}/accept", json={"copy": str(first)})
    assert answer.status_code == 200, answer.text
    page.watch.expected += ["/accept", "409"]
    panel.get_by_role("button", name="Accept it", exact=True).click()
    expect(panel).to_contain_text("That copy is not listed any more: another one was accepted meanwhile")
    expect(panel).to_have_attribute("data-agent-state", "active")


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_an_agent_that_fell_silent_stands_out_with_its_old_checks(page, enrol, collector, viewport):
    well, dead = enrol(f"A well one {viewport}"), enrol(f"Z dead one {viewport}")
    for agent in (well, dead):
        agent.checks = [Check(key="disk", state=CheckState.OK)]
        agent.send(2)
    let_pass(collector, dead, 4)
    page.goto(f"/agents/{dead.identity}")
    panel = page.locator(f'[data-agent="{dead.identity}"]')
    expect(panel).to_have_attribute("data-agent-state", "active")
    expect(panel).to_contain_text("1 check is good")
    expect(panel.locator("[data-checks=stale]")).to_have_count(0)
    let_pass(collector, dead, 16)
    page.reload()
    expect(panel).to_have_attribute("data-agent-state", "silent")
    expect(panel).to_contain_text("◆ Silent")
    expect(panel).to_contain_text("Not heard for more than five minutes")
    expect(panel.locator("[data-checks=stale]")).to_contain_text("as they were told last, 20 min ago")
    picture(page, "silent", viewport)
    page.get_by_role("navigation").get_by_role("link", name="Agents", exact=True).click()
    expect(page.locator(f'[data-agent="{well.identity}"]')).to_have_attribute("data-agent-state", "active")
    states = page.locator("[data-agent]").evaluate_all("all => all.map((each) => each.dataset.agentState)")
    order = ["quarantined", "silent", "active", "revoked"]
    assert states == sorted(states, key=order.index)
    dead.send(1)
    page.reload()
    expect(panel).to_have_attribute("data-agent-state", "active")


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_an_agent_that_was_never_heard_is_not_told_to_be_upgraded(page, enrol, viewport):
    agent = enrol(f"Never {viewport}")
    page.goto(f"/agents/{agent.identity}")
    panel = page.locator(f'[data-agent="{agent.identity}"]')
    expect(panel).to_contain_text("it tells them once it is heard")
    expect(panel).not_to_contain_text("upgrade")
    agent.send(1)
    page.reload()
    expect(panel).to_contain_text("This agent tells no self-checks: upgrade it")


@pytest.mark.parametrize(("viewport", "language"), [("desktop", "en"), ("phone", "es")], indirect=["viewport"])
def test_a_replaced_agent_offers_nothing_and_names_its_successor(page, enrol, viewport, language):
    old = enrol(f"Taken {viewport} {language}")
    old.send(1)
    new = enrol(old.machine, replacing=old.identity)
    page.add_init_script(f"localStorage.setItem('audiosense.language', '{language}')")
    page.goto(f"/agents/{old.identity}")
    panel = page.locator(f'[data-agent="{old.identity}"]')
    words = {"en": "Replaced by agent of", "es": "Sustituido por agent of"}[language]
    expect(panel).to_contain_text(words)
    expect(panel).to_contain_text(f"{old.machine} ({str(new.identity)[:8]})")
    expect(panel).to_contain_text("audiosense-agent enroll --force KEY")
    expect(panel.get_by_role("button")).to_have_count(0)
    picture(page, f"replaced-{language}", viewport)


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_causes_and_refusals_are_told_in_spanish(page, enrol, api, viewport):
    agent = enrol(f"Perdida {viewport}")
    agent.send(1)
    page.add_init_script("localStorage.setItem('audiosense.language', 'es')")
    page.goto(f"/agents/{agent.identity}")
    panel = page.locator(f'[data-agent="{agent.identity}"]')
    panel.get_by_role("button", name="Nueva credencial", exact=True).click()
    answer = api.post(f"/api/v1/agents/{agent.identity}/revoke")
    assert answer.status_code == 200, answer.text
    page.watch.expected += ["/rotate", "409"]
    panel.get_by_role("button", name="Pedirla", exact=True).click()
    expect(panel.get_by_role("status")).to_contain_text("Ya no está activo")
    expect(panel).to_contain_text("Revocado por un administrador.")
    expect(panel).not_to_contain_text("administrator")


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_a_question_opens_at_its_copy_and_escape_leads_back(page, enrol, viewport):
    agent, instances = copied(enrol, f"Asked {viewport}")
    page.goto(f"/agents/{agent.identity}")
    panel = page.locator(f'[data-agent="{agent.identity}"]')
    for instance in instances:
        copy = panel.locator(f'[data-copy="{instance}"]')
        button = copy.get_by_role("button", name="Accept this copy", exact=True)
        button.click()
        question = copy.get_by_role("group", name="Accept this copy", exact=True)
        expect(question).to_contain_text(str(instance)[:8])
        expect(question.get_by_role("button", name="Accept it", exact=True)).to_be_focused()
        page.keyboard.press("Escape")
        expect(panel.get_by_role("group", name="Accept this copy", exact=True)).to_have_count(0)
        expect(button).to_be_focused()
    panel.get_by_role("button", name="Revoke", exact=True).click()
    panel.get_by_role("group", name="Revoke", exact=True).get_by_role("button", name="Cancel", exact=True).click()
    expect(panel.get_by_role("button", name="Revoke", exact=True)).to_be_focused()


def test_what_is_clicked_has_a_name_and_is_large_enough(page, enrol, open_menu, viewport):
    agent = enrol(f"Reached {viewport}")
    agent.checks = [Check(key="disk", state=CheckState.OK)]
    agent.send(1)
    page.goto(f"/agents/{agent.identity}")
    open_menu()
    link = page.get_by_role("navigation").get_by_role("link", name="Agents", exact=True)
    expect(link).to_have_attribute("aria-current", "page")
    expect(link).to_have_accessible_name("Agents")
    panel = page.locator(f'[data-agent="{agent.identity}"]')
    expect(panel).to_contain_text("1 check is good")
    # Read in one go: a live update may draw them again between two questions.
    for targets in (link, panel.locator("a, button, summary")):
        sizes = targets.evaluate_all(
            "all => all.map((it) => [it, it.getBoundingClientRect()])"
            ".map(([it, box]) => [it.textContent, box.width, box.height])"
        )
        assert sizes
        assert [each for each in sizes if min(each[1:]) < 24] == []


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_without_agents_the_page_says_how_to_have_one(page):
    page.route("**/api/v1/agents?*", lambda route: route.fulfill(json={"items": [], "next": None}))
    page.goto("/agents")
    expect(page.locator("main").get_by_text("No agents yet")).to_be_visible()
    page.get_by_role("link", name="Set up a machine", exact=True).click()
    expect(page.get_by_role("heading", name="Set up a machine", exact=True)).to_be_visible()


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_a_failed_call_is_told_and_tried_again(page, enrol, viewport):
    agent = enrol(f"Unreadable {viewport}")
    page.watch.expected += ["/api/v1/agents", "503"]
    away = {"type": "database_away", "detail": "the database rests"}
    page.route("**/api/v1/agents?*", lambda route: route.fulfill(status=503, json=away))
    page.goto("/agents")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The collector's database cannot be reached just now.")
    expect(alert).not_to_contain_text("the database rests")
    page.unroute("**/api/v1/agents?*")
    alert.get_by_role("button", name="Retry", exact=True).click()
    expect(page.locator(f'[data-agent="{agent.identity}"]')).to_be_visible()
