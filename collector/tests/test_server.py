"""Both servers for real: TLS with the collector's own CA, live updates, a clean end."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest
from typer.testing import CliRunner

from audiosense_collector.auth.roles import Role
from audiosense_collector.cli import app
from audiosense_collector.server import running
from audiosense_common.errors import AudioSenseError
from deploy.testing import warm

LIMIT_S = 120


def trusting(ca_pem):
    return ssl.create_default_context(cadata=ca_pem)


@pytest.fixture
async def server(settings, database_url):
    async with running(settings, database_url) as (addresses, runtime, _tasks):
        yield addresses, runtime


@contextlib.asynccontextmanager
async def stream(addresses, options):
    """Give the events of the live stream as they come, to somebody who is signed in."""
    async with (
        httpx.AsyncClient(timeout=LIMIT_S, trust_env=False, **options) as client,
        client.stream("GET", f"{addresses.http}/api/v1/live") as response,
    ):
        assert response.headers["content-type"].startswith("text/event-stream")

        async def events():
            name = None
            async for line in response.aiter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    yield name, json.loads(line.removeprefix("data: "))

        yield events()


async def test_a_measurement_reaches_the_stream_over_tls_and_the_stream_ends_with_the_server(
    settings, database_url, make_agent, signed_in
):
    async with contextlib.AsyncExitStack() as stack, asyncio.timeout(LIMIT_S):
        server = running(settings, database_url)
        addresses, runtime, _tasks = await server.__aenter__()
        await runtime.hub.listening.wait()
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=addresses.agents, verify=trusting(runtime.tls.ca_pem), trust_env=False)
        )
        agent = await make_agent(client=client)
        events = await stack.enter_async_context(stream(addresses, await signed_in(Role.VIEWER)))
        assert (await anext(events))[0] == "hello"
        await agent.send(agent.batch(agent.columns(3)))
        name, data = await anext(events)
        assert name == "measurements"
        assert data["sensor_id"] == next(iter(agent.sensors.values()))
        assert data["status"] == ["learning"] * 3
        assert len(data["time_us"]) == len(data["score"]) == len(data["level_dbfs"]) == 3
        published = json.loads((settings.data_dir / "run" / "addresses.json").read_text())
        assert published == {"http": addresses.http, "agents": addresses.agents, "metrics": addresses.metrics}
        await server.__aexit__(None, None, None)
        assert [event async for event in events] == []
    assert not (settings.data_dir / "run" / "addresses.json").exists()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(addresses.http.rsplit(":", 1)[1])))


async def test_a_client_that_does_not_trust_the_ca_gets_nothing(server):
    addresses, _runtime = server
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get(f"{addresses.agents}/api/v1/trust")


async def test_each_port_serves_its_own_interface_only(server, signed_in):
    addresses, runtime = server
    async with httpx.AsyncClient(verify=trusting(runtime.tls.ca_pem), trust_env=False) as client:
        assert (await client.get(f"{addresses.agents}/api/v1/fleet")).status_code == 404
        assert (await client.get(f"{addresses.http}/api/v1/trust")).status_code == 401
        assert (await client.get(f"{addresses.agents}/api/v1/trust")).status_code == 200
    async with httpx.AsyncClient(base_url=addresses.http, trust_env=False, **await signed_in()) as client:
        assert (await client.get("/api/v1/trust")).status_code == 404


async def test_a_complete_baseline_is_trained_by_the_server_itself(server, make_agent, signed_in):
    addresses, runtime = server
    async with (
        asyncio.timeout(LIMIT_S),
        httpx.AsyncClient(base_url=addresses.agents, verify=trusting(runtime.tls.ca_pem), trust_env=False) as client,
        stream(addresses, await signed_in(Role.VIEWER)) as events,
    ):
        await runtime.hub.listening.wait()
        agent = await make_agent(client=client)
        await agent.send(agent.batch(agent.columns(45)))
        seen = []
        async for name, data in events:
            seen.append(name)
            if name == "model":
                assert data["state"] == "offered"
                break
        assert [name for name in seen if name != "job"] == ["hello", "measurements", "model"]
        assert (await agent.send(agent.batch()))["desired"]


def command(data_dir, *arguments, **environment):
    keep = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
    own = {
        "AUDIOSENSE_DATA_DIR": str(data_dir),
        "AUDIOSENSE_HTTP_PORT": "0",
        "AUDIOSENSE_AGENT_PORT": "0",
        "AUDIOSENSE_AGENT_HOST": "127.0.0.1",
    }
    return {
        "args": [sys.executable, "-m", "audiosense_collector", *arguments],
        "env": keep | own | environment,
        "cwd": data_dir,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }


def wait_for_file(path, process):
    deadline = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return json.loads(path.read_text())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_with_its_own_database_leaves_no_process_and_no_socket(tmp_path_factory, number):
    data_dir = tmp_path_factory.mktemp("serve")
    process = subprocess.Popen(**command(data_dir, "serve"))
    try:
        addresses = wait_for_file(data_dir / "run" / "addresses.json", process)
        assert httpx.get(f"{addresses['http']}/api/v1/session", trust_env=False).json()["setup_needed"] is True
        key = subprocess.run(**command(data_dir, "enrolment-key", "create", "--quiet"), check=True, timeout=60)
        assert key.stdout.startswith("audiosense-1-")
        assert httpx.get(f"{addresses['http']}/api/v1/fleet", trust_env=False).status_code == 401
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, err) == (0, "")
    assert f"{addresses['http']}/setup#" in out
    assert not (data_dir / "run" / "addresses.json").exists()
    assert not list(data_dir.rglob(".s.PGSQL*"))
    assert not (data_dir / "postgresql" / "data" / "postmaster.pid").exists()
    assert not postgres_of(data_dir)


def postgres_of(data_dir):
    return [p for p in psutil.process_iter(["cmdline"]) if str(data_dir) in " ".join(p.info["cmdline"] or [])]


def test_signals_that_come_again_while_the_database_stops_do_not_cut_that_short(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("serve")
    process = warm.Popen(**command(data_dir, "serve"))
    try:
        wait_for_file(data_dir / "run" / "addresses.json", process)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)
            time.sleep(0.005)
        _out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, err) == (0, "")
    assert not postgres_of(data_dir)


@pytest.mark.parametrize("found", ["data.new", "data", "data/postmaster.pid"])
def test_a_signal_during_the_start_leaves_no_database(tmp_path_factory, found):
    data_dir = tmp_path_factory.mktemp("serve")
    process = warm.Popen(**command(data_dir, "serve"))
    try:
        deadline = time.monotonic() + 60
        while not (data_dir / "postgresql" / found).exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        process.send_signal(signal.SIGTERM)
        _out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, err) == (0, "")
    assert not postgres_of(data_dir)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"DATABASE_URL": "postgresql://nobody:x@127.0.0.1:1/none"}, ("cannot use the database", "127.0.0.1:1")),
        ({"DATABASE_URL": "mysql://x"}, ("DATABASE_URL", "'mysql'")),
        ({"AUDIOSENSE_HTTP_HOST": "0.0.0.0"}, ("AUDIOSENSE_INSECURE_LAN", "--insecure-lan", "'0.0.0.0'")),
        ({"AUDIOSENSE_DATA_DIR": "/proc/none"}, ("/proc/none", "AUDIOSENSE_DATA_DIR")),
    ],
)
def test_a_start_that_fails_is_one_line_with_the_remedy(tmp_path, environment, words):
    result = warm.run(**command(tmp_path, "serve", **environment), timeout=60)
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"AUDIOSENSE_HTTP_PORT": "99999"}, ("AUDIOSENSE_HTTP_PORT",)),
        ({"AUDIOSENSE_INSECURE_LAN": "1", "AUDIOSENSE_DEMO": "1"}, ("AUDIOSENSE_INSECURE_LAN", "AUDIOSENSE_DEMO")),
        ({"AUDIOSENSE_TRUSTED_PROXIES": "proxy"}, ("AUDIOSENSE_TRUSTED_PROXIES", "'proxy'")),
        ({"AUDIOSENSE_HOSTS": "https://x"}, ("AUDIOSENSE_HOSTS", "'https://x'")),
        ({"AUDIOSENSE_AGENT_URL": "http://x"}, ("AUDIOSENSE_AGENT_URL", "https://HOST:PORT")),
    ],
)
def test_a_wrong_setting_ends_the_start_with_one_line(tmp_path, environment, words):
    """What ``main`` prints behind ``error:``; nothing is started before all settings are right."""
    result = CliRunner().invoke(app, ["serve"], env={"AUDIOSENSE_DATA_DIR": str(tmp_path)} | environment)
    assert isinstance(result.exception, AudioSenseError), result.exception
    assert "\n" not in str(result.exception)
    for word in words:
        assert word in str(result.exception)
    assert not list(tmp_path.iterdir())


def test_a_taken_port_is_named(tmp_path, database_url):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        found = {"DATABASE_URL": database_url, "AUDIOSENSE_AGENT_PORT": port}
        result = warm.run(**command(tmp_path, "serve", **found), timeout=60)
    assert result.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_second_server_on_a_data_directory_is_refused_and_leaves_the_first_alone(tmp_path, database_url):
    environment = {"DATABASE_URL": database_url}
    first = warm.Popen(**command(tmp_path, "serve", **environment))
    try:
        found = wait_for_file(tmp_path / "run" / "addresses.json", first)
        second = warm.run(**command(tmp_path, "serve", **environment), timeout=60)
        assert second.returncode == 1
        assert second.stderr.startswith(f"error: another collector runs on the data directory {tmp_path}; ")
        assert second.stderr.count("\n") == 1
        assert json.loads((tmp_path / "run" / "addresses.json").read_text()) == found
        assert httpx.get(f"{found['http']}/api/v1/session", trust_env=False).status_code == 200
    finally:
        first.terminate()
        first.communicate(timeout=60)
    assert first.returncode == 0


def test_a_low_limit_of_open_files_is_raised_as_far_as_it_may_be_and_told_with_its_remedy():
    script = (
        "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (256, 1024)); from audiosense_collector import server; "
        "server._allow_many_files(); print(r.getrlimit(r.RLIMIT_NOFILE))"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True).stdout
    assert "(1024, 1024)" in told
    assert "found=1024" in told
    assert "LimitNOFILE" in told


def test_files_that_hold_keys_are_for_the_owner_only(settings, runtime):
    kept = [*Path(settings.data_dir / "tls").iterdir(), *Path(settings.data_dir / "keys").iterdir()]
    private = [path for path in kept if path.suffix in {".key", ".pem"}]
    assert len(private) >= 5
    assert {path.stat().st_mode & 0o077 for path in private} == {0}
