"""Each page in each theme against the rules of WCAG 2.2 A and AA, as far as axe can tell them."""

from uuid import uuid4

import pytest
from playwright.sync_api import expect


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


def test_no_page_breaks_a_rule_in_any_theme(page, visit, viewport, *, machine, api, violations):
    page.goto(f"/?q={machine}")
    page.locator(f'[data-machine="{machine}"]').click()
    expect(page.get_by_role("heading", name=machine, exact=True)).to_be_visible()
    of_machine = page.url
    page.goto("/agents")
    page.get_by_role("link", name=f"agent of {machine}", exact=True).click()
    expect(page.get_by_role("region", name=f"agent of {machine}", exact=True)).to_be_visible()
    of_agent = page.url
    found = []
    digests = [each["digest"] for each in api.get("/api/v1/models").json()["items"]]
    report = f"{of_machine.split('?')[0]}/report"
    for place in (
        "/",
        "/?q=nothing+like+it",
        of_machine,
        report,
        "/review",
        "/agents",
        "/analyse",
        "/models",
        f"/models/{digests[0]}",
        f"/models/compare?a={digests[0]}&b={digests[-1]}",
        "/models/compare",
        "/agents/add",
        of_agent,
        "/start",
        "/start?again=true",
        "/start?site=Hall&machine=Fan&source=simulator",
        "/account",
        "/settings/people",
        "/settings/tokens",
        "/settings/audit",
        "/settings/browser",
        "/settings/plant",
        "/settings/policies",
        "/developer",
        "/nowhere",
    ):
        # By its address in the one size, within the application in the other.
        (page.goto if viewport == "desktop" else visit)(place)
        expect(page.get_by_role("heading").first).to_be_visible()
        expect(page.locator(".skeleton")).to_have_count(0)
        found += [f"{place} {line}" for line in violations(page)]
    assert not found, "\n".join(found)
