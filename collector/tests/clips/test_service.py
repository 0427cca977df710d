"""From an agent's clip to what a browser plays: what is taken, repeats, refusals, ranges."""

import asyncio
import hashlib
from threading import BoundedSemaphore
from uuid import uuid4

import pytest
from clip_testing import RATE, event_of, files, flac, listed, logged, put

from audiosense_collector.clips.storage import ClipFiles
from audiosense_collector.clock import DAY_US, now_us
from audiosense_common.wire_clips import MAX_CLIP_BYTES, NOT_ALLOWED, ClipUpload

ALL_AGENTS = "/api/v1/agents?limit=1000"


async def test_a_clip_is_stored_listed_and_played_byte_for_byte(runtime, browser, known):
    agent, sensor, event = known
    content = flac(2.5)
    opening = event.start_us
    response = await put(
        agent, event.id, content, sensor=sensor, seconds=2.5, start_us=opening - 500_000, opening_us=opening
    )
    assert (response.status_code, response.json()) == (200, {"repeated": False})
    (clip,) = await listed(browser, sensor=sensor)
    assert clip == (await listed(browser, event=event.id))[0]
    assert (clip["id"], clip["event_id"], clip["kind"]) == (str(event.id), str(event.id), "event")
    assert (clip["duration_s"], clip["bytes"], clip["locked"]) == (2.5, len(content), False)
    assert (clip["start_us"], clip["opening_us"]) == (opening - 500_000, opening)
    assert clip["reference"] is None
    played = await browser.get(f"/api/v1/clips/{event.id}")
    assert (played.status_code, played.content) == (200, content)
    assert played.headers["content-type"] == "audio/flac"
    assert played.headers["cache-control"] == "no-store"
    stored = ClipFiles.of(runtime).path(hashlib.sha256(content).hexdigest())
    assert (stored.read_bytes(), stored.stat().st_mode & 0o777) == (content, 0o600)


@pytest.mark.parametrize(
    ("asked", "status", "span"),
    [("bytes=0-99", 206, (0, 100)), ("bytes=1000-", 206, (1_000, None)), ("bytes=-10", 206, (-10, None))],
)
async def test_a_player_gets_the_range_that_it_asks_for(browser, known, asked, status, span):
    agent, sensor, event = known
    content = flac()
    await put(agent, event.id, content, sensor=sensor)
    response = await browser.get(f"/api/v1/clips/{event.id}", headers={"Range": asked})
    assert (response.status_code, response.content) == (status, content[slice(*span)])
    assert response.headers["accept-ranges"] == "bytes"
    beyond = await browser.get(f"/api/v1/clips/{event.id}", headers={"Range": "bytes=99999999-"})
    assert beyond.status_code == 416


async def test_a_clips_etag_is_its_sha256_and_who_has_it_is_sent_nothing(browser, known):
    agent, sensor, event = known
    content = flac()
    await put(agent, event.id, content, sensor=sensor)
    path = f"/api/v1/clips/{event.id}"
    first = await browser.get(path)
    tag = f'"{hashlib.sha256(content).hexdigest()}"'
    assert (first.status_code, first.headers["etag"]) == (200, tag)
    for named in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await browser.get(path, headers={"If-None-Match": named})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == "no-store"
    other = await browser.get(path, headers={"If-None-Match": '"other"'})
    assert (other.status_code, other.content) == (200, content)


async def test_the_same_clip_again_changes_nothing_and_another_under_its_id_is_refused(runtime, browser, known):
    agent, sensor, event = known
    content, before = flac(), files(runtime)
    for repeated in (False, True, True):
        response = await put(agent, event.id, content, sensor=sensor)
        assert (response.status_code, response.json()) == (200, {"repeated": repeated})
    other = flac(seed=7)
    assert (await put(agent, event.id, other, sensor=sensor)).status_code == 409
    assert len(await listed(browser, sensor=sensor)) == 1
    assert len(files(runtime)) - len(before) <= 1
    assert (await browser.get(f"/api/v1/clips/{event.id}")).content == content


