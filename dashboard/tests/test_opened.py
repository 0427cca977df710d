"""Forms, questions and menus, opened: in every theme against WCAG 2.2 AA, and in Spanish to the last word."""

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx
import numpy as np
import pytest
import soundfile
from browser_testing.copies import copied
from playwright.sync_api import Page, expect

LANGUAGES = Path(__file__).parents[1] / "src" / "i18n"
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
TEMPLATE = re.compile(r"`([^`]*)`")
LEAST_LETTERS = 6
LOADING = "main .skeleton:not(span)"
"""Not the dot that beats while an agent is awaited."""
TEXTS = """() => {
  const found = [];
  const OTHERS = '[lang]:not(html), [lang]:not(html) *, [data-entry] dt';
  const seen = element => element.checkVisibility({ visibilityProperty: true });
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    const words = !['SCRIPT', 'STYLE', 'CODE', 'PRE'].includes(parent.tagName);
    if (words && seen(parent) && !parent.closest('[lang]:not(html)')) {
      found.push(walker.currentNode.data.trim());
    }
  }
  for (const element of document.body.querySelectorAll('[aria-label], [title], [placeholder]')) {
    if (!seen(element) || element.matches(OTHERS)) continue;
    for (const name of ['aria-label', 'title', 'placeholder']) found.push(element.getAttribute(name) ?? '');
  }
  return [...new Set(found.filter(text => /\\p{L}{2}/u.test(text)))];
}"""
"""All that is to be read or heard on a page, but for names of other languages and of the log's columns."""


def messages(language: str) -> tuple[set[str], set[str]]:
    """A language's whole messages, and the fixed parts of those that take values."""
    files = [LANGUAGES / f"{language}.ts", *LANGUAGES.glob(f"*.{language}.ts")]
    lines = [
        line.split("//", 1)[0] if line.lstrip().startswith("//") else line
        for file in files
        for line in file.read_text().splitlines()
        if not line.startswith(("import", "export"))
    ]
    text = "\n".join(lines)
    whole = {json.loads(f'"{each}"') for each in STRING.findall(TEMPLATE.sub("", text))}
    parts = {part.strip() for each in TEMPLATE.findall(text) for part in re.split(r"\$\{[^}]*\}", each)}
    return whole, {part for part in parts if len(re.findall(r"[^\W\d_]", part)) >= LEAST_LETTERS}


@pytest.fixture(scope="module")
def english() -> Callable[[Page], list[str]]:
    """Finds what a page still says in English."""
    whole, parts = messages("en")
    spanish_whole, spanish_parts = messages("es")
    spanish = spanish_whole | spanish_parts
    only = {each for each in whole - spanish if re.search(r"[^\W\d_]{2}", each)}
    fixed = [
        re.compile(rf"(?<!\w){re.escape(part)}(?!\w)")
        for part in parts
        if not any(part in each for each in spanish) and len(part.split()) > 1
    ]
    assert len(only) > 1_000
    assert len(fixed) > 100
    return lambda page: [
        text for text in page.evaluate(TEXTS) if text in only or any(part.search(text) for part in fixed)
    ]


RATE_HZ = 48_000
PASSWORD = "a few words of nobody"
TRAINED_S = 240
"""So long a model may take on a busy computer: two are made one after the other, and tried on faults."""


@dataclass(frozen=True)
class Plant:
    """A machine with an agent, two models and an event that waits; and one of each thing that can be ended."""

    machine: str
    machine_id: str
    sensor: str
    agent: str
    models: list[str]
    site: str
    spare: str
    user: str
    token: str
    analysis: str
    doubled: str


@pytest.fixture(scope="module")
def made() -> dict[str, Plant]:
    return {}


@pytest.fixture
def plant(enrol, api, made) -> Plant:
    if not made:
        mark = uuid4().hex[:6]
        agent = enrol(machine := f"Opened {mark}")
        agent.send(60)
        agent.run_what_is_desired(timeout_s=TRAINED_S)
        agent.send(5, score=0.4, status="normal")
        agent.report_event(event=uuid4(), revision=1, state="close")
        card = next(each for each in api.get("/api/v1/fleet").json()["machines"] if each["name"] == machine)
        sensor = card["sensors"][0]["id"]
        made_of(api, f"/api/v1/sensors/{sensor}/train", {"windows": 30})
        agent.run_what_is_desired(timeout_s=TRAINED_S)
        models = [each["digest"] for each in api.get("/api/v1/models", params={"sensor": sensor}).json()["items"]]
        made_of(api, "/api/v1/enrolment-keys", {"uses": 1})
        made["plant"] = Plant(
            machine,
            card["id"],
            sensor,
            str(agent.identity),
            models,
            **ended_things(api, mark),
            analysis=analysed(api),
            doubled=str(copied(enrol, f"Doubled {mark}")[0].identity),
        )
    return made["plant"]


