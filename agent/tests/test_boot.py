"""Where no boot id can be read: nothing is condemned by it, and each run is a start of its own."""

import logging
import os
import subprocess
import sys

import pytest

from audiosense_agent import boot
from audiosense_agent.clock import Clock
from audiosense_agent.model_store.guard import Guard

DIGEST = "ab" * 32


@pytest.fixture(params=["absent", "empty", "no text"])
def no_boot_id(request, tmp_path, monkeypatch):
    path = tmp_path / "boot_id"
    if request.param != "absent":
        path.write_bytes(b"\n" if request.param == "empty" else b"\xff\xfe")
    monkeypatch.setattr(boot, "BOOT_ID", path)
    boot._run.cache_clear()
    yield
    boot._run.cache_clear()


def die_within(path):
    mark = Guard(path)
    mark.enter(DIGEST)
    mark.close()


def test_a_mark_of_this_boot_counts(tmp_path):
    die_within(tmp_path / "mark")
    assert Guard(tmp_path / "mark").dead_within() == DIGEST


@pytest.mark.usefixtures("no_boot_id")
def test_marks_of_boots_that_cannot_be_told_apart_count_nothing(tmp_path):
    die_within(tmp_path / "mark")
    assert (tmp_path / "mark").read_text() == f"x\n\n{DIGEST}"
    assert Guard(tmp_path / "mark").dead_within() is None


@pytest.mark.usefixtures("no_boot_id")
def test_all_clocks_of_a_run_tell_one_boot_and_the_agent_says_why(caplog):
    with caplog.at_level(logging.WARNING):
        boots = {Clock().boot for _ in range(3)}
    assert len(boots) == 1
    assert "" not in boots
    (told,) = [record.getMessage() for record in caplog.records]
    assert str(boot.BOOT_ID) in told
    assert "each start of the agent counts as one" in told


def test_two_runs_without_a_boot_id_are_two_boots_and_with_one_the_same(tmp_path):
    code = "import sys, pathlib; from audiosense_agent import boot, clock; boot.BOOT_ID = pathlib.Path(sys.argv[1])"
    code += "; print(clock.Clock().boot)"

    def told(path):
        command = [sys.executable, "-c", code, str(path)]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()

    assert told(tmp_path / "absent") != told(tmp_path / "absent")
    (tmp_path / "boot_id").write_text("here\n")
    assert told(tmp_path / "boot_id") == "here"
