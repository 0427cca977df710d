"""A disk that stops being writable under a running agent, whose files are open: audio goes on, the loss is told."""

import contextlib
import errno
import json
import os
import re
import subprocess
import sys
import threading
from contextlib import ExitStack, closing

import pytest
from agent_testing.quiet import QuietSound, numbers_at
from agent_testing.samples import measurement, simulated
from agent_testing.waiting import wait_for

from audiosense_agent.errors import SpoolError
from audiosense_agent.health import disk as disk_check
from audiosense_agent.spool import Spool
from audiosense_agent.spool.flight import InFlight
from audiosense_agent.worker import Worker

BOUND = 10
FILES = ("s.db", "s.db-wal")


class Disk:
    """An ext4 file system of 64 MB in a file, which lies in a memory of ``room``: once that is used, writes fail."""

    def __init__(self, folder, room="64m"):
        self.folder, self._card = folder / "disk", folder / "card"
        self._image = self._card / "image"
        self.folder.mkdir()
        self._card.mkdir()
        _run("mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", self._card)
        try:
            with self._image.open("wb") as file:
                file.truncate(64 * 2**20)
            _run("mkfs.ext4", "-q", "-F", "-J", "size=4", "-e", "remount-ro", self._image)
            self.mount()
        except subprocess.CalledProcessError:
            _run("umount", self._card)
            raise

    def repair(self):
        """Take it out, mend its card, check it and mount it anew."""
        self.unmount()
        # A device that somebody else still looks at is mounted again with what it remembers, over what was checked.
        wait_for(lambda: not _run("losetup", "--associated", self._image))
        _run("mount", "-o", "remount,size=80m", self._card)
        _run("e2fsck", "-p", self._image, fine=(0, 1))
        self.mount()

    def close(self):
        self.unmount()
        _run("umount", self._card)

    def mount(self):
        _run("mount", "-o", "loop", self._image, self.folder)

    def unmount(self):
        _run("umount", self.folder)

    @contextlib.contextmanager
    def read_only(self):
        """Be read-only until told otherwise.

        The kernel lets no file system be remounted read-only while a file of it is open for writing. So a second mount
        over it is read-only for all that is opened by name, and the open files are made immutable, which ext4 asks for
        at each write.
        """
        files = [self.folder / name for name in FILES]
        _run("chattr", "+i", *files)
        _run("mount", "--bind", self.folder, self.folder)
        try:
            _run("mount", "-o", "remount,bind,ro", self.folder)
            yield
        finally:
            _run("umount", self.folder)
            _run("chattr", "-i", *files)


def _run(*command, fine=(0,)):
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    if done.returncode not in fine:
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture
def make_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("a file system can be mounted by root only")
    with ExitStack() as made:

        def make(**options):
            try:
                disk = Disk(tmp_path, **options)
            except (OSError, subprocess.CalledProcessError) as error:
                pytest.skip(f"ext4 cannot be mounted from a file here: {getattr(error, 'stderr', error)}")
            made.callback(disk.close)
            return disk

        yield make


@pytest.fixture
def disk(make_disk):
    return make_disk()


def times(rows):
    return numbers_at(*(row.time_us for row in rows))


