"""Clips as an agent sends them, and what the interface says of them."""

import hashlib
import io
from uuid import uuid4

import numpy as np
import soundfile

from audiosense_collector.clock import now_us
from audiosense_common.wire import Event

RATE = 16_000


def flac(seconds=1.0, *, seed=0, rate=RATE, channels=1, subtype="PCM_16", form="FLAC"):
    samples = np.random.default_rng(seed).uniform(-0.3, 0.3, (round(seconds * rate), channels))
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=form, subtype=subtype)
    return file.getvalue()


def event_of(sensor, *, start_us=None, event_id=None):
    start = start_us or now_us() - 60_000_000
    return Event(
        id=event_id or uuid4(),
        sensor=sensor,
        revision=1,
        state="open",
        start_us=start,
        end_us=start + 10_000_000,
        peak_us=start,
        peak_score=0.9,
        threshold=0.6,
        windows=3,
        model="ab" * 32,
    )


async def put(agent, clip_id, content, *, sensor, seconds=1.0, kind="event", start_us=None, **said):
    start = start_us or now_us() - 60_000_000
    upload = {
        "sensor": str(sensor),
        "kind": kind,
        "start_us": start,
        "opening_us": start,
        "sample_rate_hz": RATE,
        "frames": round(seconds * RATE),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    path = f"/api/v1/clips/{clip_id}"
    return await agent.client.put(path, params=upload | said, content=content, headers=agent.headers)


async def listed(browser, **query):
    response = await browser.get("/api/v1/clips", params=query)
    assert response.status_code == 200, response.text
    return response.json()["items"]


async def logged(browser, **query):
    response = await browser.get("/api/v1/clip-audit", params=query)
    assert response.status_code == 200, response.text
    return response.json()["items"]


def files(runtime):
    return sorted(path.name for path in (runtime.settings.data_dir / "clips").glob("??/*"))
