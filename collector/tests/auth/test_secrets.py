"""A collector that logs all it can shows no secret, whatever is done with it; the commands of users and tokens."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
import time

import httpx
from typer.testing import CliRunner

from audiosense_collector.cli import app

LIMIT_S = 120
PASSWORD = "four words of mine"
OTHER = "some other words, longer"


def run(environment, *arguments, given=None):
    """Give a command, in this process; returns what it prints and what it logs."""
    before = signal.getsignal(signal.SIGTERM), sys.argv
    sys.argv = ["audiosense-collector", *arguments]
    try:
        done = CliRunner().invoke(app, list(arguments), input=given, env=environment)
    finally:
        signal.signal(signal.SIGTERM, before[0])
        sys.argv = before[1]
    assert done.exit_code == 0, done.output
    return done.stdout, done.stderr


SERVE = f"""
import logging, sys
from audiosense_collector import cli, logs
from audiosense_collector.cli import serve

def loud(*_settings):
    logs.configure_logs({logging.DEBUG})
    logging.getLogger().setLevel({logging.DEBUG})

serve.configure_logs = loud
sys.argv = ["audiosense-collector", "serve"]
cli.main()
"""


def use_in_a_browser(address, link):
    """Do by HTTP what has secrets in it; returns them by what they are."""
    secrets = {"the link": link, "a password": PASSWORD, "another password": OTHER}
    headers = {"AudioSense-Page": "1"}
    with httpx.Client(base_url=address, trust_env=False, headers=headers, timeout=60) as client:
        body = {"link": link, "name": "anna", "password": PASSWORD}
        assert client.post("/api/v1/setup", json=body).status_code == 201
        secrets["a cookie"] = client.cookies["audiosense_session"]
        for password in (f"{PASSWORD} wrong", PASSWORD):
            client.post("/api/v1/session", json={"name": "anna", "password": password})
        secrets["another cookie"] = client.cookies["audiosense_session"]
        refused = client.post("/api/v1/users", json={"name": "<>", "role": "x", "password": f"{OTHER}!"})
        assert refused.status_code == 422
        assert OTHER not in refused.text
        change = {"current": PASSWORD, "new": OTHER}
        assert client.put("/api/v1/account/password", json=change).status_code == 204
        made = client.post("/api/v1/tokens", json={"name": "reporting", "scope": "viewer"}).json()
        secrets["a token"] = made["token"]
        bearer = {"Authorization": f"Bearer {made['token']}"}
        assert client.get("/api/v1/fleet", headers=bearer).status_code == 200
        assert client.get("/api/v1/fleet", headers={"Authorization": "Bearer as_unknown"}).status_code == 401
    return secrets


def use_by_command(environment, addresses):
    """Do by commands what has secrets in it; returns them, and all that was said beside them."""
    create = ["enrolment-key", "create", "--quiet", "--url", addresses["agents"]]
    key, logged = run(environment, *create)
    enrolment = {"secret": key.strip(), "name": "a", "version": "1", "sensors": []}
    httpx.post(f"{addresses['agents']}/api/v1/enrol", json=enrolment, verify=False, trust_env=False)
    said, more = run(
        environment, "users", "create", "ben", "--role", "operator", "--password-stdin", given=f"{OTHER}\n"
    )
    assert said == "user ben is made, with the role operator\n"
    run(environment, "users", "set-role", "BEN", "viewer")
    listed, _ = run(environment, "users", "list", "--json")
    found = [(user["name"], user["role"]) for user in json.loads(listed)]
    assert found == [("anna", "administrator"), ("ben", "viewer")]
    token, _ = run(environment, "tokens", "create", "nightly", "--scope", "operator", "--quiet")
    bearer = {"Authorization": f"Bearer {token.strip()}"}
    assert httpx.get(f"{addresses['http']}/api/v1/clip-audit", headers=bearer, trust_env=False).is_success
    changes, _ = run(environment, "audit", "list", "--json")
    commands = {change["action"] for change in json.loads(changes) if change["actor"].startswith("cli:")}
    assert {"users create", "users set-role", "tokens create", "enrolment-key create"} <= commands
    verified, _ = run(environment, "audit", "verify")
    assert re.match(r"\d+ entries, none changed or missing\nmark \d+:[0-9a-f]{64}\n", verified)
    secrets = {"a key": key.strip(), "a commanded token": token.strip()}
    return secrets, logged + more + changes + verified


def test_the_log_of_a_collector_with_everything_turned_on_holds_no_secret(tmp_path, database_url):
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
    environment = kept | {
        "DATABASE_URL": database_url,
        "AUDIOSENSE_DATA_DIR": str(tmp_path),
        "AUDIOSENSE_HTTP_PORT": "0",
        "AUDIOSENSE_AGENT_PORT": "0",
        "AUDIOSENSE_AGENT_HOST": "127.0.0.1",
    }
    addresses = tmp_path / "run" / "addresses.json"
    said, log = tmp_path / "out", tmp_path / "log"
    with said.open("w") as out, log.open("w") as err:
        process = subprocess.Popen([sys.executable, "-c", SERVE], env=environment, cwd=tmp_path, stdout=out, stderr=err)
    try:
        deadline = time.monotonic() + LIMIT_S
        while not addresses.exists() or "/setup#" not in said.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        found = json.loads(addresses.read_text())
        link = re.search(r"/setup#(\S+)", said.read_text())[1]
        secrets = use_in_a_browser(found["http"], link)
        others, told = use_by_command(environment, found)
        secrets |= others
    finally:
        process.terminate()
        process.wait(60)
    text = log.read_text() + told
    assert "DEBUG" in text or "debug" in text
    assert [name for name, secret in secrets.items() if secret in text] == []
    assert said.read_text().count(link) == 1
