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

from audiosense_agent.errors import SpoolError
from audiosense_agent.health import disk as disk_check
from audiosense_agent.spool import Spool
from audiosense_agent.spool.flight import InFlight
from audiosense_agent.worker import Worker

BOUND = 10
FILES = ("s.db", "s.db-wal")


class Disk:
    """An ext4 file system of 24 MB in a file of its own."""

    def __init__(self, folder):
        self.folder, self._image = folder / "disk", folder / "image"
        self.folder.mkdir()
        with self._image.open("wb") as file:
            file.truncate(24 * 2**20)
        _run("mkfs.ext4", "-q", "-F", self._image)
        self.mount()

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


def _run(*command):
    subprocess.run(command, check=True, capture_output=True, timeout=60)


@pytest.fixture
def disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("a file system can be mounted by root only")
    try:
        disk = Disk(tmp_path)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"ext4 cannot be mounted from a file here: {getattr(error, 'stderr', error)}")
    yield disk
    disk.unmount()


def times(rows):
    return numbers_at(*(row.time_us for row in rows))


def test_windows_wait_while_the_disk_is_read_only_and_the_loss_is_told_once_it_is_not(disk, monkeypatch, caplog):
    monkeypatch.setattr("audiosense_agent.worker._MAX_WAITING", BOUND)
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
from audiosense_agent import worker
from audiosense_agent.health import disk
from audiosense_agent.spool import Spool
from audiosense_agent.state_lock import lock_state_dir
folder = Path(sys.argv[1])
worker._MAX_WAITING = 10
lock = lock_state_dir(folder)
spool = Spool(folder / "s.db")
other = (folder / "other").open("wb", buffering=0)
breaks = lambda: subprocess.run(["mount", "-o", "remount,abort", folder], check=True)
heard = worker.Worker(simulated(), QuietSound(60, {20: breaks}), spool, group=1)
heard.run(threading.Event())
try:
    other.write(b"x")
except OSError as error:
    told = {"windows": heard.health.windows, "error": error.errno, "health": disk.check(folder).cause}
    look = "import sys, pathlib; from audiosense_agent.spool.view import read_spool as read; "
    look += "print(read(pathlib.Path(sys.argv[1])).status.rows)"
    rows = subprocess.run([sys.executable, "-c", look, folder / "s.db"], stdout=subprocess.PIPE, check=True).stdout
    print(json.dumps(told | {"rows": int(rows)}))
spool.close()
"""


def test_an_agent_outlives_the_breakdown_of_its_disk_and_what_was_committed_is_there(disk):
    """The kernel takes such a disk back only checked and mounted anew; without a look first it sends SIGBUS."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _HEARS_ON, disk.folder]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done
    assert json.loads(done.stdout) == {"windows": 60, "error": errno.EROFS, "health": "read_only", "rows": 20}
    assert "its file system stopped taking writes (Read-only file system)" in done.stderr
    assert done.stderr.count("windows wait in memory meanwhile") == 1
    assert "pump: 40 windows are lost: the spool" in done.stderr
    disk.unmount()
    disk.mount()
    with closing(Spool(disk.folder / "s.db")) as spool:
        assert times(spool.read(100)) == list(range(20))
        assert spool.append([measurement(20)]) == [21]
        assert spool.status().set_aside == 0
