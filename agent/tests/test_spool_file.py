"""A spool's file that is damaged: set aside, counted, and a fresh one serves."""

import os
import random
import shutil
import sqlite3
import zlib
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from agent_testing.samples import REASONS, event, measurement

from audiosense_agent.spool import Spool
from audiosense_agent.spool.file import files_aside
from audiosense_agent.spool.flight import InFlight
from audiosense_agent.spool.view import read_details, read_spool

ROWS = 400
FLIPS = 20


def filled(path, rows=ROWS):
    """A closed spool, all of it in its main file."""
    with closing(Spool(path)) as spool:
        spool.append([measurement(i) for i in range(rows)], (), {"pump": rows})
        return spool.epoch


@pytest.mark.parametrize("place", ["truncated", "text", "newer", "empty", "table gone", "epoch gone"])
def test_a_file_that_is_no_spool_is_set_aside_at_opening_and_a_fresh_one_serves(tmp_path, place):
    path = tmp_path / "s.db"
    epoch = filled(path)
    damage(path, place)
    with closing(Spool(path)) as spool:
        status = spool.status()
        assert (status.set_aside, status.rows) == (1, 0)
        assert spool.previous_epoch == epoch
        assert spool.epoch != epoch
        assert len(files_aside(path)) == 1
        (gap,) = spool.read_gaps(10)
        known = place in ("newer", "epoch gone", "table gone")
        assert (gap.reason, gap.sensor, gap.windows) == ("set_aside", *(("pump", ROWS) if known else (None, None)))
        assert status.dropped == (ROWS if known else 0)
        assert spool.last_time_us("pump") == (measurement(ROWS - 1).time_us if known else None)
        spool.append([measurement(1)])
        assert [row.time_us for row in spool.read(10)] == [measurement(1).time_us]
    with closing(Spool(path)) as spool:
        assert spool.status().set_aside == 1, "the fresh one is sound"


