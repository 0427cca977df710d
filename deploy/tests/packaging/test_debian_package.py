"""The package that `make deb` built: dpkg installs it, upgrades it, and purges it without a trace.

dpkg works on a folder of its own, with this computer's list of packages, so that dependencies are those of a real
system and the computer itself is left alone.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = sorted((ROOT / "artefacts").glob("audiosense-agent_*.deb"))
REQUIRED = "AUDIOSENSE_REQUIRE_ALL" in os.environ
CONFIGURATION = Path("etc/audiosense/audiosense-agent.toml")
SOUND = """
state_dir = "{state}"
[[sensors]]
name = "pump"
machine = "m"
window_s = 0.5
source = {{ type = "simulator", history_s = 100.0 }}
"""

pytestmark = [
    pytest.mark.package,
    pytest.mark.skipif(not PACKAGES and not REQUIRED, reason="make deb was not run"),
    pytest.mark.skipif(os.geteuid() != 0 and not REQUIRED, reason="dpkg installs as root only"),
]


class System:
    """A folder that dpkg takes for a computer."""

    def __init__(self, folder):
        self.root = folder
        for name in (
            "var/lib/dpkg/info",
            "var/lib/dpkg/updates",
            "var/log",
            "etc/systemd/system",
            "usr/bin",
            "lib/systemd",
        ):
            (folder / name).mkdir(parents=True)
        shutil.copy("/var/lib/dpkg/status", folder / "var/lib/dpkg/status")
        for name in ("passwd", "group", "shadow", "gshadow"):
            shutil.copy(f"/etc/{name}", folder / "etc" / name)

    def dpkg(self, *arguments):
        command = ["dpkg", f"--root={self.root}", "--force-script-chrootless", "--force-confold", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def files(self):
        """All paths but records, logs and what any tool leaves that adds or deletes a user."""
        users = {self.root / "etc" / name for name in ("passwd-", "group-", "shadow-", "gshadow-", ".pwd.lock")}
        own = {self.root / "var/lib/dpkg", self.root / "var/log", self.root / "var/lib/systemd"}
        return {path for path in self.root.rglob("*") if not own & {path, *path.parents}} - users

    def agent(self, *arguments):
        command = [self.root / "usr/bin/audiosense-agent", *map(str, arguments)]
        environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": "/nowhere"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    assert len(PACKAGES) == 1, f"one package is expected in artefacts/, found {PACKAGES}; run make deb"
    return System(tmp_path_factory.mktemp("system"))


def test_it_installs_runs_upgrades_and_purges_cleanly(system, tmp_path):
    users = [(system.root / "etc" / name).read_text() for name in ("passwd", "group")]
    before = system.files()
    system.dpkg("--install", PACKAGES[0])
    assert "audiosense-agent:" in (system.root / "etc/passwd").read_text()
    audio = re.search("^audio:.*$", (system.root / "etc/group").read_text(), re.MULTILINE)
    assert "audiosense-agent" in audio.group().split(":")[3].split(",")
    enabled = system.root / "etc/systemd/system/multi-user.target.wants/audiosense-agent.service"
    assert enabled.is_symlink()

    assert system.agent("--version").stdout.startswith("audiosense-agent ")

    configuration = tmp_path / "agent.toml"
    configuration.write_text(SOUND.format(state=tmp_path / "state"))
    done = system.agent("run", "--config", configuration, "--stop-after", 5)
    assert done.returncode == 0, done.stderr
    assert '"rows": 5' in system.agent("status", "--config", configuration, "--json").stdout

    edited = system.root / CONFIGURATION
    edited.write_text(edited.read_text() + "# mine\n")
    state = system.root / "var/lib/audiosense-agent"
    state.mkdir()
    (state / "identity.json").write_text("{}")
    system.dpkg("--install", PACKAGES[0])
    assert edited.read_text().endswith("# mine\n")

    system.dpkg("--remove", "audiosense-agent")
    assert (state / "identity.json").exists(), "removing keeps what the agent knows; only purging forgets it"
    assert edited.exists()
    system.dpkg("--purge", "audiosense-agent")
    assert system.files() - before == set()
    assert [(system.root / "etc" / name).read_text() for name in ("passwd", "group")] == users


def test_the_shipped_configuration_is_valid(system, tmp_path):
    system.dpkg("--install", PACKAGES[0])
    done = system.agent("status", "--config", system.root / CONFIGURATION)
    assert done.returncode == 0, done.stderr
    assert "sensor microphone" in done.stdout
    system.dpkg("--purge", "audiosense-agent")
