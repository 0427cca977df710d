"""The panel that says how small a fault would be heard, against a real collector."""

import re

import pytest
from playwright.sync_api import expect

from audiosense_common.synth.probes import PROBE_KINDS

STRENGTH = dict.fromkeys(PROBE_KINDS, -15.0) | {"impulses": -6.0, "hiss_high": 60.0, "level": -100.0}
"""In dB above the weakest level; below 0 a kind changes nothing at its weakest levels."""


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_what_would_be_heard_appears_by_itself_kind_by_kind(page, enrol, viewport):
    agent = enrol(f"Probed {viewport}")
    agent.send(10)
    page.goto(agent.in_fleet)
    page.locator(f'[data-machine="{agent.machine}"]').click()
    panel = page.get_by_role("region", name="How small a fault would be heard", exact=True)
    panel.get_by_role("button", name="How small a fault would be heard", exact=True).click()
    expect(panel).to_contain_text("Known some minutes after the first model")
    agent.send(30)
    agent.run_what_is_desired()
    expect(panel).to_contain_text("sends no sound", timeout=30_000)
    agent.send_probes(STRENGTH)
    expect(panel.get_by_role("listitem")).to_have_count(len(PROBE_KINDS), timeout=60_000)
    expect(panel.locator('[data-kind="impulses"]')).to_have_text(
        re.compile(r"^Impulses, as of a bearing faultfrom -\d+\sdB on$")
    )
    expect(panel.locator('[data-kind="hiss_high"]')).to_have_text(
        re.compile(r"^Hiss above 4\skHz, as of a leakfrom -30\sdB or less on$")
    )
    expect(panel.locator('[data-kind="level"]')).to_have_text(
        re.compile(r"^The whole machine loudernot heard up to 12\sdB$")
    )
    expect(panel).to_contain_text("24 windows")
