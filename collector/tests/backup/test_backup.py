"""Backups of a real collector that goes on meanwhile, restored elsewhere; and all that must refuse one."""

import asyncio
import fcntl
import hashlib
import os
import re
import subprocess
import tarfile

import httpx
import psycopg
import pytest
from sqlalchemy.engine import make_url
from typer.testing import CliRunner

from audiosense_collector.app import create_agent_app, create_app
from audiosense_collector.backup.archive import BackupError, reading
from audiosense_collector.backup.create import make_backup
from audiosense_collector.backup.restore import restore_backup
from audiosense_collector.cli import app
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.jobs import make_jobs
from audiosense_collector.runtime import open_runtime

ROWS = 25


def query(url, statement):
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        return connection.execute(statement).fetchall()


async def answers(browser, agent, event):
    """What the pages ask for, of one sensor."""
    (sensor,) = agent.sensors.values()
    found = {}
    for path in (
        f"/api/v1/sensors/{sensor}/series?reasons=true",
        f"/api/v1/events?sensor={sensor}",
        f"/api/v1/clips?sensor={sensor}",
        f"/api/v1/sensors/{sensor}/gaps",
    ):
        response = await browser.get(path)
        assert response.status_code == 200, response.text
        found[path] = response.json()
    for bound in ("from_us", "to_us"):
        found[f"/api/v1/sensors/{sensor}/series?reasons=true"].pop(bound)
    found["sound"] = hashlib.sha256((await browser.get(f"/api/v1/clips/{event.id}")).content).hexdigest()
    return found


async def send_until(agent, stop):
    while not stop.is_set():
        await agent.send(agent.batch(agent.columns(ROWS)))


async def test_a_backup_made_under_load_answers_the_same_elsewhere(
    *, settings, database_url, browser, plant, make_agent, make_database, elsewhere, tmp_path
):
    agent, event, sound = plant
    before = await answers(browser, agent, event)
    busy, stop = await make_agent(name="busy"), asyncio.Event()
    await busy.send(busy.batch(busy.columns(ROWS)))
    sending = asyncio.create_task(send_until(busy, stop))
    path, manifest = await asyncio.to_thread(make_backup, settings, database_url, tmp_path)
    stop.set()
    await sending
    later = await agent.send(agent.batch(agent.columns(4)))
    assert path.stat().st_mode & 0o077 == 0, "keys are in it"
    assert sorted(each.name for each in tmp_path.iterdir() if each.is_file()) == [path.name]
    assert (manifest.clips, manifest.clips_missing) == (1, [])

    url = make_database(migrated=False)
    restored, kept = await asyncio.to_thread(restore_backup, elsewhere, url, path)
    assert (restored, kept) == (manifest, None)
    (sensor,) = busy.sensors.values()
    per_sensor = f"SELECT count(*), count(DISTINCT seq), max(seq) FROM measurement WHERE sensor_id = '{sensor}'"
    count, distinct, last = query(url, per_sensor)[0]
    assert ROWS <= count == distinct == last + 1 <= busy.seq
    assert count % ROWS == 0, "a batch is in the snapshot with all its rows or none"
    assert manifest.rows["measurement"] == query(url, "SELECT count(*) FROM measurement")[0][0]

    async with open_runtime(elsewhere, url, make_jobs(url)) as runtime:
        transport = httpx.ASGITransport(create_app(runtime))
        session = {"cookies": dict(browser.cookies), "headers": browser.headers}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000", **session) as other:
            assert await answers(other, agent, event) == before
            assert (await other.get(f"/api/v1/clips/{event.id}")).content == sound
        agents = httpx.ASGITransport(create_agent_app(runtime))
        async with httpx.AsyncClient(transport=agents, base_url="https://localhost:8443") as client:
            agent.client = client
            assert later["token"] == agent.token, "of an answer that the backup knows nothing of"
            answer = await agent.send(agent.batch(agent.columns(3)))
            assert answer["stored"] == 3, "an agent goes on with the credential that it has"
    for name in ("keys/signing.pem", "tls/ca.pem", "tls/ca.key"):
        assert (elsewhere.data_dir / name).read_bytes() == (settings.data_dir / name).read_bytes()
        assert (elsewhere.data_dir / name).stat().st_mode & 0o077 == 0


async def test_what_is_there_is_not_replaced_unasked_and_is_kept_if_asked(
    *, settings, database_url, plant, make_database, elsewhere, tmp_path
):
    path, manifest = await asyncio.to_thread(make_backup, settings, database_url, tmp_path / "b.tar")
    with pytest.raises(BackupError, match="there is a file"):
        make_backup(settings, database_url, path)
    url = make_database()
    with pytest.raises(BackupError, match="not empty"):
        restore_backup(elsewhere, url, path)
    empty = make_database(migrated=False)
    (elsewhere.data_dir / "keys").mkdir()
    (elsewhere.data_dir / "keys" / "signing.pem").write_text("another")
    with pytest.raises(BackupError, match=r"keys/signing.pem is another than the backup's"):
        restore_backup(elsewhere, empty, path)
    with psycopg.connect(libpq_url(url)), pytest.raises(BackupError, match="stop the collector"):
        restore_backup(elsewhere, url, path, replace=True)
    assert query(empty, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [(0,)]

    query_all = "SELECT datname FROM pg_database WHERE datname LIKE 'audiosense_restore%'"
    _, kept = restore_backup(elsewhere, url, path, replace=True)
    try:
        assert query(url, "SELECT count(*) FROM measurement") == [(manifest.rows["measurement"],)]
        assert [each.read_text() for each in (elsewhere.data_dir / "keys").glob("signing.pem.before-*")] == ["another"]
        assert query(url, query_all) == []
    finally:
        with psycopg.connect(libpq_url(database_url), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{kept}"')


def spoil(path, member, *, at=0.5):
    """Change one byte within a member."""
    with tarfile.open(path) as archive:
        found = archive.getmember(member)
    with path.open("r+b") as file:
        file.seek(found.offset_data + int(found.size * at))
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 0x20]))


