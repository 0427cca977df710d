"""A sensor's health apart from its machine's, and an agent's self-checks, against a real collector."""

import re

import pytest
from playwright.sync_api import expect

from audiosense_common.wire_checks import Check, CheckFigure, CheckState


def checks(sensor):
    """One fault, one warning, what is good, and one that no release knows."""

    def of(key, state=CheckState.OK, cause=None, remedy="", *, own=True, **figures):
        evidence = [CheckFigure(key=name, value=value, unit=unit) for name, (value, unit) in figures.items()]
        return Check(
            key=key, sensor=sensor if own else None, state=state, cause=cause, evidence=evidence, remedy=remedy
        )

    return [
        of("sensor_clipped", CheckState.FAILED, "full_scale", "Lower the gain.", full_scale=(4.2, "%")),
        of("clock", CheckState.WARNING, "skewed", "Set the clock.", own=False, offset=(3.5, "s")),
        of("moon", CheckState.WARNING, "full", "Wait for the new moon.", own=False, tide=(2.0, "m")),
        of("sensor_silent", level=(-3.1, "dBFS")),
        of("data_path", since_last=(2.1, "s")),
        of("disk", own=False, free=(12_345.0, "MB")),
        of("temperature", CheckState.UNKNOWN, own=False),
    ]


def picture(page, name, viewport):
    page.watch.picture(f"{name}-{viewport}")


def test_a_sensor_fault_stands_apart_from_the_machine_with_its_remedy(page, enrol, viewport):
    agent = enrol(f"Overdriven {viewport}")
    agent.send(12)
    page.goto(agent.in_fleet)
    card = page.locator(f'[data-machine="{agent.machine}"]')
    expect(card.locator('[data-health="unknown"]')).to_have_text("Sensor not checked")
    agent.checks = checks(agent.sensor)
    agent.send(2)
    page.reload()
    expect(card.locator('[data-health="failed"]')).to_have_text("Sensor at fault: Overdriven")
    expect(card.locator('[data-state="learning"]')).to_be_visible()
    picture(page, "fleet", viewport)
    card.click()

    panel = page.get_by_role("region", name="Sensor and agent", exact=True)
    fault = panel.locator('[data-check="sensor_clipped"]')
    expect(fault).to_contain_text("Failed: Overdriven")
    expect(fault).to_contain_text("lower its gain until the loudest sound stays 6 dB below full scale")
    expect(fault).to_contain_text("at full scale 4.2\u202f%")
    expect(fault).to_contain_text(re.compile("since .* ago"))
    expect(panel.locator('[data-check="clock"]')).to_contain_text("Warning: Clock wrong")
    unknown_here = panel.locator('[data-check="moon"]')
    expect(unknown_here).to_contain_text("Warning: Moon")
    expect(unknown_here).to_contain_text("Wait for the new moon.")
    expect(panel.locator('[data-check="disk"]')).to_be_hidden()
    picture(page, "machine", viewport)
    panel.get_by_text("3 checks are good · 1 cannot be told here").click()
    expect(panel.locator('[data-check="disk"]')).to_contain_text("free 12,345\u202fMB")
    picture(page, "machine-open", viewport)


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_the_checks_are_told_in_spanish(page, enrol, viewport):
    agent = enrol(f"Saturada {viewport}")
    agent.checks = checks(agent.sensor)
    agent.send(12)
    page.add_init_script("localStorage.setItem('audiosense.language', 'es')")
    page.goto(agent.in_fleet)
    card = page.locator(f'[data-machine="{agent.machine}"]')
    expect(card.locator('[data-health="failed"]')).to_have_text("Sensor averiado: Saturado")
    card.click()
    panel = page.get_by_role("region", name="Sensor y agente", exact=True)
    expect(panel.locator('[data-check="sensor_clipped"]')).to_contain_text("Fallo: Saturado")
    expect(panel.locator('[data-check="sensor_clipped"]')).to_contain_text("baje la ganancia")
    expect(panel.locator('[data-check="moon"]')).to_contain_text("Wait for the new moon.")
    picture(page, "spanish", viewport)


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_an_agent_of_an_earlier_release_tells_no_checks(page, enrol, viewport):
    agent = enrol(f"Earlier {viewport}")
    agent.send(3)
    page.goto(agent.in_fleet)
    page.locator(f'[data-machine="{agent.machine}"]').click()
    panel = page.get_by_role("region", name="Sensor and agent", exact=True)
    expect(panel).to_contain_text("This agent tells no self-checks: upgrade it to see them.")


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_an_agent_that_was_never_heard_is_not_told_to_be_upgraded(page, enrol, viewport):
    agent = enrol(f"Awaited {viewport}")
    page.goto(agent.in_fleet)
    page.locator(f'[data-machine="{agent.machine}"]').click()
    panel = page.get_by_role("region", name="Sensor and agent", exact=True)
    expect(panel).to_contain_text("it tells them once it is heard")
    expect(panel).not_to_contain_text("upgrade")
