"""Gaps over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.db.session import Session
from audiosense_collector.errors import NotFoundError, responses
from audiosense_collector.gaps import service
from audiosense_collector.gaps.schemas import GapPage

router = APIRouter(prefix="/api/v1", tags=["agents"], dependencies=[Requires(Role.VIEWER)])
Limit = Annotated[int, Query(ge=1, le=1_000)]
Before = Annotated[int | None, Query(ge=1, lt=2**63)]


@router.get("/sensors/{sensor_id}/gaps", responses=responses(NotFoundError))
async def list_gaps_of_sensor(sensor_id: UUID, session: Session, limit: Limit = 100, before: Before = None) -> GapPage:
    """Windows that a sensor measured and its agent could not deliver, the latest told first."""
    return await service.of_sensor(session, sensor_id, limit, before)


@router.get("/agents/{agent_id}/gaps", responses=responses(NotFoundError))
async def list_gaps_of_agent(agent_id: UUID, session: Session, limit: Limit = 100, before: Before = None) -> GapPage:
    """An agent's gaps, those of which nobody knows the sensor among them, the latest told first."""
    return await service.of_agent(session, agent_id, limit, before)