async def test_a_damaged_backup_is_refused_naming_what_is_damaged(
    *, settings, database_url, plant, make_database, elsewhere, tmp_path
):
    _agent, _event, sound = plant
    good, _ = await asyncio.to_thread(make_backup, settings, database_url, tmp_path / "good.tar")
    with reading(good) as backup:
        backup.verify()
    clip = f"clips/{hashlib.sha256(sound).hexdigest()}.flac"
    url = make_database(migrated=False)
    for member in ("database.dump", clip, "keys/signing.pem", "manifest.json"):
        bad = tmp_path / "bad.tar"
        bad.write_bytes(good.read_bytes())
        spoil(bad, member)
        with pytest.raises(BackupError, match=member.replace(".", r"\.")):
            restore_backup(elsewhere, url, bad)
    for size, words in ((0, "no backup"), (0.6, "cut short"), (5_000, "cut short")):
        bad.write_bytes(good.read_bytes()[: int(size if size > 1 else size * good.stat().st_size)])
        with pytest.raises(BackupError, match=words):
            restore_backup(elsewhere, url, bad)
    assert query(url, "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace") == [(0,)]
    assert not (elsewhere.data_dir / "keys").exists()
    assert not list((elsewhere.data_dir).glob("clips/*/*"))


async def test_a_clip_that_is_gone_or_damaged_is_told_and_keys_can_be_left_out(
    settings, database_url, browser, plant, tmp_path
):
    _agent, _event, sound = plant
    digest = hashlib.sha256(sound).hexdigest()
    file = settings.data_dir / "clips" / digest[:2] / f"{digest}.flac"
    for number, spoiled in enumerate((None, b"no sound")):
        file.unlink()
        if spoiled:
            file.write_bytes(spoiled)
        target = tmp_path / f"{number}.tar"
        path, manifest = await asyncio.to_thread(make_backup, settings, database_url, target, with_keys=False)
        assert (manifest.clips, manifest.clips_missing, manifest.keys) == (0, [digest], False)
        with reading(path) as backup:
            backup.verify()
            assert [member.name for member in backup.manifest.members] == ["database.dump"]
        file.write_bytes(sound)


@pytest.fixture
def disk(tmp_path):
    """A file system of 64 KiB."""
    if os.geteuid() != 0:
        pytest.skip("a small file system can be mounted by root only")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]
    if subprocess.run(command, check=False).returncode:
        pytest.skip("tmpfs cannot be mounted here")
    yield folder
    subprocess.run(["umount", folder], check=True)


async def test_a_disk_that_fills_up_leaves_no_half_of_a_backup(settings, database_url, plant, disk):
    with pytest.raises(BackupError, match="No space left on device; nothing of it was left behind"):
        await asyncio.to_thread(make_backup, settings, database_url, disk / "b.tar")
    assert list(disk.iterdir()) == []


def test_the_commands_say_what_they_did_and_refuse_while_a_collector_runs(make_database, monkeypatch, tmp_path):
    first, second = make_database(), make_database()
    with psycopg.connect(libpq_url(first), autocommit=True) as connection:
        connection.execute("INSERT INTO site VALUES (gen_random_uuid(), 'Hall 9')")

    def run(url, *arguments):
        monkeypatch.setenv("DATABASE_URL", url)
        monkeypatch.setenv("AUDIOSENSE_DATA_DIR", str(tmp_path / make_url(url).database))
        done = CliRunner().invoke(app, list(map(str, arguments)))
        if done.exception and not isinstance(done.exception, BackupError):
            raise done.exception
        return str(done.exception or done.output)

    monkeypatch.chdir(tmp_path)
    saved = tmp_path / "saved"
    saved.mkdir()
    told = run(first, "backup", saved)
    (file,) = saved.iterdir()
    assert f"{file}: " in told
    assert "0 measurements" in run(first, "backup", "--verify", file)
    folder = tmp_path / make_url(second).database / "run"
    folder.mkdir(parents=True)
    with (folder / "serve.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "stop it first" in run(second, "restore", "--replace", file)
    kept = re.search(r"is kept as (\w+);", run(second, "restore", "--replace", file))[1]
    with psycopg.connect(libpq_url(first), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{kept}"')
    assert query(second, "SELECT name FROM site") == [("Hall 9",)]
    spoil(file, "database.dump")
    assert "damaged: database.dump" in run(first, "backup", "--verify", file)
