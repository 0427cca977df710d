"""What agents call sites, machines and sensors, and what people call them.

People rename on the dashboard; agents go on with the names of their configuration. An earlier name leads to its site or
machine until another one is called so.
"""

from collections.abc import Collection
from itertools import count
from uuid import UUID, uuid4

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.machines.tables import Machine, MachineAlias, Sensor, Site, SiteAlias


def told_name(sensor: Sensor) -> str:
    """Return what a sensor's agent calls it."""
    return sensor.name if sensor.told_name is None else sensor.told_name


def free(name: str, taken: Collection[str]) -> str:
    """Return a name, or the first of ``name 2``, ``name 3``, … where an agent's other sensor was given that name."""
    if name not in taken:
        return name
    return next(each for number in count(2) if (each := f"{name} {number}") not in taken)


async def machine_called(session: AsyncSession, site: str, machine: str) -> Machine:
    """Return the machine that an agent means; it and its site are made where they do not exist.

    Both are locked so far that nobody deletes or renames them before the transaction ends.
    """
    site_id = await _site_called(session, site)
    query = (
        select(Machine)
        .where(Machine.site_id == site_id, Machine.name == machine)
        .with_for_update(read=True, key_share=True)
    )
    found = await session.scalar(query)
    if found is None:
        earlier = select(MachineAlias.machine_id).where(MachineAlias.site_id == site_id, MachineAlias.name == machine)
        found = await session.scalar(
            select(Machine).where(Machine.id == earlier.scalar_subquery()).with_for_update(read=True, key_share=True)
        )
    if found is None:
        values = {"id": uuid4(), "site_id": site_id, "name": machine}
        await session.execute(insert(Machine).values(values).on_conflict_do_nothing())
        found = await session.scalar(query)
        assert found is not None
    return found


async def keep_site(session: AsyncSession, site: Site, *, called: str) -> None:
    """Let agents go on calling a site as it was called."""
    alias = insert(SiteAlias).values(name=called, site_id=site.id)
    await session.execute(alias.on_conflict_do_update(index_elements=["name"], set_={"site_id": site.id}))
    await release_site(session, site.name)


async def keep_machine(session: AsyncSession, machine: Machine, *, site_id: UUID, called: str) -> None:
    """Let agents go on calling a machine as it was called, at the site where it was."""
    alias = insert(MachineAlias).values(site_id=site_id, name=called, machine_id=machine.id)
    await session.execute(
        alias.on_conflict_do_update(index_elements=["site_id", "name"], set_={"machine_id": machine.id})
    )
    await release_machine(session, machine.site_id, machine.name)


async def release_site(session: AsyncSession, name: str) -> None:
    """A name that is a site's own now leads to no other."""
    await session.execute(delete(SiteAlias).where(SiteAlias.name == name))


async def release_machine(session: AsyncSession, site_id: UUID, name: str) -> None:
    """A name that is a machine's own now leads to no other."""
    await session.execute(delete(MachineAlias).where(MachineAlias.site_id == site_id, MachineAlias.name == name))


async def _site_called(session: AsyncSession, name: str) -> UUID:
    query = select(Site.id).where(Site.name == name).with_for_update(read=True, key_share=True)
    found = await session.scalar(query)
    if found is None:
        earlier = select(SiteAlias.site_id).where(SiteAlias.name == name).scalar_subquery()
        renamed = select(Site.id).where(Site.id == earlier)
        found = await session.scalar(renamed.with_for_update(read=True, key_share=True))
    if found is None:
        await session.execute(insert(Site).values(id=uuid4(), name=name).on_conflict_do_nothing())
        found = await session.scalar(query)
        assert found is not None
    return found
