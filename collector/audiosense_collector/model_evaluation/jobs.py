"""The job that evaluates a model."""

from uuid import UUID

import procrastinate
from procrastinate import JobContext

from audiosense_collector.model_evaluation import service
from audiosense_collector.queue.progress import attempt_of
from audiosense_collector.training.jobs import attempt, runtime_of


def add_tasks(app: procrastinate.App) -> None:
    """Make the job known to a queue."""
    app.task(name=service.TASK, queue=service.QUEUE, pass_context=True)(evaluate)


async def evaluate(context: JobContext, *, sensor_id: str, evaluation_id: str) -> None:
    """Evaluate; ``sensor_id`` is for who looks for the jobs of a sensor."""
    del sensor_id
    runtime, own = runtime_of(context), attempt_of(context)
    await attempt(context, None, lambda: service.evaluate(runtime, UUID(evaluation_id), own))
