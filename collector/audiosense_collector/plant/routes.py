"""Sites, machines and sensors over HTTP, to be set up."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Query

from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.db.session import Session
from audiosense_collector.errors import ConflictError, InvalidError, NotFoundError, UnavailableError, responses
from audiosense_collector.paging import After, Limit
from audiosense_collector.plant import sensors, service
from audiosense_collector.plant.schemas import (
    Calibration,
    MachineChange,
    MachineEntry,
    MachinePage,
    NewMachine,
    SensorChange,
    SensorPlace,
    SiteEntry,
    SiteName,
    SitePage,
    TagPage,
)

router = APIRouter(prefix="/api/v1", tags=["plant"], dependencies=[Requires(Role.VIEWER)])
_CHANGES = responses(NotFoundError, ConflictError)


@router.get("/sites", responses=responses(InvalidError))
async def list_sites(session: Session, limit: Limit = 100, after: After = None) -> SitePage:
    """Sites by name."""
    return await service.page_sites(session, limit=limit, after=after)


@router.post(
    "/sites",
    status_code=HTTPStatus.CREATED,
    dependencies=[Requires(Role.ADMINISTRATOR)],
    responses=responses(ConflictError),
)
async def create_site(site: SiteName, session: Session) -> SiteEntry:
    """Make a site."""
    return await service.create_site(session, site.name)


@router.patch("/sites/{site_id}", dependencies=[Requires(Role.ADMINISTRATOR)], responses=_CHANGES)
async def rename_site(site_id: UUID, site: SiteName, session: Session) -> SiteEntry:
    """Call a site otherwise; agents that call it as before still mean it."""
    return await service.rename_site(session, site_id, site.name)


@router.delete(
    "/sites/{site_id}",
    status_code=HTTPStatus.NO_CONTENT,
    dependencies=[Requires(Role.ADMINISTRATOR)],
    responses=_CHANGES,
)
async def delete_site(site_id: UUID, session: Session) -> None:
    """Delete a site that has no machine."""
    await service.delete_site(session, site_id)


@router.get("/machines", responses=responses(InvalidError, UnavailableError))
async def list_machines(
    session: Session,
    site: Annotated[UUID | None, Query(description="machines of this site")] = None,
    limit: Limit = 100,
    after: After = None,
) -> MachinePage:
    """Machines by site and name, also those without a sensor, as they are set up."""
    return await service.page_machines(session, site=site, limit=limit, after=after)


@router.post(
    "/machines", status_code=HTTPStatus.CREATED, dependencies=[Requires(Role.ADMINISTRATOR)], responses=_CHANGES
)
async def create_machine(machine: NewMachine, session: Session) -> MachineEntry:
    """Make a machine."""
    return await service.create_machine(session, machine)


@router.patch("/machines/{machine_id}", dependencies=[Requires(Role.OPERATOR)], responses=_CHANGES)
async def change_machine(machine_id: UUID, changes: MachineChange, session: Session) -> MachineEntry:
    """Rename, move or tag a machine; agents that call it as before still mean it."""
    return await service.change_machine(session, machine_id, changes)


@router.delete(
    "/machines/{machine_id}",
    status_code=HTTPStatus.NO_CONTENT,
    dependencies=[Requires(Role.ADMINISTRATOR)],
    responses=_CHANGES,
)
async def delete_machine(
    machine_id: UUID,
    session: Session,
    *,
    with_notes: Annotated[bool, Query(description="delete its notes too, which cannot be brought back")] = False,
) -> None:
    """Delete a machine that has no sensor."""
    await service.delete_machine(session, machine_id, with_notes=with_notes)


@router.get("/tags", responses=responses(InvalidError))
async def list_tags(session: Session, limit: Limit = 100, after: After = None) -> TagPage:
    """The tags of machines, with how many have each."""
    return await service.page_tags(session, limit=limit, after=after)


@router.put("/sensors/{sensor_id}/place", dependencies=[Requires(Role.ADMINISTRATOR)], responses=_CHANGES)
async def place_sensor(sensor_id: UUID, changes: SensorChange, session: Session) -> SensorPlace:
    """Rename a sensor or move it to another machine; its history goes with it."""
    return await sensors.change(session, sensor_id, changes)


@router.put(
    "/sensors/{sensor_id}/calibration",
    dependencies=[Requires(Role.ADMINISTRATOR)],
    responses=responses(NotFoundError, InvalidError),
)
async def calibrate_sensor(
    sensor_id: UUID, calibration: Annotated[Calibration, Body()], session: Session
) -> SensorPlace:
    """Say what a sensor's samples stand for; levels are shown in dB SPL, or in g and mm/s, from then on."""
    return await sensors.calibrate(session, sensor_id, calibration)


@router.delete(
    "/sensors/{sensor_id}/calibration",
    dependencies=[Requires(Role.ADMINISTRATOR)],
    responses=responses(NotFoundError),
)
async def forget_calibration(sensor_id: UUID, session: Session) -> SensorPlace:
    """Return to what the agent's configuration says of the sensor."""
    return await sensors.forget_calibration(session, sensor_id)