def test_windows_wait_while_the_disk_is_read_only_and_the_loss_is_told_once_it_is_not(disk, monkeypatch, caplog):
    monkeypatch.setattr("audiosense_agent.pending._MAX_WAITING", BOUND)
    with closing(Spool(disk.folder / "s.db")) as spool, ExitStack() as faults:
        seen = []

        def look():
            with pytest.raises(OSError, match="Read-only") as error:
                (disk.folder / "other").touch()
            with pytest.raises(SpoolError, match="cannot be written"):
                spool.acknowledge(InFlight(b"", 1, 5, (), life=spool.epoch), token="t")
            seen.append((error.value.errno, disk_check.check(disk.folder).cause, times(spool.read(100)), worker.state))

        happens = {20: lambda: faults.enter_context(disk.read_only()), 49: look, 50: faults.close}
        worker = Worker(simulated(), QuietSound(60, happens), spool, group=1)
        worker.run(threading.Event())
        assert seen == [(errno.EROFS, "read_only", list(range(20)), "ok")]
        assert times(spool.read(100)) == [*range(20), *range(50 - BOUND, 60)]
        (gap,) = spool.read_gaps(5)
        assert (gap.sensor, gap.reason, gap.windows) == ("pump", "not_stored", 30 - BOUND)
        assert numbers_at(gap.span.first_us, gap.span.last_us) == [20, 49 - BOUND]
        spool.acknowledge(InFlight(b"", 1, 5, (), life=spool.epoch), token="t")
        assert (spool.status().rows, spool.get("token")) == (40 - 5, "t")
    begun, ended = (record.getMessage() for record in caplog.records if "spool" in record.getMessage())
    assert re.search(r"cannot be written.*free space.*wait in memory", begun)
    assert f"{BOUND} windows had waited" in ended


_HEARS_ON = """
import json, subprocess, sys, threading
from pathlib import Path
from agent_testing.quiet import QuietSound
from agent_testing.samples import simulated
from audiosense_agent import pending, worker
from audiosense_agent.health import disk
from audiosense_agent.spool import Spool
from audiosense_agent.state_lock import lock_state_dir
folder, count, breaks_at = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
pending._MAX_WAITING = 10
lock = lock_state_dir(folder)
spool = Spool(folder / "s.db")
other = (folder / "other").open("wb", buffering=0)
breaks = lambda: subprocess.run(["mount", "-o", "remount,abort", folder], check=True)
commits = []
sound = QuietSound(count, {breaks_at: breaks})
heard = worker.Worker(simulated(), sound, spool, group=1, on_commit=lambda: commits.append(1))
heard.run(threading.Event())
try:
    other.write(b"x")
except OSError as error:
    told = {"windows": heard.health.windows, "error": error.errno, "health": disk.check(folder).cause}
    look = "import sys, pathlib; from audiosense_agent.spool.view import read_spool as read; "
    look += "print(read(pathlib.Path(sys.argv[1])).status.rows)"
    rows = subprocess.run([sys.executable, "-c", look, folder / "s.db"], stdout=subprocess.PIPE, check=True).stdout
    print(json.dumps(told | {"committed": len(commits), "rows": int(rows)}))
spool.close()
"""
NEVER = -1


@pytest.mark.parametrize(
    ("room", "count", "breaks_at"), [("64m", 60, 20), ("5m", 1_000, NEVER)], ids=["by_command", "by_write_errors"]
)
def test_an_agent_outlives_a_disk_that_turns_read_only_by_itself(make_disk, room, count, breaks_at):
    """The kernel takes such a disk back only checked and mounted anew; without a look first it sends SIGBUS."""
    disk = make_disk(room=room)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _HEARS_ON, disk.folder, str(count), str(breaks_at)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done
    found = json.loads(done.stdout)
    committed, rows = found.pop("committed"), found.pop("rows")
    assert found == {"windows": count, "error": errno.EROFS, "health": "read_only"}
    assert committed == breaks_at or (breaks_at == NEVER and 20 < committed < count)
    assert committed <= rows <= committed + 1
    assert "its file system stopped taking writes (Read-only file system)" in done.stderr
    assert done.stderr.count("windows wait in memory meanwhile") == 1
    assert f"pump: {count - committed} windows are lost: the spool" in done.stderr
    disk.repair()
    with closing(Spool(disk.folder / "s.db")) as spool:
        kept = times(spool.read(2_000))
        assert kept[:committed] == list(range(committed)), "the commit that failed may be there; none else"
        assert len(kept) <= committed + 1
        assert spool.append([measurement(count)]) == [len(kept) + 1]
        assert spool.status().set_aside == 0
