"""A forked process of the tests is what ``python -m`` would have made, and as mortal."""

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from deploy.testing import warm

MAIN = """
import json, os, random, signal, sys, threading, uuid
from forked import things
if sys.argv[1:2] == ["end"]:
    sys.exit(int(sys.argv[2]))
if sys.argv[1:2] == ["raise"]:
    raise ValueError("raised")
if sys.argv[1:2] == ["wait"]:
    print("waits", flush=True)
    signal.pause()
print(json.dumps({
    "argv": sys.argv,
    "folder": [os.getcwd(), sys.path[0]],
    "environment": {name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    "leads": os.getpid() == os.getsid(0),
    "group": os.getpgrp() == os.getpgid(os.getppid()),
    "files": sorted(int(each) for each in os.listdir("/proc/self/fd"))[:-1],
    "interactive": [stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)],
    "actions": [str(signal.getsignal(number)).split(" at ")[0] for number in range(1, 32)],
    "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "threads": threading.active_count(),
    "main": [__name__, __spec__.name, sys.modules["__main__"].__spec__.name],
    "flags": list(sys.flags),
    "read": sys.stdin.read(),
}, sort_keys=True))
print(random.random(), uuid.uuid4(), file=sys.stderr)
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "forked"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "things.py").write_text("import random, uuid\n")
    (folder / "__main__.py").write_text(MAIN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(warm.MODULES, "forked", ("forked.things",))
    yield [sys.executable, "-m", "forked"]
    warm.close()


@pytest.mark.parametrize("session", [True, False])
def test_a_forked_process_finds_what_one_started_by_its_command_finds(package, tmp_path, session):
    own = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "LANG": "C.UTF-8", "TZ": "Asia/Tokyo"}
    options = {
        "env": {name: value for name, value in os.environ.items() if name.startswith("PYTHON")} | own,
        "cwd": tmp_path,
        "capture_output": True,
        "text": True,
        "stdin": subprocess.DEVNULL,
        "start_new_session": session,
    }
    asked = [*package, "one", "two words"]
    # A shell has what it starts in the background ignore interrupts, and so on to what that starts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        expected = subprocess.run(asked, check=True, **options)
    finally:
        signal.signal(signal.SIGINT, before)
    forked = [warm.run(asked, check=True, **options) for _ in range(2)]
    for each in forked:
        assert json.loads(each.stdout) == json.loads(expected.stdout)
    drawn = {word for each in (expected, *forked) for word in each.stderr.split()}
    assert len(drawn) == 6, "two processes have drawn the same"


def test_how_it_ends_is_told(package):
    assert warm.run([*package, "end", "7"]).returncode == 7
    raised = warm.run([*package, "raise"], capture_output=True, text=True)
    assert raised.returncode == 1
    assert raised.stderr.endswith("ValueError: raised\n")
    with pytest.raises(subprocess.CalledProcessError):
        warm.run([*package, "end", "1"], check=True)
    with warm.Popen([*package, "wait"], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"waits\n"
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        process.kill()
        assert process.wait(60) == process.poll() == -signal.SIGKILL
    assert not psutil.pid_exists(process.pid)


def test_a_terminal_s_interrupt_ends_it_as_any_other(package):
    with warm.Popen([*package, "wait"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "waits\n"
        process.send_signal(signal.SIGINT)
        errors = process.communicate(timeout=60)[1]
    assert process.returncode == -signal.SIGINT
    assert errors.endswith("KeyboardInterrupt\n")


def test_children_end_with_whoever_asked_for_them(package):
    with warm.Popen([*package, "wait"], stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout.readline() == b"waits\n"
        warm.close()
        assert process.wait(60) == -signal.SIGKILL


def test_what_a_fork_cannot_honour_is_refused(package):
    with pytest.raises(ValueError, match="preexec_fn"):
        warm.Popen(package, preexec_fn=os.getpid)
    with pytest.raises(ValueError, match="only audiosense_agent"):
        warm.Popen([sys.executable, "-c", "pass"])
    with pytest.raises(FileNotFoundError, match="no folder /none"):
        warm.Popen(package, cwd="/none")
