"""The job queue: training on demand, upkeep by the clock. The schema of the queue is part of the migrations."""

import procrastinate
import structlog
from procrastinate import JobContext
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status
from sqlalchemy import text

from audiosense_collector.clips import retention as clips
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.db.migrate import PARTITIONS
from audiosense_collector.detectability import jobs as detectability
from audiosense_collector.storage import jobs as storage
from audiosense_collector.training import jobs as training

log = structlog.get_logger()
STALLED_S = 30
KEEP_JOBS_HOURS = 24 * 30


def make_jobs(database_url: str) -> procrastinate.App:
    """Make the queue's application on a database."""
    connector = procrastinate.PsycopgConnector(
        conninfo=libpq_url(database_url), min_size=1, max_size=4, kwargs={"application_name": "audiosense-jobs"}
    )
    app = procrastinate.App(connector=connector)
    training.add_tasks(app)
    detectability.add_tasks(app)
    for name, cron, task in (
        ("retry_stalled", "* * * * *", retry_stalled),
        ("make_partitions", "7 * * * *", make_partitions),
        ("delete_old_clips", "23 * * * *", clips.delete_old_clips),
        ("apply_retention", "37 * * * *", storage.apply_retention),
        ("rebuild_rollups", "* * * * *", storage.rebuild_rollups),
    ):
        app.periodic(cron=cron)(app.task(name=name, queueing_lock=name, pass_context=True)(task))
    return app


async def retry_stalled(context: JobContext, timestamp: int) -> None:
    """Put jobs back in the queue whose worker has died; one that another waits to repeat is ended instead."""
    del timestamp
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_S):
        try:
            await manager.retry_job(job)
            log.warning("job stalled, queued again", job=job.id, task=job.task_name)
        except UniqueViolation:
            await manager.finish_job(job, status=Status.FAILED, delete_job=False)
            log.warning("job stalled, ended; another one waits", job=job.id, task=job.task_name)


async def make_partitions(context: JobContext, timestamp: int) -> None:
    """Make the partitions of measurements and roll-ups ahead of time, and drop old jobs."""
    del timestamp
    runtime = training.runtime_of(context)
    async with runtime.sessions.begin() as session:
        kept = runtime.settings.retention
        await session.execute(text(PARTITIONS), {"days": kept.days, "minute_days": kept.minute_days})
    await context.app.job_manager.delete_old_jobs(
        nb_hours=KEEP_JOBS_HOURS, include_failed=True, include_cancelled=True, include_aborted=True
    )
