"""Analysing recordings: sent, followed, shown, scored against other machines, shared by link and deleted."""

import base64
import io
import json
import os
import re
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect

ARTEFACTS = os.environ.get("AUDIOSENSE_ARTEFACTS")
RATE = 48_000
# A browser records its own tone: no encoder of MP4 is installed here.
RECORD = """
async ([kind, seconds]) => {
  const context = new AudioContext({ sampleRate: 48000 });
  await context.resume();
  const oscillator = new OscillatorNode(context, { frequency: 1000 });
  const gain = new GainNode(context, { gain: 0.25 });
  const end = context.createMediaStreamDestination();
  oscillator.connect(gain).connect(end);
  oscillator.start();
  const recorder = new MediaRecorder(end.stream, { mimeType: kind });
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const stopped = new Promise((resolve) => { recorder.onstop = resolve; });
  recorder.start();
  await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  recorder.stop();
  await stopped;
  await context.close();
  return [...new Uint8Array(await new Blob(parts).arrayBuffer())];
}
"""


def tone(seconds, *, level=0.5, hz=1_000, container="WAV"):
    samples = np.clip(level * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE), -1, 1)
    file = io.BytesIO()
    soundfile.write(file, samples.astype(np.float32), RATE, format=container, subtype="PCM_16")
    return file.getvalue()


def upload(page, *files):
    chosen = [{"name": name, "mimeType": "application/octet-stream", "buffer": content} for name, content in files]
    page.locator('input[type="file"][multiple]').set_input_files(chosen)


def drop(page, *files):
    """Let files fall on the page, as from a folder of the desktop."""
    carried = page.evaluate_handle(
        """files => {
          const carried = new DataTransfer();
          for (const [name, content] of files) {
            const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
            carried.items.add(new File([bytes], name));
          }
          return carried;
        }""",
        [[name, base64.b64encode(content).decode()] for name, content in files],
    )
    for kind in ("dragover", "drop"):
        page.dispatch_event("[data-dropzone]", kind, {"dataTransfer": carried})


def keep(page, name):
    if ARTEFACTS:
        page.screenshot(path=Path(ARTEFACTS) / f"{name}.png", full_page=True)


@pytest.fixture
def machines(enrol):
    """Two machines with models, of different sounds."""
    made = [enrol(f"Heard {kind} {uuid4().hex[:6]}") for kind in ("pump", "fan")]
    for agent in made:
        agent.send(60)
        agent.run_what_is_desired()
    return made


def test_a_recording_is_analysed_compared_shared_and_deleted(page, machines, viewport, violations):
    pump, fan = machines
    page.emulate_media(reduced_motion="reduce")
    page.goto("/analyse")
    expect(page.get_by_role("heading", name="Analyse a recording", exact=True)).to_be_visible()
    assert violations(page) == []
    keep(page, f"analyse-{viewport}")
    page.get_by_label(re.compile("^Score for")).select_option(label=f"{pump.machine}, {pump.machine} sensor")
    name = f"knock {uuid4().hex[:6]}.wav"
    upload(page, (name, tone(3, level=3)))
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.locator("[data-sentence]")).to_have_text(
        f"This does not sound like {pump.machine} as usual: all 30 windows are anomalous."
    )
    why = page.get_by_role("region", name="Why", exact=True)
    expect(why.get_by_role("listitem").first).to_be_visible()
    expect(why.locator("[data-window]")).to_have_count(5)
    expect(why.locator("[data-reason]").first).to_be_visible()
    for title in ("Score against threshold", "Spectrogram"):
        expect(page.get_by_role("region", name=title, exact=True).locator("canvas")).to_be_visible()
    expect(page.locator('[data-warning="clipped"]')).to_contain_text("Lower the gain")

    page.get_by_role("button", name=re.compile("Play")).click()
    expect(page.get_by_role("button", name=re.compile("Pause"))).to_be_visible()
    expect(page.locator("[data-play-cursor]")).to_be_visible()
    page.get_by_role("button", name=re.compile("Pause")).click()

    page.get_by_role("button", name=re.compile("Features")).click()
    page.get_by_role("button", name=re.compile("^Chart RMS level")).click()
    expect(page.get_by_role("region", name=re.compile("^RMS level")).locator("canvas")).to_be_visible()
    expect(page).to_have_url(re.compile("feature="))

    page.get_by_role("button", name=re.compile("Compare with all machines")).click()
    expect(page.locator(f'[data-compared="{fan.machine}"]')).to_be_visible()
    expect(page.locator("[data-likest]")).to_be_visible()
    page.get_by_role("button", name=re.compile(re.escape(f"Show the scores of {fan.machine}"))).click()
    expect(page.locator("[data-sentence]")).to_contain_text(fan.machine)
    keep(page, f"analysis-{viewport}")
    assert violations(page) == []

    page.goto(page.url)
    expect(page.locator("[data-sentence]")).to_contain_text(fan.machine)
    expect(page.locator("main").get_by_text("The sound is not kept")).to_be_visible()
    page.get_by_role("button", name=re.compile("Delete")).click()
    page.get_by_role("group", name="Delete", exact=True).get_by_role("button", name=re.compile("Delete")).click()
    expect(page.get_by_role("heading", name="Analysed before", exact=True)).to_be_visible()
    expect(page.locator(f'[data-analysis="{name}"]')).to_have_count(0)