def made_of(api: httpx.Client, place: str, content: dict[str, object]) -> dict[str, str]:
    answer = api.post(place, json=content)
    assert answer.is_success, answer.text
    return answer.json()


def ended_things(api: httpx.Client, mark: str) -> dict[str, str]:
    """Make what can be deleted, disabled or revoked, and return their names."""
    site, spare, user, token = (f"{what} {mark}" for what in ("Empty", "Spare", "guest", "script"))
    made_of(api, "/api/v1/sites", {"name": site})
    spares = made_of(api, "/api/v1/sites", {"name": f"A hall of spares {mark}"})["id"]
    made_of(api, "/api/v1/machines", {"name": spare, "site_id": spares})
    user = user.replace(" ", ".")
    made_of(api, "/api/v1/users", {"name": user, "role": "viewer", "password": PASSWORD})
    made_of(api, "/api/v1/tokens", {"name": token, "scope": "viewer", "days": 1})
    return {"site": site, "spare": spare, "user": user, "token": token}


def analysed(api: httpx.Client) -> str:
    """Analyse a second of a tone and return the analysis' id."""
    sound = io.BytesIO()
    soundfile.write(sound, 0.1 * np.sin(np.arange(RATE_HZ) / 8), RATE_HZ, format="WAV", subtype="PCM_16")
    answer = api.post("/api/v1/analyses", files={"file": ("tone.wav", sound.getvalue(), "audio/wav")})
    assert answer.is_success, answer.text
    return answer.json()["id"]


LEAST_PX = 24
TOO_SMALL = """least => [...document.querySelectorAll('main :is(button, summary)')]
  .filter(each => each.checkVisibility({ visibilityProperty: true }))
  .map(each => [each.getBoundingClientRect(), each.getAttribute('aria-label') ?? each.textContent.trim()])
  .filter(([box]) => box.height < least || box.width < least)
  .map(([box, name]) => `${name}: ${box.width.toFixed(1)} x ${box.height.toFixed(1)} px`)"""
"""Buttons and folds that a finger may miss, whatever lies around them."""
QUESTION = "main [role=group]:has(> div > button)"
"""What `Ask` draws: a group of which a row of buttons is a part."""


def make_token(page: Page) -> None:
    press("Make a token")(page)
    page.get_by_label("What is it for?", exact=True).fill(f"opened {uuid4().hex[:6]}")
    press("Make the token")(page)


def press(*names: str) -> Callable[[Page], None]:
    """Press buttons one after the other, by how their names begin."""

    def pressed(page: Page) -> None:
        for name in names:
            page.locator("main").get_by_role("button", name=re.compile(f"^({name})")).first.click()

    pressed.first = names[0]
    return pressed


PHONE_PX = 600
UNFOLD = """async () => {
  for (let left = 50; left > 0; left -= 1) {
    const folded = document.querySelector('main button[aria-expanded="false"]:not([aria-haspopup])');
    if (!folded) break;
    folded.click();
    await new Promise(requestAnimationFrame);
  }
  for (const summary of document.querySelectorAll("main details:not([open]) > summary"))
    if (summary.checkVisibility()) summary.click();
}"""


def unfold(page: Page) -> None:
    """Open all that is folded."""
    page.evaluate(UNFOLD)


def by_key(key: str) -> Callable[[Page], None]:
    def typed(page: Page) -> None:
        page.locator("main [data-event]").first.wait_for()
        page.keyboard.press(key)

    return typed