async def test_of_many_copies_at_once_one_is_stored(browser, known):
    agent, sensor, event = known
    content = flac(seed=3)
    answers = await asyncio.gather(*(put(agent, event.id, content, sensor=sensor) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await listed(browser, sensor=sensor)) == 1


@pytest.mark.parametrize(
    ("content", "said", "status", "named"),
    [
        (flac(), {"sha256": "0" * 64}, 422, "sha256"),
        (flac(), {"frames": 15_999}, 422, "frames"),
        (flac(), {"sample_rate_hz": 8_000}, 422, "sample_rate_hz"),
        (flac()[:-2_000], {}, 422, "body"),
        (b"fLaC" + bytes(5_000), {}, 422, "body"),
        (b"", {}, 422, "body"),
        (flac(form="WAV"), {}, 422, "body"),
        (flac(subtype="PCM_24"), {}, 422, "body"),
        (flac(channels=2), {}, 422, "body"),
        (flac(), {"frames": 0}, 422, "frames"),
        (flac(), {"frames": 121 * RATE}, 422, "frames"),
        (flac(), {"sha256": "no"}, 422, "sha256"),
        (flac(), {"kind": "song"}, 422, "kind"),
        (flac(), {"start_us": -1}, 422, "start_us"),
        (bytes(MAX_CLIP_BYTES + 1), {}, 413, "body"),
    ],
    ids=lambda value: f"{len(value)} bytes" if isinstance(value, bytes) else str(value),
)
async def test_what_is_not_the_sound_that_was_said_is_refused_and_named(  # noqa: PLR0917 - fixtures and cases
    runtime, browser, known, content, said, status, named
):
    agent, sensor, event = known
    before = files(runtime)
    response = await put(agent, event.id, content, sensor=sensor, **said)
    assert response.status_code == status, response.text
    assert response.json()["errors"][0]["loc"].split(".")[-1] == named
    assert await listed(browser, sensor=sensor) == []
    assert files(runtime) == before


async def test_a_body_without_a_length_is_read_no_further_than_the_limit(known):
    agent, sensor, event = known
    sent = 0

    async def endless():
        nonlocal sent
        while sent < 8 * MAX_CLIP_BYTES:
            sent += 2**20
            yield bytes(2**20)

    upload = ClipUpload(
        sensor=sensor, kind="event", start_us=1, opening_us=1, sample_rate_hz=RATE, frames=1, sha256="0" * 64
    )
    query = upload.model_dump(mode="json")
    response = await agent.client.put(
        f"/api/v1/clips/{event.id}", params=query, content=endless(), headers=agent.headers
    )
    assert response.status_code == 413


async def test_whose_clip_it_is_is_checked(make_agent, known):
    agent, sensor, event = known
    other = await make_agent(name="other")
    (others,) = other.sensors.values()
    content = flac()
    assert (await put(other, event.id, content, sensor=sensor)).status_code == 422
    assert (await put(other, event.id, content, sensor=others)).status_code == 404, "an event of another's sensor"
    unknown = await put(agent, uuid4(), content, sensor=sensor)
    assert unknown.status_code == 404
    assert "send its batch first" in unknown.json()["detail"]
    stranger = await agent.client.put(f"/api/v1/clips/{event.id}", content=content)
    assert stranger.status_code == 401


async def test_a_clip_that_came_before_its_event_is_taken_after_it(known):
    agent, sensor, _ = known
    late, content = event_of(str(sensor)), flac(seed=2)
    assert (await put(agent, late.id, content, sensor=sensor)).status_code == 404
    await agent.send(agent.batch(events=[late]))
    assert (await put(agent, late.id, content, sensor=sensor)).status_code == 200


async def test_the_reference_nearest_in_time_stands_beside_an_events_clip(browser, make_agent):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    now = now_us()
    events = [event_of(sensor, start_us=now - days * DAY_US) for days in (9, 1)]
    await agent.send(agent.batch(events=events))
    references = {days: uuid4() for days in (12, 8, 3)}
    for days, clip_id in references.items():
        content = flac(seed=days)
        start = now - days * DAY_US
        answer = await put(agent, clip_id, content, sensor=sensor, kind="reference", start_us=start)
        assert answer.status_code == 200
    for place, event in enumerate(events):
        await put(agent, event.id, flac(seed=100 + place), sensor=sensor, start_us=event.start_us)
    newer, older = await listed(browser, sensor=sensor, kind="event")
    assert newer["reference"]["id"] == str(references[3])
    assert older["reference"] == {"id": str(references[8]), "start_us": now - 8 * DAY_US, "duration_s": 1.0}
    assert all(clip["reference"] is None for clip in await listed(browser, sensor=sensor, kind="reference"))


async def test_lists_are_paged(browser, make_agent):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    for number in range(5):
        await put(agent, uuid4(), flac(seed=number), sensor=sensor, kind="reference", start_us=number + 1)
    found, before = [], {}
    while True:
        page = (await browser.get("/api/v1/clips", params={"sensor": sensor, "limit": 2} | before)).json()
        found += [clip["start_us"] for clip in page["items"]]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert found == [5, 4, 3, 2, 1]
    assert (await browser.get("/api/v1/clips", params={"before": "x"})).status_code == 422


async def test_a_file_that_is_gone_is_told_as_that(runtime, browser, known):
    agent, sensor, event = known
    content = flac(seed=12)
    await put(agent, event.id, content, sensor=sensor)
    ClipFiles.of(runtime).delete(hashlib.sha256(content).hexdigest())
    response = await browser.get(f"/api/v1/clips/{event.id}")
    assert response.status_code == 404
    assert "missing in the data directory" in response.json()["detail"]
    assert await logged(browser, clip=event.id) == []


async def test_a_full_disk_puts_clips_off_and_takes_none(browser, known, monkeypatch):
    agent, sensor, event = known
    monkeypatch.setattr("audiosense_collector.clips.storage.SPARE_BYTES", 2**62)
    response = await put(agent, event.id, flac(), sensor=sensor)
    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert await listed(browser, sensor=sensor) == []
    monkeypatch.undo()
    assert (await put(agent, event.id, flac(), sensor=sensor)).status_code == 200


async def test_a_file_that_was_lost_comes_back_with_a_repeat(browser, runtime, known):
    agent, sensor, event = known
    content = flac(seed=51)
    await put(agent, event.id, content, sensor=sensor)
    ClipFiles.of(runtime).delete(hashlib.sha256(content).hexdigest())
    again = await put(agent, event.id, content, sensor=sensor)
    assert (again.status_code, again.json()) == (200, {"repeated": True})
    assert (await browser.get(f"/api/v1/clips/{event.id}")).content == content


async def test_of_too_many_clips_at_once_some_are_put_off(browser, known, monkeypatch):
    agent, sensor, event = known
    places = BoundedSemaphore(1)
    monkeypatch.setattr("audiosense_collector.clips.upload._places", places)
    places.acquire()
    response = await put(agent, event.id, flac(), sensor=sensor)
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) >= 2
    places.release()
    for _ in range(2):
        assert (await put(agent, uuid4(), b"no clip", sensor=sensor, kind="reference")).status_code == 422
    assert (await put(agent, event.id, flac(), sensor=sensor)).status_code == 200


