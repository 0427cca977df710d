"""The job that reports what a model hears of its sensor's probes."""

from uuid import UUID

import procrastinate
from procrastinate import JobContext

from audiosense_collector.detectability import service
from audiosense_collector.queue.progress import attempt_of
from audiosense_collector.training.jobs import attempt, runtime_of


def add_tasks(app: procrastinate.App) -> None:
    """Make the job known to a queue."""
    app.task(name=service.TASK, queue="training", pass_context=True)(assess)


async def assess(context: JobContext, *, sensor_id: str) -> None:
    """Report; a failure is no failed training, and the sensor's page does not tell it as one."""
    runtime = runtime_of(context)
    await attempt(context, None, lambda: service.assess(runtime, UUID(sensor_id), attempt_of(context)))
