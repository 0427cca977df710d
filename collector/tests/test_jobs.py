"""Upkeep by the queue."""

import uuid
from types import SimpleNamespace

from sqlalchemy import text

from audiosense_collector.jobs import make_partitions
from audiosense_collector.training import service


async def test_a_job_exists_only_if_its_transaction_was_committed(runtime, make_agent):
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    async with runtime.sessions() as session:
        job = await service.request_by_hand(session, runtime.jobs, uuid.UUID(sensor), service.Request())
        await session.rollback()
    assert job not in [found.id for found in await runtime.jobs.job_manager.list_jobs_async()]


async def test_partitions_that_are_missing_are_made_and_old_upkeep_is_forgotten(runtime):
    newest = text("SELECT max(relname) FROM pg_class WHERE relname ~ '^measurement_[0-9]{8}$'")
    async with runtime.sessions.begin() as session:
        name = await session.scalar(newest)
        await session.execute(text(f"DROP TABLE {name}"))
        await session.execute(
            text(
                "WITH made AS (INSERT INTO procrastinate_jobs (queue_name, task_name, status)"
                " SELECT 'default', kind, 'succeeded' FROM unnest(ARRAY['watch_agents', 'train']) AS kind RETURNING id)"
                " INSERT INTO job_progress (job_id, attempt, fraction) SELECT id, 0, 1 FROM made"
            )
        )
        await session.execute(text("UPDATE procrastinate_events SET at = now() - interval '2 days'"))
    context = SimpleNamespace(app=runtime.jobs, additional_context={"runtime": runtime})
    await make_partitions(context, timestamp=0)
    await make_partitions(context, timestamp=0)
    async with runtime.sessions() as session:
        assert await session.scalar(newest) == name
        kinds = await session.scalars(text("SELECT task_name FROM procrastinate_jobs"))
        assert list(kinds) == ["train"]
        assert await session.scalar(text("SELECT count(*) FROM job_progress")) == 1
