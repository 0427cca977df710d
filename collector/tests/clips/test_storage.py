"""The storage of clips on what fsspec opens: a folder, a shared one, a store that is no file system."""

import os
import time
from pathlib import Path
from uuid import uuid4

import fsspec
import pytest
from clip_testing import flac, put

from audiosense_collector.clips import storage
from audiosense_collector.clips.storage import ClipFiles, LocalClipFiles
from audiosense_collector.errors import SettingsError, UnavailableError
from audiosense_collector.settings import Settings

SHA256 = "ab" * 32


@pytest.fixture(params=["file", "memory"])
def files(request, tmp_path):
    location = f"file://{tmp_path}/clips" if request.param == "file" else f"memory://{uuid4()}"
    opened = storage._open(location)
    assert isinstance(opened, LocalClipFiles) is (request.param == "file")
    return opened


def test_a_content_is_kept_found_fetched_and_deleted(files):
    assert not files.has(SHA256, 5)
    with pytest.raises(FileNotFoundError):
        files.fetch(SHA256)
    files.put(SHA256, b"sound")
    files.put(SHA256, b"sound")
    assert files.has(SHA256, 5)
    assert not files.has(SHA256, 6), "half a content is none"
    path, temporary = files.fetch(SHA256)
    assert path.read_bytes() == b"sound"
    assert temporary is not isinstance(files, LocalClipFiles)
    if temporary:
        path.unlink()
    files.delete(SHA256)
    files.delete(SHA256)
    assert not files.has(SHA256, 5)


def test_only_what_is_unknown_and_old_is_swept(files):
    files.put(SHA256, b"known")
    files.put("cd" * 32, b"unknown")
    assert files.sweep({SHA256}, 60) == 0
    assert files.sweep({SHA256}, -60) == 1
    assert files.has(SHA256, 5)
    assert not files.has("cd" * 32, 7)


def test_a_storage_that_cannot_be_used_is_told_as_that_and_nothing_is_left(tmp_path, monkeypatch):
    system = fsspec.filesystem("memory")
    files = ClipFiles(system, f"/{uuid4()}")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def refuse(*_arguments, **_more):
        raise TimeoutError("no route to the store")

    for name in ("pipe_file", "info", "get_file"):
        monkeypatch.setattr(type(system), name, refuse)
    for use in (lambda: files.put(SHA256, b""), lambda: files.has(SHA256, 0), lambda: files.fetch(SHA256)):
        with pytest.raises(UnavailableError, match="no route to the store"):
            use()
    assert list(tmp_path.iterdir()) == []


async def test_a_clip_in_a_store_is_played_whole_and_in_ranges_and_leaves_no_file(
    runtime, browser, make_agent, tmp_path, monkeypatch
):
    settings = runtime.settings.model_copy(update={"clips_url": f"memory://{uuid4()}"})
    object.__setattr__(runtime, "environment", settings)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    clip, content = uuid4(), flac()
    for repeated in (False, True):
        response = await put(agent, clip, content, sensor=sensor, kind="reference")
        assert (response.status_code, response.json()) == (200, {"repeated": repeated}), response.text
    assert (await browser.get(f"/api/v1/clips/{clip}")).content == content
    piece = await browser.get(f"/api/v1/clips/{clip}", headers={"Range": "bytes=10-19"})
    assert (piece.status_code, piece.content) == (206, content[10:20])
    assert list(tmp_path.iterdir()) == []
    assert (await browser.delete(f"/api/v1/clips/{clip}")).status_code == 204
    assert not ClipFiles.of(runtime).has(SHA256, 1)


def test_an_address_that_cannot_be_opened_is_refused_at_the_start(monkeypatch):
    fsspec.register_implementation("away", "no_such_driver.System", clobber=True, errtxt="install no-such-driver")
    for address, told in (
        ("nosuch://bucket", r"AUDIOSENSE_CLIPS_URL.*is 'nosuch://bucket': Protocol not known"),
        (
            "away://bucket",
            r"AUDIOSENSE_CLIPS_URL.*away://, whose driver is not installed: install no-such-driver",
        ),
    ):
        monkeypatch.setenv("AUDIOSENSE_CLIPS_URL", address)
        with pytest.raises(SettingsError, match=told):
            Settings.load()


def test_a_file_that_was_touched_counts_as_new(tmp_path):
    files = storage._open(str(tmp_path))
    files.put(SHA256, b"sound")
    os.utime(files.path(SHA256), (time.time() - 7_200,) * 2)
    files.put(SHA256, b"sound")
    assert files.sweep((), 3_600) == 0
    assert Path(files.path(SHA256)).exists()
