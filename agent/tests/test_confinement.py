"""The agent does its work under the system calls that its systemd unit leaves it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from agent_testing import confinement
from agent_testing.bundles import KEY, RATE, make_bundle

from audiosense_agent.boot import read_boot_id
from audiosense_agent.enrolment import load_identity
from audiosense_agent.errors import SourceError
from audiosense_agent.sources.devices import portaudio

SYSTEM = Path("/usr/share/alsa/alsa.conf")
UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "audiosense-agent.service"


def has_portaudio():
    try:
        portaudio()
    except SourceError:
        return False
    return SYSTEM.exists()


@pytest.fixture
def alsa(tmp_path):
    """A sound system whose one microphone hears a tone."""
    tone = (0.25 * np.sin(2 * np.pi * 1_000 * np.arange(30 * 16_000) / 16_000)).astype("<f4")
    tone.tofile(tmp_path / "sound.raw")
    (tmp_path / "asound.conf").write_text(
        SYSTEM.read_text()
        + "pcm.press { type file slave.pcm null file /dev/null "
        + f'infile "{tmp_path}/sound.raw" format raw hint {{ show on description "Press microphone" }} }}\n'
    )
    return os.environ | {"ALSA_CONFIG_PATH": str(tmp_path / "asound.conf")}


def can_have_own_proc():
    command = [*confinement.own_proc(confinement.read_unit(UNIT)), "true"]
    return (
        shutil.which("unshare") is not None
        and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


HAS_OWN_PROC = can_have_own_proc()


def run_confined(*command, env=None, unit=UNIT):
    proc = confinement.own_proc(confinement.read_unit(unit)) if HAS_OWN_PROC else []
    whole = [*proc, sys.executable, confinement.__file__, str(unit), *map(str, command)]
    return subprocess.run(whole, env=env, capture_output=True, text=True, check=False, timeout=120)


def agent(*arguments, env=None):
    environment = (env or os.environ) | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = run_confined(sys.executable, "-m", "audiosense_agent", *arguments, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("attempt", "refusal"),
    [
        ("import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)", "Address family not supported"),
        ("import os; os.chroot('/')", "PermissionError"),
        ("import os; os.setuid(1)", "PermissionError"),
        ("import os; os.sched_setaffinity(0, {0})", "PermissionError"),
    ],
    ids=["raw sockets", "chroot", "setuid", "affinity"],
)
def test_what_the_agent_does_not_need_is_refused(attempt, refusal):
    free = subprocess.run([sys.executable, "-c", attempt], capture_output=True, text=True, check=False)
    done = run_confined(sys.executable, "-c", attempt)
    assert done.returncode == 1
    assert refusal in done.stderr
    if os.geteuid() == 0:
        assert free.returncode == 0, "the attempt itself must work where nothing confines it"


@pytest.mark.skipif(not HAS_OWN_PROC, reason="needs unshare and the right to mount /proc")
@pytest.mark.parametrize("subset", ["all", "pid"])
def test_the_unit_lets_the_agent_read_which_boot_this_is_and_a_smaller_proc_would_not(tmp_path, subset):
    unit = tmp_path / UNIT.name
    shipped = UNIT.read_text()
    assert "\nProcSubset=all\n" in shipped
    unit.write_text(shipped.replace("\nProcSubset=all\n", f"\nProcSubset={subset}\n"))
    reading = "from audiosense_agent.boot import read_boot_id; print(read_boot_id())"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = run_confined(sys.executable, "-c", reading, env=environment, unit=unit)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(read_boot_id() if subset == "all" else None)


@pytest.mark.skipif(not has_portaudio(), reason="needs libportaudio2 and libasound2-data")
def test_a_confined_agent_hears_a_microphone_and_sends_over_tls(tmp_path, collector, alsa):
    config = tmp_path / "agent.toml"
    config.write_text(
        f'state_dir = "{tmp_path}/state"\n[[sensors]]\nname = "left"\nmachine = "m"\nsample_rate_hz = 16000\n'
        'window_s = 0.2\nsource = {type = "microphone", device = "press"}\n'
    )
    agent("enroll", collector.key(), "-c", config, env=alsa)
    assert load_identity(tmp_path / "state").agent == collector.agent
    agent("run", "-c", config, "--stop-after", 10, env=alsa)
    assert len(collector.stored) == 10


def test_a_confined_agent_scores_with_onnx_runtime(tmp_path, collector):
    sensor = collector.register(["pump"])["pump"]
    bundle = tmp_path / "pump.zip"
    bundle.write_bytes(make_bundle(sensor).pack())
    noise = 0.1 * np.random.default_rng(0).standard_normal(4 * RATE)
    soundfile.write(tmp_path / "noise.flac", noise, RATE)
    key = "=".join(*KEY.public_keys().items())
    found = json.loads(agent("analyze", tmp_path / "noise.flac", "--bundle", bundle, "--signing-key", key, "--json"))
    assert all(0 <= window["score"] <= 1 for window in found["windows"])
