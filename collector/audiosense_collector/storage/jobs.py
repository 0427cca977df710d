"""Upkeep of the database by the clock: retention, and roll-ups that are to be made again."""

from procrastinate import JobContext

from audiosense_collector.rollups import recompute
from audiosense_collector.runtime import Runtime
from audiosense_collector.storage import ordering, retention
from audiosense_collector.training.jobs import runtime_of


async def apply_retention(context: JobContext, timestamp: int) -> None:
    """Drop what is too old."""
    del timestamp
    await retention.apply(runtime_of(context))


async def order_minutes(context: JobContext, timestamp: int) -> None:
    """Move together the minutes, the hours and the raw measurements of what is over."""
    del timestamp
    runtime = runtime_of(context)
    wanted = {ordering.RAW: runtime.settings.order_raw}
    for kind in ordering.KINDS:
        if wanted.get(kind, runtime.settings.order_minutes):
            await ordering.order(runtime, kind)


async def rebuild_rollups(context: JobContext, timestamp: int) -> None:
    """Make roll-ups that were asked for: after an upgrade those of all measurements from before."""
    del timestamp
    await rebuild(runtime_of(context))


async def rebuild(runtime: Runtime) -> int:
    """Make the roll-ups that were asked for, and return of how many windows they were."""
    async with runtime.sessions() as session:
        since = await retention.complete_since_us(session)
    return sum([windows async for windows in recompute.rebuild(runtime.sessions, since)])
