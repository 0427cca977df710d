"""Machines over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import StringConstraints

from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.db.session import Session
from audiosense_collector.errors import InvalidError, NotFoundError, UnavailableError, responses
from audiosense_collector.machines import service
from audiosense_collector.machines.schemas import (
    Fleet,
    MachineDetail,
    SensorCard,
    SensorSettings,
    ShownStatus,
)
from audiosense_collector.machines.standing import Choice, Order
from audiosense_collector.packing import packed_json
from audiosense_collector.paging import MAX_LIMIT, After
from audiosense_collector.runtime import RuntimeOf

Tag = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, min_length=1, max_length=200, pattern=r"^[^\x00]*$")
]
router = APIRouter(prefix="/api/v1", tags=["machines"], dependencies=[Requires(Role.VIEWER)])


@router.get("/fleet", response_model=Fleet, responses=responses(InvalidError, UnavailableError))
async def read_fleet(  # noqa: PLR0917 - FastAPI passes them by name
    request: Request,
    session: Session,
    runtime: RuntimeOf,
    limit: Annotated[int | None, Query(ge=1, le=MAX_LIMIT, description="machines on a page; all unless given")] = None,
    after: After = None,
    status: Annotated[
        list[ShownStatus], Query(max_length=8, description="machines of one of these; may be repeated")
    ] = [],  # noqa: B006
    site: Annotated[UUID | None, Query(description="machines of this site")] = None,
    q: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=100,
            pattern=r"^[^\x00]*$",
            description="machines with this in their or their site's name",
        ),
    ] = None,
    tag: Annotated[
        list[Tag], Query(max_length=20, description="machines that have this tag; may be repeated for all of several")
    ] = [],  # noqa: B006
    order: Annotated[Order, Query(description="by site and name, or the worst status first")] = Order.PLACE,
    *,
    sparklines: Annotated[
        bool | None, Query(description="with sparklines; unless given, where it is about at most 1,000 sensors")
    ] = None,
) -> Response:
    """Machines with their sensors' latest measurements, and how many there are of each status.

    In the order of need a machine whose status changes while pages are read may come twice or not at all.
    """
    choice = Choice(tuple(status), site, q, order, limit, after, tuple(tag))
    return await packed_json(
        request, await service.read_fleet(session, runtime.settings, choice, sparklines=sparklines)
    )


@router.get("/machines/{machine_id}", responses=responses(NotFoundError))
async def read_machine(machine_id: UUID, session: Session, runtime: RuntimeOf) -> MachineDetail:
    """A machine with its sensors' settings and models."""
    return await service.read_machine(session, runtime.settings, machine_id)


@router.patch("/sensors/{sensor_id}", dependencies=[Requires(Role.ADMINISTRATOR)], responses=responses(NotFoundError))
async def change_sensor(sensor_id: UUID, changes: SensorSettings, session: Session, runtime: RuntimeOf) -> SensorCard:
    """Change a sensor's settings; null returns to the collector's default."""
    return await service.change_settings(session, runtime.settings, runtime.signing_key, sensor_id, changes)
