"""Jobs whose worker has died, or hangs, are done by another."""

import datetime as dt

import procrastinate
import structlog
from procrastinate.jobs import Job, Status
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert

from audiosense_collector.clock import now_us
from audiosense_collector.db.engine import Sessions
from audiosense_collector.queue.fencing import FencedJobs
from audiosense_collector.queue.tables import JobProgress

log = structlog.get_logger()
MAX_ATTEMPTS = 3
"""A job that its worker did not survive so often is ended: it would take down one worker after another."""
BACK_OFF_S = 5.0
"""Wait before the second attempt, twice as long before the third: others that died with it are done before it."""
_WAKE = "SELECT pg_notify('procrastinate_any_queue_v1', json_build_object('type', 'job_inserted', 'job_id', 0)::text)"


async def recover(jobs: procrastinate.App, sessions: Sessions, stalled_s: float) -> int:
    """Put jobs back whose worker gave no sign of life for ``stalled_s`` seconds; returns how many.

    Any number of processes may do this at a time.
    """
    manager = jobs.job_manager
    assert isinstance(manager, FencedJobs)
    back = 0
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=stalled_s):
        if job.attempts + 1 >= MAX_ATTEMPTS:
            await _give_up(manager, sessions, job)
            continue
        wait = dt.timedelta(seconds=BACK_OFF_S * job.attempts)
        if await manager.put_back(job, retry_at=dt.datetime.now(dt.UTC) + wait if job.attempts else None):
            back += 1
            log.warning("a job's worker is gone, the job waits again", job=job.id, kind=job.task_name)
    if back:
        async with sessions.begin() as session:
            await session.execute(text(_WAKE))
    return back


async def _give_up(manager: FencedJobs, sessions: Sessions, job: Job) -> None:
    reason = (
        f"its worker died or hung in each of {MAX_ATTEMPTS} attempts, most likely for lack of memory; look at the "
        "workers' logs before it is asked for again"
    )
    row = insert(JobProgress).values(job_id=job.id, attempt=job.attempts, error=reason, finished=now_us())
    changed = {name: row.excluded[name] for name in ("attempt", "error", "finished")}
    async with sessions.begin() as session:
        await session.execute(row.on_conflict_do_update(index_elements=[JobProgress.job_id], set_=changed))
    await manager.finish_job(job, Status.FAILED, delete_job=False)
    log.error("a job is given up", job=job.id, kind=job.task_name, reason=reason)
