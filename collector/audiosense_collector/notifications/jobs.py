"""The jobs that look at the agents, and that tell people."""

import procrastinate
from procrastinate import JobContext, RetryStrategy

from audiosense_collector.notifications import outbox, service
from audiosense_collector.queue.progress import attempt_of
from audiosense_collector.runtime import Runtime

RETRY = RetryStrategy(max_attempts=6, wait=5, exponential_wait=4, retry_exceptions={service.NotificationError})
"""After 9, 21, 69, 261 and 1,029 seconds; what is not sent within an hour is told by the dashboard only."""


def add_tasks(app: procrastinate.App) -> None:
    """Make the job known to a queue."""
    app.task(name=service.TASK, queue="notifications", pass_context=True, retry=RETRY)(send)


async def send(context: JobContext, *, subject: str) -> None:
    """Tell people what waits of a machine or an agent."""
    await service.send(_runtime_of(context), subject, attempt_of(context))


async def watch_agents(context: JobContext, timestamp: int) -> None:
    """Note agents that have fallen silent."""
    del timestamp
    async with _runtime_of(context).sessions.begin() as session:
        await outbox.note_agents(session)


def _runtime_of(context: JobContext) -> Runtime:
    runtime = context.additional_context["runtime"]
    assert isinstance(runtime, Runtime)
    return runtime
