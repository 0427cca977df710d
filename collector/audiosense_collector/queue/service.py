"""Reading the queue: its own tables, and how far each job is."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.errors import NotFoundError
from audiosense_collector.live.notify import JOB_STATES
from audiosense_collector.queue.schemas import JobOut, JobPage, JobState

KEEP_UPKEEP_HOURS = 24
KEEP_NOTIFICATIONS_DAYS = 60
_STATUSES = {
    "waiting": ["todo"],
    "running": ["doing"],
    "done": ["succeeded"],
    "failed": ["failed", "cancelled", "aborting", "aborted"],
}
_SELECT = """
SELECT job.id, job.task_name, job.args ->> 'sensor_id' AS sensor_id, job.status::text AS status, job.attempts,
    progress.step, progress.fraction, progress.error, progress.worker,
    to_us((SELECT min(at) FROM procrastinate_events WHERE job_id = job.id AND type = 'deferred')) AS queued,
    to_us(progress.started) AS started, to_us(progress.finished) AS finished
FROM procrastinate_jobs AS job LEFT JOIN job_progress AS progress ON progress.job_id = job.id
"""
_ONE = text(_SELECT + "WHERE job.id = :job_id")
_SOME = text(_SELECT + "WHERE job.id = ANY(:job_ids)")
_CONDITIONS = {
    "statuses": "job.status::text = ANY(:statuses)",
    "kind": "job.task_name = :kind",
    "sensor": "job.args ->> 'sensor_id' = :sensor",
    "before": "job.id < :before",
}
_FORGET = text("""
WITH gone AS (
    DELETE FROM procrastinate_jobs AS job WHERE task_name = ANY(:kinds) AND status = 'succeeded' AND NOT EXISTS (
        SELECT FROM procrastinate_events WHERE job_id = job.id AND at > now() - make_interval(hours => :hours))
), unsigned AS (
    DELETE FROM unsigned_model AS made WHERE NOT EXISTS (SELECT FROM procrastinate_jobs WHERE id = made.job_id)
), told AS (
    DELETE FROM notification WHERE created < now() - make_interval(days => :days)
)
DELETE FROM job_progress AS progress
WHERE NOT EXISTS (SELECT FROM procrastinate_jobs WHERE id = progress.job_id)
""")


async def read(session: AsyncSession, job_id: int) -> JobOut:
    """Return how a job stands.

    Raises:
        NotFoundError: no such job; those that ended are kept for 30 days.
    """
    row = (await session.execute(_ONE, {"job_id": job_id})).first()
    if row is None:
        raise NotFoundError(f"there is no job {job_id}; jobs that ended are kept for 30 days")
    return _show(row)


async def read_some(session: AsyncSession, job_ids: Collection[int]) -> dict[int, JobOut]:
    """Return how some jobs stand, by id; those that are gone are left out."""
    if not job_ids:
        return {}
    rows = await session.execute(_SOME, {"job_ids": list(job_ids)})
    return {row.id: _show(row) for row in rows}


async def list_jobs(
    session: AsyncSession,
    *,
    state: JobState | None,
    kind: str | None,
    sensor: UUID | None,
    before: int | None,
    limit: int,
) -> JobPage:
    """Return a page of jobs, the newest first."""
    asked: dict[str, Any] = {
        "statuses": None if state is None else _STATUSES[state],
        "kind": kind,
        "sensor": None if sensor is None else str(sensor),
        "before": before,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    where = " AND ".join(_CONDITIONS[name] for name in given) or "true"
    query = text(f"{_SELECT} WHERE {where} ORDER BY job.id DESC LIMIT :limit")
    rows: Sequence[Row[Any]] = (await session.execute(query, given | {"limit": limit + 1})).all()
    items = [_show(row) for row in rows[:limit]]
    return JobPage(items=items, next=items[-1].id if len(rows) > limit else None)


async def forget(session: AsyncSession, kinds: Collection[str]) -> None:
    """Drop jobs of some kinds that went well and are older than a day, and what belongs to jobs that are gone."""
    kept = {"hours": KEEP_UPKEEP_HOURS, "days": KEEP_NOTIFICATIONS_DAYS}
    await session.execute(_FORGET, {"kinds": list(kinds), **kept})


def _show(row: Row[Any]) -> JobOut:
    state: Any = JOB_STATES.get(row.status, "failed")
    # The queue counts attempts that have ended.
    attempts = row.attempts + 1 if state == "running" else row.attempts
    progress = 1.0 if state == "done" else 0.0 if state == "waiting" else row.fraction or 0.0
    return JobOut(
        id=row.id,
        kind=row.task_name,
        sensor_id=row.sensor_id,
        state=state,
        progress=round(progress, 4),
        step=row.step,
        attempts=attempts,
        error=None if state == "done" else row.error,
        worker=row.worker,
        queued_us=row.queued,
        started_us=row.started,
        finished_us=row.finished if state in ("done", "failed") else None,
        status=row.status,
    )
