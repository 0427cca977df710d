"""The worker: does jobs until it is told to stop, and sees to those whose worker has died."""

import asyncio
from collections.abc import Collection

import structlog
from procrastinate.exceptions import ConnectorException
from sqlalchemy.exc import SQLAlchemyError

from audiosense_collector.notifications import service as notifications
from audiosense_collector.queue.progress import worker_name
from audiosense_collector.queue.recovery import recover
from audiosense_collector.runtime import Runtime

log = structlog.get_logger()
GRACE_S = 10
"""For so long jobs may go on when the worker is told to stop; then they wait for another worker."""
RETRY_S = 2
POLL_S = 2.0
"""How often the queue is looked at without being told of a job: for those that wait for a lock or a time."""
LOCAL_QUEUES = frozenset({"clips", "exports", "signing"})
"""Jobs that need the collector's data directory: the signing key, the files of clips and of exports."""
NOTIFICATIONS = "notifications"


def queues_of(runtime: Runtime) -> list[str]:
    """Return the queues that a worker can serve with what it has: the data directory, addresses for notifications."""
    missing = set() if runtime.signer is not None else set(LOCAL_QUEUES)
    if not runtime.settings.notify_urls:
        missing.add(NOTIFICATIONS)
    return sorted({task.queue for task in runtime.jobs.tasks.values()} - missing)


async def work(runtime: Runtime, *, concurrency: int, queues: Collection[str] | None = None) -> None:
    """Do jobs until cancelled, also while the database comes and goes.

    When cancelled it takes no more jobs and waits ``GRACE_S`` seconds for those at work; what is not done then goes
    back into the queue.
    """
    stalled_s = runtime.settings.worker_stalled_s
    served = list(queues) if queues else queues_of(runtime)
    upkeep = asyncio.create_task(_keep_up(runtime, stalled_s), name="queue upkeep")
    log.debug("worker started", worker=worker_name(), concurrency=concurrency, queues=served)
    try:
        while True:
            try:
                await runtime.jobs.run_worker_async(
                    queues=served,
                    name=worker_name(),
                    additional_context={"runtime": runtime},
                    concurrency=concurrency,
                    install_signal_handlers=False,
                    fetch_job_polling_interval=POLL_S,
                    shutdown_graceful_timeout=GRACE_S,
                    update_heartbeat_interval=stalled_s / 4,
                    stalled_worker_timeout=stalled_s,
                )
            except ConnectorException as error:
                log.warning("worker interrupted", error=" ".join(str(error.__cause__ or error).split()))
            await asyncio.sleep(RETRY_S)
    finally:
        upkeep.cancel()
        await asyncio.wait([upkeep])
        log.debug("worker stopped", worker=worker_name())


async def _keep_up(runtime: Runtime, stalled_s: float) -> None:
    while True:
        await asyncio.sleep(stalled_s / 4)
        try:
            await recover(runtime.jobs, runtime.sessions, stalled_s)
            await notifications.queue_waiting(runtime)
        except (ConnectorException, SQLAlchemyError, OSError) as error:
            log.warning("upkeep of the queue failed", error=" ".join(str(error).split())[:300])
