"""The microphone through a real PortAudio, hearing a file through ALSA."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from audiosense_agent.errors import SourceError
from audiosense_agent.sources.devices import Device, choose_device, portaudio
from deploy.testing import warm

SYSTEM = Path("/usr/share/alsa/alsa.conf")
RATE = 16_000


def has_portaudio():
    try:
        portaudio()
    except SourceError:
        return False
    return SYSTEM.exists()


needs_portaudio = pytest.mark.skipif(not has_portaudio(), reason="needs libportaudio2 and libasound2-data")
DEVICES = [Device(0, "USB Audio", 2, 48_000, "ALSA"), Device(3, "USB Audio Two", 1, 48_000, "ALSA")]


@pytest.fixture
def alsa(tmp_path):
    """A sound system with one microphone: channel 0 hears a tone, channel 1 nothing."""
    tone = (0.25 * np.sin(2 * np.pi * 1_000 * np.arange(30 * RATE) / RATE)).astype("<f4")
    np.stack([tone, np.zeros_like(tone)], 1).tofile(tmp_path / "sound.raw")
    (tmp_path / "asound.conf").write_text(
        SYSTEM.read_text()
        + "pcm.press { type file slave.pcm null file /dev/null "
        + f'infile "{tmp_path}/sound.raw" format raw hint {{ show on description "Press microphone" }} }}\n'
    )
    return os.environ | {"ALSA_CONFIG_PATH": str(tmp_path / "asound.conf"), "PYTHONPATH": os.pathsep.join(sys.path)}


def agent(environment, *arguments):
    command = [sys.executable, "-m", "audiosense_agent", *map(str, arguments)]
    return warm.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def configure(tmp_path, *sensors):
    path = tmp_path / "agent.toml"
    tables = [
        f'[[sensors]]\nname = "{name}"\nmachine = "m"\nsample_rate_hz = {RATE}\nwindow_s = 0.2\n'
        f'source = {{type = "microphone", device = "{device}", channel = {channel}}}\n'
        for name, device, channel in sensors
    ]
    path.write_text(f'state_dir = "{tmp_path}/state"\n' + "\n".join(tables))
    return path


@needs_portaudio
def test_devices_lists_the_microphone(alsa):
    found = json.loads(agent(alsa, "devices", "--json").stdout)
    assert "press" in [device["name"] for device in found]


@needs_portaudio
def test_two_sensors_share_a_device_by_channel(alsa, tmp_path):
    config = configure(tmp_path, ("left", "press", 0), ("right", "pres", 1))
    done = agent(alsa, "run", "-c", config, "--stop-after", 3)
    assert done.returncode == 0, done.stderr
    found = json.loads(agent(alsa, "status", "-c", config, "--json").stdout)
    assert found["spool"]["rows"] == 6
    assert all(sensor["source"] == "ended" for sensor in found["sensors"].values())
    script = (
        "import sys; from pathlib import Path; from audiosense_agent.spool import Spool\n"
        "rows = Spool(Path(sys.argv[1])).read(10)\n"
        "print([(r.sensor, round(r.level_dbfs), round(r.dominant_hz, -1)) for r in rows])"
    )
    heard = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "state" / "spool.db"],
        env=alsa,
        capture_output=True,
        text=True,
        check=True,
    )
    rows = set(eval(heard.stdout))
    assert ("left", -15, 1000.0) in rows
    assert {level for name, level, _ in rows if name == "right"} == {-120}


@needs_portaudio
@pytest.mark.parametrize(
    ("device", "channel", "words"),
    [("zoom", 0, ["no device 'zoom'", "'press'", "audiosense-agent devices"]), ("press", 200, ["channel 200"])],
)
def test_check_names_what_is_wrong_with_a_device(alsa, tmp_path, device, channel, words):
    done = agent(alsa, "check", "-c", configure(tmp_path, ("left", device, channel)))
    assert done.returncode == 1
    assert [word for word in words if word not in done.stdout] == []
    assert "Traceback" not in done.stderr


@needs_portaudio
def test_a_missing_microphone_does_not_stop_the_others(alsa, tmp_path):
    config = configure(tmp_path, ("left", "zoom", 0), ("right", "press", 0))
    process = warm.Popen(
        [sys.executable, "-m", "audiosense_agent", "run", "-c", str(config), "--stop-after", "2", "--verbose"],
        env=alsa,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        seen = []
        for line in process.stdout:
            seen.append(line)
            if any("no device 'zoom'" in each for each in seen) and any("right: source ended" in each for each in seen):
                break
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert any("no device 'zoom'" in each for each in seen)


def test_a_missing_portaudio_names_the_package(tmp_path):
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    command = [sys.executable, "-m", "audiosense_agent", "devices"]
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "error: the PortAudio library is missing; install it: apt-get install libportaudio2\n"


def test_a_device_is_chosen_by_whole_name_or_by_a_part_that_only_it_has():
    assert choose_device("USB Audio", DEVICES).index == 0
    assert choose_device("two", DEVICES).index == 3
    with pytest.raises(SourceError, match="fits several: 'USB Audio', 'USB Audio Two'"):
        choose_device("usb", DEVICES)
    with pytest.raises(SourceError, match="no device 'x', there are 'USB Audio'"):
        choose_device("x", DEVICES)
    with pytest.raises(SourceError, match="no device that can record"):
        choose_device(None, [])
