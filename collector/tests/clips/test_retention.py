"""Deleting clips by age and size, and files that no clip names."""

import hashlib
import os
import time
from uuid import UUID, uuid4

from clip_testing import event_of, flac, listed, put
from sqlalchemy import update

from audiosense_collector.clips import retention
from audiosense_collector.clips.storage import ClipFiles
from audiosense_collector.clips.tables import Clip
from audiosense_collector.clock import DAY_US, now_us


async def age(runtime, clip_id, days):
    async with runtime.sessions.begin() as session:
        await session.execute(update(Clip).where(Clip.id == clip_id).values(received=now_us() - days * DAY_US))


async def keep(runtime, agent, sensor, *, days, seed, locked=False, kind="reference"):
    clip_id, content = uuid4(), flac(seed=seed)
    if kind == "event":
        await agent.send(agent.batch(events=[event_of(sensor, event_id=clip_id)]))
    assert (await put(agent, clip_id, content, sensor=sensor, kind=kind)).status_code == 200
    await age(runtime, clip_id, days)
    async with runtime.sessions.begin() as session:
        await session.execute(update(Clip).where(Clip.id == clip_id).values(locked=locked))
    return str(clip_id), content


async def test_old_clips_are_deleted_and_locked_ones_kept(runtime, browser, make_agent):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    old, its_content = await keep(runtime, agent, sensor, days=91, seed=21)
    locked, _ = await keep(runtime, agent, sensor, days=400, seed=22, locked=True)
    young, _ = await keep(runtime, agent, sensor, days=89, seed=23)
    twin, _ = await keep(runtime, agent, sensor, days=1, seed=21)
    await retention.clean(runtime)
    assert {clip["id"] for clip in await listed(browser, sensor=sensor)} == {locked, young, twin}
    assert (await browser.get(f"/api/v1/clips/{twin}")).content == its_content, "its sound was the old one's too"
    assert (await browser.get(f"/api/v1/clips/{old}")).status_code == 404


async def test_beyond_the_size_references_go_before_events_and_the_oldest_first(runtime, browser, make_agent):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    event, content = await keep(runtime, agent, sensor, days=9, seed=31, kind="event")
    newer_event, _ = await keep(runtime, agent, sensor, days=8, seed=32, kind="event")
    locked, _ = await keep(runtime, agent, sensor, days=7, seed=33, locked=True)
    for seed in (34, 35):
        await keep(runtime, agent, sensor, days=5, seed=seed)

    async def clean_to(clips):
        others = sum(clip["bytes"] for clip in await listed(browser, limit=1_000)) - len(
            await listed(browser, sensor=sensor)
        ) * len(content)
        limit = round(others + (clips + 0.5) * len(content))
        settings = runtime.settings.model_copy(update={"clip_max_bytes": limit})
        async with runtime.sessions.begin() as session:
            await session.execute(update(Clip).where(Clip.sensor_id != UUID(sensor)).values(locked=True))
        object.__setattr__(runtime, "environment", settings)
        await retention.clean(runtime)
        return {clip["id"] for clip in await listed(browser, sensor=sensor)}

    assert await clean_to(3) == {event, newer_event, locked}
    assert await clean_to(2) == {newer_event, locked}
    assert await clean_to(0) == {locked}


async def test_stray_files_are_swept_once_they_are_no_longer_new(runtime, browser, known):
    agent, sensor, event = known
    content = flac(seed=41)
    await put(agent, event.id, content, sensor=sensor)
    store = ClipFiles.of(runtime)
    store.put("f" * 64, b"left by a crash between file and row")
    half = store.path("f" * 64).with_name(".half.new")
    half.write_bytes(b"left by a crash while it was written")
    await retention.clean(runtime)
    assert store.path("f" * 64).exists()
    for path in (store.path("f" * 64), half, store.path(hashlib.sha256(content).hexdigest())):
        os.utime(path, (time.time() - 7_200,) * 2)
    await retention.clean(runtime)
    assert not store.path("f" * 64).exists()
    assert not half.exists()
    assert (await browser.get(f"/api/v1/clips/{event.id}")).content == content
