"""Repair: what is whole of a damaged file comes back bit for bit, under its own epoch and number, and once."""

import os
import random
import shutil
from collections import Counter
from contextlib import closing

import pytest
from agent_testing.samples import REASONS, event, measurement, simulated

from audiosense_agent.enrolment import describe_sensor
from audiosense_agent.spool import Spool
from audiosense_agent.spool.file import files_aside
from audiosense_agent.spool.flight import InFlight
from audiosense_agent.spool.limits import Limits
from audiosense_agent.spool.pages import PageReader
from audiosense_agent.spool.repair import repair

PAGE = 4_096
ROWS = 300
EVENTS = 5
MOST_ROWS_OF_A_PAGE = 16
CAP = 2**30
LONG = REASONS * 4


def registration(name):
    return describe_sensor(simulated(name)).model_dump_json(by_alias=True)


def filled(path, *, log=False):
    """A spool in use: two sensors, rows too long for a page, events, and pages that deleted rows left free.

    With ``log`` all of it is in the write-ahead log only, as after a power cut. Returns its epoch and what waits in it
    by number.
    """
    spool = Spool(path)
    if log:
        spool._db.execute("PRAGMA wal_autocheckpoint = 0")
    for name in ("pump", "fan"):
        spool.note_sensor(name, registration=registration(name))
    rows = [
        measurement(i, ("pump", "fan")[i % 2], score=(i % 3) / 2, reasons=LONG if i % 50 == 0 else None)
        for i in range(ROWS + 100)
    ]
    numbers = spool.append(rows, [event(i + 1) for i in range(EVENTS)], {"pump": ROWS + 100})
    spool.acknowledge(InFlight(b"", numbers[0], numbers[99], (), life=spool.epoch))
    epoch = spool.epoch
    if log:
        keep = [(path.with_name(path.name + suffix), path.with_name("kept" + suffix)) for suffix in ("", "-wal")]
        for source, to in keep:
            shutil.copy(source, to)
        spool.close()
        for source, to in keep:
            to.replace(source)
    else:
        spool.close()
    return epoch, dict(zip(numbers[100:], rows[100:], strict=True))


def open_and_meet(path):
    """Open as the agent does, and read until what is damaged was met."""
    spool = Spool(path)
    for name in ("pump", "fan"):
        spool.note_sensor(name, registration=registration(name))
    return spool, spool.read(10_000)


def same(found, written):
    return (
        found.sensor == written.sensor
        and found.time_us == written.time_us
        and found.score == written.score
        and found.features.tobytes() == written.features.tobytes()
        and (found.level_dbfs, found.dominant_hz) == (written.level_dbfs, written.dominant_hz)
        and found.reasons in (written.reasons, None)
    )


def bring_back(path, epoch, written):
    """Meet the damage, repair, and return how many rows are there in the end."""
    spool, read = open_and_meet(path)
    met = bool(files_aside(path))
    assert spool.status().dropped in (0, len(written), len(written) + EVENTS) or not met, (
        "all of the file counts as lost before"
    )
    spool.close()
    done = repair(path, CAP)
    was_set_aside = bool(done)
    assert was_set_aside >= met
    assert all(each.problem is None for each in done)
    with closing(Spool(path)) as spool:
        of_epoch, rescued, (first, last) = spool.read_rescued(10_000)
        for row in [*rescued, *read]:
            assert same(row, written[row.seq])
        if not was_set_aside:
            assert rescued == []
            return len(read), was_set_aside
        assert of_epoch in (epoch, None)
        assert len(rescued) == done[0].rescued.measurements == len({row.seq for row in rescued})
        assert spool.status().lost.get("rescued", 0) == len(rescued)
        spool.put_in_flight(InFlight(b"x", 1, 0, (), rescued=(first, last), life=spool.epoch), len(rescued))
        spool.acknowledge(spool.in_flight())
        assert spool.status().rescued == 0
    assert repair(path, CAP) == [], "a file is put back once"
    return len(rescued), was_set_aside


def test_whichever_page_is_destroyed_the_rows_of_all_others_come_back(tmp_path):
    epoch, written = filled(tmp_path / "whole.db")
    pages = (tmp_path / "whole.db").stat().st_size // PAGE
    assert pages > 40
    seen, random_bytes = Counter(), random.Random(5)
    for page in range(pages):
        path = tmp_path / str(page) / "s.db"
        path.parent.mkdir()
        shutil.copy(tmp_path / "whole.db", path)
        shutil.copy(tmp_path / "whole.db.epoch", path.with_name("s.db.epoch"))
        with path.open("r+b") as file:
            file.seek(page * PAGE)
            file.write(random_bytes.randbytes(PAGE))
        found, was_set_aside = bring_back(path, epoch, written)
        assert found >= len(written) - MOST_ROWS_OF_A_PAGE, f"page {page + 1}"
        seen["set aside"] += was_set_aside
        seen["rows lost"] += found < len(written)
    assert seen["set aside"] >= 15
    assert seen["rows lost"] >= 15


