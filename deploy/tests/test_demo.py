"""The demo's own parts; the whole demo runs as a check of its own (``make demo DEMO_ARGS="--check"``)."""

import fcntl
import itertools
import os
import signal
import socket
import subprocess
import sys
import termios
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from audiosense_agent.config import load_settings
from deploy.demo import processes
from deploy.demo.machines import agent_configuration, demo_machines, find_recordings
from deploy.demo.processes import DemoError, Process, check_port, command, wait_for
from deploy.demo.run import Demo, Result
from deploy.demo.terminal import Terminal

PACING = {"history_s": 60.0, "max_speed": 10.0}


def _clips(root, *names):
    for name in names:
        clip = root / "bldc_motor" / f"{name}.flac"
        clip.parent.mkdir(parents=True, exist_ok=True)
        clip.touch()


def test_without_a_folder_the_motor_is_simulated():
    assert find_recordings(None) is None
    assert find_recordings("") is None
    assert [machine.source["type"] for machine in demo_machines(None, PACING)] == ["simulator"] * 4


def test_held_out_speeds_are_kept_from_the_baseline(tmp_path):
    _clips(tmp_path, "Healthy/M1/1550", "Healthy/M1/1650", "Healthy/M1/1950", "Propeller/M1/1550")
    found = find_recordings(str(tmp_path))
    assert found is not None
    assert [clip.stem for clip in found.baseline] == ["1550"]
    assert [clip.stem for clip in found.healthy] == ["1650", "1950"]
    assert [clip.parent.parent.name for clip in found.damaged] == ["Propeller"]


def test_a_folder_without_the_clips_says_what_was_expected(tmp_path):
    _clips(tmp_path, "Healthy/M1/1550")
    with pytest.raises(DemoError, match=r"1 healthy and 0 damaged clips.*expected Healthy/M1/\*\.flac"):
        find_recordings(str(tmp_path))


def test_the_agent_accepts_the_demos_configuration(tmp_path):
    _clips(tmp_path, "Healthy/M1/1550", "Healthy/M1/1650", "Propeller/M1/1550")
    machines = demo_machines(find_recordings(str(tmp_path)), PACING)
    configuration = tmp_path / "agent.toml"
    configuration.write_text(agent_configuration(machines, tmp_path / "state"))
    settings = load_settings(configuration)
    assert [sensor.machine for sensor in settings.sensors] == ["Pump 1", "Fan 1", "Gearbox 1", "Motor 1"]


def test_a_result_names_each_fault():
    good = Result({}, recordings=True, windows_measured=5, windows_stored=5, events={"Pump 1": 1})
    assert good.faults() == []
    bad = Result({}, recordings=True, windows_measured=5, windows_stored=4, events={"Pump 1": 0}, false_events=2)
    assert bad.lost == 1
    for words in ("5 windows", "2 events on healthy", "no event on Pump 1"):
        assert words in " ".join(bad.faults())
    assert len(bad.faults()) == 3
    assert bad.as_json()["lost"] == 1


def test_windows_of_another_agent_are_neither_counted_nor_missed(tmp_path):
    demo = Demo(tmp_path, Terminal(), None, check=True, port=0)
    # Slow enough that no baseline is complete before all is counted: training is no part of this.
    demo.machines = demo.faulty = demo_machines(None, PACING)
    other = ["--config", str(tmp_path / "other.toml")]
    demo.configuration.write_text(agent_configuration(demo.machines, tmp_path / "agent"))
    (tmp_path / "other.toml").write_text(agent_configuration(demo.machines, tmp_path / "other"))
    with demo.api, demo._children:
        demo._start_collector()
        agent = demo._start_agent()
        create = ["audiosense_collector", "enrolment-key", "create", "--url", demo.agents_url, "--quiet"]
        key = command(create, environment=demo.collector_environment).strip()
        command(["audiosense_agent", "enroll", key, *other], environment={})
        command(["audiosense_agent", "run", "--stop-after", "3", *other], environment={})
        agent.stop()
        demo._count()
        in_all = demo._get("/api/v1/system")["measurements"]
    assert demo.result.windows_measured == demo.result.windows_stored > 0
    assert in_all == demo.result.windows_stored + 3 * len(demo.machines)
    assert demo.result.faults() == [f"no event on {machine.machine} after its fault" for machine in demo.machines]


