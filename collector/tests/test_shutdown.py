"""A collector is told to stop while agents send: what it acknowledged is stored, and its log says what happened."""

import collections
import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from audiosense_collector.db.engine import libpq_url
from audiosense_collector.tls import ensure_tls
from deploy.testing import warm

AGENTS, ROWS, LIMIT_S = 6, 40, 60


@pytest.fixture
def collector(settings, database_url):
    """A process of its own with logs for machines; gives it, its addresses and where its log is."""
    log = settings.data_dir / "stderr"
    keep = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
    own = {
        "DATABASE_URL": database_url,
        "AUDIOSENSE_DATA_DIR": str(settings.data_dir),
        "AUDIOSENSE_HTTP_PORT": "0",
        "AUDIOSENSE_AGENT_PORT": "0",
        "AUDIOSENSE_AGENT_HOST": "127.0.0.1",
        "AUDIOSENSE_LOG_FORMAT": "json",
        "AUDIOSENSE_LOG_LEVEL": "debug",
        "AUDIOSENSE_ACCESS_LOG": "1",
    }
    with log.open("wb") as errors:
        process = warm.Popen(
            [sys.executable, "-m", "audiosense_collector", "serve"],
            env=keep | own,
            cwd=settings.data_dir,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
    try:
        published = settings.data_dir / "run" / "addresses.json"
        deadline = time.monotonic() + LIMIT_S
        while not published.exists():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process, json.loads(published.read_text()), log
    finally:
        process.kill()
        process.wait()


def deliver(client, agent, dump, taken):
    """Send until the collector goes away; returns how many measurements were acknowledged."""
    acknowledged = 0
    while True:
        try:
            response = client.post(
                "/api/v1/batches", content=dump(agent.batch(agent.columns(ROWS))), headers=agent.headers
            )
        except httpx.TransportError:
            return acknowledged
        if response.status_code == 503:
            continue
        assert response.status_code == 200, response.text
        agent.token = response.json()["token"]
        acknowledged += ROWS
        taken.release()


async def test_a_stop_under_load_keeps_what_was_acknowledged_and_logs_no_secret(
    collector, settings, database_url, make_agent, dump
):
    process, addresses, log = collector
    agents = [await make_agent(name=f"agent {number}") for number in range(AGENTS)]
    trust = ssl.create_default_context(cadata=ensure_tls(settings).ca_pem)
    taken = threading.Semaphore(0)
    with (
        httpx.Client(base_url=addresses["agents"], verify=trust, trust_env=False, timeout=LIMIT_S) as client,
        ThreadPoolExecutor(AGENTS) as threads,
    ):
        secret = {"Authorization": "Bearer do-not-log-me", "Cookie": "session=nor-this", "X-Request-Id": "probe-1"}
        threads.submit(client.get, "/api/v1/trust?token=nor-that", headers=secret).result(LIMIT_S)
        sending = [threads.submit(deliver, client, agent, dump, taken) for agent in agents]
        for _ in range(3 * AGENTS):
            assert taken.acquire(timeout=LIMIT_S)
        process.send_signal(signal.SIGTERM)
        acknowledged = sum(each.result(LIMIT_S) for each in sending)
    assert process.wait(LIMIT_S) == 0
    with psycopg.connect(libpq_url(database_url)) as connection:
        query = "SELECT count(*), count(DISTINCT (sensor_id, epoch, seq)) FROM measurement"
        stored, distinct = connection.execute(query).fetchone()
    assert stored == distinct
    assert acknowledged <= stored <= acknowledged + AGENTS * ROWS, "more only by the last batch of each, if unanswered"
    assert acknowledged >= 3 * AGENTS * ROWS

    words = log.read_text()
    lines = [json.loads(line) for line in words.splitlines()]
    assert all({"event", "level", "timestamp", "logger"} <= line.keys() for line in lines), "libraries' lines too"
    assert {"audiosense_collector.metrics.requests", "uvicorn.error"} <= {line["logger"] for line in lines}
    requests = [line for line in lines if line["event"] == "request"]
    batches = [line for line in requests if line["route"] == "/api/v1/batches" and line["status"] == 200]
    assert len(batches) * ROWS == stored
    assert {line["agent"] for line in batches} == {str(agent.id) for agent in agents}
    assert len({line["request_id"] for line in batches}) == len(batches)
    assert all(line["duration_ms"] > 0 and line["bytes"] > 0 and line["method"] == "POST" for line in batches)
    assert [line["route"] for line in requests if line["request_id"] == "probe-1"] == ["/api/v1/trust"]
    for private in ("do-not-log-me", "nor-this", "nor-that", agents[0].credential, agents[0].token):
        assert private not in words
    assert collections.Counter(line["level"] for line in lines)["error"] == 0
