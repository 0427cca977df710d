"""Machines over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.db.session import Session
from audiosense_collector.errors import InvalidError, NotFoundError, UnavailableError, responses
from audiosense_collector.machines import service
from audiosense_collector.machines.schemas import (
    Fleet,
    MachineDetail,
    SensorCard,
    SensorSettings,
)
from audiosense_collector.paging import MAX_LIMIT, After
from audiosense_collector.runtime import RuntimeOf

router = APIRouter(prefix="/api/v1", tags=["machines"], dependencies=[Requires(Role.VIEWER)])


@router.get("/fleet", response_model=Fleet, responses=responses(InvalidError, UnavailableError))
async def read_fleet(
    session: Session,
    runtime: RuntimeOf,
    limit: Annotated[int | None, Query(ge=1, le=MAX_LIMIT, description="machines on a page; all unless given")] = None,
    after: After = None,
    *,
    sparklines: Annotated[
        bool | None, Query(description="with sparklines; unless given, where it is about at most 1,000 sensors")
    ] = None,
) -> Response:
    """All machines with their sensors' latest measurements, by site and name."""
    content = await service.read_fleet(session, runtime.settings, limit=limit, after=after, sparklines=sparklines)
    return Response(content, media_type="application/json")


@router.get("/machines/{machine_id}", responses=responses(NotFoundError))
async def read_machine(machine_id: UUID, session: Session, runtime: RuntimeOf) -> MachineDetail:
    """A machine with its sensors' settings and models."""
    return await service.read_machine(session, runtime.settings, machine_id)


@router.patch("/sensors/{sensor_id}", dependencies=[Requires(Role.ADMINISTRATOR)], responses=responses(NotFoundError))
async def change_sensor(sensor_id: UUID, changes: SensorSettings, session: Session, runtime: RuntimeOf) -> SensorCard:
    """Change a sensor's settings; null returns to the collector's default."""
    return await service.change_settings(session, runtime.settings, runtime.signing_key, sensor_id, changes)
