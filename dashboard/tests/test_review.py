"""The review in a real browser: hearing and seeing events, judging them with keys and by touch, taking it back."""

import hashlib
import io
import re
import struct
import time
from uuid import UUID, uuid4

import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect

from audiosense_common.wire import Reason

RATE = 16_000
SECONDS = 6.0
REASONS = [
    Reason(key="band", low_hz=3_951.5, high_hz=5_040.0, value=-51.0, normal=-62.1, unit="dBFS", deviation=22.0),
    Reason(key="impulsiveness", feature="kurtosis_log", value=14.0, normal=3.2, unit="", deviation=20.5),
]


def machine_sound(*, faulty, seed=1, gain=1.0):
    """A motor's hum with noise; with a fault, knocks that ring at 4.5 kHz set in after 2 s."""
    time_s = np.arange(round(SECONDS * RATE)) / RATE
    noise = np.random.default_rng(seed).normal(0, 0.01, len(time_s))
    hum = sum(0.05 / order * np.sin(2 * np.pi * 50 * order * time_s) for order in (1, 2, 3, 6))
    knocks = np.zeros(len(time_s))
    if faulty:
        beat = np.where(time_s > 2, (time_s % 0.12), np.inf)
        knocks = 0.3 * np.exp(-beat * 60) * np.sin(2 * np.pi * 4_500 * time_s)
    return gain * (noise + hum + knocks)


def send_clip(agent, clip_id, *, kind, start_us, **sound):
    file = io.BytesIO()
    soundfile.write(file, machine_sound(**sound), RATE, format="FLAC", subtype="PCM_16")
    query = {
        "sensor": str(agent.sensor),
        "kind": kind,
        "start_us": start_us,
        "opening_us": start_us + (2_000_000 if kind == "event" else 0),
        "sample_rate_hz": RATE,
        "frames": round(SECONDS * RATE),
        "sha256": hashlib.sha256(file.getvalue()).hexdigest(),
    }
    answer = agent.client.put(f"/api/v1/clips/{clip_id}", params=query, content=file.getvalue())
    assert answer.status_code == 200, answer.text


@pytest.fixture
def heard(enrol, viewport):
    """A machine whose agent told of three events, each with its sound, and of normal sound a day before."""

    def make(name, events=3, *, sound=True):
        agent = enrol(f"{name} {viewport}")
        agent.send(40)
        agent.run_what_is_desired()
        now = time.time_ns() // 1_000
        ids = [uuid4() for _ in range(events)]
        for number, event in enumerate(ids):
            back_s = 60 * (events - number)
            agent.report_event(event=event, revision=1, state="close", started_s_ago=back_s, reasons=REASONS)
            if sound:
                start_us = now - back_s * 1_000_000
                send_clip(agent, event, kind="event", start_us=start_us, faulty=True, seed=number)
        if sound:
            send_clip(agent, uuid4(), kind="reference", start_us=now - 86_400_000_000, faulty=False, gain=0.5)
        # The newest first, as they are listed.
        return agent, ids[::-1]

    return make


@pytest.fixture
def machine_id(api):
    def find(agent):
        fleet = api.get("/api/v1/fleet").json()["machines"]
        return next(each["id"] for each in fleet if each["name"] == agent.machine)

    return find


def open_review(page, machine, **search):
    query = "&".join(f"{name}={value}" for name, value in {"machine": machine, **search}.items())
    page.goto(f"/review?{query}")
    expect(page.get_by_role("heading", name="Review", exact=True)).to_be_visible()


def card(page, event: UUID):
    return page.locator(f'[data-event="{event}"]')


def picture(page, name):
    page.watch.picture(name, full_page=False)


def painted(page, event):
    """Colours of an event's spectrogram: how many there are, and how light its upper rows are, before and after 2 s."""
    return (
        card(page, event)
        .locator("canvas")
        .evaluate(
            """canvas => {
            const { width, height } = canvas;
            const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
            const light = (from, to) => {
                let sum = 0, count = 0;
                for (let y = 0; y < height / 5; y++) for (let x = Math.round(from * width); x < to * width; x++) {
                    sum += data[4 * (y * width + x) + 1]; count++;
                }
                return sum / count;
            };
            const colours = new Set(new Uint32Array(data.buffer));
            return { colours: colours.size, before: light(0, 0.3), after: light(0.36, 1) };
        }"""
        )
    )


