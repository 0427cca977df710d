"""Upkeep by the queue."""

import uuid
from types import SimpleNamespace

from sqlalchemy import text

from audiosense_collector.jobs import make_partitions, retry_stalled
from audiosense_collector.training import service

KILL = """
WITH dead AS (
    INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '10 minutes') RETURNING id
)
UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM dead) WHERE id = :job
"""


async def status_of(runtime, job):
    return (await runtime.jobs.job_manager.get_job_status_async(job)).value


async def test_a_job_whose_worker_died_is_queued_again(runtime, make_agent):
    agent = await make_agent()
    async with runtime.sessions.begin() as session:
        (sensor,) = agent.sensors.values()
        job = await service.request_by_hand(session, runtime.jobs, uuid.UUID(sensor), service.Request())
    async with runtime.sessions.begin() as session:
        await session.execute(text(KILL), {"job": job})
    assert await status_of(runtime, job) == "doing"
    await retry_stalled(SimpleNamespace(app=runtime.jobs), timestamp=0)
    assert await status_of(runtime, job) == "todo"


async def test_a_job_whose_worker_died_ends_if_another_one_waits(runtime, make_agent):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    jobs = []
    for _ in range(2):
        async with runtime.sessions.begin() as session:
            job = await service.request_by_hand(session, runtime.jobs, uuid.UUID(sensor), service.Request())
            jobs.append(job)
        if len(jobs) == 1:
            async with runtime.sessions.begin() as session:
                await session.execute(text(KILL), {"job": job})
    await retry_stalled(SimpleNamespace(app=runtime.jobs), timestamp=0)
    assert [await status_of(runtime, job) for job in jobs] == ["failed", "todo"]


async def test_a_job_exists_only_if_its_transaction_was_committed(runtime, make_agent):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    async with runtime.sessions() as session:
        job = await service.request_by_hand(session, runtime.jobs, uuid.UUID(sensor), service.Request())
        await session.rollback()
    assert job not in [found.id for found in await runtime.jobs.job_manager.list_jobs_async()]


async def test_partitions_that_are_missing_are_made(runtime):
    newest = text("SELECT max(relname) FROM pg_class WHERE relname ~ '^measurement_[0-9]{8}$'")
    async with runtime.sessions.begin() as session:
        name = await session.scalar(newest)
        await session.execute(text(f"DROP TABLE {name}"))
    context = SimpleNamespace(app=runtime.jobs, additional_context={"runtime": runtime})
    await make_partitions(context, timestamp=0)
    async with runtime.sessions() as session:
        assert await session.scalar(newest) == name
