"""Faults of the database under a running collector and its agents: restarted, full, out of connections.

Each time agents are told to come back (503 with Retry-After and why), the collector goes on by itself once the fault is
over, and what was acknowledged is stored once.
"""

import asyncio
import contextlib
import os
import ssl
import subprocess
from pathlib import Path

import httpx
import psycopg
import pytest

from audiosense_collector.db.embedded import EmbeddedServer
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.db.migrate import migrate
from audiosense_collector.server import running

pytestmark = pytest.mark.soak
LIMIT_S = 240
AGENTS, ROWS = 6, 60
OPTIONS = {"max_connections": "60", "shared_buffers": "16MB", "min_wal_size": "32MB", "max_wal_size": "48MB"}


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture
def server(folder):
    """A PostgreSQL of the test's own, which it may break."""
    started = EmbeddedServer(folder / "postgresql", OPTIONS)
    started.start()
    with started.kept_up():
        yield started
    started.release()


@pytest.fixture
def database_url(server):
    url = server.url()
    migrate(url)
    return url


@contextlib.asynccontextmanager
async def collecting(settings, database_url):
    """Run both servers, and a client of the agents' port."""
    async with asyncio.timeout(LIMIT_S), running(settings, database_url) as (addresses, runtime, parts):
        await runtime.hub.listening.wait()
        trust = ssl.create_default_context(cadata=runtime.tls.ca_pem)
        async with httpx.AsyncClient(
            base_url=addresses.agents, verify=trust, trust_env=False, timeout=LIMIT_S
        ) as client:
            yield runtime, client
        assert not any(part.done() for part in parts), "the collector goes on by itself"


class Fleet:
    """Agents that send without end, each batch until it is acknowledged, and what they were told meanwhile."""

    def __init__(self, agents):
        self.agents = agents
        self.acknowledged = 0
        self.told = []
        self._stop = asyncio.Event()

    async def _live(self, agent):
        while not self._stop.is_set():
            content = agent.batch(agent.columns(ROWS)).model_dump_json(by_alias=True).encode()
            while (response := await agent.post(content)).status_code != 200:
                assert response.status_code == 503, response.text
                assert response.headers["content-type"] == "application/problem+json"
                assert 2 <= int(response.headers["retry-after"]) <= 10
                self.told.append(response.json()["detail"])
                await asyncio.sleep(0.1)
            agent.token = response.json()["token"]
            self.acknowledged += 1

    @contextlib.asynccontextmanager
    async def living(self):
        async with asyncio.TaskGroup() as group:
            for agent in self.agents:
                group.create_task(self._live(agent))
            yield
            self._stop.set()

    async def until(self, reached):
        while not reached():  # noqa: ASYNC110 - agents tell nobody
            await asyncio.sleep(0.05)

    async def go_on(self):
        """Wait until each has had time for two more batches."""
        goal = self.acknowledged + 2 * len(self.agents)
        await self.until(lambda: self.acknowledged >= goal)

    async def be_refused(self, since=None):
        goal = (len(self.told) if since is None else since) + len(self.agents)
        await self.until(lambda: len(self.told) >= goal)

    def check_conserved(self, database_url):
        query = "SELECT count(*), count(DISTINCT (sensor_id, epoch, seq)) FROM measurement"
        with psycopg.connect(libpq_url(database_url)) as connection:
            assert connection.execute(query).fetchone() == (sum(agent.seq for agent in self.agents),) * 2


async def make_fleet(make_agent, client):
    return Fleet([await make_agent(name=f"agent {number}", client=client) for number in range(AGENTS)])


@pytest.mark.parametrize("mode", ["fast", "immediate"])
async def test_a_database_that_is_restarted(settings, server, database_url, make_agent, mode):
    async with collecting(settings, database_url) as (runtime, client):
        fleet = await make_fleet(make_agent, client)
        async with fleet.living():
            await fleet.go_on()
            stop = ("pg_ctl", "-D", str(server.data), "-m", mode, "-w", "stop")
            refused = len(fleet.told)
            await asyncio.to_thread(server._run, *stop)
            await fleet.be_refused(refused)
            await fleet.go_on()
            await runtime.hub.listening.wait()
        fleet.check_conserved(database_url)
    assert any("not available" in words for words in fleet.told)


async def test_a_database_without_a_free_connection(settings, server, database_url, make_agent):
    async with collecting(settings, database_url) as (_, client):
        fleet = await make_fleet(make_agent, client)
        async with fleet.living():
            await fleet.go_on()
            end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'audiosense'"
            held = [await psycopg.AsyncConnection.connect(libpq_url(database_url), autocommit=True)]
            refused = len(fleet.told)
            while len(fleet.told) < refused + AGENTS:
                # What the collector's connections leave behind is taken before it can connect again.
                await held[0].execute(end)
                with contextlib.suppress(psycopg.OperationalError):
                    while True:
                        held.append(await psycopg.AsyncConnection.connect(libpq_url(database_url), autocommit=True))
            for connection in held:
                await connection.close()
            await fleet.go_on()
        fleet.check_conserved(database_url)


class TestFullDisk:
    """The whole server is on a small file system that somebody else fills."""

    @pytest.fixture
    def folder(self, tmp_path):
        if os.geteuid() != 0:
            pytest.skip("a small file system can be mounted by root only")
        small = tmp_path / "small"
        small.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", "size=220m", "tmpfs", str(small)]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("a small file system cannot be mounted here")
        yield small
        subprocess.run(["umount", str(small)], check=True)

    @staticmethod
    def fill(folder: Path) -> Path:
        path = folder / "somebody-elses"
        with path.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4_096))
        assert os.statvfs(folder).f_bavail == 0
        return path

    async def test_a_disk_without_room(self, settings, folder, server, database_url, make_agent):
        """First the tables cannot grow; then not even the log of the database, which ends it."""
        async with collecting(settings, database_url) as (_, client):
            fleet = await make_fleet(make_agent, client)
            async with fleet.living():
                await fleet.go_on()
                filler = self.fill(folder)
                await fleet.be_refused()
                assert any("disk of the database is full" in words for words in fleet.told)
                filler.unlink()
                await fleet.go_on()
                filler = self.fill(folder)
                await self.use_up_log(server, database_url)
                await fleet.be_refused()
                filler.unlink()
                await fleet.go_on()
            fleet.check_conserved(database_url)

    @staticmethod
    async def use_up_log(server, database_url):
        """Write until the database ends for want of a file for its log; that it says so takes room too."""
        write = "SELECT pg_logical_emit_message(true, 'fill', repeat('x', 1000000))"
        while server._postmaster() is not None and "PANIC" not in server._log.read_text():
            with contextlib.suppress(psycopg.Error):
                async with await psycopg.AsyncConnection.connect(libpq_url(database_url), autocommit=True) as other:
                    await other.execute(write)
            await asyncio.sleep(0)
