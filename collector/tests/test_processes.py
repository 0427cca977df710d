"""One collector in several processes: they share the agents' port, and none of them outlives the others."""

import asyncio
import contextlib
import json
import os
import re
import signal
import ssl
import subprocess
import sys

import httpx
import psutil
import psycopg
import pytest

from audiosense_collector.db.engine import libpq_url
from deploy.testing import warm

LIMIT_S = 240
CONNECTIONS = 24
"""That the kernel gives all of them to one of two processes happens once in eight million runs."""
_FIGURES = re.compile(r'"metrics": "(http://[^"]+)"')
_STORED = re.compile(r'^audiosense_ingest_rows_total\{result="stored"\} (\S+)$', re.MULTILINE)


def start(folder, database_url, port="0"):
    keep = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
    with (folder / "log").open("ab") as log:
        return warm.Popen(
            [sys.executable, "-m", "audiosense_collector", "serve", "--processes", "2", "--no-worker"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=keep
            | {
                "DATABASE_URL": database_url,
                "AUDIOSENSE_DATA_DIR": str(folder / "data"),
                "AUDIOSENSE_AGENT_URL": "https://localhost:8443",
                "AUDIOSENSE_AGENT_HOST": "127.0.0.1",
                "AUDIOSENSE_AGENT_PORT": port,
                "AUDIOSENSE_HTTP_PORT": "0",
                "AUDIOSENSE_LOG_FORMAT": "json",
            },
        )


@contextlib.asynccontextmanager
async def collector(folder, database_url):
    """Give a collector of two processes, the other one of the two, and the addresses."""
    process = start(folder, database_url)
    try:
        published = folder / "data" / "run" / "addresses.json"
        async with asyncio.timeout(LIMIT_S):
            while not published.exists():
                assert process.poll() is None, (folder / "log").read_text()
                await asyncio.sleep(0.05)
        (other,) = (each for each in psutil.Process(process.pid).children() if "serve-agents" in each.cmdline())
        yield process, other, json.loads(published.read_text())
    finally:
        process.kill()
        process.wait()


async def stored_by(address):
    async with httpx.AsyncClient(trust_env=False, timeout=LIMIT_S) as client:
        return int(float(_STORED.search((await client.get(f"{address}/metrics")).text)[1]))


async def test_two_processes_share_the_agents_port_and_each_stores_its_part(tmp_path, database_url, make_agent):
    async with collector(tmp_path, database_url) as (process, other, addresses), contextlib.AsyncExitStack() as stack:
        trust = ssl.create_default_context(cafile=tmp_path / "data" / "tls" / "ca.pem")
        agents = []
        for number in range(CONNECTIONS):
            client = httpx.AsyncClient(base_url=addresses["agents"], verify=trust, trust_env=False, timeout=LIMIT_S)
            await stack.enter_async_context(client)
            agents.append(await make_agent(name=f"agent {number}", client=client))
        for _ in range(2):
            answers = await asyncio.gather(*(agent.send(agent.batch(agent.columns(4))) for agent in agents))
            assert [answer["stored"] for answer in answers] == [4] * CONNECTIONS
        figures = [addresses["metrics"], _FIGURES.search((tmp_path / "log").read_text())[1]]
        parts = [await stored_by(address) for address in figures]
        assert sum(parts) == 2 * 4 * CONNECTIONS
        assert min(parts) > 0
        with psycopg.connect(libpq_url(database_url)) as connection:
            assert connection.execute("SELECT count(*) FROM measurement").fetchone() == (sum(parts),)

        (tmp_path / "second").mkdir()
        second = start(tmp_path / "second", database_url, addresses["agents"].rsplit(":", 1)[1])
        assert await asyncio.to_thread(second.wait, LIMIT_S) == 1
        assert "end the program that has the port" in (tmp_path / "second" / "log").read_text()

        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, LIMIT_S) == 0
        assert not other.is_running()


@pytest.mark.parametrize("victim", ["first", "other"])
async def test_when_one_process_is_killed_none_is_left(victim, tmp_path, database_url):
    async with collector(tmp_path, database_url) as (process, other, _addresses):
        (process if victim == "first" else other).send_signal(signal.SIGKILL)
        code = await asyncio.to_thread(process.wait, LIMIT_S)
        ended, left = await asyncio.to_thread(psutil.wait_procs, [other], LIMIT_S)
        assert (ended, left) == ([other], [])
        if victim == "other":
            assert code == 1
            assert "a process for agents has ended; start it again" in (tmp_path / "log").read_text()
