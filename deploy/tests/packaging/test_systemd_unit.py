"""The agent's unit is valid and leaves an intruder little, as systemd's own analysis counts it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT = SYSTEMD / "audiosense-agent.service"
WITH_MICROPHONE, WITHOUT = 2.0, 1.5

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")


def analyse(*arguments):
    command = ["systemd-analyze", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def exposure(unit):
    found = analyse("security", "--offline=true", "--json=short", "--no-pager", unit)
    rows = json.loads(found.stdout)
    assert len(rows) > 50
    overall = analyse("security", "--offline=true", "--no-pager", unit).stdout.split("Overall exposure level")[1]
    return float(overall.split(":")[1].split()[0])


def without_microphone(folder):
    unit = folder / UNIT.name
    dropin = folder / f"{UNIT.name}.d" / "no-microphone.conf"
    dropin.parent.mkdir()
    shutil.copy(UNIT, unit)
    shutil.copy(SYSTEMD / "no-microphone.conf", dropin)
    return unit


def test_the_unit_is_valid(tmp_path):
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/usr/bin/audiosense-agent", "/bin/true"))
    found = analyse("verify", "--man=no", unit)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")
    unit.write_text(UNIT.read_text().replace("Type=notify", "Typ=notify"))
    assert "Typ" in analyse("verify", "--man=no", unit).stderr


def test_exposure_with_a_microphone_and_without_keeps_its_threshold(tmp_path):
    with_microphone, without = exposure(UNIT), exposure(without_microphone(tmp_path))
    assert without <= with_microphone <= WITH_MICROPHONE
    assert without <= WITHOUT


def test_systemd_itself_holds_the_thresholds(tmp_path):
    for unit, most in ((UNIT, WITH_MICROPHONE), (without_microphone(tmp_path), WITHOUT)):
        done = analyse("security", "--offline=true", f"--threshold={most * 10:.0f}", "--no-pager", unit)
        assert done.returncode == 0, done.stdout
    weak = tmp_path / "weak.service"
    weak.write_text("[Service]\nExecStart=/bin/true\n")
    assert analyse("security", "--offline=true", "--threshold=20", "--no-pager", weak).returncode != 0


def test_the_users_file_is_one_that_systemd_takes(tmp_path):
    for name in ("passwd", "group", "shadow", "gshadow"):
        (tmp_path / "etc").mkdir(exist_ok=True)
        (tmp_path / "etc" / name).touch()
    command = ["systemd-sysusers", f"--root={tmp_path}", str(SYSTEMD / "audiosense-agent.sysusers")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "audiosense-agent:x:" in (tmp_path / "etc" / "passwd").read_text()
    audio = next(line for line in (tmp_path / "etc" / "group").read_text().splitlines() if line.startswith("audio:"))
    assert audio.split(":")[3] == "audiosense-agent", "a check as this user opens the microphone, as the service does"
