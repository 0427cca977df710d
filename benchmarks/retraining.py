"""Training a fleet anew with one worker process and with two: each sensor once, shared, and how much faster.

Each worker has one training process. Seconds are from the first job's start to the last one's end, as the jobs tell
them; CPU seconds are the workers' with their training processes. On a computer whose processors are busy with other
things the ratio of seconds says little and CPU seconds much: twice the workers must not cost more. The last line is
JSON.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import psutil
from sqlalchemy import insert, select, text

from audiosense_collector.clock import now_us
from audiosense_collector.db.embedded import EmbeddedServer
from audiosense_collector.db.migrate import migrate
from audiosense_collector.ingest import rows as ingested
from audiosense_collector.ingest.tables import STATUS_CODES, Measurement
from audiosense_collector.jobs import make_jobs
from audiosense_collector.machines import registration
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.queue.tables import JobProgress
from audiosense_collector.runtime import Runtime, open_runtime, prepare_data_dir
from audiosense_collector.settings import Settings
from audiosense_collector.training import fleet
from audiosense_collector.training.service import Request
from audiosense_common.features import SCHEMA_ID, SCHEMAS
from audiosense_common.wire import Status
from audiosense_common.wire_enrolment import SensorRegistration

WINDOW_US = 5_000_000
WAIT_S = 1_800
_OPEN = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'train' AND status IN ('todo', 'doing')")
_FAILED = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'train' AND status <> 'succeeded'")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sensors", type=int, default=12, help="default: %(default)s")
    parser.add_argument("--windows", type=int, default=720, help="of each baseline (default: %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        database = EmbeddedServer(Path(name) / "database")
        stack.callback(database.release)
        url = database.start()
        migrate(url)
        print(json.dumps(asyncio.run(measure(Path(name), url, arguments.sensors, arguments.windows))))


async def measure(folder: Path, url: str, sensors: int, windows: int) -> dict[str, float]:
    """Train the fleet twice."""
    settings = Settings(_env_file=None, data_dir=folder / "collector", database_url=url)
    prepare_data_dir(settings.data_dir)
    async with open_runtime(settings, url, make_jobs(url)) as runtime:
        await make_fleet(runtime, sensors, windows)
        result: dict[str, float] = {"sensors": sensors, "windows": windows}
        for workers in (1, 2):
            result |= await train(runtime, workers, windows, url)
    result["speedup"] = round(result["seconds_1"] / result["seconds_2"], 2)
    result["cpu_ratio"] = round(result["cpu_s_2"] / result["cpu_s_1"], 2)
    return result


async def make_fleet(runtime: Runtime, sensors: int, windows: int) -> None:
    """Register sensors and store their windows, each machine of a sound of its own."""
    registrations = [
        SensorRegistration.model_validate(
            {
                "name": f"sensor-{number}",
                "machine": f"Machine {number}",
                "sample_rate_hz": 16_000,
                "window_s": 5.0,
                "schema": SCHEMA_ID,
                "source": "simulator",
            }
        )
        for number in range(sensors)
    ]
    async with runtime.sessions.begin() as session:
        agent = uuid4()
        await session.execute(
            text(
                "INSERT INTO agent (id, name, credential_sha256, state, version, created)"
                " VALUES (:id, 'fleet', '', 'active', '0', now())"
            ),
            {"id": agent},
        )
        made = await registration.register(session, agent, registrations)
        schema = (await ingested.number(session, ingested.Numbers({}, {}, {}), [], [SCHEMA_ID])).schemas[SCHEMA_ID]
        await session.execute(text("UPDATE sensor SET baseline_since = now() - interval '1 day'"))
        start, epoch = now_us() - windows * WINDOW_US, uuid4()
        for number, sensor in enumerate(made.values()):
            rng = np.random.default_rng(number)
            matrix = rng.normal(-40, 3, (windows, len(SCHEMAS[SCHEMA_ID]))).astype("<f2")
            rows = [
                {
                    "sensor_id": sensor,
                    "time": start + place * WINDOW_US,
                    "epoch": epoch,
                    "seq": place,
                    "level_dbfs": -30.0,
                    "dominant_hz": 120.0,
                    "status": STATUS_CODES[Status.LEARNING],
                    "schema": schema,
                    "features": vector.tobytes(),
                }
                for place, vector in enumerate(matrix)
            ]
            await session.execute(insert(Measurement), rows)


async def train(runtime: Runtime, workers: int, windows: int, url: str) -> dict[str, float]:
    """Train each sensor once with some workers; the figures' names end with their number."""
    async with runtime.sessions.begin() as session:
        before = dict((await session.execute(select(Sensor.id, Sensor.bundle_version))).all())
    with working(runtime, workers, url) as processes:
        async with runtime.sessions.begin() as session:
            queued = await fleet.request_many(session, runtime.jobs, fleet.Selection(), Request(windows=windows))
        deadline = time.monotonic() + WAIT_S
        async with runtime.sessions() as session:
            while await session.scalar(_OPEN):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"the fleet was not trained within {WAIT_S} s")
                await session.rollback()
                await asyncio.sleep(0.2)
        cpu = sum(spent(process) for process in processes)
    async with runtime.sessions() as session:
        after = dict((await session.execute(select(Sensor.id, Sensor.bundle_version))).all())
        rows = list(await session.scalars(select(JobProgress).where(JobProgress.job_id.in_(queued.jobs.values()))))
        failed = await session.scalar(_FAILED) or 0
    shares = Counter(row.worker for row in rows)
    seconds = (max(row.finished or 0 for row in rows) - min(row.started or 0 for row in rows)) / 1e6
    return {
        f"seconds_{workers}": round(seconds, 1),
        f"cpu_s_{workers}": round(cpu, 1),
        f"least_share_{workers}": min(shares.values()) if len(shares) == workers else 0,
        f"not_once_{workers}": sum(after[sensor] != before[sensor] + 1 for sensor in before) + failed,
    }


@contextlib.contextmanager
def working(runtime: Runtime, workers: int, url: str) -> Iterator[list[psutil.Process]]:
    """Run worker processes beside the collector's data directory."""
    own = {"DATABASE_URL": url, "AUDIOSENSE_DATA_DIR": str(runtime.settings.data_dir), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "audiosense_collector", "worker", "--concurrency", "1", "--queues", "training"]
    processes = [
        subprocess.Popen(command, env=os.environ | own, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for _ in range(workers)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            process.stdout.readline()
        yield [psutil.Process(process.pid) for process in processes]
    finally:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        for process in processes:
            process.communicate()


def spent(process: psutil.Process) -> float:
    """Return the CPU seconds of a process and those below it."""
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


if __name__ == "__main__":
    main()
