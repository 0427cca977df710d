"""The files for containers and monitoring, as their own programs judge them; a real Caddy before a real collector.

No engine of containers is needed: images are linted, not built. ``deploy/tools.sh`` brings the programs.
"""

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest

from audiosense_collector.db.engine import libpq_url

DOCKER = Path(__file__).parents[2] / "docker"
ROOT = DOCKER.parents[1]
LIMIT_S = 60
ON_LOOPBACK = "\tdefault_bind 127.0.0.1\n\tauto_https disable_redirects\n"
REQUIRED = "AUDIOSENSE_REQUIRE_ALL" in os.environ
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

pytestmark = [
    pytest.mark.package,
    pytest.mark.skipif(shutil.which("caddy", path=PATH) is None and not REQUIRED, reason="deploy/tools.sh was not run"),
]


def call(*command, **more):
    environment = os.environ | {"PATH": PATH} | more.pop("env", {})
    done = subprocess.run(
        list(map(str, command)), env=environment, capture_output=True, text=True, check=False, timeout=LIMIT_S, **more
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["agent", "collector"])
def test_a_dockerfile_passes_its_linter(name, tmp_path):
    file = DOCKER / f"{name}.Dockerfile"
    assert call("hadolint", file) == (0, "")
    bad = tmp_path / "Dockerfile"
    bad.write_text(file.read_text().replace("WORKDIR /src\n", "WORKDIR src\n"))
    assert "DL3000" in call("hadolint", bad)[1]


def test_the_compose_file_is_one_for_compose_and_nothing_runs_with_more_rights_than_it_needs(tmp_path):
    shutil.copytree(DOCKER, tmp_path / "docker", ignore=shutil.ignore_patterns("secrets"))
    code, words = call(tmp_path / "docker" / "prepare.sh")
    assert code == 0, words
    before = {path: path.read_text() for path in (tmp_path / "docker" / "secrets").iterdir()}
    assert (tmp_path / "docker" / "secrets").stat().st_mode & 0o077 == 0
    call(tmp_path / "docker" / "prepare.sh")
    assert before == {path: path.read_text() for path in before}, "a second run changes no password"
    command = ["docker-compose", "-f", "compose.yaml", "--profile", "simulation", "config"]
    code, words = call(*command, "--format", "json", cwd=tmp_path / "docker")
    assert code == 0, words
    found = json.loads(words)
    names = "agent-fan agent-pump caddy collector enrolment grafana postgres prometheus worker"
    assert " ".join(sorted(found["services"])) == names
    assert not any(secret.strip() in words for secret in before.values()), "passwords are files, not variables"
    processes = found["services"]["collector"]["environment"]["AUDIOSENSE_PROCESSES"]
    assert processes == "1"
    more = call(*command, "--format", "json", cwd=tmp_path / "docker", env={"AUDIOSENSE_PROCESSES": "3"})[1]
    assert json.loads(more)["services"]["collector"]["environment"]["AUDIOSENSE_PROCESSES"] == "3"
    for name, service in found["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"] is True, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        published = {port["published"] for port in service.get("ports", []) if port.get("host_ip") != "127.0.0.1"}
        assert published <= {"80", "443", "8443"}, f"{name} is reached from outside by {published}"
        for volume in service.get("volumes", []):
            assert volume["type"] == "volume" or Path(volume["source"]).exists(), volume
    (tmp_path / "docker" / "compose.yaml").write_text("services: {x: {imag: y}}\n")
    code, words = call(*command, cwd=tmp_path / "docker")
    assert code != 0
    assert "'imag' not allowed" in words


def test_prometheus_takes_its_configuration_and_the_alerts_fire_when_they_should(tmp_path):
    code, words = call("promtool", "check", "config", DOCKER / "prometheus" / "prometheus.yml")
    assert code == 0, words
    shutil.copytree(DOCKER / "prometheus", tmp_path / "wrong")
    broken = (tmp_path / "wrong" / "prometheus.yml").read_text().replace("http_sd_configs", "http_sd_config")
    (tmp_path / "wrong" / "prometheus.yml").write_text(broken)
    code, words = call("promtool", "check", "config", tmp_path / "wrong" / "prometheus.yml")
    assert (code, "http_sd_config not found" in words) == (1, True), words
    cases = {
        "rule_files": [str(DOCKER / "prometheus" / "alerts.yml")],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {"series": 'up{job="audiosense", instance="c"}', "values": "1x9 0x10"},
                    {"series": "audiosense_agents_silent", "values": "0x9 3x10"},
                    {"series": 'audiosense_agent_lag_seconds_bucket{le="900.0"}', "values": "90x40"},
                    {"series": 'audiosense_agent_lag_seconds_bucket{le="+Inf"}', "values": "100x40"},
                    {"series": 'audiosense_partitions_ahead{table="measurement"}', "values": "2x60"},
                ],
                "alert_rule_test": [
                    {"eval_time": at, "alertname": name, "exp_alerts": [{"exp_labels": labels}] if fires else []}
                    for at, name, fires, labels in (
                        ("8m", "AudioSenseDown", False, {}),
                        ("13m", "AudioSenseDown", True, {"severity": "critical", "job": "audiosense", "instance": "c"}),
                        ("16m", "AudioSenseAgentsSilent", True, {"severity": "warning"}),
                        ("10m", "AudioSenseAgentsBehind", False, {}),
                        ("20m", "AudioSenseAgentsBehind", True, {"severity": "warning"}),
                        ("50m", "AudioSensePartitionsMissing", False, {}),
                    )
                ],
            }
        ],
    }
    # Annotations are words for people; what counts here is what fires.
    rules = (DOCKER / "prometheus" / "alerts.yml").read_text().splitlines()
    kept = [line for line in rules if "annotations:" not in line and "summary:" not in line]
    (tmp_path / "alerts.yml").write_text("\n".join(kept) + "\n")
    cases["rule_files"] = [str(tmp_path / "alerts.yml")]
    (tmp_path / "cases.yml").write_text(json.dumps(cases))
    code, words = call("promtool", "test", "rules", tmp_path / "cases.yml")
    assert code == 0, words


