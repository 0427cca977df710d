"""Damage in places that no checksum of a row covers, and what only looks like damage."""

import shutil
import sqlite3
from contextlib import closing

import pytest
from agent_testing.samples import event, measurement

from audiosense_agent.errors import SpoolError
from audiosense_agent.spool import Spool
from audiosense_agent.spool.check import verify
from audiosense_agent.spool.file import files_aside
from audiosense_agent.spool.limits import DAY_US, Limits, drop_old
from audiosense_agent.spool.repair import repair
from audiosense_agent.spool.values import damage

OFFSET_US = 1_790_000_000_000_000


def change(path, statement):
    with closing(sqlite3.connect(path)) as db:
        db.execute(statement)
        db.commit()


def test_a_flipped_byte_of_the_epoch_beside_the_file_is_no_previous_epoch(tmp_path):
    path = tmp_path / "s.db"
    Spool(path).close()
    beside = path.with_name("s.db.epoch")
    beside.write_bytes(b"/" + beside.read_bytes()[1:])
    path.write_bytes(b"garbage" * 1_000)
    with closing(Spool(path)) as spool:
        assert spool.previous_epoch is None
        spool.put(previous_epoch="no epoch")
        assert spool.previous_epoch is None
        assert beside.read_text() == str(spool.epoch)


def test_an_epoch_that_a_full_disk_did_not_take_is_kept_beside_the_file_at_the_next_opening(tmp_path):
    path = tmp_path / "s.db"
    Spool(path).close()
    path.write_bytes(b"garbage" * 1_000)
    beside = path.with_name("s.db.epoch")
    before = beside.read_text()
    (tmp_path / "kept").write_text(before)
    beside.unlink()
    beside.mkdir()  # what cannot be replaced by a file
    with closing(Spool(path)) as spool:
        assert spool.append([measurement(1)]) == [1]
        epoch = str(spool.epoch)
    beside.rmdir()
    shutil.copy(tmp_path / "kept", beside)
    with closing(Spool(path)) as spool:
        assert beside.read_text() == str(spool.epoch) == epoch != before


@pytest.mark.parametrize("changes", [{"level_dbfs": float("nan")}, {"dominant_hz": None}])
def test_a_value_that_cannot_be_stored_is_refused_and_the_file_stays(tmp_path, changes):
    path = tmp_path / "s.db"
    with closing(Spool(path)) as spool:
        spool.append([measurement(i) for i in range(50)])
        for _ in range(3):
            with pytest.raises(SpoolError, match="NOT NULL"):
                spool.append([measurement(100, **changes)])
        assert (spool.status().rows, files_aside(path)) == (50, [])


def test_a_number_that_is_there_already_is_damage(tmp_path):
    path = tmp_path / "s.db"
    with closing(Spool(path)) as spool:
        spool.append([measurement(i) for i in range(50)])
    change(path, "UPDATE sqlite_sequence SET seq = 10 WHERE name = 'measurement'")
    with closing(Spool(path)) as spool:
        assert spool.append([measurement(99)]) == [1]
        assert (spool.status().set_aside, len(files_aside(path))) == (1, 1)


@pytest.mark.parametrize("column", ["counter.value", "sensor.measured"])
@pytest.mark.parametrize("is_running", [True, False])
def test_a_null_where_none_can_be_is_damage(tmp_path, column, is_running):
    path = tmp_path / "s.db"
    table, name = column.split(".")
    spool = Spool(path)
    spool.append([measurement(i) for i in range(50)])
    if not is_running:
        spool.close()
    make_null(path, table, name)
    with closing(spool if is_running else Spool(path)) as spool:
        assert spool.append([measurement(99)], (), {"pump": 1}) == [1]
        assert (spool.status().set_aside, len(files_aside(path))) == (1, 1)


