"""The folder of waiting clips under real faults: kill -9 at every write, a full cap, damage, withdrawn permission."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from agent_testing.clips import clip, open_spool

from audiosense_agent.clip_spool import read_clip_status
from audiosense_common.wire_clips import ClipKind


def test_what_is_kept_is_there_after_a_restart_with_permission_and_counts(tmp_path):
    spool = open_spool(tmp_path)
    for number in range(3):
        assert spool.put(*clip(number))
    spool.note_reference("pump", 20_000)
    spool.count_dropped("pump", "a siren", 4)
    again = open_spool(tmp_path, allowed=None)
    assert again.allows("pump")
    assert [note.id.int for note in again.waiting()] == [3, 2, 1]
    assert again.read(clip(1)[0]) == clip(1)[1]
    assert (again.status().waiting, again.status().dropped) == (3, 4)
    assert again.reference_day("pump") == 20_000
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert read_clip_status(tmp_path) == again.status()


def test_clips_are_counted_beside_an_agent_that_deletes_them(tmp_path, monkeypatch):
    spool = open_spool(tmp_path)
    for number in range(3):
        spool.put(*clip(number))
    found = list(tmp_path.glob("*.flac"))
    found[1].unlink()
    monkeypatch.setattr(Path, "glob", lambda *_: iter(found))
    assert read_clip_status(tmp_path).waiting == 2


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, TESTS)
from agent_testing.clips import clip, open_spool

def keep(folder, left, say):
    def dying(function):
        def wrapped(*arguments, **options):
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)
        return wrapped
    spool = open_spool(folder, max_bytes=45_000)
    for name in ("open", "fsync", "replace", "unlink"):
        setattr(os, name, dying(getattr(os, name)))
    for number in range(6):
        if spool.put(*clip(number)):
            say(number)
    spool.delete(clip(4)[0])
    say("deleted")
    spool.allow(["fan"])
    say("withdrawn")

for calls in range(1, int(sys.argv[2]) + 1):
    folder = Path(sys.argv[1]) / str(calls)
    if not os.fork():
        with (folder.with_suffix(".said")).open("w") as file:
            keep(folder, calls, lambda word: print(word, file=file, flush=True))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.wait()[1]))
"""


def test_a_kill_at_any_write_leaves_whole_clips_only_and_loses_none_that_was_kept(tmp_path):
    """A process keeps clips, deletes one and loses its permission; it is killed at its n-th file system call."""
    script, points = KILLED.replace("TESTS", repr(str(Path(__file__).parent))), 95
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", script, str(tmp_path), str(points)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    codes = [int(line) for line in done.stdout.split()]
    assert set(codes) == {0, -signal.SIGKILL}
    assert codes.count(-signal.SIGKILL) > 70
    for calls in range(1, points + 1):
        folder = tmp_path / str(calls)
        said = folder.with_suffix(".said").read_text().split()
        kept = {int(word) for word in said if word.isdigit()}
        spool = open_spool(folder, max_bytes=45_000, allowed=None)
        found = {note.id.int - 1 for note in spool.waiting()}
        if "withdrawn" in said:
            assert not found
        elif "deleted" not in said:
            gone = {0, 1, 2, 4} if len(kept) == 6 else {0, 1, 2}
            assert kept - found <= gone, "only what the cap pushed out, and what was being deleted"
            assert len(kept) > 3 or kept <= found
            assert found <= {*kept, len(kept)}
        for note in spool.waiting():
            assert spool.read(note) == clip(note.id.int - 1)[1]
        names = {path.name for path in folder.iterdir()} - {"state.json", "allowed.json"}
        assert names == {f"{UUID(int=number + 1)}.{kind}" for number in found for kind in ("json", "flac")}


def test_beyond_the_cap_references_go_first_then_the_oldest_events_and_each_is_counted(tmp_path):
    spool = open_spool(tmp_path, max_bytes=4 * 11_024)
    spool.put(*clip(0))
    spool.put(*clip(1, kind=ClipKind.REFERENCE))
    for number in range(2, 6):
        assert spool.put(*clip(number))
    assert [note.id.int - 1 for note in spool.waiting()] == [5, 4, 3, 2]
    assert spool.status().dropped == 2
    assert spool.status().bytes <= 4 * 11_024
    assert not spool.put(*clip(6, kind=ClipKind.REFERENCE)), "a reference pushes no event's clip out"
    assert not spool.put(*clip(7, size=50_000)), "larger than the cap"
    assert [note.id.int - 1 for note in spool.waiting()] == []
    assert spool.status().dropped == 8
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert size < 4 * 11_024


