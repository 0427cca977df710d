"""The embedded server: as root and as an ordinary user, shared, killed, at a long path."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import psycopg
import pytest

from audiosense_collector.db import embedded
from audiosense_collector.db.embedded import EmbeddedServer
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.errors import DatabaseError

OPTIONS = {"fsync": "off", "shared_buffers": "16MB"}
USE = """
import encodings.idna, json, os, sys
from pathlib import Path
from audiosense_collector.db.embedded import EmbeddedServer, _open_way, programs_folder
import psycopg
if len(sys.argv) > 2:
    _open_way(programs_folder() / "postgres")
    os.setgroups([])
    os.setgid(int(sys.argv[3]))
    os.setuid(int(sys.argv[2]))
server = EmbeddedServer(Path(sys.argv[1]), {"fsync": "off"})
url = server.start().replace("+psycopg", "")
with psycopg.connect(url) as connection:
    version = connection.info.server_version
print(json.dumps({"version": version}), flush=True)
sys.stdin.read()
server.release()
"""


@pytest.fixture
def folder():
    path = Path(tempfile.mkdtemp(prefix="audiosense-pg-"))
    yield path
    shutil.rmtree(path)


def postmaster(server):
    return int((server.data / "postmaster.pid").read_text().splitlines()[0])


def is_running(server):
    return (server.data / "postmaster.pid").exists() and is_alive(postmaster(server))


def is_alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def use(folder, *identity):
    """Use the server in another process, which becomes another user once the interpreter has started."""
    return subprocess.Popen(
        [sys.executable, "-c", USE, str(folder), *identity],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_last_user_stops_the_server(folder):
    first = EmbeddedServer(folder / "pg", OPTIONS)
    second = EmbeddedServer(folder / "pg", OPTIONS)
    assert first.start() == second.start()
    pid = postmaster(first)
    first.release()
    assert postmaster(second) == pid
    with psycopg.connect(libpq_url(second.url())) as connection:
        assert connection.info.server_version >= 150_000
    second.release()
    assert not is_running(second)
    assert not is_alive(pid)


def test_two_that_start_at_once_share_one_server(folder):
    servers = [EmbeddedServer(folder / "pg", OPTIONS) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        assert len(set(pool.map(EmbeddedServer.start, servers))) == 1
    for server in servers:
        server.release()
    assert not is_running(servers[0])


def test_a_user_that_was_killed_does_not_keep_the_server(folder):
    process = use(folder / "pg")
    try:
        assert json.loads(process.stdout.readline())["version"] >= 150_000
        server = EmbeddedServer(folder / "pg", OPTIONS)
        pid = postmaster(server)
        process.kill()
        process.wait()
        assert is_alive(pid)
        server.start()
        assert postmaster(server) == pid
        server.release()
        assert not is_alive(pid)
    finally:
        process.kill()
        process.communicate()


def test_a_server_that_was_killed_is_started_again_with_its_data(folder):
    server = EmbeddedServer(folder / "pg", OPTIONS)
    server.start()
    with psycopg.connect(libpq_url(server.url()), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
    victim = psutil.Process(postmaster(server))
    family = [victim, *victim.children()]
    os.kill(victim.pid, signal.SIGKILL)
    psutil.wait_procs(family, timeout=20)
    again = EmbeddedServer(folder / "pg", OPTIONS)
    again.start()
    with psycopg.connect(libpq_url(again.url())) as connection:
        assert connection.execute("SELECT value FROM kept").fetchone() == (7,)
    server.release()
    again.release()
    assert not is_running(again)


def test_a_pid_file_whose_number_another_program_has_is_no_obstacle(folder):
    server = EmbeddedServer(folder / "pg", OPTIONS)
    server.start()
    pid_file = server.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    server.release()
    assert not pid_file.exists()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    server.start()
    assert postmaster(server) != os.getpid()
    server.release()


def test_a_start_that_was_killed_half_way_is_made_good(folder):
    half = folder / "pg" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server = EmbeddedServer(folder / "pg", OPTIONS)
    server.start()
    server.release()
    assert not half.exists()


def test_a_path_too_long_for_a_socket_works(folder):
    server = EmbeddedServer(folder / ("long" * 15) / ("path" * 15) / "pg", OPTIONS)
    server.start()
    sockets = server._socket_folder()
    assert sockets != server.data
    assert sockets.stat().st_mode & 0o777 == 0o700
    server.release()
    assert not sockets.exists()


def test_a_cluster_that_cannot_start_says_why(folder):
    server = EmbeddedServer(folder / "pg", OPTIONS)
    server.start()
    server.release()
    (server.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(DatabaseError, match="DATABASE_URL") as caught:
        server.start()
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become an ordinary user")
def test_an_ordinary_user_runs_a_server_of_its_own(folder):
    user = pwd.getpwnam("nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    folder.chmod(0o700)
    process = use(folder / "pg", str(user.pw_uid), str(user.pw_gid))
    try:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        assert psutil.Process(postmaster(EmbeddedServer(folder / "pg"))).uids().real == user.pw_uid
        process.communicate("", timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert not (folder / "pg" / "data" / "postmaster.pid").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only as root does the server get a user of its own")
def test_under_root_the_server_is_not_root_and_its_data_are_closed_to_others(folder):
    server = EmbeddedServer(folder / "pg", OPTIONS)
    server.start()
    assert psutil.Process(postmaster(server)).uids().real != 0
    assert server.data.stat().st_mode & 0o077 == 0
    server.release()


def test_a_stop_that_cannot_fork_at_first_is_tried_again(folder, monkeypatch):
    server = EmbeddedServer(folder, OPTIONS)
    server.start()
    pid = postmaster(server)
    failures = [BlockingIOError(11, "Resource temporarily unavailable")] * 2
    real = subprocess.run

    def scarce(*arguments, **more):
        if failures:
            raise failures.pop()
        return real(*arguments, **more)

    monkeypatch.setattr(subprocess, "run", scarce)
    server.release()
    assert not failures
    assert not is_alive(pid)


def test_a_server_whose_stop_cannot_be_told_to_pg_ctl_is_named(folder, monkeypatch):
    server = EmbeddedServer(folder, OPTIONS)
    server.start()
    monkeypatch.setattr(embedded, "STOP_TIMEOUT_S", 0)
    monkeypatch.setattr(embedded, "programs_folder", lambda: folder / "none")
    with pytest.raises(DatabaseError, match=r"does not stop: .*end its process"):
        server.release()
    monkeypatch.undo()
    server.start()
    server.release()
    assert not is_running(server)
