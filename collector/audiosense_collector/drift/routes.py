"""Drift over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.drift import service
from audiosense_collector.drift.schemas import DriftOut
from audiosense_collector.errors import NotFoundError, UnavailableError, responses
from audiosense_collector.runtime import RuntimeOf

router = APIRouter(prefix="/api/v1", tags=["drift"], dependencies=[Requires(Role.VIEWER)])


@router.get("/sensors/{sensor_id}/drift", responses=responses(NotFoundError, UnavailableError))
async def read_drift(
    sensor_id: UUID,
    runtime: RuntimeOf,
    hours: Annotated[float, Query(gt=0, le=720, description="how far back the newest windows go")] = 24,
) -> DriftOut:
    """How far a sensor's sound has moved from the baseline of its model."""
    return await service.read_drift(runtime, sensor_id, hours)
