"""Telling how far a job is, from the worker that does it."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from procrastinate import JobContext
from procrastinate.jobs import Job
from procrastinate.worker import Worker
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import now_us
from audiosense_collector.db.engine import Sessions
from audiosense_collector.live import notify
from audiosense_collector.metrics import instruments
from audiosense_collector.queue import fencing
from audiosense_collector.queue.tables import JobProgress
from audiosense_common.errors import AudioSenseError

log = structlog.get_logger()
EVERY_S = 0.5
"""Steps that follow each other faster are told together."""


def worker_name() -> str:
    """Return the name by which jobs tell who does them: the host and the process."""
    return f"{socket.gethostname()}:{os.getpid()}"


class Attempt:
    """One attempt at a job; without a job it is work outside the queue, of which nothing is told."""

    def __init__(self, sessions: Sessions | None = None, job: Job | None = None) -> None:
        self._sessions = sessions
        self.job = job
        self._latest: tuple[str, float] | None = None
        self._writer: asyncio.Task[None] | None = None

    def step(self, name: str, fraction: float) -> None:
        """Tell that a step is at work, and how much of the whole is done; never waits."""
        if self.job is None:
            return
        self._latest = (name, fraction)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())

    async def finish(self, session: AsyncSession) -> None:
        """End the job within the transaction of its result.

        Raises:
            TakenOverError: another worker has the job; roll back.
        """
        if self.job is not None:
            await fencing.finish(session, self.job)

    async def note_error(self, session: AsyncSession, message: str) -> None:
        """Keep why the job failed, also where it is tried again."""
        if self.job is not None:
            await session.execute(self._update().values(error=message))

    async def start(self) -> None:
        """Note who does it, and since when."""
        assert self.job is not None
        fresh = {"attempt": self.job.attempts, "worker": worker_name(), "started": now_us(), "finished": None}
        fresh |= {"step": None, "fraction": 0.0}
        row = insert(JobProgress).values(job_id=self.job.id, **fresh)
        async with self._begin() as session:
            await session.execute(row.on_conflict_do_update(index_elements=[JobProgress.job_id], set_=fresh))
            await notify.job(session, self.job, "doing")

    async def end(self, error: str | None) -> None:
        """Note that it is over; without an error all of it is done."""
        if self._writer is not None:
            await self._writer
        values: dict[str, Any] = {"finished": now_us(), "error": error}
        if error is None:
            values["fraction"] = 1.0
        async with self._begin() as session:
            await session.execute(self._update().values(**values))

    async def _write(self) -> None:
        assert self.job is not None
        while self._latest is not None:
            (name, fraction), self._latest = self._latest, None
            # What cannot be told is no reason to give the work up.
            with contextlib.suppress(SQLAlchemyError, OSError):
                async with self._begin() as session:
                    await session.execute(self._update().values(step=name, fraction=fraction))
                    await notify.job(session, self.job, "doing", step=name, fraction=fraction)
            await asyncio.sleep(EVERY_S)

    def _begin(self) -> contextlib.AbstractAsyncContextManager[AsyncSession]:
        assert self._sessions is not None
        return self._sessions.begin()

    def _update(self) -> Any:
        assert self.job is not None
        own = (JobProgress.job_id == self.job.id) & (JobProgress.attempt == self.job.attempts)
        return update(JobProgress).where(own)


def attempt_of(context: JobContext) -> Attempt:
    """Return the attempt that a task runs in."""
    found = context.additional_context["attempt"]
    assert isinstance(found, Attempt)
    return found


async def tracked(call_next: Callable[[], Awaitable[Any]], context: JobContext, _worker: Worker) -> Any:
    """Note, count and time start, end and failure of each job of a worker; the queue's middleware."""
    attempt = Attempt(context.additional_context["runtime"].sessions, context.job)
    context.additional_context["attempt"] = attempt
    await attempt.start()
    with instruments.job_at_work(context.job.task_name) as tell:
        try:
            result = await call_next()
        except fencing.TakenOverError as error:
            tell("taken_over")
            log.warning("an attempt came too late", job=context.job.id, reason=str(error))
            raise
        except BaseException as error:
            tell("stopped" if isinstance(error, asyncio.CancelledError) else "failed")
            await attempt.end(_describe(error))
            raise
        await attempt.end(None)
        return result


def _describe(error: BaseException) -> str:
    if isinstance(error, AudioSenseError):
        return str(error)
    if isinstance(error, asyncio.CancelledError):
        return "the worker was stopped before it was done"
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