def verdict_of(api, event):
    return api.get(f"/api/v1/events/{event}").json()["verdict"]


def test_an_event_is_seen_heard_and_compared_with_normal_sound(page, api, heard, machine_id, viewport):
    agent, (first, _) = heard("Sound", events=2)
    open_review(page, machine_id(agent))
    expect(page.get_by_test_id("unreviewed")).to_be_visible()
    expect(card(page, first)).to_have_attribute("aria-current", "true")
    expect(card(page, first)).to_contain_text("5 kHz band")
    expect(card(page, first).get_by_role("img", name=re.compile("^Spectrogram, Event: 6.0"))).to_be_visible()
    found = painted(page, first)
    assert found["colours"] > 50, found
    assert found["after"] > found["before"] + 8, f"the knocks are lighter than what is before them: {found}"
    player = card(page, first).locator("[data-player]")
    expect(player).to_have_attribute("data-player", "still")

    page.keyboard.press("Space")
    expect(player).to_have_attribute("data-player", "playing")
    cursor = card(page, first).locator("[data-cursor]")
    page.wait_for_function("it => parseFloat(it.style.left) > 3", arg=cursor.element_handle())
    picture(page, f"review-{viewport}")
    page.keyboard.press("b")
    expect(card(page, first).get_by_role("img", name=re.compile("^Spectrogram, Normal"))).to_be_visible()
    expect(card(page, first).locator('[data-heard="b"]')).to_contain_text(re.compile(r"Played \+1\d\.\d"))
    expect(player).to_have_attribute("data-player", "playing")
    page.keyboard.press("d")
    expect(card(page, first).get_by_role("img", name=re.compile("^Difference"))).to_be_visible()
    picture(page, f"review-difference-{viewport}")
    page.keyboard.press("a")
    expect(card(page, first).locator('[data-heard="a"]')).to_be_visible()
    page.keyboard.press("Space")
    expect(player).to_have_attribute("data-player", "still")
    card(page, first).get_by_role("button", name=re.compile("^Normal")).click()
    expect(card(page, first).get_by_role("img", name=re.compile("^Spectrogram, Normal"))).to_be_visible()
    page.keyboard.press("Space")
    expect(player).to_have_attribute("data-player", "playing")
    page.keyboard.press("Space")
    expect(player).to_have_attribute("data-player", "still")
    # Who fetched the sound is in the log, as for any other listening; so is who looked.
    logged = api.get("/api/v1/clip-audit", params={"clip": str(first)}).json()["items"]
    assert {entry["action"] for entry in logged} == {"listened", "viewed"}
    page.keyboard.press("d")
    the_same_as_figures_and_as_a_picture(page, card(page, first))


def the_same_as_figures_and_as_a_picture(page, within):
    """A picture of sound is a chart as any other: it has a table, CSV and PNG, here of a difference."""
    named = "Spectrogram, Difference"
    with page.expect_download() as saved:
        within.get_by_role("button", name=re.compile(f"^CSV . {named}")).click()
    head, *rows = saved.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert head.startswith("time_s,"), head
    assert "kHz (dB)" in head, head
    assert float(rows[-1].split(",")[0]) == pytest.approx(SECONDS, abs=0.1)
    with page.expect_download() as saved:
        within.get_by_role("button", name=re.compile(f"^PNG . {named}")).click()
    width, height = struct.unpack(">II", saved.value.path().read_bytes()[16:24])
    assert (width > 900, height > 300) == (True, True), "as large as it is looked at, with its axes"
    within.get_by_role("button", name=re.compile(f"^Table . {named}")).click()
    expect(within.get_by_role("table").get_by_role("row").nth(1)).to_contain_text("dB")
    within.get_by_role("button", name=re.compile(f"^Chart . {named}")).click()
    expect(within.get_by_role("img", name=re.compile("^Difference"))).to_be_visible()


