"""Machines over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.clock import SECOND_US, now_us
from audiosense_collector.db.session import Session
from audiosense_collector.errors import NotFoundError, responses
from audiosense_collector.machines import series, service
from audiosense_collector.machines.schemas import (
    FeatureOut,
    Fleet,
    MachineDetail,
    SensorCard,
    SensorSettings,
    Series,
)
from audiosense_collector.runtime import RuntimeOf
from audiosense_common.features import SCHEMA_ID
from audiosense_common.wire import TIME_LIMIT_US

router = APIRouter(prefix="/api/v1", tags=["machines"], dependencies=[Requires(Role.VIEWER)])
HOUR_US = 3_600 * SECOND_US
TimeQuery = Annotated[int | None, Query(ge=0, lt=TIME_LIMIT_US)]


@router.get("/fleet")
async def read_fleet(session: Session, runtime: RuntimeOf) -> Fleet:
    """All machines with their sensors' latest measurements."""
    return await service.read_fleet(session, runtime.settings)


@router.get("/machines/{machine_id}", responses=responses(NotFoundError))
async def read_machine(machine_id: UUID, session: Session, runtime: RuntimeOf) -> MachineDetail:
    """A machine with its sensors' settings and models."""
    return await service.read_machine(session, runtime.settings, machine_id)


@router.patch("/sensors/{sensor_id}", dependencies=[Requires(Role.ADMINISTRATOR)], responses=responses(NotFoundError))
async def change_sensor(sensor_id: UUID, changes: SensorSettings, session: Session, runtime: RuntimeOf) -> SensorCard:
    """Change a sensor's settings; null returns to the collector's default."""
    return await service.change_settings(session, runtime.settings, runtime.signing_key, sensor_id, changes)


@router.get("/sensors/{sensor_id}/series", responses=responses(NotFoundError))
async def read_series(  # noqa: PLR0917 - FastAPI passes them by name
    sensor_id: UUID,
    session: Session,
    from_us: TimeQuery = None,
    to_us: TimeQuery = None,
    points: Annotated[int, Query(ge=1, le=series.MAX_POINTS)] = 1_000,
    features: Annotated[str, Query(max_length=1_000, description="names, separated by commas")] = "",
    *,
    reasons: Annotated[bool, Query(description="with the reasons of anomalous windows")] = False,
) -> Series:
    """Measurements of a span, by default the last hour."""
    end = now_us() if to_us is None else to_us
    start = max(0, end - HOUR_US) if from_us is None else from_us
    names = [name for name in features.split(",") if name]
    return await series.read_series(
        session, sensor_id, from_us=start, to_us=end, points=points, features=names, with_reasons=reasons
    )


@router.get("/features", responses=responses(NotFoundError))
async def list_features(schema: Annotated[str, Query(max_length=120)] = SCHEMA_ID) -> list[FeatureOut]:
    """The features of a schema."""
    return series.list_features(schema)
