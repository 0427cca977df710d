"""Locks on sensors."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.machines.tables import Sensor

_OF_AGENTS = (
    select(Sensor)
    .where(Sensor.agent_id == bindparam("agents", type_=ARRAY(Uuid)).any_())
    .order_by(Sensor.id)
    .execution_options(populate_existing=True)
)
_WAITING = _OF_AGENTS.with_for_update(key_share=True)
_FREE = _OF_AGENTS.with_for_update(key_share=True, skip_locked=True)


async def lock_sensors(session: AsyncSession, agents: Sequence[UUID], *, waiting: bool) -> list[Sensor]:
    """Lock the sensors of some agents in the order of their identities; not ``waiting``, those that nobody has locked.

    Rows that refer to a sensor can still be made by others meanwhile.
    """
    return list(await session.scalars(_WAITING if waiting else _FREE, {"agents": list(agents)}))
