"""The job queue: training on demand, upkeep by the clock. The schema of the queue is part of the migrations."""

import procrastinate
from procrastinate import JobContext
from sqlalchemy import text

from audiosense_collector.clips import retention as clips
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.db.migrate import PARTITIONS
from audiosense_collector.detectability import jobs as detectability
from audiosense_collector.exports import jobs as exports
from audiosense_collector.model_evaluation import jobs as model_evaluation
from audiosense_collector.notifications import jobs as notifications
from audiosense_collector.queue import service as queue
from audiosense_collector.queue.fencing import FencedJobs
from audiosense_collector.queue.progress import tracked
from audiosense_collector.storage import jobs as storage
from audiosense_collector.training import jobs as training

KEEP_JOBS_HOURS = 24 * 30
UPKEEP = ("watch_agents", "make_partitions", "retry_stalled")
"""Kinds of jobs that come by the clock; those that went well are not kept for long."""


def make_jobs(database_url: str) -> procrastinate.App:
    """Make the queue's application on a database."""
    connector = procrastinate.PsycopgConnector(
        conninfo=libpq_url(database_url), min_size=1, max_size=4, kwargs={"application_name": "audiosense-jobs"}
    )
    app = procrastinate.App(connector=connector, worker_defaults={"worker_middleware": [tracked]})
    app.job_manager = FencedJobs(connector)
    training.add_tasks(app)
    notifications.add_tasks(app)
    detectability.add_tasks(app)
    exports.add_tasks(app)
    model_evaluation.add_tasks(app)
    for name, cron, task in (
        ("make_partitions", "7 * * * *", make_partitions),
        ("watch_agents", "* * * * *", notifications.watch_agents),
        ("apply_retention", "37 * * * *", storage.apply_retention),
        ("order_minutes", "47 * * * *", storage.order_minutes),
        ("rebuild_rollups", "* * * * *", storage.rebuild_rollups),
    ):
        app.periodic(cron=cron)(app.task(name=name, queueing_lock=name, pass_context=True)(task))
    name = "delete_old_clips"
    app.periodic(cron="23 * * * *")(
        app.task(name=name, queueing_lock=name, queue="clips", pass_context=True)(clips.delete_old_clips)
    )
    return app


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
    async with runtime.sessions.begin() as session:
        await queue.forget(session, UPKEEP)
