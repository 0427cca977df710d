"""Whose sound may be kept as clips: a microphone's only after somebody allowed it, for the sensor or its site."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clips import audit
from audiosense_collector.clips.audit import Person
from audiosense_collector.clips.schemas import AuditAction, PermissionOut, SitePermissionOut
from audiosense_collector.db import binary_array
from audiosense_collector.db.driver import Query
from audiosense_collector.errors import NotFoundError
from audiosense_collector.machines.tables import Machine, Sensor, Site

HARMLESS_SOURCES = ("simulator", "recording")
"""Kinds of source whose sound nobody near the machine speaks into."""
_OF_AGENTS = """
SELECT sensor.agent_id, sensor.id,
    coalesce(sensor.clips_allowed, site.clips_allowed, sensor.source LIKE ANY(%(harmless)b::text[]))
FROM sensor JOIN machine ON machine.id = sensor.machine_id JOIN site ON site.id = machine.site_id
WHERE sensor.agent_id = ANY(%(agents)b::uuid[])
ORDER BY sensor.name, sensor.id
"""
_Owner = TypeVar("_Owner", Sensor, Site)
_ACTIONS = {True: AuditAction.ALLOWED, False: AuditAction.WITHDRAWN, None: AuditAction.RESET}


async def allowed(session: AsyncSession, sensors: Collection[UUID]) -> list[UUID]:
    """Return those of some sensors whose clips may be kept."""
    if not sensors:
        return []
    by_source: ColumnElement[bool] = or_(*(Sensor.source.startswith(kind) for kind in HARMLESS_SOURCES))
    query = (
        select(Sensor.id)
        .join(Machine, Machine.id == Sensor.machine_id)
        .join(Site, Site.id == Machine.site_id)
        .where(Sensor.id.in_(sensors), func.coalesce(Sensor.clips_allowed, Site.clips_allowed, by_source))
        .order_by(Sensor.name, Sensor.id)
    )
    return list(await session.scalars(query))


@dataclass(frozen=True, slots=True)
class Known:
    """A sensor of an agent, and whether its clips may be kept."""

    agent: UUID
    sensor: UUID
    allowed: bool


def query_of_agents(agents: Collection[UUID]) -> Query:
    """Return the query for all sensors of some agents, in the order in which ``allowed`` names them.

    ``Known`` takes the columns of its rows.
    """
    harmless = [f"{kind}%" for kind in HARMLESS_SOURCES]
    return Query(_OF_AGENTS, {"agents": binary_array.uuids(agents), "harmless": binary_array.texts(harmless)})


async def read(session: AsyncSession, sensor_id: UUID) -> PermissionOut:
    """Return whether a sensor's sound is kept as clips, and who says so.

    Raises:
        NotFoundError: no such sensor.
    """
    query = (
        select(Sensor, Site)
        .join(Machine, Machine.id == Sensor.machine_id)
        .join(Site, Site.id == Machine.site_id)
        .where(Sensor.id == sensor_id)
    )
    found = (await session.execute(query)).one_or_none()
    if found is None:
        raise NotFoundError(f"there is no sensor {sensor_id}")
    sensor, site = found
    may_hear_speech = not sensor.source.startswith(HARMLESS_SOURCES)
    if sensor.clips_allowed is not None:
        is_allowed, origin = sensor.clips_allowed, "sensor"
    elif site.clips_allowed is not None:
        is_allowed, origin = site.clips_allowed, "site"
    else:
        is_allowed, origin = not may_hear_speech, "source"
    return PermissionOut(
        sensor_id=sensor_id,
        allowed=is_allowed,
        origin=origin,
        sensor=sensor.clips_allowed,
        site=site.clips_allowed,
        site_id=site.id,
        site_name=site.name,
        may_hear_speech=may_hear_speech,
    )


async def change_sensor(
    session: AsyncSession,
    sensor_id: UUID,
    wanted: bool | None,  # noqa: FBT001 - the setting itself
    by: Person,
) -> PermissionOut:
    """Switch a sensor's clips on or off, or leave it to its site and source; who did it is kept.

    Raises:
        NotFoundError: no such sensor.
    """
    sensor = await _lock(session, Sensor, sensor_id, "sensor")
    if sensor.clips_allowed is not wanted:
        sensor.clips_allowed = wanted
        audit.note(session, _ACTIONS[wanted], by, sensor_id=sensor_id, sensor=sensor.name)
        await session.flush()
    return await read(session, sensor_id)


async def change_site(
    session: AsyncSession,
    site_id: UUID,
    wanted: bool | None,  # noqa: FBT001 - the setting itself
    by: Person,
) -> SitePermissionOut:
    """Switch the clips of a site's sensors on or off, where they have no word of their own; who did it is kept.

    Raises:
        NotFoundError: no such site.
    """
    site = await _lock(session, Site, site_id, "site")
    if site.clips_allowed is not wanted:
        site.clips_allowed = wanted
        audit.note(session, _ACTIONS[wanted], by, site_id=site_id, site=site.name)
    return SitePermissionOut(site_id=site_id, allowed=wanted)


async def _lock(session: AsyncSession, kind: type[_Owner], owner_id: UUID, word: str) -> _Owner:
    found = await session.get(kind, owner_id, with_for_update=True)
    if found is None:
        raise NotFoundError(f"there is no {word} {owner_id}")
    return found


def source_changed(session: AsyncSession, sensor: Sensor, source: str) -> None:
    """Take a permission back that was given before the sensor became a microphone."""
    if sensor.clips_allowed and sensor.source != source and not source.startswith(HARMLESS_SOURCES):
        sensor.clips_allowed = None
        audit.note(session, AuditAction.RESET, audit.SYSTEM, sensor_id=sensor.id, source=source, before=sensor.source)