@pytest.mark.parametrize("damage", ["no header", "cut", "all in the log", "emptied, with its log", "newer"])
def test_other_damage_costs_only_the_rows_that_are_gone(tmp_path, damage):
    path = tmp_path / "s.db"
    epoch, written = filled(path, log="log" in damage)
    size = path.stat().st_size
    if damage == "cut":
        os.truncate(path, size * 3 // 4)
    elif damage == "emptied, with its log":
        os.truncate(path, 0)
    elif damage == "newer":
        patch(path, 60, (99).to_bytes(4, "big"))
    elif damage == "no header":
        patch(path, 0, b"\0" * 100)
    found, was_set_aside = bring_back(path, epoch, written)
    assert was_set_aside == (damage != "all in the log")
    assert found == len(written) or (damage == "cut" and found > len(written) // 2)


def patch(path, place, content):
    with path.open("r+b") as file:
        file.seek(place)
        file.write(content)


def test_a_row_of_the_log_that_was_never_committed_is_not_taken(tmp_path):
    path = tmp_path / "s.db"
    _, written = filled(path, log=True)
    log = path.with_name("s.db-wal")
    whole = log.read_bytes()
    with closing(PageReader(path)) as pages:
        assert sum(1 for _, values in pages.rows() if len(values) == 15) == len(written)
    log.write_bytes(whole[: 32 + (24 + PAGE) * 5])
    with closing(PageReader(path)) as pages:
        assert sum(1 for _, values in pages.rows() if len(values) == 15) < len(written)


def test_a_damaged_file_is_set_aside_by_the_repair_itself_and_events_come_back(tmp_path):
    path = tmp_path / "s.db"
    _, written = filled(path)
    pages = path.stat().st_size // PAGE
    for page in range(pages // 2, pages // 2 + 3):
        patch(path, page * PAGE, b"\xff" * PAGE)
    assert not files_aside(path)
    (done,) = repair(path, CAP)
    assert len(written) > done.rescued.measurements >= len(written) - 3 * MOST_ROWS_OF_A_PAGE
    assert done.rescued.events == 5
    assert done.kept_as.exists()
    assert not done.file.exists()
    with closing(Spool(path)) as spool:
        assert len(spool.read_events(10)) == 5
        assert spool.status().set_aside == 1
        assert set(spool.registrations()) == {"pump", "fan"}


def test_what_does_not_fit_stays_aside_and_can_be_put_back_later(tmp_path):
    path = tmp_path / "s.db"
    filled(path)
    patch(path, 0, b"\0" * 100)
    (refused,) = repair(path, 100_000)
    assert "spool.max_bytes" in refused.problem
    with closing(Spool(path)) as spool:
        assert (spool.status().rescued, spool.status().lost.get("rescued")) == (0, None)
    (done,) = repair(path, CAP)
    assert done.rescued.measurements == ROWS


def test_rows_that_were_rescued_once_are_rescued_again_from_a_spool_that_is_damaged_too(tmp_path):
    path = tmp_path / "s.db"
    epoch, written = filled(path)
    patch(path, 0, b"\0" * 100)
    repair(path, CAP)
    with closing(Spool(path)) as spool:
        second = spool.epoch
        spool.append([measurement(900)])
    patch(path, 0, b"\0" * 100)
    repair(path, CAP)
    with closing(Spool(path)) as spool:
        found = {}
        for _ in range(2):
            of_epoch, rows, span = spool.read_rescued(10_000)
            found[of_epoch] = [row.seq for row in rows]
            spool.put_in_flight(InFlight(b"x", 1, 0, (), rescued=span, life=spool.epoch), len(rows))
            spool.acknowledge(spool.in_flight())
    assert found == {epoch: sorted(written), second: [1]}


def test_what_was_rescued_gives_way_first_when_the_spool_is_full(tmp_path):
    path = tmp_path / "s.db"
    filled(path)
    patch(path, 0, b"\0" * 100)
    repair(path, CAP)
    with closing(Spool(path, Limits(max_bytes=250_000))) as spool:
        for start in range(0, 200, 20):
            spool.append([measurement(1_000 + start + i) for i in range(20)])
        status = spool.status()
        assert 0 < status.rescued < ROWS
        assert status.lost["spool_full"] == ROWS - status.rescued
        assert status.rows == 200
