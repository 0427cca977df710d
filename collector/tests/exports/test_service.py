"""An export that is asked for becomes a file, whole or not at all, and is fetched until its time is over."""

import asyncio
import csv
import io
import os
import subprocess
import uuid
from dataclasses import replace
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet
import pytest
from sqlalchemy import text
from storage_testing import hear, keep

from audiosense_collector.auth.roles import Role
from audiosense_collector.clock import HOUR_US, now_us
from audiosense_collector.errors import ConflictError
from audiosense_collector.exports import service, storage
from audiosense_collector.exports.schemas import ExportRequest
from audiosense_collector.queue.progress import Attempt
from audiosense_collector.series import export as writing

FEATURES = ["crest_db"]


async def work(runtime):
    await runtime.jobs.run_worker_async(
        wait=False, install_signal_handlers=False, listen_notify=False, additional_context={"runtime": runtime}
    )


def with_settings(runtime, **changes):
    return replace(runtime, environment=runtime.settings.model_copy(update=changes))


@pytest.fixture
async def stored(runtime, make_agent):
    """Two sensors with windows, and what to ask for to have all of them."""
    start = now_us() - 4 * HOUR_US
    sensors = [next(iter((await make_agent()).sensors.values())) for _ in range(2)]
    for place, sensor in enumerate(sensors):
        await keep(runtime, sensor, hear(300 + place, start, seed=place))
    return {"sensors": sensors, "from_us": start, "to_us": start + 4 * HOUR_US, "features": FEATURES}


async def ask(client, wanted, **changes):
    answer = await client.post("/api/v1/exports", json=wanted | changes)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def clear(client):
    while items := (await client.get("/api/v1/exports")).json()["items"]:
        for item in items:
            assert (await client.delete(f"/api/v1/exports/{item['id']}")).status_code == 204


def files_of(settings):
    return sorted(path.name for path in Path(settings.exports_location).iterdir())


async def test_an_export_is_queued_written_and_fetched_row_by_row(runtime, operator, viewer, browser, stored):
    asked = await ask(operator, stored)
    assert (asked["state"], asked["rows"], asked["actor"]) == ("waiting", None, operator.user)
    path = f"/api/v1/exports/{asked['id']}"
    early = await viewer.get(f"{path}/file")
    assert (early.status_code, early.json()["detail"].partition(",")[0]) == (
        409,
        f"export {asked['id']} is waiting",
    )
    await work(runtime)
    job = (await viewer.get(f"/api/v1/jobs/{asked['job_id']}")).json()
    assert (job["kind"], job["state"], job["progress"], job["step"]) == ("export", "done", 1.0, "writing")
    done = (await viewer.get(path)).json()
    assert (done["state"], done["rows"], done["progress"]) == ("done", 601, 1.0)
    assert done["expires_us"] - done["finished_us"] == runtime.settings.export_retention_days * 24 * HOUR_US
    fetched = await viewer.get(f"{path}/file")
    assert fetched.headers["audiosense-rows"] == "601"
    assert int(fetched.headers["content-length"]) == len(fetched.content) == done["bytes"]
    *lines, last = fetched.text.splitlines()
    assert last == "# rows: 601"
    rows = list(csv.DictReader(lines))
    # The same rows as the streamed export of each sensor gives.
    for place, sensor in enumerate(stored["sensors"]):
        span = {"from_us": stored["from_us"], "to_us": stored["to_us"], "features": "crest_db"}
        streamed = (await viewer.get(f"/api/v1/sensors/{sensor}/export", params=span)).text.splitlines()[:-1]
        own = [{name: row[name] for name in row if name != "sensor"} for row in rows if row["sensor"] == sensor]
        assert len(own) == 300 + place
        assert own == list(csv.DictReader(streamed))
    log = (await browser.get("/api/v1/audit", params={"subject_id": asked["id"]})).json()["items"]
    assert [(entry["action"], entry["actor"]) for entry in log] == [
        ("fetch_export", viewer.user),
        ("request_export", operator.user),
    ]
    assert log[1]["after"]["format"] == "csv"
    assert (await operator.delete(path)).status_code == 204
    assert (await viewer.get(path)).status_code == 404
    assert files_of(runtime.settings) == []


