"""The jobs of exports: writing one, and deleting those whose time is over."""

from uuid import UUID

import procrastinate
from procrastinate import JobContext

from audiosense_collector.exports import service
from audiosense_collector.queue.progress import attempt_of
from audiosense_collector.training.jobs import attempt, runtime_of


def add_tasks(app: procrastinate.App) -> None:
    """Make the jobs known to a queue."""
    app.task(name=service.TASK, queue=service.QUEUE, pass_context=True)(export)
    name = "delete_old_exports"
    app.periodic(cron="29 * * * *")(
        app.task(name=name, queueing_lock=name, queue=service.QUEUE, pass_context=True)(delete_old_exports)
    )


async def export(context: JobContext, *, export_id: str, sensor_id: str | None = None) -> None:
    """Write an export; ``sensor_id`` is for who looks for the jobs of a sensor."""
    del sensor_id
    runtime, own = runtime_of(context), attempt_of(context)
    await attempt(context, None, lambda: service.write(runtime, UUID(export_id), own))


async def delete_old_exports(context: JobContext, timestamp: int) -> None:
    """Delete by the clock."""
    del timestamp
    await service.clean(runtime_of(context))
