"""Power cuts and kill -9 at every write of the spool: what was committed is there, no number is used twice."""

import os
import shutil
import signal
import struct
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest
from agent_testing.samples import measurement

from audiosense_agent.spool import Spool
from audiosense_agent.spool.flight import InFlight

PAGE, FRAME = 4_096, 24 + 4_096
COMMITS = 30


def work(spool, on_commit):
    """Append, send and lose as an agent does; tells the spool's content after each commit."""
    for number in range(COMMITS):
        spool.append([measurement(number * 4 + i) for i in range(4)], (), {"pump": 4})
        on_commit()
        if number % 4 == 3:
            held = spool.read(6)
            spool.put_in_flight(InFlight(b"x" * 500, held[0].seq, held[-1].seq, (), life=spool.epoch), len(held))
            on_commit()
            spool.acknowledge(spool.in_flight(), token=str(number))
            on_commit()
        if number % 7 == 6:
            spool.count_dropped("pump", 2, 5, 6)
            on_commit()


def content(spool):
    flight = spool.in_flight()
    rows = tuple((row.seq, row.time_us, row.features.tobytes()) for row in spool.read(10_000))
    status = spool.status()
    return rows, None if flight is None else (flight.low, flight.high), spool.get("token"), tuple(status.lost.items())


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Main file and log after each commit of a spool that never writes its log back, and what it then held."""
    folder = tmp_path_factory.mktemp("recorded")
    path = folder / "s.db"
    with closing(Spool(path)) as spool:
        spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        spool._db.execute("PRAGMA wal_autocheckpoint = 0")
        lengths, states = [0], [content(spool)]

        def note():
            lengths.append(path.with_name("s.db-wal").stat().st_size)
            states.append(content(spool))

        work(spool, note)
        main, log = path.read_bytes(), path.with_name("s.db-wal").read_bytes()
    return main, log, lengths, states


def restore(folder, main, log):
    folder.mkdir(exist_ok=True)
    for each in folder.iterdir():
        each.unlink()
    path = folder / "s.db"
    path.write_bytes(main)
    path.with_name("s.db-wal").write_bytes(log)
    return path


def test_a_power_cut_at_any_write_of_the_log_leaves_the_last_commit_before_it(tmp_path, recorded):
    main, log, lengths, states = recorded
    frames = (len(log) - 32) // FRAME
    assert frames > 150
    cuts = 0
    for frame in range(0, frames, 5):
        for torn in (0, 11, 24, 24 + 512, FRAME - 1):
            length = 32 + frame * FRAME + torn
            whole = max(place for place, end in enumerate(lengths) if end <= max(length, 0))
            tail = b"\xa5" * 512 if torn else b""
            path = restore(tmp_path / "cut", main, log[:length] + tail)
            with closing(Spool(path)) as spool:
                assert spool.status().set_aside == 0
                assert content(spool) == states[whole], f"frame {frame}, {torn} bytes of it"
            cuts += 1
    assert cuts > 150


def test_a_power_cut_at_any_write_while_the_log_is_written_back_loses_nothing(tmp_path, recorded):
    main, log, _, states = recorded
    newest = {}
    for place in range(32, len(log) - FRAME + 1, FRAME):
        (page,) = struct.unpack_from(">I", log, place)
        newest[page] = log[place + 24 : place + FRAME]
    assert len(newest) > 15
    written = bytearray(main)
    for page in sorted(newest):
        end = page * PAGE
        written += bytes(max(0, end - len(written)))
        for half in (PAGE // 2, PAGE):
            written[end - PAGE : end - PAGE + half] = newest[page][:half]
            with closing(Spool(restore(tmp_path / "cut", bytes(written), log))) as spool:
                assert content(spool) == states[-1], f"{half} bytes of page {page}"
                assert spool.append([measurement(999)]) == [COMMITS * 4 + 1]


LIFE = """
    import sys
    from pathlib import Path
    from agent_testing.samples import measurement
    from audiosense_agent.spool import Spool
    from audiosense_agent.spool.flight import InFlight
    spool = Spool(Path(sys.argv[1]))
    if sys.argv[2] == "small log":
        spool._db.execute("PRAGMA wal_autocheckpoint = 10")
    for number in range(10):
        print("a", *spool.append([measurement(number * 3 + i) for i in range(3)]), flush=True)
        held = spool.read(2)
        made = InFlight(b"x", held[0].seq, held[-1].seq, (), life=spool.epoch)
        spool.put_in_flight(made, len(held))
        print("s", *[each.seq for each in held], flush=True)
        spool.acknowledge(made, token="t")
        print("d", *[each.seq for each in held], flush=True)
    spool.close()
"""


def run_until(path, call, when, log_size="small log"):
    """Run a life of a spool that is killed at the ``when``-th such call; returns whether it was, and what it told."""
    told = path.with_suffix(".told")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    python = [sys.executable, "-c", textwrap.dedent(LIFE), str(path), log_size]
    trace = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", str(path), "-P", f"{path}-wal", "-P", f"{path}.epoch"]
    inject = [f"--trace={call}", f"--inject={call}:signal=SIGKILL:when={when}"]
    with told.open("wb") as out:
        done = subprocess.run([*trace, *inject, *python], stdout=out, env=environment, check=False, timeout=60)
    assert done.returncode in (0, 128 + signal.SIGKILL, -signal.SIGKILL)
    lines = [line.split() for line in told.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return done.returncode != 0, {kind: {int(n) for k, *ns in lines if k == kind for n in ns} for kind in "asd"}


@pytest.mark.soak
@pytest.mark.skipif(shutil.which("strace") is None, reason="kills at system calls need strace")
def test_kill_nine_at_every_system_call_that_writes(tmp_path):
    killed = {}
    for call in ("pwrite64", "fdatasync", "ftruncate"):
        when = 1
        while True:
            path = Path(tmp_path / f"{call}-{when}" / "s.db")
            path.parent.mkdir()
            was_killed, told = run_until(path, call, when)
            check(path, told)
            if not was_killed:
                break
            killed[call] = killed.get(call, 0) + 1
            when += 1 if when < 30 else 7
    assert killed["pwrite64"] >= 30, killed
    assert killed["fdatasync"] >= 15, killed


def check(path, told):
    with closing(Spool(path)) as spool:
        held = {row.seq for row in spool.read(10_000)}
        flight = spool.in_flight()
        assert spool.status().set_aside == 0
        missing = told["a"] - told["d"] - held
        assert not missing or missing <= told["s"], "only what was sent may be gone, if its deletion was committed"
        assert not held & told["d"]
        if flight is not None:
            assert set(range(flight.low, flight.high + 1)) <= held
        assert spool.append([measurement(1)])[0] > max([0, *told["a"]])
