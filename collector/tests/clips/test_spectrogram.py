"""Spectrograms of clips against SciPy, who may see them, and which normal sound an event is compared with."""

import asyncio
import base64
import threading
from uuid import uuid4

import numpy as np
import pytest
from clip_testing import RATE, event_of, flac, logged, put
from scipy import signal

from audiosense_collector.clips import service
from audiosense_collector.clips.spectrogram import make_picture, read_picture
from audiosense_collector.clock import DAY_US, now_us

HOUR_US = 3_600_000_000


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 48_000, 96_000])
def test_a_sine_has_its_level_at_its_frequency_and_all_rows_add_up_to_the_sound(rate_hz):
    time = np.arange(2 * rate_hz) / rate_hz
    tone = (0.1 * np.sqrt(2) * np.sin(2 * np.pi * 1_000 * time)).astype(np.float32)
    picture = make_picture(tone, rate_hz, 300)
    assert picture.levels.shape == (300, len(picture.centre_hz))
    assert picture.levels.dtype == np.uint8
    level = picture.low_db + picture.levels / 255 * (picture.high_db - picture.low_db)
    assert picture.centre_hz[level[150].argmax()] == pytest.approx(1_000)
    assert 10 * np.log10((10 ** (level / 10)).sum(axis=1)).mean() == pytest.approx(-20, abs=0.3)
    assert picture.level_dbfs == pytest.approx(-20, abs=0.01)
    assert picture.level_a_dbfs == pytest.approx(-20, abs=0.05), "0 dB of A-weighting at 1 kHz"


def test_rows_hold_the_power_that_scipy_finds_between_their_edges():
    noise = np.random.default_rng(1).normal(0, 0.1, 10 * RATE).astype(np.float32)
    shaped = signal.lfilter(*signal.butter(2, [500, 3_000], "bandpass", fs=RATE), noise).astype(np.float32)
    picture = make_picture(shaped, RATE, 1_000)
    level = picture.low_db + picture.levels / 255 * (picture.high_db - picture.low_db)
    mean = 10 * np.log10((10 ** (level / 10)).mean(axis=0))
    hz, density = signal.welch(shaped.astype(float), RATE, nperseg=8_192)
    half = 2 ** (1 / 32)
    for row in np.flatnonzero((picture.centre_hz > 300) & (picture.centre_hz < 5_000)):
        inside = (hz >= picture.centre_hz[row] / half) & (hz < picture.centre_hz[row] * half)
        expected = 10 * np.log10(density[inside].mean() * picture.centre_hz[row] * (half - 1 / half))
        assert mean[row] == pytest.approx(expected, abs=1.0), picture.centre_hz[row]


