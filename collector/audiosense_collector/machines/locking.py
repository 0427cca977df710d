"""Locks on sensors."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.db import binary_array, plain
from audiosense_collector.db.driver import Query
from audiosense_collector.machines.tables import Sensor

_OF_AGENTS = "WHERE agent_id = ANY(%(agents)b::uuid[]) ORDER BY id FOR NO KEY UPDATE"


async def lock_sensors(session: AsyncSession, agent: UUID) -> list[Sensor]:
    """Lock the sensors of an agent in the order of their identities.

    They are plain rows, see ``db.plain``. Rows that refer to a sensor can still be made by others meanwhile.
    """
    return await plain.load(session, Sensor, _OF_AGENTS, {"agents": [agent]})


def locking_free(agents: Collection[UUID]) -> Query:
    """Return the query that does so for the sensors of some agents that nobody has locked.

    ``plain.read`` takes its rows.
    """
    return plain.query_of(Sensor, f"{_OF_AGENTS} SKIP LOCKED", {"agents": binary_array.uuids(agents)})
