"""``audiosense-agent spool``: status, verify, repair and export, beside a running agent and on damaged files."""

import base64
import csv
import io
import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from agent_testing.samples import REASONS, event, measurement

from audiosense_agent.cli import main
from audiosense_agent.errors import SpoolError
from audiosense_agent.spool import Spool
from audiosense_agent.spool.flight import InFlight
from audiosense_agent.state_lock import lock_state_dir

CONFIG = """
name = "test"
state_dir = "{folder}/state"
[spool]
policy = "keep_oldest"
max_age_days = 7
[[sensors]]
name = "pump"
machine = "m"
source = {{type = "simulator"}}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    config = tmp_path / "agent.toml"
    config.write_text(CONFIG.format(folder=tmp_path))
    monkeypatch.setenv("AUDIOSENSE_AGENT_CONFIG", str(config))
    return tmp_path


@pytest.fixture
def run(folder, capsys, monkeypatch):
    def run(*arguments, code=0):
        monkeypatch.setattr(sys, "argv", ["audiosense-agent", "spool", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert (end.value.code or 0) == code, (out, err)
        assert "Traceback" not in err
        return out, err

    return run


@pytest.fixture
def filled(folder):
    """An open spool, as of a running agent."""
    with closing(Spool(folder / "state" / "spool.db")) as spool:
        rows = [measurement(i, reasons=REASONS if i == 3 else None) for i in range(2_500)]
        numbers = spool.append(rows, [event(1), event(2)], {"pump": 2_500})
        spool.bury(InFlight(b"", numbers[0], numbers[1], (1,), life=spool.epoch), "score: not wanted")
        spool.count_dropped("pump", 4, 1_790_000_000_000_000, 1_790_000_010_000_000)
        made = InFlight(b"abc", numbers[2], numbers[11], (), gaps=1, life=spool.epoch)
        spool.put_in_flight(made)
        yield spool


def test_status_of_a_running_agents_spool(run, filled):
    found = json.loads(run("status", "--json")[0])
    assert (found["rows"], found["events"], found["dead_letters"], found["in_flight"]) == (2_498, 1, 3, 10)
    assert found["epoch"] == str(filled.epoch)
    assert (found["policy"], found["max_age_days"], found["max_bytes"]) == ("keep_oldest", 7, 512 * 2**20)
    assert (found["oldest_us"], found["newest_us"]) == (measurement(2).time_us, measurement(2_499).time_us)
    assert found["lost"] == {"not_stored": 4, "refused": 2}
    assert [(gap["sensor"], gap["reason"], gap["windows"], gap["number"]) for gap in found["gaps"]] == [
        ("pump", "refused", 2, 1),
        ("pump", "not_stored", 4, 2),
    ]
    text, _ = run("status")
    for line in (
        "waiting: 2498 measurements, 0 rescued ones, 1 event revisions",
        "policy keep_oldest",
        "in flight: a batch of 10 items",
        "lost: 4 windows lost while the disk took none, 2 windows refused by the collector",
        "dead letters: 3 kept of 3",
        "gap not told yet: pump, not_stored, 4 windows",
    ):
        assert line in text


@pytest.mark.parametrize("command", ["status", "verify", "export", "repair"])
def test_without_a_spool(run, folder, command):
    if command == "status":
        assert "waiting: 0 measurements" in run("status")[0]
    else:
        _, err = run(command, code=1)
        assert err == f"error: there is no spool at {folder}/state/spool.db; the agent makes it at its first start\n"


def test_a_whole_spool_is_verified_beside_its_writer(run, filled):
    before = filled.path.read_bytes()
    assert "2498 measurements and 1 event revisions read\nthe spool is whole" in run("verify")[0]
    assert filled.path.read_bytes() == before
    filled.append([measurement(1)])
    assert json.loads(run("verify", "--json")[0])["measurements"] == 2_499


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE measurement SET score = 0.25 WHERE seq IN (9, 11)", "2 measurements fail their checksum; the agent"),
        ("UPDATE event SET content = 'x'", "1 event revisions cannot be read or fail their checksum; the agent"),
        ("UPDATE in_flight SET body = x'00'", "the batch in flight is damaged; stop the agent and run"),
        ("DROP TABLE open_event", "it has lost its table open_event; stop the agent and run"),
        ("PRAGMA user_version = 9", "it has version 9, this agent writes version 1; stop the agent"),
    ],
)
def test_what_is_damaged_is_told_with_what_to_do(run, filled, statement, told):
    filled._db.execute(statement)
    out, _ = run("verify", code=1)
    assert f"damaged: {told}" in out
    assert not json.loads(run("verify", "--json", code=1)[0])["ok"]


def test_damaged_pages_are_told_and_repaired_while_no_agent_runs(run, folder, filled):
    path = filled.path
    filled.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2 // 4_096 * 4_096)
        file.write(b"\0" * 4_096)
    assert "stop the agent and run: audiosense-agent spool repair" in run("verify", code=1)[0]
    with lock_state_dir(folder / "state"):
        assert "an agent already runs on" in run("repair", code=1)[1]
    out = run("repair")[0]
    assert "event revisions put back" in out
    assert "is sent after the next start" in out
    found = json.loads(run("status", "--json")[0])
    assert found["rows"] == 0
    assert 2_498 > found["rescued"] >= 2_498 - 16
    assert found["lost"] == {"set_aside": 2_498, "rescued": found["rescued"]}
    assert found["set_aside"] == []
    assert "the spool is whole" in run("verify")[0]
    assert run("repair")[0] == "nothing to repair: the spool is whole\n"


def test_a_file_set_aside_is_named_and_one_that_cannot_be_put_back_says_why(run, folder, filled):
    path = filled.path
    filled.close()
    path.write_bytes(b"nonsense" * 1_000)
    path.with_name("spool.db.epoch").unlink()
    with closing(Spool(path)) as spool:
        spool.append([measurement(1)])
    assert "set aside: " in run("status")[0]
    assert "was set aside" in run("verify")[0]
    out, _ = run("repair", code=1)
    assert "does not tell its epoch any more" in out


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_repairs_belongs_to_the_service(run, folder, filled):
    path = filled.path
    filled.close()
    path.write_bytes(b"nonsense" * 1_000)
    for each in (folder / "state", *(folder / "state").iterdir()):
        os.chown(each, 65_534, 65_534)
    run("repair")
    owners = {each.name: each.stat().st_uid for each in (folder / "state").iterdir()}
    assert owners["spool.db"] == 65_534
    assert set(owners.values()) == {65_534}


def test_export_as_json_lines(run, folder, filled):
    out, err = run("export")
    rows = [json.loads(line) for line in out.splitlines()]
    assert err == f"{len(rows)} rows written\n" == "2502 rows written\n"
    first = rows[0]
    assert (first["kind"], first["epoch"], first["seq"], first["sensor"]) == (
        "measurement",
        str(filled.epoch),
        3,
        "pump",
    )
    vector = np.frombuffer(base64.b64decode(first["features"]), "<f2")
    assert vector.tobytes() == measurement(2).features.tobytes()
    assert rows[1]["reasons"][0]["key"] == REASONS[0].key
    assert first["time"] == "2026-09-21T14:13:30+00:00"
    refused = [row for row in rows if row["kind"] == "refused measurement"]
    assert [(row["seq"], row["sensor"], row["refused"]) for row in refused] == [
        (1, "pump", "score: not wanted"),
        (2, "pump", "score: not wanted"),
    ]
    assert base64.b64decode(refused[0]["features"]) == measurement(0).features.tobytes()
    assert sum(row["kind"] == "event" for row in rows) == sum(row["kind"] == "refused event" for row in rows) == 1


def test_export_as_csv_to_a_file_leaves_out_what_is_damaged(run, folder, filled):
    filled._db.execute("UPDATE measurement SET score = 0.25 WHERE seq = 9")
    target = folder / "out.csv"
    _, err = run("export", "--format", "csv", "--output", target)
    assert err == "2501 rows written, 1 damaged ones left out\n"
    rows = list(csv.DictReader(io.StringIO(target.read_text())))
    assert len(rows) == 2_501
    assert (rows[0]["seq"], rows[0]["score"], rows[0]["status"]) == ("3", "0.5", "normal")
    assert "9" not in {row["seq"] for row in rows}


def test_an_output_that_cannot_be_written_is_told(run, folder, filled):
    assert (
        "cannot be written: No such file or directory; name another file" in run("export", "-o", "/none/x", code=1)[1]
    )
    assert "cannot be written: No space left on device" in run("export", "-o", "/dev/full", code=1)[1]


@pytest.fixture
def as_nobody(folder):
    """Run commands as a user who may read the configuration and not what belongs to the agent."""
    user = os.geteuid()
    kept = folder / "state"
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == user and parent != parent.parent:
            parent.chmod(parent.stat().st_mode | 0o055)
    kept.chmod(0o700)
    if user == 0:
        os.seteuid(65_534)
    else:
        kept.chmod(0)
    yield
    os.seteuid(user)
    kept.chmod(0o700)


@pytest.mark.parametrize("command", ["status", "verify", "export", "repair"])
def test_who_may_not_look_into_the_state_directory_is_told_how(run, folder, filled, as_nobody, command):
    out, err = run(command, code=1)
    assert out == ""
    assert err == (
        f"error: the spool {folder}/state/spool.db cannot be read: Permission denied; "
        "it is the agent's; run the same command with sudo\n"
    )


def test_a_reader_that_goes_away_is_no_error_to_be_shown(folder, filled):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = f"{sys.executable} -m audiosense_agent spool export | head -n 1"
    done = subprocess.run(command, shell=True, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith('{"kind":"measurement"')
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["status", "verify", "repair", "export"])
def test_a_directory_in_the_spools_place_is_named_with_what_to_do(run, folder, command):
    (folder / "state" / "spool.db").mkdir(parents=True)
    out, err = run(command, code=1)
    assert out == ""
    assert err.count("\n") == 1
    assert re.search(r"spool.db is a directory; expected a file.*move it away", err)
    assert [each.name for each in (folder / "state").iterdir()] == ["spool.db"]


def test_an_agent_does_not_start_on_a_directory_in_the_spools_place(folder):
    path = folder / "state" / "spool.db"
    path.mkdir(parents=True)
    with pytest.raises(SpoolError, match=r"is a directory; expected a file.*move it away"):
        Spool(path)
    with pytest.raises(SpoolError, match="neither file nor directory"):
        Spool(Path("/dev/null"))
    assert [each.name for each in path.parent.iterdir()] == ["spool.db"]


@pytest.mark.parametrize("version", [0, 1, 7])
def test_the_database_of_another_program_is_told_and_not_touched(run, folder, version):
    path = folder / "state" / "spool.db"
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE songs (title TEXT)")
        db.execute("INSERT INTO songs VALUES ('Kind of Blue')")
        db.execute(f"PRAGMA user_version = {version}")
        db.commit()
    before = path.read_bytes(), path.stat().st_mtime_ns
    for arguments in (["status"], ["status", "--json"]):
        out, err = run(*arguments, code=1)
        assert out == ""
        assert re.search(r"another program: it has a table songs, expected .*measurement; move it away", err)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [each.name for each in path.parent.iterdir()] == ["spool.db"]