def make_null(path, table, name):
    """Flip a value's type, as damage does: the table says NOT NULL all the while."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        (sql,) = db.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()
        write_schema(db, table, sql.replace(f"{name} INTEGER NOT NULL", f"{name} INTEGER"), 1_000)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        assert db.execute(f"UPDATE {table} SET {name} = NULL").rowcount
        write_schema(db, table, sql, 1_001)


def write_schema(db, table, sql, version):
    db.execute("PRAGMA writable_schema = ON")
    assert db.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (sql, table)).rowcount == 1
    db.execute(f"PRAGMA schema_version = {version}")


def test_small_files_set_aside_do_not_push_out_the_one_that_holds_the_rows(tmp_path):
    path = tmp_path / "s.db"
    with closing(Spool(path)) as spool:
        spool.append([measurement(i) for i in range(500)], [event()])
    whole = path.read_bytes()
    path.write_bytes(b"\0" * 100 + whole[100:])
    Spool(path).close()
    (first,) = files_aside(path)
    for _ in range(6):
        path.write_bytes(b"nonsense" * 100)
        Spool(path).close()
    assert len(files_aside(path)) == 4
    assert files_aside(path)[0] == first


@pytest.mark.parametrize("is_known", [True, False])
def test_rescued_rows_and_events_get_the_time_that_they_would_have_been_sent_with(tmp_path, is_known):
    path, times = tmp_path / "s.db", {"start_us": 5_000_000, "end_us": 6_000_000, "peak_us": 5_000_000}
    with closing(Spool(path)) as spool:
        spool.begin_boot("a")
        spool.append([measurement(i, time_us=i * 5_000_000) for i in range(1, 6)], [event(**times)])
        if is_known:
            spool.anchor(OFFSET_US)
    path.write_bytes(b"\0" * 100 + path.read_bytes()[100:])
    assert repair(path, 2**30)[0].rescued.measurements == 5
    with closing(Spool(path)) as spool:
        spool.begin_boot("a")
        if not is_known:
            assert (spool.read_rescued(10)[1], spool.read_events(10)) == ([], [])
            assert spool.anchor(OFFSET_US)
        rows = spool.read_rescued(10)[1]
        assert [(row.time_us, row.is_time_estimated) for row in rows] == [
            (OFFSET_US + i * 5_000_000, False) for i in range(1, 6)
        ]
        assert [each.start_us for _, each in spool.read_events(10)] == [OFFSET_US + 5_000_000]


def test_an_event_whose_digit_flipped_is_taken_out_and_an_open_one_survives_a_set_aside(tmp_path):
    path = tmp_path / "s.db"
    with closing(Spool(path)) as spool:
        spool.append([], [event(), event(2)])
        change(path, "UPDATE event SET content = replace(content, '0.9', '0.8') WHERE id = 1")
        assert any("checksum" in each for each in verify(path).problems)
        assert [number for number, _ in spool.read_events(10)] == [2]
        assert spool.status().dropped == 1
        with pytest.raises(SpoolError), spool._transaction():
            raise damage("a page")
        assert len(spool.open_events()) == 2
        assert spool.status().dropped == 1, "the revision that waited"


@pytest.mark.parametrize("value", ["windows = -3", "first_us = 'x'", "origin_epoch = 'no'", "reason = 'what'"])
def test_a_damaged_gap_is_taken_out_and_told_as_damage_of_unknown_size(tmp_path, value):
    path = tmp_path / "s.db"
    with closing(Spool(path)) as spool:
        spool.count_dropped("pump", 5, OFFSET_US, OFFSET_US)
        change(path, f"UPDATE gap SET {value}")
        assert [(gap.reason, gap.windows) for gap in spool.read_gaps(10)] == [("damaged", None)]
        spool.count_dropped("pump", 2, OFFSET_US, OFFSET_US)
        assert [gap.windows for gap in spool.read_gaps(10)] == [None, 2]


def test_rows_are_aged_by_the_time_that_was_found_whatever_waits_before_them(tmp_path):
    with closing(Spool(tmp_path / "s.db", Limits(max_age_days=1))) as spool:
        spool.append([measurement(i, time_us=i) for i in range(1_100)])
        spool.begin_boot("a")
        spool.append([measurement(i, time_us=i) for i in range(10)])
        spool.anchor(OFFSET_US)
        with spool._transaction() as db:
            drop_old(db, Limits(max_age_days=1), OFFSET_US + 2 * DAY_US)
        assert (spool.status().rows, spool.status().lost) == (1_100, {"too_old": 10})


def anchoring_steps(path, boots):
    """Units of SQLite's work, of 100 instructions each, that it takes to place so many boots of ten rows."""
    with closing(Spool(path)) as spool:
        for boot in range(boots):
            spool.begin_boot(f"boot {boot}")
            spool.append([measurement(i, time_us=i) for i in range(10)])
        steps = []
        spool._db.set_progress_handler(lambda: steps.append(1), 100)
        assert spool.anchor(OFFSET_US)
        return len(steps)


def test_placing_many_boots_reads_what_waits_once(tmp_path):
    assert anchoring_steps(tmp_path / "many.db", 500) < 15 * anchoring_steps(tmp_path / "few.db", 50)
