"""Sound at an event of the machine page, the switch that allows it, and who listened, in a real browser."""

import hashlib
import io
import re
import time
from uuid import uuid4

import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect

RATE = 16_000


def send_clip(agent, clip_id, *, kind, start_us, seconds=3.0, hz=220.0):
    """Send a tone as the agent would send a clip."""
    samples = 0.3 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)
    file = io.BytesIO()
    soundfile.write(file, samples, RATE, format="FLAC", subtype="PCM_16")
    query = {
        "sensor": str(agent.sensor),
        "kind": kind,
        "start_us": start_us,
        "opening_us": start_us + (1_000_000 if kind == "event" else 0),
        "sample_rate_hz": RATE,
        "frames": round(seconds * RATE),
        "sha256": hashlib.sha256(file.getvalue()).hexdigest(),
    }
    return agent.client.put(f"/api/v1/clips/{clip_id}", params=query, content=file.getvalue())


def open_machine(page, agent):
    page.goto(agent.in_fleet)
    page.locator(f'[data-machine="{agent.machine}"]').click()
    expect(page.get_by_role("heading", name=agent.machine, exact=True)).to_be_visible()


def picture(page, name):
    page.watch.picture(name)


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_an_events_sound_is_played_beside_normal_sound_and_who_listened_is_shown(page, enrol, open_menu, viewport):
    agent = enrol(f"Heard {viewport}")
    agent.send(40)
    agent.run_what_is_desired()
    event, now = uuid4(), time.time_ns() // 1_000
    agent.report_event(event=event, revision=1, state="open")
    assert send_clip(agent, event, kind="event", start_us=now - 31_000_000, hz=880.0).status_code == 200
    open_machine(page, agent)
    sound = page.locator(f'[data-clip="{event}"]')
    sound.get_by_role("button", name="Listen (3\u202fs)", exact=True).click()
    expect(sound).to_contain_text("No piece of normal sound yet")

    assert send_clip(agent, uuid4(), kind="reference", start_us=now - 90_000_000).status_code == 200
    page.reload()
    sound.get_by_role("button", name="Listen (3\u202fs)", exact=True).click()
    expect(sound).to_contain_text("it begins after 1.0\u202fs")
    expect(sound).to_contain_text("Nobody has listened to it yet.")
    expect(sound.locator("audio")).to_have_count(2)
    of_event, of_reference = sound.locator("audio").nth(0), sound.locator("audio").nth(1)
    for player in (of_event, of_reference):
        expect(player).to_be_visible()
        player.scroll_into_view_if_needed()
        box = player.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= page.viewport_size["width"]
    expect(of_event).to_have_attribute("aria-label", re.compile("^This event, "))
    expect(of_reference).to_have_attribute("aria-label", re.compile("^Normal sound, for comparison, "))

    of_event.evaluate("it => it.play()")
    expect(of_event).to_have_js_property("error", None)
    page.wait_for_function("it => it.currentTime > 0.2", arg=of_event.element_handle())
    assert abs(of_event.evaluate("it => it.duration") - 3.0) < 0.01
    expect(sound.locator('[data-audit="listened"]')).to_contain_text("anna (127.0.0.1) listened")
    of_reference.evaluate("it => it.play()")
    page.wait_for_function("it => it.currentTime > 0.1", arg=of_reference.element_handle())
    assert of_event.evaluate("it => it.paused"), "two sounds at once cannot be compared"
    of_event.evaluate("it => { it.currentTime = 0.5; return it.play() }")
    page.wait_for_function("it => it.currentTime > 0.7", arg=of_event.element_handle())
    of_event.evaluate("it => { it.currentTime = 2.99; it.play().catch(() => {}) }")
    page.wait_for_function(
        "it => it.error === null && (it.ended || it.currentTime < 0.1)", arg=of_event.element_handle()
    )
    of_event.evaluate("it => it.play()")
    page.wait_for_function("it => it.currentTime > 0.2 && !it.paused", arg=of_event.element_handle())
    expect(sound.get_by_role("alert")).to_have_count(0)
    expect(sound.locator('[data-audit="listened"]')).to_have_count(1)
    picture(page, f"event-sound-{viewport}")
    open_menu()
    page.get_by_role("button", name=re.compile("español")).click()
    expect(sound.get_by_role("button", name="Cerrar reproductor", exact=True)).to_be_visible()
    picture(page, f"event-sound-es-{viewport}")


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_a_microphones_clips_are_off_until_somebody_switches_them_on_knowingly(page, enrol, viewport):
    agent = enrol(f"Private {viewport}", source="microphone")
    agent.send(40)
    agent.run_what_is_desired()
    assert agent.post().clips_allowed == []
    event = uuid4()
    agent.report_event(event=event, revision=1, state="open")
    now = time.time_ns() // 1_000
    assert send_clip(agent, event, kind="event", start_us=now).status_code == 403
    open_machine(page, agent)
    panel = page.get_by_role("region", name="Sound clips", exact=True)
    panel.get_by_role("button", name="Sound clips", exact=True).click()
    switch = panel.get_by_role("switch", name="Keep sound clips", exact=True)
    expect(switch).not_to_be_checked()
    expect(panel).to_contain_text("Off: no sound leaves the agent")
    expect(panel).to_contain_text("Default of microphones")
    switch.click()
    expect(panel.get_by_role("alert")).to_contain_text("what people say near the machine may be in its clips")
    panel.scroll_into_view_if_needed()
    picture(page, f"clips-asking-{viewport}")
    panel.get_by_role("button", name="Cancel", exact=True).click()
    expect(switch).not_to_be_checked()
    assert agent.post().clips_allowed == []

    switch.click()
    panel.get_by_role("button", name="Keep them", exact=True).click()
    expect(panel.get_by_role("status")).to_contain_text("Saved")
    expect(switch).to_be_checked()
    expect(panel).to_contain_text("Set here")
    assert agent.post().clips_allowed == [agent.sensor]
    assert send_clip(agent, event, kind="event", start_us=now).status_code == 200
    panel.get_by_text("Who listened, who switched").click()
    expect(panel.locator('[data-audit="allowed"]')).to_contain_text("anna (127.0.0.1) switched clips on")
    picture(page, f"clips-on-{viewport}")
    switch.click()
    expect(panel.locator('[data-audit="withdrawn"]')).to_be_visible()
    expect(switch).not_to_be_checked()
    assert agent.post().clips_allowed == []


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_a_simulators_clips_are_on_and_switched_off_without_a_question(page, enrol):
    agent = enrol("Simulated with sound")
    agent.send(3)
    open_machine(page, agent)
    panel = page.get_by_role("region", name="Sound clips", exact=True)
    panel.get_by_role("button", name="Sound clips", exact=True).click()
    switch = panel.get_by_role("switch", name="Keep sound clips", exact=True)
    expect(switch).to_be_checked()
    expect(panel).to_contain_text("Default of simulators and recordings")
    expect(panel).not_to_contain_text("This sensor is a microphone")
    switch.click()
    expect(switch).not_to_be_checked()
    switch.click()
    expect(switch).to_be_checked()
    expect(panel.get_by_role("status")).to_be_visible()


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_a_whole_sites_clips_are_switched_on_knowingly(page, enrol, viewport):
    site = f"Hall {viewport}"
    agent = enrol(f"Of a hall {viewport}", source="microphone", site=site)
    agent.send(3)
    open_machine(page, agent)
    panel = page.get_by_role("region", name="Sound clips", exact=True)
    panel.get_by_role("button", name="Sound clips", exact=True).click()
    panel.get_by_text("For the whole site").click()
    choice = panel.get_by_label(re.compile(rf"^Sensors at {site}"))
    choice.select_option("Keep sound clips")
    expect(panel.get_by_role("alert")).to_contain_text("Sound of all microphones of this site")
    assert agent.post().clips_allowed == []
    picture(page, f"clips-site-{viewport}")
    panel.get_by_role("button", name="Keep them", exact=True).click()
    expect(panel).to_contain_text(f"Set for the site {site}")
    expect(panel.get_by_role("switch")).to_be_checked()
    assert agent.post().clips_allowed == [agent.sensor]
    panel.get_by_role("switch").click()
    expect(panel).to_contain_text("This sensor has a setting of its own")
    assert agent.post().clips_allowed == []
    choice.select_option("Keep none")
    expect(choice).to_have_value("off")


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
def test_a_sound_that_was_deleted_meanwhile_says_so(page, enrol, api):
    page.watch.expected += ["404"]
    agent = enrol("Deleted sound")
    agent.send(40)
    agent.run_what_is_desired()
    event = uuid4()
    agent.report_event(event=event, revision=1, state="close")
    assert send_clip(agent, event, kind="event", start_us=time.time_ns() // 1_000).status_code == 200
    open_machine(page, agent)
    sound = page.locator(f'[data-clip="{event}"]')
    sound.get_by_role("button", name=re.compile("^Listen")).click()
    assert api.delete(f"/api/v1/clips/{event}").status_code == 204
    sound.locator("audio").evaluate("it => it.play().catch(() => {})")
    expect(sound.get_by_role("alert")).to_contain_text("cannot be played")