async def test_any_storage_that_fsspec_opens_takes_the_files(runtime, operator, stored):
    place = f"memory://exports-{uuid.uuid4().hex}"
    elsewhere = with_settings(runtime, exports_url=place)
    asked = await ask(operator, stored, format="parquet", features=["*"], resolution="raw")
    await work(elsewhere)
    system, root = fsspec.core.url_to_fs(place)
    (name,) = system.ls(root, detail=False)
    table = pa.parquet.read_table(io.BytesIO(system.cat(name)))
    assert table.num_rows == 601
    assert set(table["sensor"].to_pylist()) == set(stored["sensors"])
    async with elsewhere.sessions.begin() as session:
        found, content = await service.fetch(session, elsewhere, uuid.UUID(asked["id"]))
        assert b"".join(content) == system.cat(name)
    assert found.rows == 601
    # Where no such storage is known the row is there and the file is not.
    missing = await operator.get(f"/api/v1/exports/{asked['id']}/file")
    assert missing.status_code == 404
    assert "AUDIOSENSE_EXPORTS_URL" in missing.json()["detail"]


@pytest.mark.parametrize(
    ("changes", "status", "told"),
    [
        ({"sensors": [str(uuid.UUID(int=5))]}, 404, "there is no sensor"),
        ({"features": ["loudness_of_paint"]}, 422, "features: 'loudness_of_paint' is unknown"),
        ({"to_us": 5}, 422, "to_us: 5 is not after from_us"),
        ({"sensors": []}, 422, "sensors"),
        ({"format": "xlsx"}, 422, "format"),
        ({"more": 1}, 422, "more: this key is unknown"),
    ],
    ids=lambda value: str(value)[:20],
)
async def test_what_cannot_be_exported_is_refused_before_it_is_queued(operator, stored, changes, status, told):
    before = (await operator.get("/api/v1/exports")).json()["items"]
    answer = await operator.post("/api/v1/exports", json=stored | changes)
    assert answer.status_code == status
    assert told in answer.json()["detail"]
    assert (await operator.get("/api/v1/exports")).json()["items"] == before


@pytest.fixture
def small_disk(tmp_path):
    """Mounts disks of their own, of some size."""
    if os.geteuid() != 0:
        pytest.skip("a small file system can be mounted by root only")
    mounted = []

    def mount(size):
        place = tmp_path / size
        place.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], check=False).returncode:
            pytest.skip("a small file system cannot be mounted here")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", place], check=True)


async def test_a_full_disk_fails_the_export_and_leaves_no_file(runtime, operator, stored, small_disk, monkeypatch):
    wanted = stored | {"features": ["*"]}
    cases = [
        # The database comes first, so it ends before the disk is full; and where all was free just now, it is full.
        (small_disk("1m"), storage.SPARE_BYTES, "less than 256 MiB of disk are free"),
        (small_disk("64k"), 0, "the storage of exports takes no more: No space left on device; make room"),
    ]
    for place, spare, told in cases:
        monkeypatch.setattr(storage, "SPARE_BYTES", spare)
        asked = await ask(operator, wanted)
        await work(with_settings(runtime, exports_url=str(place)))
        found = (await operator.get(f"/api/v1/exports/{asked['id']}")).json()
        assert (found["state"], found["rows"], found["bytes"]) == ("failed", None, None)
        assert told in found["error"]
        assert list(place.iterdir()) == []
        # It is not tried again: what is full stays so.
        job = (await operator.get(f"/api/v1/jobs/{asked['job_id']}")).json()
        assert (job["state"], job["attempts"]) == ("failed", 1)
        refused = await operator.get(f"/api/v1/exports/{asked['id']}/file")
        assert (refused.status_code, "ask for it anew" in refused.json()["detail"]) == (409, True)


async def test_exports_are_bounded_in_bytes_one_by_one_and_together(runtime, operator, stored):
    await clear(operator)
    first = await ask(operator, stored)
    await work(runtime)
    size = (await operator.get(f"/api/v1/exports/{first['id']}")).json()["bytes"]
    kept, before = size, files_of(runtime.settings)
    # A byte too little, and as many as it needs: of one, and of all that are kept.
    for changes, state, told in (
        ({"export_max_bytes": size - 1}, "failed", "AUDIOSENSE_EXPORT_MAX_BYTES); ask for a shorter span"),
        ({"export_total_bytes": kept + size - 1}, "failed", f"hold {kept} of {kept + size - 1} bytes"),
        ({"export_max_bytes": size, "export_total_bytes": kept + size}, "done", None),
    ):
        asked = await ask(operator, stored)
        await work(with_settings(runtime, **changes))
        found = (await operator.get(f"/api/v1/exports/{asked['id']}")).json()
        assert (found["state"], told is None or told in found["error"]) == (state, True), found["error"]
        if state == "failed":
            assert files_of(runtime.settings) == before
    assert found["bytes"] == size
    # Where all is used up, it is not even queued; nothing is deleted for it.
    async with runtime.sessions() as session:
        full = with_settings(runtime, export_total_bytes=kept + size)
        with pytest.raises(ConflictError, match="delete some that were fetched"):
            await service.request(session, full, operator.user, ExportRequest(**stored))
    assert len(files_of(runtime.settings)) == len(before) + 1
    await clear(operator)


