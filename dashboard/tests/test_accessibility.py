"""Each page in each theme against the rules of WCAG 2.2 A and AA, as far as axe can tell them."""

from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

AXE = Path(__file__).parents[1] / "node_modules" / "axe-core" / "axe.min.js"
THEMES = ("light", "dark", "contrast")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture
def machine(enrol) -> str:
    """The path of a machine with a model, an open event and a second machine beside it that learns."""
    agent = enrol(f"Plain pump {uuid4().hex[:6]}")
    agent.send(60)
    agent.run_what_is_desired()
    agent.send(5, score=0.4, status="normal")
    agent.report_event(event=uuid4(), revision=1, state="open")
    agent.send(1, score=0.8, status="anomalous")
    enrol(f"Plain fan {uuid4().hex[:6]}").send(3)
    return agent.machine


def violations(page: Page) -> list[str]:
    found = page.evaluate("rules => axe.run(document, { runOnly: rules, resultTypes: ['violations'] })", RULES)
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]


def test_no_page_breaks_a_rule_in_any_theme(page, machine):
    assert AXE.is_file(), "axe-core is missing: run make setup"
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"/?q={machine}")
    page.locator(f'[data-machine="{machine}"]').click()
    expect(page.get_by_role("heading", name=machine, exact=True)).to_be_visible()
    of_machine = page.url
    found = []
    report = f"{of_machine.split('?')[0]}/report"
    for place in (
        "/",
        "/?q=nothing+like+it",
        of_machine,
        report,
        "/review",
        "/agents",
        "/account",
        "/developer",
        "/nowhere",
    ):
        page.goto(place)
        expect(page.get_by_role("heading").first).to_be_visible()
        expect(page.locator(".skeleton")).to_have_count(0)
        page.evaluate(AXE.read_text())
        for theme in THEMES:
            page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
            found += [f"{place} {theme}: {line}" for line in violations(page)]
    assert not found, "\n".join(found)
