"""Only the attempt that owns a job may end it.

The queue ends a job by its number, so that a worker that was taken for dead could end what its successor is doing, or
what waits to be done again. The number of attempts names an attempt: it grows whenever a job ends or is put back.
"""

import asyncio
import datetime as dt
from typing import Any

from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.live import notify
from audiosense_common.errors import AudioSenseError

TRIES, WAIT_S = 5, 1.0
_FINISH = """
WITH owned AS (
    SELECT id FROM procrastinate_jobs
    WHERE id = %(job_id)s AND status = 'doing' AND attempts = %(attempts)s FOR UPDATE
)
SELECT procrastinate_finish_job_v1(id, %(status)s, %(delete_job)s),
    CASE WHEN %(payload)s::text <> '' THEN pg_notify(%(channel)s, %(payload)s)::text END
FROM owned
"""
_RETRY = """
WITH owned AS (
    SELECT id FROM procrastinate_jobs
    WHERE id = %(job_id)s AND status = 'doing' AND attempts = %(attempts)s FOR UPDATE
)
SELECT procrastinate_retry_job_v2(id, %(retry_at)s, NULL, NULL, NULL) FROM owned
"""
_FINISH_WITHIN = text("""
WITH owned AS (
    SELECT id FROM procrastinate_jobs WHERE id = :job_id AND status = 'doing' AND attempts = :attempts FOR UPDATE
)
SELECT procrastinate_finish_job_v1(id, 'succeeded', false) FROM owned
""")


class TakenOverError(AudioSenseError):
    """The job was given to another worker meanwhile; what this attempt found out is dropped."""


class FencedJobs(JobManager):
    """The queue's manager, whose ``finish_job`` and ``retry_job`` do nothing to a job that another attempt owns."""

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:  # noqa: FBT001 - as the base has it
        """End a job and announce it, if this attempt still owns it; one that a stop cut short waits again."""
        if status is Status.ABORTED:
            await self.put_back(job)
            return
        await self._if_owned(
            _FINISH,
            job,
            status=status.value,
            delete_job=delete_job,
            channel=notify.CHANNEL,
            payload="" if notify.is_upkeep(job) else notify.job_payload(job, status.value),
        )

    async def retry_job(
        self,
        job: Job,
        retry_at: dt.datetime | None = None,
        priority: int | None = None,
        queue: str | None = None,
        lock: str | None = None,
    ) -> None:
        """Put a job back as it is; see ``put_back``."""
        del priority, queue, lock
        await self.put_back(job, retry_at)

    async def put_back(self, job: Job, retry_at: dt.datetime | None = None) -> bool:
        """Put a job back, if this attempt still owns it; where another one waits to do the same, end it instead.

        Returns whether it was put back.
        """
        try:
            return await self._if_owned(_RETRY, job, retry_at=retry_at)
        except UniqueViolation:
            await self.finish_job(job, Status.FAILED, delete_job=False)
            return False

    async def _if_owned(self, query: str, job: Job, **arguments: Any) -> bool:
        """Say what became of a job; while its worker lives nobody else would, so a short outage is waited for."""
        for left in reversed(range(TRIES)):
            try:
                rows = await self.connector.execute_query_all_async(
                    query, job_id=job.id, attempts=job.attempts, **arguments
                )
            except UniqueViolation:
                raise
            except ConnectorException:
                if not left:
                    raise
                await asyncio.sleep(WAIT_S)
            else:
                return bool(rows)
        return False


async def finish(session: AsyncSession, job: Job) -> None:
    """End a job well within the transaction of its result: both are committed, or neither.

    Raises:
        TakenOverError: another attempt owns it, and has done or will do the same; roll back.
    """
    ended = await session.execute(_FINISH_WITHIN, {"job_id": job.id, "attempts": job.attempts})
    if ended.first() is None:
        raise TakenOverError(
            f"job {job.id} was given to another worker while this one did not answer; the result of this attempt is "
            "dropped"
        )
    await notify.job(session, job, "succeeded")