async def test_as_many_exports_wait_as_may_also_when_they_are_asked_for_at_once(
    runtime, open_browser, operator, stored
):
    await clear(operator)
    others = [await open_browser(Role.OPERATOR) for _ in range(4)]
    most, in_all = runtime.settings.export_queue_per_user, runtime.settings.export_queue
    answers = await asyncio.gather(
        *(operator.post("/api/v1/exports", json=stored) for _ in range(most + 3)),
    )
    assert sorted(answer.status_code for answer in answers) == [202] * most + [429] * 3
    (refused, *_) = [answer for answer in answers if answer.status_code == 429]
    assert int(refused.headers["retry-after"]) > 0
    assert f"{most} exports of {operator.user} wait or are written already" in refused.json()["detail"]
    # A place is free when one is deleted, and others have theirs until the queue is full.
    mine = [answer.json() for answer in answers if answer.status_code == 202]
    assert (await operator.delete(f"/api/v1/exports/{mine[0]['id']}")).status_code == 204
    await ask(operator, stored)
    answers = await asyncio.gather(
        *(other.post("/api/v1/exports", json=stored) for other in others for _ in range(most)),
    )
    taken = [answer for answer in answers if answer.status_code == 202]
    assert len(taken) == in_all - most
    (refused, *_) = [answer for answer in answers if answer.status_code == 429]
    assert f"{in_all} exports wait or are written already" in refused.json()["detail"]
    await clear(operator)
    await ask(operator, stored)
    await clear(operator)


async def test_the_clock_deletes_what_is_over_and_what_nobody_names(runtime, operator, stored, settings, monkeypatch):
    kept, over, dead = [await ask(operator, stored) for _ in range(3)]
    await work(runtime)
    old = "UPDATE export SET expires = now() - interval '1 second' WHERE id = :id"
    never = (
        "UPDATE export SET file = NULL, finished = NULL, expires = NULL, asked = now() - interval '8 days' "
        "WHERE id = :id"
    )
    async with runtime.sessions.begin() as session:
        await session.execute(text(old), {"id": over["id"]})
        await session.execute(text(never), {"id": dead["id"]})
    own = set(files_of(settings))
    assert {name[:36] for name in own} == {each["id"] for each in (kept, over, dead)}
    # What others keep in the folder, or below it, is none of ours.
    folder = settings.data_dir / "exports"
    foreign = [folder / "notes.csv", folder / "ab" / f"{'ab' * 32}.flac", folder / "keys" / f"{uuid.uuid4()}-0-1f.csv"]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"kept")
    monkeypatch.setattr(service, "STRAY_S", -3_600.0)
    assert await service.clean(runtime) == 2
    left = {path for path in folder.rglob("*") if path.is_file()} - set(foreign)
    assert {path.name[:36] for path in left} == {kept["id"]}
    assert all(path.read_bytes() == b"kept" for path in foreign)
    items = (await operator.get("/api/v1/exports")).json()["items"]
    assert {each["id"] for each in (kept, over, dead)} & {item["id"] for item in items} == {kept["id"]}


async def test_exports_come_in_pages(operator, stored):
    made = [(await ask(operator, stored))["id"] for _ in range(5)]
    seen, before = [], None
    while True:
        page = (
            await operator.get("/api/v1/exports", params={"limit": 2} | ({"before": before} if before else {}))
        ).json()
        seen += [item["id"] for item in page["items"]]
        before = page["next"]
        if before is None:
            break
    assert seen[: len(made)] == made[::-1]
    assert len(set(seen)) == len(seen)


async def test_progress_grows_over_sensors_and_blocks(runtime, operator, stored, monkeypatch):
    monkeypatch.setattr(writing, "BLOCK_ROWS", 100)
    asked = await ask(operator, stored)
    told = []

    class Told(Attempt):
        def step(self, name, fraction):
            told.append((name, fraction))

    await service.write(runtime, uuid.UUID(asked["id"]), Told())
    fractions = [fraction for name, fraction in told if name == "writing"]
    assert len(fractions) == len(told) >= 8
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert 0 < fractions[0] < 0.5


async def test_an_export_that_is_deleted_while_it_waits_writes_nothing(runtime, operator, stored, settings):
    asked = await ask(operator, stored)
    assert (await operator.delete(f"/api/v1/exports/{asked['id']}")).status_code == 204
    await work(runtime)
    job = (await operator.get(f"/api/v1/jobs/{asked['job_id']}")).json()
    assert job["state"] == "done"
    assert not [name for name in files_of(settings) if name.startswith(asked["id"])]