def test_with_little_free_disk_no_clip_is_kept_and_it_is_counted(tmp_path, monkeypatch):
    spool = open_spool(tmp_path)
    spool.put(*clip(0))
    monkeypatch.setattr("audiosense_agent.clip_spool._SPARE_BYTES", 2**62)
    assert not spool.put(*clip(1))
    assert (spool.status().waiting, spool.status().dropped) == (1, 1)
    spool.allow(["fan"])
    assert not list(tmp_path.glob("*.flac"))
    spool.allow(["pump"])
    monkeypatch.undo()
    assert spool.put(*clip(1))


@pytest.mark.parametrize("place", [0, 5_000, -1])
def test_a_damaged_clip_is_found_before_it_is_sent_and_counted(tmp_path, place):
    spool = open_spool(tmp_path)
    note, content = clip(0)
    spool.put(note, content)
    spool.put(*clip(1))
    changed = bytearray(content)
    changed[place] ^= 1
    (tmp_path / f"{note.id}.flac").write_bytes(changed)
    again = open_spool(tmp_path)
    assert again.read(note) is None
    assert [each.id.int for each in again.waiting()] == [2]
    assert again.status().dropped == 1
    assert not (tmp_path / f"{note.id}.json").exists()


@pytest.mark.parametrize("harm", ["truncated", "missing", "note"])
def test_halves_of_clips_are_swept_away_at_the_start(tmp_path, harm):
    spool = open_spool(tmp_path)
    note, content = clip(0)
    spool.put(note, content)
    spool.put(*clip(1))
    sound, its_note = tmp_path / f"{note.id}.flac", tmp_path / f"{note.id}.json"
    if harm == "truncated":
        sound.write_bytes(content[:100])
    elif harm == "missing":
        sound.unlink()
    else:
        its_note.write_bytes(b'{"id": ')
    again = open_spool(tmp_path)
    assert [each.id.int for each in again.waiting()] == [2]
    assert again.status().dropped == 1
    assert not sound.exists()
    assert not its_note.exists()


def test_a_permission_that_is_withdrawn_deletes_what_waits(tmp_path):
    spool = open_spool(tmp_path)
    spool.put(*clip(0))
    spool.put(*clip(1, sensor="fan"))
    spool.allow(["fan"])
    assert [note.sensor for note in spool.waiting()] == ["fan"]
    assert len(list(tmp_path.glob("*.flac"))) == 1
    assert not spool.put(*clip(2))
    again = open_spool(tmp_path, allowed=None)
    assert (again.allows("pump"), again.allows("fan")) == (False, True)
    assert again.status().dropped == 0, "what nobody wants is not lost"


def test_a_sensor_that_became_a_microphone_needs_a_new_permission(tmp_path):
    spool = open_spool(tmp_path)
    spool.put(*clip(0))
    again = open_spool(tmp_path, allowed=None, pump="microphone")
    assert not again.allows("pump")
    assert not list(tmp_path.glob("*.flac"))
    again.allow(["pump"])
    assert open_spool(tmp_path, allowed=None, pump="microphone").allows("pump")


@pytest.mark.parametrize("content", [b"", b"[]", b'{"allowed": 3}', b"\xff\x00", b'{"allowed": {"pump": 1}}'])
def test_a_permission_that_cannot_be_read_is_none(tmp_path, content):
    spool = open_spool(tmp_path)
    spool.put(*clip(0))
    (tmp_path / "allowed.json").write_bytes(content)
    again = open_spool(tmp_path, allowed=None)
    assert not again.allows("pump")
    assert not list(tmp_path.glob("*.flac"))


@pytest.mark.parametrize("content", [b"", b"[]", b'{"dropped": -1, "references": 7}', b"\xff\x00"])
def test_a_count_that_cannot_be_read_begins_anew(tmp_path, content):
    spool = open_spool(tmp_path)
    spool.put(*clip(0))
    (tmp_path / "state.json").write_bytes(content)
    again = open_spool(tmp_path)
    assert again.status().dropped == 0
    assert again.reference_day("pump") is None
    again.count_dropped("pump", "a siren")
    assert json.loads((tmp_path / "state.json").read_bytes())["dropped"] == 1


def test_where_the_folder_cannot_be_written_permission_is_not_remembered(tmp_path, monkeypatch):
    spool = open_spool(tmp_path)
    spool.put(*clip(0))

    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("audiosense_agent.clip_spool.write_atomically", full)
    spool.allow(["fan"])
    assert not list(tmp_path.glob("*.flac"))
    assert not open_spool(tmp_path, allowed=None).allows("pump")
