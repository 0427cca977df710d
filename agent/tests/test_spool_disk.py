"""The spool on a disk that is full or read-only: nothing is lost, deleting works, it recovers without a restart."""

import contextlib
import os
import subprocess
import threading
from contextlib import closing

import pytest
from agent_testing.quiet import APART_US, BEGAN_US, QuietSound
from agent_testing.samples import measurement, simulated

from audiosense_agent.errors import AgentError, SpoolError
from audiosense_agent.spool import Spool
from audiosense_agent.spool.file import files_aside
from audiosense_agent.spool.flight import InFlight
from audiosense_agent.spool.limits import Limits, Policy
from audiosense_agent.state_lock import lock_state_dir
from audiosense_agent.worker import Worker


@pytest.fixture
def disk(tmp_path):
    """A file system of 12 MB."""
    if os.geteuid() != 0:
        pytest.skip("a small file system can be mounted by root only")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", folder]
    mounted = subprocess.run(command, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"tmpfs cannot be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill_disk(spool):
    """Append until the disk takes no more; return how many windows were committed."""
    committed = 0
    while True:
        try:
            committed += len(spool.append([measurement(committed + i) for i in range(100)]))
        except SpoolError:
            return committed


@pytest.mark.parametrize("policy", list(Policy))
def test_a_full_disk_loses_nothing_and_deleting_works(disk, policy):
    with closing(Spool(disk / "s.db", Limits(policy=policy))) as spool:
        committed = fill_disk(spool)
        spool.count_dropped("pump", 9, 1, 2)
        rows = spool.read(100_000)
        assert len(rows) == committed > 1_000
        for start in range(0, len(rows), 2_000):
            part = rows[start : start + 2_000]
            spool.acknowledge(InFlight(b"", part[0].seq, part[-1].seq, (), life=spool.epoch), token="t")
        assert spool.status().rows == 0
        assert spool.append([measurement(1)])[0] > rows[-1].seq
        assert [(gap.reason, gap.windows) for gap in spool.read_gaps(5)] == [("not_stored", 9)]


def test_a_spool_that_is_damaged_on_a_full_disk_is_replaced_without_a_restart(disk):
    path = disk / "s.db"
    with closing(Spool(path)) as spool:
        spool.append([measurement(i) for i in range(2_000)])
        spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        spool._db.execute("PRAGMA cache_size = 1")
        with path.open("r+b") as file:
            file.seek(4_096)
            file.write(b"\xff" * (path.stat().st_size - 4_096))
        path.with_name("s.db.reserve").unlink()
        hog = disk / "hog"
        hog.write_bytes(bytes(1))
        with contextlib.suppress(OSError), hog.open("ab") as file:
            while True:
                file.write(bytes(4_096))
                file.flush()
        failures = 0
        for _ in range(3):
            try:
                spool.append([measurement(1)])
            except SpoolError:
                failures += 1
        assert failures == 3
        hog.unlink()
        assert spool.append([measurement(1)]) == [1]
        assert spool.status().set_aside == 1
        assert {gap.reason for gap in spool.read_gaps(5)} == {"set_aside"}


@pytest.mark.skipif(os.geteuid() != 0, reason="a file system can be mounted by root only")
def test_a_read_only_disk_keeps_what_is_there_and_recovers(disk):
    with closing(Spool(disk / "s.db")) as spool:
        numbers = spool.append([measurement(i) for i in range(20)])
        spool._db.execute("PRAGMA query_only = ON")
        for _ in range(3):
            with pytest.raises(SpoolError, match="cannot be written"):
                spool.append([measurement(99)])
            with pytest.raises(SpoolError):
                spool.acknowledge(InFlight(b"", numbers[0], numbers[-1], (), life=spool.epoch))
        assert [row.seq for row in spool.read(50)] == numbers
        spool._db.execute("PRAGMA query_only = OFF")
        assert spool.append([measurement(99)]) == [21]
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(SpoolError, match="permissions"):
        Spool(disk / "s.db")
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    with closing(Spool(disk / "s.db")) as spool:
        assert spool.status().rows == 21
        assert spool.status().set_aside == 0


@contextlib.contextmanager
def read_only(folder):
    """While a file is open for writing its file system cannot be remounted, but its folder under another mount can."""
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_damage_that_is_met_while_the_disk_is_read_only_is_set_aside_once_it_can_be_written(disk):
    path = disk / "s.db"
    with closing(Spool(path)) as spool:
        spool.append([measurement(i) for i in range(2_000)])
        epoch = spool.epoch
        spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        spool._db.execute("PRAGMA cache_size = 1")
        with path.open("r+b") as file:
            file.seek(40_960)
            file.write(b"\xff" * (path.stat().st_size - 40_960))
        with read_only(disk):
            for _ in range(3):
                with pytest.raises(SpoolError, match=r"cannot be set aside.*[Rr]ead-only.*writable"):
                    spool.read(2_000)
            with pytest.raises(SpoolError, match="cannot be set aside"):
                spool.append([measurement(1)])
        assert spool.append([measurement(1)]) == [1]
        assert (spool.status().set_aside, spool.previous_epoch) == (1, epoch)
        assert len(files_aside(path)) == 1
        assert [(gap.reason, gap.windows) for gap in spool.read_gaps(5)] == [("set_aside", 2_000)]
    (path.with_name("s.db")).write_bytes(b"no spool" * 1_000)
    with read_only(disk), pytest.raises(SpoolError, match="cannot be set aside"):
        Spool(path)


def take_all_room(folder):
    """Leave no byte of the disk free."""
    with contextlib.suppress(OSError), (folder / "hog").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1_024))


def test_a_start_on_a_full_disk_is_served_by_the_reserve_and_all_is_drained(disk):
    with closing(Spool(disk / "s.db")) as spool:
        spool.append([measurement(i) for i in range(2_000)])
    take_all_room(disk)
    assert (disk / "s.db.reserve").exists()
    with closing(Spool(disk / "s.db")) as spool:
        rows = spool.read(100_000)
        assert len(rows) == 2_000
        spool.acknowledge(InFlight(b"", rows[0].seq, rows[-1].seq, (), life=spool.epoch), token="t")
        assert spool.status().rows == 0


def test_the_lock_holds_on_a_full_disk_that_does_not_take_the_process_number(disk):
    take_all_room(disk)
    with lock_state_dir(disk), pytest.raises(AgentError, match="already runs"):
        lock_state_dir(disk)
    (disk / "hog").unlink()
    with lock_state_dir(disk):
        assert (disk / "agent.lock").read_text() == f"{os.getpid()}\n"


def test_windows_that_memory_could_not_hold_are_told_and_so_are_those_left_at_the_end(disk, monkeypatch):
    monkeypatch.setattr("audiosense_agent.pending._MAX_WAITING", 10)
    with closing(Spool(disk / "s.db")) as spool:
        stored = fill_disk(spool)
        take_all_room(disk)
        worker = Worker(simulated(), QuietSound(30), spool, group=1)
        worker.run(threading.Event())
        status = spool.status()
        assert status.rows < stored + 5, "the disk took nothing but what the log had room for"
        assert status.rows + status.lost["not_stored"] == stored + 30
        (gap,) = spool.read_gaps(5)
        assert (gap.sensor, gap.reason, gap.windows) == ("pump", "not_stored", status.lost["not_stored"])
        assert gap.span.last_us == BEGAN_US + 29 * APART_US
        rows = spool.read(100_000)
        spool.acknowledge(InFlight(b"", rows[0].seq, rows[-1].seq, (), life=spool.epoch), token="t")
        assert spool.status().rows == 0, "the rest of the reserve does for deleting"
