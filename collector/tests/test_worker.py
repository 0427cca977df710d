"""Workers as processes of their own: killed, stopped, and without anything but the database."""

import asyncio
import contextlib
import csv
import os
import re
import signal
import subprocess
import sys
import uuid

import httpx
import psycopg
import pytest
from sqlalchemy import text

from audiosense_collector.clock import HOUR_US, now_us
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.training import service
from audiosense_common.wire import Status
from deploy.testing import warm

LIMIT_S = 240
STALLED_S = 4.0
STATE = "SELECT status::text, attempts, worker, step FROM procrastinate_jobs LEFT JOIN job_progress ON job_id = id"


@contextlib.contextmanager
def worker(database_url, data_dir, *options, **environment):
    keep = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "HOME") if name in os.environ}
    own = {
        "DATABASE_URL": database_url,
        "AUDIOSENSE_DATA_DIR": str(data_dir),
        "AUDIOSENSE_WORKER_STALLED_S": str(STALLED_S),
        "AUDIOSENSE_TREES": "20",
        "OPENBLAS_NUM_THREADS": "1",
    }
    process = warm.Popen(
        [sys.executable, "-m", "audiosense_collector", "worker", "--concurrency", "1", *options],
        env=keep | own | environment,
        cwd=data_dir.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
async def heard(runtime, make_agent):
    """A sensor whose windows make a training of some seconds."""
    agent = await make_agent()
    await agent.send(agent.batch(agent.columns(30)))
    for _ in range(4):
        await agent.send(agent.batch(agent.columns(500, status=Status.NORMAL, score=0.4)))
    return uuid.UUID(next(iter(agent.sensors.values())))


async def reach(runtime, job, condition):
    """Wait until a job is as it should be; returns state, attempts, worker and step."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            async with runtime.sessions() as session:
                found = (await session.execute(text(f"{STATE} WHERE id = :id"), {"id": job})).one()
            if condition(found):
                return found
            await asyncio.sleep(0.02)


async def request(runtime, sensor):
    async with runtime.sessions.begin() as session:
        what = service.Request(windows=2_000)
        return await service.request_by_hand(session, runtime.jobs, sensor, what)


async def test_a_training_whose_worker_is_killed_is_done_once_more_by_another_and_one_that_is_stopped_too(
    runtime, browser, settings, database_url, heard
):
    killed = await request(runtime, heard)
    with worker(database_url, settings.data_dir) as first:
        found = await reach(runtime, killed, lambda row: row.step not in (None, "reading"))
        assert found.worker.endswith(f":{first.pid}")
        with worker(database_url, settings.data_dir) as second:
            first.send_signal(signal.SIGKILL)
            first.wait()
            found = await reach(runtime, killed, lambda row: row.status in ("succeeded", "failed"))
            assert (found.status, found.attempts) == ("succeeded", 2)
            assert found.worker.endswith(f":{second.pid}")
            models = (await browser.get("/api/v1/models", params={"sensor": str(heard)})).json()["items"]
            assert len(models) == 1
            again = await request(runtime, heard)
            await reach(runtime, again, lambda row: row.step not in (None, "reading"))
            second.send_signal(signal.SIGTERM)
            output, _ = await asyncio.to_thread(second.communicate, timeout=LIMIT_S)
            assert second.returncode == 0, output
    assert "worker stopped" in output
    found = await reach(runtime, again, lambda _row: True)
    # Done within the time that a stop allows, or back in the queue; never lost.
    assert found.status in ("todo", "succeeded"), output


async def test_the_worker_of_a_host_without_data_directory_trains_and_leaves_no_trace(
    runtime, settings, database_url, heard, tmp_path
):
    job = await request(runtime, heard)
    with worker(database_url, tmp_path / "none", "--queues", "training") as process:
        found = await reach(runtime, job, lambda row: row.status in ("succeeded", "failed"))
        process.send_signal(signal.SIGTERM)
        output, _ = await asyncio.to_thread(process.communicate, timeout=LIMIT_S)
    assert (found.status, process.returncode) == ("succeeded", 0), output
    assert "without the signing key" in output
    assert not (tmp_path / "none").exists()


async def test_a_worker_that_is_given_a_port_tells_its_figures_and_whether_it_works(
    runtime, database_url, heard, tmp_path
):
    job = await request(runtime, heard)
    options = ("--queues", "training", "--metrics-port", "0")
    with worker(database_url, tmp_path / "none", *options) as process:
        lines = [await asyncio.to_thread(process.stdout.readline) for _ in range(2)]
        address = re.search(r"metrics +(http://127\.0\.0\.1:\d+)/metrics", "".join(lines))[1]
        async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=LIMIT_S) as port:
            await reach(runtime, job, lambda row: row.step is not None)
            assert "audiosense_jobs_at_work 1.0" in (await port.get("/metrics")).text
            await reach(runtime, job, lambda row: row.status in ("succeeded", "failed"))
            assert (await port.get("/healthz")).json() == {"status": "ok"}
            ready = await port.get("/readyz")
            assert (ready.status_code, ready.json()["checks"]["worker"]) == (200, "ok")
            figures = ""
            async with asyncio.timeout(LIMIT_S):
                while "audiosense_jobs_at_work 0.0" not in figures:
                    figures = (await port.get("/metrics")).text
            assert (await port.get("/api/v1/fleet")).status_code == 404
    assert 'audiosense_jobs_ended_total{kind="train",outcome="done"} 1.0' in figures
    assert 'audiosense_job_duration_seconds_count{kind="train"} 1.0' in figures
    assert "audiosense_database_connections" in figures
    assert "audiosense_agents" not in figures, "what the database says, the collector exports"
    assert not (tmp_path / "none").exists()


async def test_an_export_and_an_evaluation_whose_worker_is_killed_are_done_once_more_by_another(
    runtime, operator, settings, database_url, heard
):
    training = await request(runtime, heard)
    with worker(database_url, settings.data_dir):
        await reach(runtime, training, lambda row: row.status == "succeeded")
    digest = (await operator.get("/api/v1/models", params={"sensor": str(heard)})).json()["items"][0]["digest"]
    span = {"from_us": now_us() - 24 * HOUR_US, "to_us": now_us()}
    export = (await operator.post("/api/v1/exports", json=span | {"sensors": [str(heard)]})).json()
    evaluation = (await operator.post(f"/api/v1/models/{digest}/evaluations", json=span)).json()
    jobs = [export["job_id"], evaluation["job_id"]]
    options = ("--queues", "evaluation,exports", "--concurrency", "2")
    files = settings.data_dir / "exports"
    with psycopg.connect(libpq_url(database_url)) as holding:
        # Both are at work, and wait for the measurements: killed now, they are cut short for certain.
        holding.execute("LOCK TABLE measurement IN ACCESS EXCLUSIVE MODE")
        with worker(database_url, settings.data_dir, *options) as first:
            for job in jobs:
                found = await reach(runtime, job, lambda row: row.status == "doing" and row.worker is not None)
                assert found.worker.endswith(f":{first.pid}")
            # The file is there from its first bytes on, which wait as the evaluation does.
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'measurement'::regclass"
            await reach(runtime, jobs[0], lambda _row: holding.execute(waiting).fetchone()[0] >= len(jobs))
            first.send_signal(signal.SIGKILL)
            first.wait()
    with worker(database_url, settings.data_dir, *options) as second:
        for job in jobs:
            found = await reach(runtime, job, lambda row: row.status in ("succeeded", "failed"))
            assert (found.status, found.attempts) == ("succeeded", 2)
            assert found.worker.endswith(f":{second.pid}")
    done = (await operator.get(f"/api/v1/exports/{export['id']}")).json()
    fetched = await operator.get(f"/api/v1/exports/{export['id']}/file")
    *lines, last = fetched.text.splitlines()
    assert last == f"# rows: {done['rows']}" == "# rows: 2030"
    assert len(list(csv.DictReader(lines))) == 2_030
    (file,) = files.glob(f"{export['id']}-1-*.csv")
    assert fetched.content == file.read_bytes()
    page = (await operator.get(f"/api/v1/models/{digest}/evaluations")).json()["items"]
    assert [(item["state"], item["id"]) for item in page] == [("done", evaluation["id"])]
    report = page[0]["report"]
    assert report["windows"] + sum(report["left_out"].values()) == 2_030
