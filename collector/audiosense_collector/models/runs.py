"""When the agents ran which model: written where an agent tells that it runs another one."""

from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy import bindparam, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import SECOND_US
from audiosense_collector.db.base import MicrosecondTime
from audiosense_collector.models.tables import Model, ModelRun

_CLOCK_ERROR_US = 60 * SECOND_US
"""Windows that begin later than this after now are of a clock that is wrong: they say nothing of when."""
_BOUNDS = select(
    select(func.max(func.coalesce(ModelRun.ended, ModelRun.began)))
    .where(ModelRun.sensor_id == bindparam("sensor"))
    .scalar_subquery(),
    select(Model.created).where(Model.digest == bindparam("digest")).scalar_subquery(),
)


async def change(
    session: AsyncSession, sensor_id: UUID, agent_id: UUID, digest: str | None, *, now: int, first_us: int | None
) -> None:
    """End a sensor's run and begin the one of another model.

    Args:
        session: in whose transaction the sensor is locked.
        sensor_id: the sensor.
        agent_id: its agent.
        digest: what it runs now; None for nothing.
        now: when it was told, UTC microseconds.
        first_us: the first window of the same batch that was scored with it; None without one. A run begins there.
    """
    began = now if first_us is None or first_us > now + _CLOCK_ERROR_US else min(first_us, now)
    last, created = (await session.execute(_BOUNDS, {"sensor": sensor_id, "digest": digest})).one()
    # Nothing runs before it was made, nor while something else does: such times are of a clock that was wrong.
    began = max(began, created or 0, 0 if last is None else last + 1)
    await end(session, [sensor_id], began)
    if digest is not None:
        row = {"sensor_id": sensor_id, "began": began, "digest": digest, "agent_id": agent_id}
        await session.execute(insert(ModelRun).values(row))


async def end(session: AsyncSession, sensors: Collection[UUID], at: int) -> None:
    """End what some sensors ran: their agent is no more, or runs something else."""
    ended = func.greatest(ModelRun.began, literal(at, MicrosecondTime()))
    query = update(ModelRun).where(ModelRun.sensor_id.in_(sensors), ModelRun.ended.is_(None))
    await session.execute(query.values(ended=ended).execution_options(synchronize_session=False))


async def read_runs(session: AsyncSession, digests: Iterable[str]) -> dict[str, list[ModelRun]]:
    """Return the runs of some models by digest, the first one first."""
    query = select(ModelRun).where(ModelRun.digest.in_(set(digests))).order_by(ModelRun.sensor_id, ModelRun.began)
    found: dict[str, list[ModelRun]] = {}
    for row in await session.scalars(query):
        found.setdefault(row.digest, []).append(row)
    return found
