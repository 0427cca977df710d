"""The rules of sites and machines: names are unique, earlier names stay known to agents, what is deleted is empty.

Rows are locked in the order site, machine, sensor, which is that of registering.
"""

from typing import TypeVar
from uuid import UUID

from sqlalchemy import delete, func, or_, select, tuple_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector import paging
from audiosense_collector.db.base import Table
from audiosense_collector.errors import ConflictError, NotFoundError
from audiosense_collector.machines import naming
from audiosense_collector.machines.schemas import SiteOut
from audiosense_collector.machines.tables import Machine, Sensor, Site
from audiosense_collector.notes import service as notes
from audiosense_collector.plant.schemas import (
    MachineChange,
    MachineEntry,
    MachinePage,
    NewMachine,
    SiteEntry,
    SitePage,
    TagCount,
    TagPage,
)
from audiosense_collector.plant.sensors import place_of

T = TypeVar("T", bound=Table)
NAME_TAKEN = "name_taken"
NOT_EMPTY = "not_empty"
SHOWN = 5
"""So many of the things that stand in the way are named."""


async def page_sites(session: AsyncSession, *, limit: int, after: str | None) -> SitePage:
    """Return a page of sites by name; machines of the sandbox are none, and a site that has only such is left out.

    Raises:
        InvalidError: ``after`` is not a ``next`` of another page.
    """
    counted = func.count(Machine.id).filter(Machine.sandbox.is_(False))
    query = select(Site.id, Site.name, counted).outerjoin(Machine).group_by(Site.id)
    query = query.having(or_(counted > 0, func.count(Machine.id) == 0)).order_by(Site.name).limit(limit + 1)
    if after is not None:
        (name,) = paging.decode(after, (str,), loc="after")
        query = query.where(Site.name > name)
    found = [SiteEntry(id=id_, name=name, machines=count) for id_, name, count in await session.execute(query)]
    last = found[limit - 1] if len(found) > limit else None
    return SitePage(items=found[:limit], next=None if last is None else paging.encode(last.name))


async def create_site(session: AsyncSession, name: str) -> SiteEntry:
    """Make a site.

    Raises:
        ConflictError: there is one of that name.
    """
    site = Site(name=name)
    session.add(site)
    await _flush(session, f"there is a site {name!r} already; choose another name")
    await naming.release_site(session, name)
    return SiteEntry(id=site.id, name=name, machines=0)


async def rename_site(session: AsyncSession, site_id: UUID, name: str) -> SiteEntry:
    """Call a site otherwise; agents that call it as before still mean it.

    Raises:
        NotFoundError: no such site.
        ConflictError: there is another one of that name.
    """
    site = await _locked(session, Site, site_id)
    before, site.name = site.name, name
    await _flush(session, f"there is a site {name!r} already; choose another name")
    if before != name:
        await naming.keep_site(session, site, called=before)
    return SiteEntry(id=site.id, name=name, machines=len(await _machines_at(session, site_id)))


async def delete_site(session: AsyncSession, site_id: UUID) -> None:
    """Delete a site without machines.

    Raises:
        NotFoundError: no such site.
        ConflictError: there are machines; the message names some.
    """
    site = await _locked(session, Site, site_id)
    machines = await _machines_at(session, site_id)
    if machines:
        raise ConflictError(
            f"site {site.name!r} has {_some('machine', machines)}; move or delete them first", kind=NOT_EMPTY
        )
    await session.delete(site)


async def page_machines(session: AsyncSession, *, site: UUID | None, limit: int, after: str | None) -> MachinePage:
    """Return machines but the sandbox by site and name, also those without a sensor.

    Raises:
        InvalidError: ``after`` is not a ``next`` of another page.
    """
    query = select(Machine, Site).join(Site).where(Machine.sandbox.is_(False))
    query = query.order_by(Site.name, Machine.name, Machine.id).limit(limit + 1)
    if site is not None:
        query = query.where(Site.id == site)
    if after is not None:
        place = paging.decode(after, (str, str, UUID), loc="after")
        query = query.where(tuple_(Site.name, Machine.name, Machine.id) > tuple_(*place))
    rows = [(machine, at) for machine, at in await session.execute(query)]
    items = await _entries(session, rows[:limit])
    last = items[-1] if len(rows) > limit else None
    return MachinePage(items=items, next=None if last is None else paging.encode(last.site.name, last.name, last.id))


async def read_machine(session: AsyncSession, machine_id: UUID) -> MachineEntry:
    """Return a machine.

    Raises:
        NotFoundError: no such machine.
    """
    query = select(Machine, Site).join(Site).where(Machine.id == machine_id, Machine.sandbox.is_(False))
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise _no(Machine, machine_id)
    return (await _entries(session, [(row[0], row[1])]))[0]


async def create_machine(session: AsyncSession, new: NewMachine) -> MachineEntry:
    """Make a machine.

    Raises:
        NotFoundError: no such site.
        ConflictError: there is one of that name at the site.
    """
    site = await _site(session, new.site_id)
    machine = Machine(site_id=site.id, name=new.name, tags=new.tags)
    session.add(machine)
    await _flush(session, _taken(site, new.name))
    await naming.release_machine(session, site.id, new.name)
    return await read_machine(session, machine.id)