async def test_an_agents_counts_of_clips_are_shown(browser, known):
    agent, _, _ = known
    await agent.send(agent.batch(heartbeat={"version": "0.2.0", "clips_waiting": 3, "clips_dropped": 7}))
    shown = next(each for each in (await browser.get(ALL_AGENTS)).json()["items"] if each["id"] == str(agent.id))
    assert (shown["clips_waiting"], shown["clips_dropped"]) == (3, 7)


async def test_what_is_switched_off_is_not_read(runtime, browser, known):
    agent, sensor, event = known
    await browser.put(f"/api/v1/sensors/{sensor}/clips-permission", json={"allowed": False})
    before, read = files(runtime), 0

    async def body():
        nonlocal read
        read += 1
        yield flac()

    content = flac()
    query = ClipUpload(
        sensor=sensor,
        kind="event",
        start_us=1,
        opening_us=1,
        sample_rate_hz=RATE,
        frames=RATE,
        sha256=hashlib.sha256(content).hexdigest(),
    ).model_dump(mode="json")
    response = await agent.client.put(f"/api/v1/clips/{event.id}", params=query, content=body(), headers=agent.headers)
    assert (response.status_code, response.json()["type"]) == (403, NOT_ALLOWED)
    assert read == 0
    assert files(runtime) == before