@pytest.mark.parametrize("samples", [1, 31, 800], ids=lambda count: f"{count}-samples")
def test_the_shortest_clips_and_silence_have_a_picture(samples):
    picture = make_picture(np.zeros(samples, np.float32), RATE, 600)
    assert np.isfinite([picture.low_db, picture.high_db, picture.level_dbfs, picture.level_a_dbfs]).all()
    assert picture.levels.shape[0] == max(1, samples * 500 // RATE)


async def test_a_picture_is_sent_once_and_logged_and_asked_for_each_time(known, operator, viewer, anonymous):
    agent, sensor, event = known
    assert (await put(agent, event.id, flac(), sensor=sensor)).status_code == 200
    path = f"/api/v1/clips/{event.id}/spectrogram"
    assert (await anonymous.get(path)).status_code == 401
    assert (await viewer.get(path)).status_code == 403, "words can be made out of it, as out of the sound"
    response = await operator.get(path, params={"columns": 200})
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "private, no-cache", "who signs in next at this browser is asked about"
    found = response.json()
    assert found["shape"] == [200, len(found["centre_hz"])]
    assert len(base64.b64decode(found["data"])) == 200 * len(found["centre_hz"])
    assert found["duration_s"] == 1.0
    assert found["level_dbfs"] == pytest.approx(20 * np.log10(0.3 / np.sqrt(3)), abs=0.1)
    again = await operator.get(path, params={"columns": 200}, headers={"If-None-Match": response.headers["etag"]})
    assert again.status_code == 304
    entries = await logged(operator, clip=str(event.id))
    assert [(each["action"], each["actor"]) for each in entries] == [("viewed", operator.user)]
    assert (await operator.get(f"/api/v1/clips/{uuid4()}/spectrogram")).status_code == 404


async def test_a_crowd_of_viewers_takes_neither_the_threads_nor_the_connections_of_ingest(
    runtime, known, operator, monkeypatch
):
    agent, sensor, event = known
    assert (await put(agent, event.id, flac(), sensor=sensor)).status_code == 200
    path = f"/api/v1/clips/{event.id}/spectrogram"
    begun, go_on, lock, running = threading.Event(), threading.Event(), threading.Lock(), []

    def held(*arguments):
        with lock:
            running.append(threading.current_thread().name)
        begun.set()
        assert go_on.wait(60)
        return read_picture(*arguments)

    monkeypatch.setattr(service, "read_picture", held)
    # Nobody of the waiting ones may hold a connection: there are fifteen.
    crowd = [asyncio.create_task(operator.get(path, params={"columns": 100 + number})) for number in range(60)]
    most = runtime.drawing.at_once + 32
    done, working = set(), set(crowd)
    while len(done) < len(crowd) - most:
        more, working = await asyncio.wait(working, timeout=60, return_when=asyncio.FIRST_COMPLETED)
        done |= more
    assert begun.is_set()
    refused = [each.result() for each in done]
    assert {answer.status_code for answer in refused} == {503}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    for _ in range(3):
        assert (await agent.send(agent.batch(agent.columns(12))))["token"]
    assert len(running) == runtime.drawing.at_once
    go_on.set()
    answers = await asyncio.gather(*working)
    assert [answer.status_code for answer in answers] == [200] * most
    assert len(running) == most
    assert all(name.startswith("pictures") for name in running)


async def test_normal_sound_is_of_the_machine_as_it_ran_before_the_event(make_agent, operator):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    event = event_of(sensor, start_us=now_us() - HOUR_US)
    path = f"/api/v1/events/{event.id}/normal-clip"
    heard = {"event": (event.start_us - 180_000_000, -30.0), "loud": (event.start_us - DAY_US, -20.0)}
    heard |= {"alike": (event.start_us - 3 * DAY_US, -30.5), "far": (event.start_us - 6 * DAY_US, -30.5)}
    columns = []
    for start_us, level in heard.values():
        # Within one minute, so that its roll-up is theirs.
        column = agent.columns(3, start_us=start_us // 60_000_000 * 60_000_000)
        columns.append(column.model_copy(update={"level_dbfs": [level] * 3}))
    for column in columns:
        await agent.send(agent.batch(column, events=[event] if column is columns[0] else []))
    assert (await operator.get(path)).json() == {"clip": None}
    clips = {}
    for name in ("loud", "alike", "far"):
        clips[name] = uuid4()
        start_us = heard[name][0] // 60_000_000 * 60_000_000
        content = flac(seed=len(name))
        assert (
            await put(agent, clips[name], content, sensor=sensor, kind="reference", start_us=start_us)
        ).status_code == 200
    found = (await operator.get(path)).json()["clip"]
    assert found["id"] == str(clips["alike"]), "not the nearest in time, which is 10 dB louder"
    assert found["level_difference_db"] == pytest.approx(-0.5, abs=0.01)
    assert found["speed_ratio"] == 1.0
    assert found["apart_us"] == event.start_us - heard["alike"][0] // 60_000_000 * 60_000_000

    # A piece of sound within an event is of no normal day, unless that was a false alarm.
    doubtful = event_of(sensor, start_us=found["start_us"] - 1_000_000)
    await agent.send(agent.batch(events=[doubtful]))
    assert (await operator.get(path)).json()["clip"]["id"] == str(clips["far"])
    said = {"events": [str(doubtful.id)], "verdict": "false_alarm", "cause": "usual"}
    assert (await operator.post("/api/v1/reviews", json=said)).status_code == 200
    assert (await operator.get(path)).json()["clip"]["id"] == str(clips["alike"])
    assert (await operator.get(f"/api/v1/events/{uuid4()}/normal-clip")).status_code == 404
