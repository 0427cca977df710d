"""The units of collector and worker are valid, leave an intruder little, and the collector works under them."""

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
import pytest
from agent_testing import confinement

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNITS = [SYSTEMD / f"audiosense-{name}.service" for name in ("collector", "worker")]
MOST_EXPOSED = 1.5
LIMIT_S = 120

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
# A user beside root, as whom the files of this run stay readable: PostgreSQL does not run as root.
AS_USER = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
CAN_BE_USER = (
    shutil.which("unshare") is not None
    and subprocess.run([*AS_USER, "true"], capture_output=True, check=False).returncode == 0
)


def analyse(*arguments):
    command = ["systemd-analyze", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_valid_and_keeps_the_threshold_of_exposure(unit, tmp_path):
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/usr/bin/audiosense-collector", "/bin/true"))
    found = analyse("verify", "--man=no", copy)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")
    done = analyse("security", "--offline=true", f"--threshold={MOST_EXPOSED * 10:.0f}", "--no-pager", unit)
    assert done.returncode == 0, done.stdout
    assert len(json.loads(analyse("security", "--offline=true", "--json=short", "--no-pager", unit).stdout)) > 50


def test_the_users_file_is_one_that_systemd_takes(tmp_path):
    (tmp_path / "etc").mkdir()
    for name in ("passwd", "group", "shadow", "gshadow"):
        (tmp_path / "etc" / name).touch()
    command = ["systemd-sysusers", f"--root={tmp_path}", str(SYSTEMD / "audiosense-collector.sysusers")]
    subprocess.run(command, check=True, capture_output=True)
    assert "audiosense:x:" in (tmp_path / "etc" / "passwd").read_text()


@pytest.mark.skipif(not CAN_BE_USER, reason="needs a user namespace")
def test_the_collector_and_its_own_postgresql_work_under_the_unit_and_tell_systemd():
    unit = UNITS[0]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="audiosense-unit-")))
        systemd = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        systemd.bind(str(folder / "notify"))
        systemd.settimeout(LIMIT_S)
        own = {
            "NOTIFY_SOCKET": str(folder / "notify"),
            "WATCHDOG_USEC": "500000",
            "AUDIOSENSE_DATA_DIR": str(folder / "data"),
            "AUDIOSENSE_HTTP_PORT": "0",
            "AUDIOSENSE_AGENT_PORT": "0",
            "AUDIOSENSE_AGENT_HOST": "127.0.0.1",
            "DATABASE_URL": "",
        }
        command = [
            sys.executable,
            confinement.__file__,
            str(unit),
            sys.executable,
            "-m",
            "audiosense_collector",
            "serve",
        ]
        log = stack.enter_context((folder / "log").open("wb"))
        process = subprocess.Popen(
            [*AS_USER, *command], env=os.environ | own, cwd=folder, stdout=subprocess.DEVNULL, stderr=log
        )
        try:
            assert systemd.recv(100) == b"READY=1", (folder / "log").read_text()
            addresses = json.loads((folder / "data" / "run" / "addresses.json").read_text())
            ready = httpx.get(f"{addresses['metrics']}/readyz", trust_env=False, timeout=LIMIT_S)
            assert ready.json()["status"] == "ok"
            trust = ssl.create_default_context(cafile=folder / "data" / "tls" / "ca.pem")
            assert httpx.get(f"{addresses['agents']}/healthz", verify=trust, trust_env=False).status_code == 200
            assert systemd.recv(100) == b"WATCHDOG=1"
            process.terminate()
            while (heard := systemd.recv(100)) != b"STOPPING=1":
                assert heard == b"WATCHDOG=1"
            assert process.wait(LIMIT_S) == 0, (folder / "log").read_text()
        finally:
            process.kill()
            process.wait()