def openings(plant: Plant) -> dict[str, tuple[str, Callable[[Page], None], str]]:
    """What is opened, by name: where, how, and what is there then."""
    machine = f"/machines/{plant.machine_id}"
    model = f"/models/{plant.models[0]}"
    agent = f"/agents/{plant.agent}"
    return {
        "a user to be made": ("/settings/people", press("Add a user"), "main form"),
        "a user to be changed": ("/settings/people", press("Change"), "main form"),
        "a user to be disabled": ("/settings/people", press(f"Disable . {plant.user}"), QUESTION),
        "a token to be made": ("/settings/tokens", press("Make a token"), "main form"),
        "a token that is made": ("/settings/tokens", make_token, "main [role=group] code"),
        "a token to be revoked": ("/settings/tokens", press(f"Revoke . {plant.token}"), QUESTION),
        "the log": ("/settings/audit", unfold, "main details[open] dt"),
        "a machine to be changed": ("/settings/plant", lambda page: (unfold(page), press("Change")(page)), "main form"),
        "a machine to be deleted": (
            "/settings/plant",
            lambda page: (unfold(page), press(f"Delete {plant.spare}")(page)),
            QUESTION,
        ),
        "a site to be renamed": ("/settings/plant", press(f"Rename {plant.site}"), f"[data-site='{plant.site}'] form"),
        "a site to be deleted": ("/settings/plant", press(f"Delete {plant.site}"), QUESTION),
        "policies": ("/settings/policies", unfold, "main input"),
        "this browser": ("/settings/browser", unfold, "main input"),
        "the account": ("/account", unfold, "main form"),
        "all of a machine": (machine, unfold, "#sound"),
        "a note": (machine, press("Add a note"), "#notes form"),
        "a confirmed fault": ("/review", by_key("f"), "main form"),
        "the review's keys": ("/review", by_key("?"), "dialog[open]"),
        "a training": (model, press("Train now"), "#model-actions form"),
        "a model to be pushed": (model, press("Go back|Push"), "#model-actions [role=group]"),
        "all of a model": (model, unfold, "#model-facts"),
        "models": ("/models", unfold, "main [data-sensor]"),
        "an agent to be revoked": (agent, press("Revoke"), "main [role=group]"),
        "a copy of an agent to be accepted": (
            f"/agents/{plant.doubled}",
            press("Accept this copy"),
            "[data-copy] [role=group]",
        ),
        "all of an agent": (agent, unfold, "main details[open]"),
        "agents": ("/agents", unfold, "main [data-agent]"),
        "an enrolment key": ("/agents/add", press("Make"), "main svg[role=img]"),
        "an enrolment key to be revoked": ("/agents/add", press("Revoke"), QUESTION),
        "the first step": ("/start?again=true", unfold, "main input"),
        "the second step": ("/start?again=true&site=Hall&machine=Fan&source=simulator", unfold, "main h2"),
        "a recording to be analysed": ("/analyse", unfold, "main input"),
        "an analysis": (f"/analyse/{plant.analysis}", unfold, "main canvas"),
        "an analysis to be deleted": (f"/analyse/{plant.analysis}", press("Delete"), QUESTION),
        "the fleet": ("/", unfold, "main [data-machine]"),
        "the report": (f"{machine}/report", unfold, "main article"),
        "the sandbox": ("/developer", unfold, "main button"),
    }


def speak(page: Page, language: str) -> None:
    """Switch the language under what is open, as another tab would."""
    page.evaluate(
        """language => {
          localStorage.setItem('audiosense.language', language);
          dispatchEvent(new StorageEvent('storage'));
        }""",
        language,
    )
    expect(page.locator("html")).to_have_attribute("lang", language)


def test_what_is_opened_keeps_the_rules_and_speaks_spanish(page, visit, plant, *, violations, english, open_menu):
    faults = []
    for name, (place, way, there) in openings(plant).items():
        visit(place)
        expect(page.locator("main h1")).to_be_visible()
        expect(page.locator(LOADING)).to_have_count(0)
        way(page)
        expect(page.locator(there).first).to_be_attached()
        expect(page.locator(LOADING)).to_have_count(0)
        faults += [f"{name}: {line}" for line in violations(page)]
        faults += [f"{name}: small: {line}" for line in page.evaluate(TOO_SMALL, LEAST_PX)]
        speak(page, "es")
        faults += [f"{name}: English: {text!r}" for text in english(page)]
        speak(page, "en")
    page.goto("/")
    open_menu()
    if page.viewport_size["width"] < PHONE_PX:
        faults += [f"the menu: {line}" for line in violations(page)]
        speak(page, "es")
        faults += [f"the menu: English: {text!r}" for text in english(page)]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_nothing_that_opens_a_change_is_offered_to_a_viewer(page, visit, plant, viewport):
    """That each call behind them is refused, too, ``collector/tests/auth/test_roles.py`` shows route by route."""
    page.watch.expected += ["403"]
    page.context.clear_cookies()
    signed_in = {"name": plant.user, "password": PASSWORD}
    answer = page.request.post("/api/v1/session", data=signed_in, headers={"AudioSense-Page": "1"}, timeout=60_000)
    assert answer.status == 201, answer.text()
    for name, (place, way, _) in openings(plant).items():
        if not hasattr(way, "first"):
            continue
        visit(place)
        expect(page.locator("main h1")).to_be_visible()
        expect(page.locator(LOADING)).to_have_count(0)
        unfold(page)
        expect(page.locator(LOADING)).to_have_count(0)
        button = page.locator("main").get_by_role("button", name=re.compile(f"^({way.first})"))
        expect(button, name).to_have_count(0)
    visit("/review")
    by_key("f")(page)
    expect(page.locator("main form")).to_have_count(0)