def test_events_are_judged_with_keys_and_taken_back(page, api, heard, machine_id, viewport):
    agent, (first, second, third) = heard("Keys", sound=False)
    machine = machine_id(agent)
    open_review(page, machine)
    expect(card(page, first)).to_have_attribute("aria-current", "true")
    page.keyboard.press("j")
    expect(card(page, second)).to_have_attribute("aria-current", "true")
    expect(card(page, second)).to_be_focused()
    page.keyboard.press("k")
    expect(card(page, first)).to_have_attribute("aria-current", "true")
    page.keyboard.press("c")
    form = page.get_by_role("form", name="Confirmed fault", exact=True)
    expect(form.get_by_role("radio", name="Bearing", exact=True)).to_be_focused()
    picture(page, f"review-form-{viewport}")
    form.get_by_label(re.compile("^Comment")).fill("outer race, see work order 4711")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("said")).to_contain_text("Saved: Confirmed fault, Bearing")
    expect(card(page, first)).to_have_count(0)
    expect(card(page, second)).to_have_attribute("aria-current", "true")
    assert verdict_of(api, first)["comment"] == "outer race, see work order 4711"
    page.keyboard.press("u")
    expect(card(page, first)).to_have_attribute("aria-current", "true")
    expect(page.get_by_test_id("said")).to_contain_text("Taken back")
    assert verdict_of(api, first) is None

    page.keyboard.press("e")
    page.keyboard.press("Escape")
    expect(page.get_by_role("form")).to_have_count(0)
    page.keyboard.press("f")
    page.get_by_role("radio", name="People or tools nearby", exact=True).check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(card(page, first)).to_have_count(0)
    verdict = verdict_of(api, first)
    assert (verdict["verdict"], verdict["cause"], verdict["kept"]) == ("false_alarm", "people", True)
    # The link that stood in the address before: the event is not in that list any more.
    open_review(page, machine, event=first)
    expect(card(page, first)).to_have_attribute("aria-current", "true")
    expect(card(page, first).locator('[data-verdict="false_alarm"]')).to_be_visible()
    page.watch.expected += ["404"]
    open_review(page, machine, event=uuid4())
    expect(page.get_by_role("alert")).to_contain_text("The collector does not know this")
    open_review(page, machine, show="all", event=first)
    card(page, first).get_by_text("History").click()
    expect(card(page, first).locator("[data-entry]")).to_have_count(3)
    expect(card(page, first).locator('[data-entry="undone"]')).to_contain_text("taken back; now: Not judged")
    assert verdict_of(api, third) is None