def damage(path, place):
    size = path.stat().st_size
    statements = {
        "newer": "PRAGMA user_version = 99",
        "table gone": "DROP TABLE dead_letter",
        "epoch gone": "UPDATE meta SET value = 'x' WHERE key = 'epoch'",
    }
    if place in statements:
        with closing(sqlite3.connect(path)) as db:
            db.execute(statements[place])
            db.commit()
    elif place == "text":
        path.write_bytes(b"this is no database" * 100)
    else:
        os.truncate(path, {"truncated": size // 2, "empty": 0}[place])


@pytest.mark.parametrize("place", ["head", "middle", "tail"])
def test_flipped_bits_lose_what_they_hit_and_are_counted(tmp_path, place):
    seen = Counter()
    original = {measurement(i).time_us: measurement(i) for i in range(ROWS)}
    for seed in range(FLIPS):
        path = tmp_path / str(seed) / "s.db"
        filled(path)
        flip(path, place, random.Random(f"{place} {seed}"))
        with closing(Spool(path)) as spool:
            found = spool.read(10_000)
            for row in found:
                written = original[row.time_us]
                assert (row.features.tobytes(), row.score) == (written.features.tobytes(), written.score)
            status = spool.status()
            seen["set aside"] += status.set_aside
            seen["row taken out"] += not status.set_aside and status.dropped > 0
            unknown = [gap for gap in spool.read_gaps(100) if gap.windows is None]
            assert len(found) + status.dropped == ROWS or (status.set_aside and unknown)
            spool.append([measurement(ROWS)])
            spool.read(10_000)  # what is damaged still is met now at the latest
            number = spool.append([measurement(ROWS + 1)])[0]
            assert spool.read(10_000)[-1].seq == number
            assert spool.append([measurement(ROWS + 2)])[0] > number
    assert sum(seen.values()) >= FLIPS // 2, f"bits that were flipped must have been met: {seen}"


def flip(path, place, chance):
    """Flip up to 64 bits in a third of the file."""
    content = bytearray(path.read_bytes())
    third = len(content) // 3
    start = {"head": 0, "middle": third, "tail": 2 * third}[place]
    for _ in range(chance.randint(1, 64)):
        content[start + chance.randrange(third)] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def test_damage_while_running_is_set_aside_too(tmp_path):
    path = tmp_path / "s.db"
    with closing(Spool(path)) as spool:
        spool.append([measurement(i) for i in range(2_000)])
        overwrite_pages(spool)
        spool._db.execute("PRAGMA cache_size = 1")
        assert spool.read(2_000) == []
        assert spool.append([measurement(2)]) == [1]
        assert spool.status().set_aside == 1


@pytest.mark.parametrize("call", ["acknowledge", "bury"])
def test_an_answer_to_a_batch_of_the_file_set_aside_deletes_nothing_of_the_new_one(tmp_path, call):
    """The batch was read back, as for a repeat, and its answer itself meets the damage."""
    path = tmp_path / "s.db"
    with closing(Spool(path)) as spool:
        spool.append([measurement(i) for i in range(2_000)], [event()])
        spool.count_dropped("fan", 3, 1, 2)
        spool.put_in_flight(InFlight(b"x" * 9_000, 1, 1_000, (1,), gaps=1, life=spool.epoch))
    with closing(Spool(path)) as spool:
        batch = spool.in_flight()
        assert batch.life == spool.epoch
        overwrite_pages(spool)
        spool._db.execute("PRAGMA cache_size = 1")
        answer = {"acknowledge": lambda: spool.acknowledge(batch, token="t"), "bury": lambda: spool.bury(batch, "no")}
        answer[call]()
        assert spool.status().set_aside == 1
        told = spool.read_gaps(10)
        assert "set_aside" in {gap.reason for gap in told}
        spool.append([measurement(i) for i in range(5)], [event()])
        answer[call]()
        assert [row.seq for row in spool.read(10)] == [1, 2, 3, 4, 5]
        assert len(spool.read_events(10)) == 1
        assert (spool.read_gaps(10), spool.dead_letters(), spool.get("token")) == (told, [], "")


def overwrite_pages(spool):
    """Destroy all pages but the first of a spool in use."""
    spool._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with spool.path.open("r+b") as file:
        file.seek(4_096)
        file.write(b"\xff" * (spool.path.stat().st_size - 4_096))


def test_a_flipped_bit_inside_a_value_is_noticed(tmp_path):
    path = tmp_path / "s.db"
    with closing(Spool(path)) as spool:
        spool.append([measurement(i) for i in range(5)])
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE measurement SET score = 0.25 WHERE seq = 3")
        db.commit()
    with closing(Spool(path)) as spool:
        assert [each.seq for each in spool.read(10)] == [1, 2, 4, 5]
        assert (spool.status().dropped, spool.status().rows) == (1, 4)


def recorded(path):
    """A spool as the first release wrote it, with rows."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript((Path(__file__).parent / "recorded" / "spool-0.1.0.sql").read_text(encoding="utf-8"))
        db.execute("PRAGMA user_version = 1")
    return path


def test_a_spool_of_the_first_release_goes_on_with_all_that_it_holds(tmp_path):
    path = recorded(tmp_path / "s.db")
    assert read_spool(path).sensors["pump"]["reasons"] is None
    with closing(Spool(path)) as spool:
        found = spool.read(10)
        assert [(each.seq, each.score, each.reasons) for each in found] == [
            (1, None, None),
            (2, 0.1 + 0.2, None),
            (3, 0.91, None),
        ]
        assert [each.reasons for _, each in spool.read_events(10)] == [(), ()]
        assert len(spool.open_events()) == 1
        assert (spool.status().set_aside, spool.status().dropped) == (0, 0)
        assert spool.append([measurement(4, reasons=REASONS)]) == [4]
    with closing(Spool(path)) as spool:
        assert spool.read(10)[-1].reasons == REASONS


def test_a_file_that_the_release_before_left_opens_with_all_that_it_holds(tmp_path):
    path = tmp_path / "s.db"
    shutil.copy(Path(__file__).parent / "recorded" / "spool-0.1.0.db", path)
    before = read_details(path)
    assert (before.in_flight, before.gaps, read_spool(path).status.rows) == (None, [], 13)
    with closing(Spool(path)) as spool:
        rows = spool.read(100)
        expected = [measurement(i) for i in range(1, 10)]
        expected += [measurement(20 + i, "fan", reasons=REASONS) for i in range(4)]
        assert [(row.seq, row.sensor, row.time_us, row.reasons) for row in rows] == [
            (number, row.sensor, row.time_us, row.reasons) for number, row in enumerate(expected, 2)
        ]
        assert all(row.features.tobytes() == told.features.tobytes() for row, told in zip(rows, expected, strict=True))
        assert spool.in_flight() == InFlight(b"made by the release before", 2, 4, (1,), life=spool.epoch)
        assert (spool.get("token"), len(spool.dead_letters()), len(spool.open_events())) == ("token-1", 1, 1)
        status = spool.status()
        assert (status.rows, status.events, status.set_aside, status.dropped, status.lost) == (13, 1, 0, 0, {})
        spool.acknowledge(spool.in_flight(), token="token-2")
        assert spool.append([measurement(30)]) == [15]
        assert set(spool.registrations()) == {"pump"}
    with closing(Spool(path)) as spool:
        assert [row.seq for row in spool.read(100)] == list(range(5, 16))


def test_the_release_before_goes_on_with_a_file_of_this_one_and_back(tmp_path):
    """It writes neither seals nor counts by sensor, and knows nothing of gaps and rescued rows."""
    path = tmp_path / "s.db"
    with closing(Spool(path)) as spool:
        spool.append([measurement(i, ("pump", "fan")[i % 2]) for i in range(6)])
        spool.count_dropped("pump", 3, 1, 2)
    with closing(sqlite3.connect(path)) as db:
        columns = "sensor, time_us, score, status, model, level_dbfs, dominant_hz, schema_id, features, crc"
        db.execute(f"INSERT INTO measurement ({columns}) SELECT {columns} FROM measurement WHERE seq = 1")
        db.execute("DELETE FROM measurement WHERE seq IN (1, 2)")
        db.execute("UPDATE counter SET value = value - 1 WHERE name = 'rows'")
        db.commit()
    with closing(Spool(path)) as spool:
        assert [row.seq for row in spool.read(10)] == [3, 4, 5, 6, 7]
        waiting = dict(spool._db.execute("SELECT name, waiting FROM sensor"))
        assert (waiting, spool.status().rows) == ({"pump": 3, "fan": 2}, 5)
        assert [gap.windows for gap in spool.read_gaps(5)] == [3]


def test_the_first_release_still_reads_what_this_one_wrote(tmp_path):
    path = tmp_path / "s.db"
    with closing(Spool(path)) as spool:
        spool.append([measurement(1, reasons=REASONS)])
    columns = "s.name, m.time_us, m.score, m.status, m.model, m.level_dbfs, m.dominant_hz, m.schema_id, m.features"
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        query = f"SELECT {columns}, m.crc FROM measurement m JOIN sensor s ON s.id = m.sensor"
        *row, crc = db.execute(query).fetchone()
    assert zlib.crc32(repr(tuple(row)).encode()) == crc


def test_damaged_reasons_are_left_out_and_their_measurement_kept(tmp_path):
    path = tmp_path / "s.db"
    with closing(Spool(path)) as spool:
        spool.append([measurement(1, reasons=REASONS), measurement(2, reasons=REASONS)])
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE measurement SET reasons = replace(reasons, '14', '94') WHERE seq = 1")
        db.commit()
    with closing(Spool(path)) as spool:
        assert [each.reasons for each in spool.read(10)] == [None, REASONS]
        assert spool.status().dropped == 0


def test_a_damaged_event_is_taken_out_and_counted(tmp_path):
    path = tmp_path / "s.db"
    with closing(Spool(path)) as spool:
        spool.append([], [event(revision=1), event(revision=2)])
    with closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE event SET content = replace(content, 'revision', 'revisioo') WHERE id = 1")
        assert db.execute("UPDATE open_event SET content = substr(content, 5)").rowcount == 2
        db.commit()
    with closing(Spool(path)) as spool:
        assert spool.open_events() == []
        assert [number for number, _ in spool.read_events(10)] == [2]
        assert (spool.status().dropped, spool.status().events) == (1, 1)


def test_only_the_newest_damaged_files_are_kept(tmp_path):
    path = tmp_path / "s.db"
    for _ in range(6):
        path.write_bytes(b"nonsense" * 1_000)
        with closing(Spool(path)) as spool:
            spool.append([measurement(1)])
    assert len(files_aside(path)) == 3