@pytest.mark.parametrize("viewport", ["desktop"], indirect=True)
def test_several_recordings_queue_and_what_cannot_be_read_says_what_to_do(page, viewport):
    page.watch.expected += ["422", "404"]
    page.goto("/analyse")
    unique = uuid4().hex[:6]
    drop(
        page,
        (f"letter {unique}.wav", b"this is no sound at all, but a text"),
        (f"good {unique}.flac", tone(6, container="FLAC")),
        (f"broken {unique}.m4a", b"\0\0\0\x18ftypM4A \0\0\0\0" + bytes(200)),
    )
    expect(page.locator('[data-job="done"]')).to_have_count(1)
    expect(page.locator('[data-job="failed"]')).to_have_count(2)
    alerts = page.get_by_role("alert")
    expect(alerts.nth(0)).to_contain_text("The collector cannot read this as sound.")
    expect(alerts.nth(0)).to_contain_text("is no audio that can be read; expected WAV, FLAC, OGG or MP3")
    expect(alerts.nth(1)).to_contain_text("This is M4A, which neither the collector nor this browser can decode.")
    language = page.get_by_role("button", name=re.compile("español|English"))
    language.click()
    expect(alerts.nth(0)).to_contain_text("El colector no puede leer esto como sonido.")
    language.click()
    stored = page.locator(f'[data-analysis="good {unique}.flac"]')
    expect(stored).to_contain_text("anna")
    expect(stored).to_contain_text("Not scored")
    page.get_by_role("button", name=re.compile(re.escape(f"Cancel: letter {unique}.wav"))).click()
    expect(page.locator('[data-job="failed"]')).to_have_count(1)
    stored.get_by_role("link").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name=re.compile("^CSV . Spectrogram")).click()
    lines = saved.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("time_s,")
    assert 200 <= len(lines) <= 1_001
    with page.expect_download() as saved:
        page.get_by_role("button", name=re.compile("^PNG . Spectrogram")).click()
    assert saved.value.path().read_bytes().startswith(b"\x89PNG")
    page.goto(f"/analyse/{uuid4()}")
    expect(page.get_by_role("heading", name="There is no such analysis", exact=True)).to_be_visible()


@pytest.mark.parametrize("viewport", ["phone"], indirect=True)
@pytest.mark.parametrize(
    ("name", "kind", "container"),
    [("phone.m4a", "audio/mp4", "M4A"), ("phone.webm", "audio/webm;codecs=opus", "WebM")],
    ids=["m4a", "webm"],
)
def test_what_the_collector_cannot_decode_the_browser_does(page, viewport, api, name, kind, container):  # noqa: PLR0917
    page.goto("/analyse")
    page.get_by_role("heading", name="Analyse a recording", exact=True).click()
    assert page.evaluate("kind => MediaRecorder.isTypeSupported(kind)", kind)
    content = bytes(page.evaluate(RECORD, [kind, 1.2]))
    with pytest.raises(soundfile.LibsndfileError):
        soundfile.read(io.BytesIO(content))
    upload(page, (name, content))
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    told = page.locator('[data-warning="decoded"]')
    expect(told).to_contain_text(re.compile(r"decoded the recording, at its own 48,000\sHz"))
    kept = api.get(f"/api/v1/analyses/{page.url.split('/')[-1]}").json()
    assert kept["warnings"][0]["message"].startswith(f"{name} is {container}, which the browser decoded"), json.dumps(
        kept["warnings"]
    )
    assert kept["format"]["subtype"] == "PCM_24"
    assert kept["summary"]["dominant_khz"] == pytest.approx(1, abs=0.01)