def test_many_are_judged_at_once_and_shown_on_the_machines_page(page, api, heard, machine_id, viewport):
    agent, (first, second, third) = heard("Many", sound=False)
    machine = machine_id(agent)
    open_review(page, machine, order="worst")
    expect(page.locator("main")).to_contain_text("No sound of this event")
    for event in (first, third):
        card(page, event).get_by_role("checkbox").check()
    bar = page.get_by_role("region", name="What was it?", exact=True)
    expect(bar).to_contain_text("2 selected")
    bar.get_by_role("button", name="Expected", exact=True).click()
    form = page.get_by_role("form", name="Expected", exact=True)
    form.get_by_text("Start-up").click()
    form.get_by_role("checkbox", name="Learn from this sound all the same", exact=True).check()
    picture(page, f"review-many-{viewport}")
    form.get_by_role("button", name="Save for 2 events", exact=True).click()
    expect(page.get_by_test_id("said")).to_contain_text("Saved for 2 events: Expected, Start-up")
    expect(page.locator("[data-event]")).to_have_count(1)
    assert [verdict_of(api, each)["kept"] for each in (first, third)] == [True, True]
    assert verdict_of(api, second) is None

    page.goto(f"/machines/{machine}")
    told = page.locator('[data-verdict="expected"]')
    expect(told).to_have_count(2)
    expect(told.first).to_contain_text("Expected: Start-up")
    expect(told.first).to_contain_text("anna, ")
    open_review(page, machine)
    page.get_by_role("button", name="False alarm", exact=True).click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("main")).to_contain_text("No such events")
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(card(page, second)).to_be_visible()


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_a_thumb_is_enough(page, api, heard, machine_id, viewport):
    agent, (first, *_) = heard("Thumb", events=2)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    open_review(page, machine_id(agent))
    bar = page.get_by_role("region", name="What was it?", exact=True)
    expect(card(page, first).locator("canvas")).to_be_visible()
    for name in ("Fault", "False alarm", "Expected"):
        box = bar.get_by_role("button", name=name, exact=True).bounding_box()
        assert box["height"] >= 44, f"{name} is {box['height']} px high"
        assert box["y"] + box["height"] <= 844
        assert box["y"] > 844 / 2, "in the half that a thumb reaches"
    card(page, first).get_by_role("button", name="Play", exact=True).tap()
    expect(card(page, first).locator("[data-player]")).to_have_attribute("data-player", "playing")
    card(page, first).get_by_role("button", name="Normal", exact=True).tap()
    expect(card(page, first).locator('[data-heard="b"]')).to_be_visible()
    card(page, first).get_by_role("button", name="Difference", exact=True).tap()
    picture(page, "review-phone-dark")
    slider = card(page, first).get_by_role("slider", name="Position", exact=True)
    box = slider.bounding_box()
    slider.tap(position={"x": box["width"] / 2, "y": box["height"] / 2})
    page.wait_for_function("it => Number(it.getAttribute('aria-valuenow')) >= 2.9", arg=slider.element_handle())
    bar.get_by_role("button", name="Fault", exact=True).tap()
    bar.get_by_text("Lubrication").tap()
    bar.get_by_role("button", name="Save", exact=True).tap()
    expect(card(page, first)).to_have_count(0)
    assert verdict_of(api, first)["cause"] == "lubrication"
    bar.get_by_role("button", name="Undo", exact=True).tap()
    expect(card(page, first)).to_be_visible()


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_in_spanish_and_dark_with_its_keys_explained_and_without_the_collector(page, heard, machine_id):
    agent, (first, *_) = heard("Spanish", events=1)
    page.emulate_media(color_scheme="dark")
    machine = machine_id(agent)
    open_review(page, machine)
    page.get_by_role("button", name=re.compile("español")).click()
    expect(page.get_by_role("heading", name="Revisión", exact=True)).to_be_visible()
    expect(card(page, first)).to_contain_text("5 kHz")
    expect(card(page, first).locator("canvas")).to_be_visible()
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Teclas", exact=True)
    expect(keys).to_contain_text("avería confirmada")
    picture(page, "review-keys-es")
    page.keyboard.press("c")
    expect(page.get_by_role("form")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(keys).to_have_count(0)
    picture(page, "review-es-dark")
    page.keyboard.press("d")
    expect(card(page, first).get_by_role("img", name=re.compile("^Diferencia"))).to_be_visible()
    picture(page, "review-es-dark-difference")

    # The collector cannot be reached: what was chosen stays, and the bar says what to do.
    page.watch.expected += ["ERR_INTERNET_DISCONNECTED", "net::"]
    page.keyboard.press("c")
    form = page.get_by_role("form", name="Avería confirmada", exact=True)
    form.get_by_label(re.compile("^Comentario")).fill("rodamiento del lado de accionamiento")
    page.context.set_offline(True)
    form.get_by_role("button", name="Guardar", exact=True).click()
    expect(page.get_by_role("region", name="¿Qué fue?", exact=True).get_by_role("alert")).to_contain_text(
        "El colector no responde"
    )
    expect(form.get_by_label(re.compile("^Comentario"))).to_have_value("rodamiento del lado de accionamiento")
    page.context.set_offline(False)
    form.get_by_role("button", name="Guardar", exact=True).click()
    expect(page.get_by_test_id("said")).to_contain_text("Avería confirmada, Rodamiento")