async def change_machine(session: AsyncSession, machine_id: UUID, changes: MachineChange) -> MachineEntry:
    """Rename, move or tag a machine; agents that call it as before still mean it.

    Raises:
        NotFoundError: no such machine or site.
        ConflictError: there is another one of that name at the site.
    """
    known = await session.get(Machine, machine_id)
    if known is None:
        raise _no(Machine, machine_id)
    site = await _site(session, changes.site_id or known.site_id)
    machine = await _locked(session, Machine, machine_id)
    if changes.site_id is None and machine.site_id != site.id:
        # Somebody else has just moved it.
        site = await _site(session, machine.site_id)
    before = (machine.site_id, machine.name)
    machine.site_id, machine.name = site.id, changes.name or machine.name
    if changes.tags is not None:
        machine.tags = changes.tags
    await _flush(session, _taken(site, machine.name))
    if before != (machine.site_id, machine.name):
        await naming.keep_machine(session, machine, site_id=before[0], called=before[1])
    return await read_machine(session, machine_id)


async def delete_machine(session: AsyncSession, machine_id: UUID, *, with_notes: bool) -> None:
    """Delete a machine without sensors; with its notes only where that was said.

    Raises:
        NotFoundError: no such machine.
        ConflictError: there are sensors or notes; the message says which.
    """
    machine = await _locked(session, Machine, machine_id)
    sensors = list(
        await session.scalars(select(Sensor.name).where(Sensor.machine_id == machine_id).order_by(Sensor.name))
    )
    if sensors:
        raise ConflictError(
            f"machine {machine.name!r} has {_some('sensor', sensors)}; move them to another machine first",
            kind=NOT_EMPTY,
        )
    count = (await notes.count_by_machine(session, [machine_id])).get(machine_id, 0)
    if count and not with_notes:
        raise ConflictError(
            f"machine {machine.name!r} has {count} note{'s' if count > 1 else ''}, which would be lost; delete it with "
            "its notes (with_notes=true), or keep it",
            kind=NOT_EMPTY,
        )
    await notes.forget_machine(session, machine_id)
    await session.execute(delete(Machine).where(Machine.id == machine_id))


async def page_tags(session: AsyncSession, *, limit: int, after: str | None) -> TagPage:
    """Return a page of the tags of all machines but the sandbox, with how many machines have each.

    Raises:
        InvalidError: ``after`` is not a ``next`` of another page.
    """
    each = select(func.unnest(Machine.tags).label("tag")).where(Machine.sandbox.is_(False)).subquery()
    query = select(each.c.tag, func.count()).group_by(each.c.tag).order_by(each.c.tag).limit(limit + 1)
    if after is not None:
        (tag,) = paging.decode(after, (str,), loc="after")
        query = query.where(each.c.tag > tag)
    found = [TagCount(tag=tag, machines=count) for tag, count in await session.execute(query)]
    last = found[limit - 1] if len(found) > limit else None
    return TagPage(items=found[:limit], next=None if last is None else paging.encode(last.tag))


async def _entries(session: AsyncSession, rows: list[tuple[Machine, Site]]) -> list[MachineEntry]:
    ids = [machine.id for machine, _ in rows]
    placed: dict[UUID, list[Sensor]] = {each: [] for each in ids}
    for sensor in await session.scalars(select(Sensor).where(Sensor.machine_id.in_(ids)).order_by(Sensor.name)):
        placed[sensor.machine_id].append(sensor)
    counts = await notes.count_by_machine(session, ids)
    return [
        MachineEntry(
            id=machine.id,
            name=machine.name,
            site=SiteOut(id=site.id, name=site.name),
            tags=machine.tags,
            sensors=[place_of(sensor) for sensor in placed[machine.id]],
            notes=counts.get(machine.id, 0),
        )
        for machine, site in rows
    ]


async def _machines_at(session: AsyncSession, site_id: UUID) -> list[str]:
    return list(await session.scalars(select(Machine.name).where(Machine.site_id == site_id).order_by(Machine.name)))


async def _site(session: AsyncSession, site_id: UUID) -> Site:
    """Return a site that stays until the transaction ends."""
    site = await session.get(Site, site_id, with_for_update={"key_share": True, "read": True})
    if site is None:
        raise _no(Site, site_id)
    return site


async def _locked(session: AsyncSession, kind: type[T], identity: UUID) -> T:
    row = await session.get(kind, identity, with_for_update=True, populate_existing=True)
    if row is None or getattr(row, "sandbox", False):
        raise _no(kind, identity)
    return row


def _no(kind: type[Table], identity: UUID) -> NotFoundError:
    return NotFoundError(f"there is no {kind.__tablename__} {identity}; it may have been deleted meanwhile")


def _taken(site: Site, name: str) -> str:
    return f"there is a machine {name!r} at site {site.name!r} already; choose another name"


async def _flush(session: AsyncSession, taken: str) -> None:
    try:
        await session.flush()
    except IntegrityError:
        raise ConflictError(taken, kind=NAME_TAKEN) from None


def _some(what: str, names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:SHOWN])
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{len(names)} {what}{'s' if len(names) > 1 else ''} ({shown}{more})"
