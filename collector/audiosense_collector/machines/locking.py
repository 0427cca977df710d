"""Locks on sensors."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.db import plain
from audiosense_collector.machines.tables import Sensor

_WAITING = "WHERE agent_id = ANY(%(agents)b::uuid[]) ORDER BY id FOR NO KEY UPDATE"
_FREE = f"{_WAITING} SKIP LOCKED"


async def lock_sensors(session: AsyncSession, agents: Sequence[UUID], *, waiting: bool) -> list[Sensor]:
    """Lock the sensors of some agents in the order of their identities; not ``waiting``, those that nobody has locked.

    They are plain rows, see ``db.plain``. Rows that refer to a sensor can still be made by others meanwhile.
    """
    rest = _WAITING if waiting else _FREE
    return await plain.load(session, Sensor, rest, {"agents": list(agents)})
