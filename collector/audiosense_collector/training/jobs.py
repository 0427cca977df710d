"""The job that trains a sensor's model."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import procrastinate
from procrastinate import JobContext
from sqlalchemy.exc import OperationalError

from audiosense_collector.queue.fencing import TakenOverError
from audiosense_collector.queue.progress import attempt_of
from audiosense_collector.runtime import Runtime
from audiosense_collector.training import service
from audiosense_common.errors import AudioSenseError

RETRY_WAITS_S = (1.0, 4.0, 16.0)


def add_tasks(app: procrastinate.App) -> None:
    """Make the job known to a queue."""
    app.task(name=service.TASK, queue="training", pass_context=True)(train)
    app.task(name=service.SIGN_TASK, queue="signing", pass_context=True)(sign)


def runtime_of(context: JobContext) -> Runtime:
    """Return what the worker was started with."""
    runtime = context.additional_context["runtime"]
    assert isinstance(runtime, Runtime)
    return runtime


async def train(
    context: JobContext,
    *,
    sensor_id: str,
    automatic: bool,
    windows: int | None = None,
    percentile: float | None = None,
    false_alarms_per_week: float | None = None,
    accept_drift: bool = False,
    from_us: int | None = None,
    to_us: int | None = None,
) -> None:
    """Train a sensor's model."""
    runtime, sensor = runtime_of(context), UUID(sensor_id)
    what = service.Request(windows, percentile, false_alarms_per_week, accept_drift, from_us, to_us)
    own = attempt_of(context)
    await attempt(context, sensor, lambda: service.train(runtime, sensor, what, automatic=automatic, attempt=own))


async def sign(context: JobContext, *, sensor_id: str, trained: int) -> None:
    """Sign what a worker on another host has trained."""
    runtime, own = runtime_of(context), attempt_of(context)
    await attempt(context, UUID(sensor_id), lambda: service.sign(runtime, trained, own))


async def attempt(context: JobContext, sensor: UUID | None, work: Callable[[], Awaitable[object]]) -> None:
    """Do it; what is wrong with the windows is kept for the user, what is wrong with the machine is tried again.

    Without a sensor the failure is kept with the job only.

    It is tried again within the job: put back into the queue it would collide with a training of the same sensor that
    waits there, and be held as running for ever.
    """
    runtime, own = runtime_of(context), attempt_of(context)
    for wait_s in (*RETRY_WAITS_S, None):
        try:
            await work()
        except TakenOverError:
            raise
        except AudioSenseError as error:
            await service.record_failure(runtime, sensor, own, str(error))
            raise
        except (OSError, OperationalError) as error:
            await service.record_failure(runtime, sensor, own, " ".join(str(error).split()))
            if wait_s is None:
                raise
            await asyncio.sleep(wait_s)
        else:
            return
