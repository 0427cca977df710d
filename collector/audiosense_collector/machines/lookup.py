"""Finding a sensor, a machine or a site by what a person types."""

from collections.abc import Collection
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.errors import InvalidError, NotFoundError
from audiosense_collector.machines.tables import Machine, Sensor, Site

T = TypeVar("T", Site, Machine)


async def find_sensor(session: AsyncSession, words: str) -> Sensor:
    """Return the sensor of an identity, a name, or ``MACHINE/NAME``.

    Raises:
        NotFoundError: none is called so.
        InvalidError: several are.
    """
    rows = await session.execute(select(Sensor, Machine).join(Machine).where(_condition(words)).limit(2))
    found = rows.all()
    if not found:
        names = await session.scalars(
            select(Machine.name + "/" + Sensor.name).select_from(Sensor).join(Machine).limit(5)
        )
        raise NotFoundError(f"there is no sensor {words!r}; some that exist: {', '.join(sorted(names)) or 'none yet'}")
    if len(found) > 1:
        raise InvalidError(f"several sensors are called {words!r}; write MACHINE/NAME or the identity")
    return found[0][0]


async def find_named(session: AsyncSession, kind: type[T], words: str) -> T:
    """Return the site or machine of an identity or a name.

    Raises:
        NotFoundError: none is called so.
        InvalidError: several machines are, at different sites.
    """
    try:
        condition = kind.id == UUID(words)
    except ValueError:
        condition = kind.name == words
    found = list(await session.scalars(select(kind).where(condition).limit(2)))
    what = kind.__tablename__
    if not found:
        names = await session.scalars(select(kind.name).order_by(kind.name).limit(5))
        raise NotFoundError(f"there is no {what} {words!r}; some that exist: {', '.join(names) or 'none yet'}")
    if len(found) > 1:
        raise InvalidError(f"several {what}s are called {words!r}; give the identity")
    return found[0]


def _condition(words: str) -> ColumnElement[bool]:
    try:
        return Sensor.id == UUID(words)
    except ValueError:
        return (Sensor.name == words) | (Machine.name + "/" + Sensor.name == words)


async def sensors_of(session: AsyncSession, machines: Collection[UUID]) -> set[UUID]:
    """Return the sensors of some machines."""
    return set(await session.scalars(select(Sensor.id).where(Sensor.machine_id.in_(machines))))
