"""Installing from a checkout, in a file system of its own: what lies where, and that a second run takes effect."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "deploy" / "systemd" / "install.sh"
COLLECTOR = SCRIPT.with_name("install-collector.sh")
DOCUMENTS = Path("/usr/share/doc/audiosense-agent")
TOUCHED = ("/etc", "/opt", "/usr/local/bin", "/usr/share/doc", "/var", "/run")
UNSHARE = ["unshare", "--mount", "--propagation", "private"]

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None or subprocess.run([*UNSHARE, "true"], check=False).returncode,
    reason="needs root and a mount namespace",
)

# Libraries come over the network and are the Debian package's test's; here an environment without any is made.
PYTHON = """#!/bin/sh
[ "$1 $2" = "-m venv" ] && mkdir -p "$4/bin" && cp "$0" "$4/bin/python"
exit 0
"""


class Computer:
    """Folders of their own in place of those that the script writes to; systemd's commands note how they are called."""

    def __init__(self, folder):
        self.folder = folder
        self.calls = folder / "calls"
        tools = folder / "tools"
        tools.mkdir()
        for name, text in {
            "python": PYTHON,
            "systemctl": f'#!/bin/sh\necho "systemctl $*" >>{self.calls}\n',
            "systemd-sysusers": f'#!/bin/sh\necho "sysusers $*" >>{self.calls}\n'
            "echo audiosense:x:990: >>/etc/group; echo audiosense:x:990:990::/:/bin/false >>/etc/passwd\n",
        }.items():
            (tools / name).write_text(text)
            (tools / name).chmod(0o755)
        for place in TOUCHED:
            self.at(place).mkdir(parents=True)
        self.at("/run/systemd/system").mkdir(parents=True)
        for file in ("passwd", "group", "ld.so.cache"):
            shutil.copy(f"/etc/{file}", self.at("/etc"))
        self._environment = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}", "PYTHON": str(tools / "python")}

    def at(self, path):
        return self.folder / "root" / str(path).lstrip("/")

    def run(self, *options, script=SCRIPT):
        """Run the script; returns how systemd's commands were called."""
        self.calls.write_text("")
        mounts = "".join(f"mkdir -p {place} && mount --bind {self.at(place)} {place} && " for place in TOUCHED)
        command = [*UNSHARE, "sh", "-c", f'{mounts} exec "$@"', "sh", str(script), *options]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return self.calls.read_text().splitlines()


@pytest.fixture
def computer(tmp_path):
    return Computer(tmp_path)


def test_what_the_unit_and_the_documentation_point_to_is_installed(computer):
    computer.run()
    unit = computer.at("/etc/systemd/system/audiosense-agent.service").read_text()
    named = {Path(re.search("^Documentation=file://(.*)$", unit, re.MULTILINE).group(1))}
    named |= {Path(each) for each in re.findall(rf"{DOCUMENTS}/[\w.-]+\w", (ROOT / "docs" / "agent.md").read_text())}
    assert len(named) > 1
    assert [path for path in named if not computer.at(path).is_file()] == []
    computer.run("--uninstall")
    assert not computer.at(DOCUMENTS).exists()
    assert computer.at("/etc/audiosense/audiosense-agent.toml").is_file(), "the configuration stays"


def test_a_second_run_restarts_the_service_and_keeps_what_was_configured(computer):
    computer.run()
    kept = [computer.at(path) for path in ("/etc/audiosense/audiosense-agent.toml", "/etc/default/audiosense-agent")]
    for file in kept:
        file.write_text("# mine\n")
    calls = computer.run()
    assert "systemctl restart audiosense-agent.service" in calls
    assert calls.index("systemctl daemon-reload") < calls.index("systemctl restart audiosense-agent.service")
    assert [file.read_text() for file in kept] == ["# mine\n"] * 2


@pytest.mark.skipif(not (ROOT / "dashboard" / "dist" / "index.html").exists(), reason="the dashboard is not built")
def test_the_collector_is_installed_restarted_and_removed_with_its_data_kept(computer):
    calls = computer.run(script=COLLECTOR)
    assert calls.index("systemctl daemon-reload") < calls.index("systemctl restart audiosense-collector.service")
    prefix = "/opt/audiosense-collector"
    for name in ("collector", "worker"):
        unit = computer.at(f"/etc/systemd/system/audiosense-{name}.service").read_text()
        assert f"ExecStart={prefix}/bin/audiosense-collector {'serve' if name == 'collector' else name}\n" in unit
        assert f"AUDIOSENSE_DASHBOARD_DIR={prefix}/share/dashboard" in unit
        document = re.search("^Documentation=file://(.*)$", unit, re.MULTILINE).group(1)
        assert computer.at(document).is_file()
    assert computer.at(f"{prefix}/share/dashboard/index.html").is_file()
    assert os.access(computer.at("/usr/local/bin/audiosense-collector"), os.X_OK)
    settings = computer.at("/etc/audiosense/collector.env")
    settings.write_text("# mine\n")
    assert "systemctl restart audiosense-worker.service" in computer.run("--worker", script=COLLECTOR)
    assert settings.read_text() == "# mine\n"
    computer.run("--uninstall", script=COLLECTOR)
    assert not computer.at(prefix).exists()
    assert settings.is_file()
    assert computer.at("/var/backups/audiosense").stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(not (ROOT / "dashboard" / "dist" / "index.html").exists(), reason="the dashboard is not built")
def test_the_collectors_commands_run_as_its_user_with_the_services_settings(computer):
    computer.run(script=COLLECTOR)
    program = computer.at("/opt/audiosense-collector/bin/audiosense-collector")
    program.write_text(
        '#!/bin/sh\necho "$(id -u) $(id -G) $AUDIOSENSE_DATA_DIR $AUDIOSENSE_X $DATABASE_URL $*" >/var/out\n'
    )
    program.chmod(0o755)
    computer.at("/etc/audiosense/collector.env").write_text("AUDIOSENSE_X=y\n")
    credential = computer.at("/etc/credstore/audiosense.database-url")
    credential.parent.mkdir(mode=0o700)
    credential.write_text("postgresql://u:p@h/d\n")
    out = computer.at("/var/out")
    out.touch()
    out.chmod(0o666)
    computer.run("backup", "/a folder", script="/usr/local/bin/audiosense-collector")
    assert out.read_text() == "990 990 /var/lib/audiosense y postgresql://u:p@h/d backup /a folder\n"