def test_a_process_that_ends_early_is_told_with_its_last_words(tmp_path):
    (tmp_path / "ends_early.py").write_text("import sys; print('no luck'); sys.exit(3)\n")
    environment = {"PYTHONPATH": str(tmp_path)}
    with (
        Process("child", ["ends_early"], environment=environment, log=tmp_path / "log") as child,
        pytest.raises(DemoError, match=r"(?s)child ended with exit code 3.*no luck"),
    ):
        wait_for("something", lambda: None, seconds=60, processes=[child])


def test_a_stage_in_which_something_moves_is_waited_for_beyond_its_limit(monkeypatch):
    clock = itertools.count(0, 40)
    monkeypatch.setattr(processes, "time", SimpleNamespace(monotonic=lambda: next(clock), sleep=lambda _: None))
    probes = itertools.count()
    done = wait_for(
        "models", lambda: n if (n := next(probes)) > 20 else None, seconds=90, processes=[], moved=lambda: next(clock)
    )
    assert done == 21
    with pytest.raises(DemoError, match=r"models: nothing has moved for 90 s"):
        wait_for("models", lambda: None, seconds=90, processes=[], moved=lambda: "as before")
    with pytest.raises(DemoError, match=r"models: not within 90 s"):
        wait_for("models", lambda: None, seconds=90, processes=[])


def test_a_command_that_fails_says_its_error_line(tmp_path):
    with pytest.raises(DemoError, match=r"audiosense_agent status .*no-such\.toml"):
        command(["audiosense_agent", "status", "--config", str(tmp_path / "no-such.toml")], environment={})


def test_a_wrong_folder_of_recordings_is_one_line_and_exit_code_1(tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "deploy.demo", "--check"],
        env={"PATH": "", "PYTHONPATH": ":".join(sys.path), "AUDIOSENSE_RECORDINGS": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert run.stderr.startswith("error: AUDIOSENSE_RECORDINGS=")
    assert "Traceback" not in run.stderr


def _children(parent):
    """Return the process numbers of a process's children."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(path.parent.name))
    return found


@pytest.fixture
def hang_up():
    """Whoever runs the tests may have SIGHUP ignored, which children would inherit."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def _start_demo(folder, **options):
    """Start the demo and return it with its first child, the collector."""
    demo = subprocess.Popen(
        [sys.executable, "-m", "deploy.demo", "--check"],
        env=os.environ | {"PYTHONPATH": ":".join(sys.path), "AUDIOSENSE_RECORDINGS": "", "TMPDIR": str(folder)},
        **({"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL} | options),
    )
    deadline = time.monotonic() + 60
    while not (children := _children(demo.pid)) and time.monotonic() < deadline:
        time.sleep(0.01)
    (child,) = children
    return demo, child


def _is_gone(child, folder):
    return not Path(f"/proc/{child}").exists() and not list(folder.glob("audiosense-demo-*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_demo_stopped_while_the_collector_starts_leaves_nothing_behind(tmp_path, number, hang_up):
    demo, child = _start_demo(tmp_path)
    demo.send_signal(number)
    assert demo.wait(60) == 130
    assert _is_gone(child, tmp_path)


def test_a_demo_whose_terminal_is_closed_leaves_nothing_behind(tmp_path, hang_up):
    ours, theirs = os.openpty()
    demo, child = _start_demo(
        tmp_path,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    os.close(ours)
    assert demo.wait(60) == 130
    assert _is_gone(child, tmp_path)


def test_a_demo_under_nohup_goes_on_when_its_terminal_is_closed(tmp_path, hang_up):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    demo, child = _start_demo(tmp_path)
    demo.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        demo.wait(1)
    demo.send_signal(signal.SIGTERM)
    assert demo.wait(60) == 130
    assert _is_gone(child, tmp_path)


def test_a_port_in_use_is_named_with_the_remedy():
    check_port(0)
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(DemoError, match=r"--port 8001"):
        check_port(server.getsockname()[1])
    with pytest.raises(DemoError, match="port 70000"):
        check_port(70_000)
