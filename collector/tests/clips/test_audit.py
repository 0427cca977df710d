"""Who listened, locked and deleted is kept, and nobody can change it."""

import hashlib

import psycopg
import pytest
from clip_testing import flac, listed, logged, put

from audiosense_collector.clips.storage import ClipFiles
from audiosense_collector.clock import now_us
from audiosense_collector.db.engine import libpq_url


async def test_who_listened_is_kept_once_for_the_pieces_of_one_listening(browser, known):
    agent, sensor, event = known
    await put(agent, event.id, flac(), sensor=sensor)
    await listed(browser, event=event.id)
    assert await logged(browser, clip=event.id) == []
    for asked in ("bytes=500-", "bytes=0-99", "bytes=100-199"):
        await browser.get(f"/api/v1/clips/{event.id}", headers={"Range": asked})
    (entry,) = await logged(browser, clip=event.id)
    assert (entry["action"], entry["actor"], entry["address"]) == ("listened", browser.user, "127.0.0.1")
    assert entry["sensor_id"] == str(sensor)
    assert abs(entry["at_us"] - now_us()) < 60_000_000


async def test_the_log_is_only_ever_added_to(browser, known, database_url):
    agent, sensor, event = known
    await put(agent, event.id, flac(), sensor=sensor)
    await browser.get(f"/api/v1/clips/{event.id}")
    with psycopg.connect(libpq_url(database_url), autocommit=True) as connection:
        for change in ("UPDATE clip_audit SET actor = 'me'", "DELETE FROM clip_audit", "TRUNCATE clip_audit"):
            with pytest.raises(psycopg.errors.RaiseException, match="only ever added"):
                connection.execute(change)
    assert len(await logged(browser, clip=event.id)) == 1


async def test_a_clip_is_locked_and_deleted_by_hand_and_the_log_outlives_it(runtime, browser, known):
    agent, sensor, event = known
    content = flac(seed=11)
    await put(agent, event.id, content, sensor=sensor)
    path = f"/api/v1/clips/{event.id}"
    assert (await browser.patch(path, json={"locked": True})).json()["locked"] is True
    assert (await browser.delete(path)).status_code == 409
    assert (await browser.patch(path, json={"locked": False})).json()["locked"] is False
    assert (await browser.delete(path)).status_code == 204
    assert (await browser.get(path)).status_code == 404
    assert not ClipFiles.of(runtime).path(hashlib.sha256(content).hexdigest()).exists()
    actions = [entry["action"] for entry in await logged(browser, clip=event.id)]
    assert actions == ["deleted", "unlocked", "locked"]