@contextlib.contextmanager
def running(command, log, **more):
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, **more)
    try:
        yield process
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(LIMIT_S)
        process.kill()
        process.wait()


def wait_for(path, process, log):
    deadline = time.monotonic() + LIMIT_S
    while not path.exists():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


@dataclass(frozen=True)
class Served:
    """A collector's address for browsers, and what an operator sends."""

    http: str
    headers: dict[str, str]


@pytest.fixture
def collector(tmp_path, database_url):
    own = {
        "DATABASE_URL": database_url,
        "AUDIOSENSE_DATA_DIR": str(tmp_path / "data"),
        "AUDIOSENSE_HTTP_PORT": "0",
        "AUDIOSENSE_AGENT_PORT": "0",
        "AUDIOSENSE_AGENT_HOST": "127.0.0.1",
        "AUDIOSENSE_DASHBOARD_DIR": str(tmp_path / "dashboard"),
    }
    (tmp_path / "dashboard").mkdir()
    (tmp_path / "dashboard" / "index.html").write_text('<script src="./assets/a.js"></script>')
    log = tmp_path / "collector.log"
    command = [sys.executable, "-m", "audiosense_collector", "serve"]
    with running(command, log, env=os.environ | own, cwd=tmp_path) as process:
        wait_for(tmp_path / "data" / "run" / "addresses.json", process, log)
        made = [*command[:-1], "tokens", "create", f"caddy {uuid.uuid4()}", "--scope", "operator", "--quiet"]
        token = subprocess.run(made, env=os.environ | own, cwd=tmp_path, check=True, capture_output=True, text=True)
        http = json.loads((tmp_path / "data" / "run" / "addresses.json").read_text())["http"]
        yield Served(http, {"Authorization": f"Bearer {token.stdout.strip()}"})


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextlib.contextmanager
def caddy(name, collector, folder):
    """Run Caddy with a file as shipped, on loopback and a free port; give a client that trusts it."""
    file = (DOCKER / name).read_text()
    assert "\tadmin off\n" in file
    here = folder / name
    here.write_text(file.replace("\tadmin off\n", f"\tadmin off\n{ON_LOOPBACK}"))
    site = f"localhost:{free_port()}"
    own = {
        "PATH": PATH,
        "AUDIOSENSE_SITE": site,
        "AUDIOSENSE_TLS": "tls internal",
        "AUDIOSENSE_HTTP_PORT": collector.http.rsplit(":", 1)[1],
        "XDG_DATA_HOME": str(folder / "caddy"),
        "XDG_CONFIG_HOME": str(folder / "caddy-config"),
        "HOME": str(folder),
    }
    log = folder / "caddy.log"
    with running(["caddy", "run", "--adapter", "caddyfile", "--config", here], log, env=os.environ | own) as process:
        root = folder / "caddy" / "caddy" / "pki" / "authorities" / "local" / "root.crt"
        wait_for(root, process, log)
        trust = ssl.create_default_context(cafile=root)
        options = {"verify": trust, "trust_env": False, "timeout": LIMIT_S, "headers": collector.headers}
        with httpx.Client(base_url=f"https://{site}", **options) as client:
            deadline = time.monotonic() + LIMIT_S
            while True:
                try:
                    client.get("/healthz")
                except httpx.TransportError:
                    assert time.monotonic() < deadline, log.read_text()
                    time.sleep(0.1)
                else:
                    break
            yield client


def test_caddy_before_the_collector_passes_pages_live_updates_and_uploads(collector, database_url, tmp_path):
    with caddy("Caddyfile", collector, tmp_path) as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        origin = str(client.base_url).rstrip("/")
        assert client.get("/machines/some-machine").status_code == 200
        recording = {"file": ("long.wav", bytes(12 * 2**20), "audio/wav")}
        for source, refused in ((origin, False), ("https://elsewhere.example", True)):
            answer = client.post("/api/v1/analyses", files=recording, headers={"Origin": source})
            assert (answer.status_code == 403) is refused, "a page of another origin may change nothing"
            assert answer.status_code in {403, 422}, "what is no sound is read whole and refused by the collector"
        with client.stream("GET", "/api/v1/live") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "event: hello"
            with psycopg.connect(libpq_url(database_url), autocommit=True) as connection:
                told = json.dumps({"event": "model", "data": {"passed": "through"}})
                connection.execute("SELECT pg_notify('audiosense_live', %s)", [told])
            assert any("through" in line for line in lines), "it came while the stream was open"


def test_the_dashboard_works_below_a_path_too(collector, tmp_path):
    with caddy("subpath.Caddyfile", collector, tmp_path) as client:
        assert client.get("/audiosense/api/v1/system").status_code == 200
        assert client.get("/audiosense").headers["location"].endswith("/audiosense/")
        assert 'src="./assets/a.js"' in client.get("/audiosense/").text
        assert 'src="./../assets/a.js"' in client.get("/audiosense/machines/1").text
        assert client.get("/api/v1/system").status_code != 200 or not client.get("/api/v1/system").content
