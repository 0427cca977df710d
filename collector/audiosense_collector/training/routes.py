"""Training over HTTP."""

from uuid import UUID

from fastapi import APIRouter

from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.db.session import Session
from audiosense_collector.errors import ConflictError, NotFoundError, responses
from audiosense_collector.runtime import RuntimeOf
from audiosense_collector.training import fleet, service
from audiosense_collector.training.schemas import FleetTraining, FleetTrainRequest, JobAccepted, TrainRequest

router = APIRouter(prefix="/api/v1", tags=["training"], dependencies=[Requires(Role.VIEWER)])


@router.post(
    "/sensors/{sensor_id}/train",
    status_code=202,
    dependencies=[Requires(Role.OPERATOR)],
    responses=responses(NotFoundError, ConflictError),
)
async def train_sensor(sensor_id: UUID, request: TrainRequest, session: Session, runtime: RuntimeOf) -> JobAccepted:
    """Queue a training of a sensor's model."""
    what = service.Request(**request.model_dump())
    return JobAccepted(job_id=await service.request_by_hand(session, runtime.jobs, sensor_id, what))


@router.post("/training", status_code=202, dependencies=[Requires(Role.OPERATOR)], responses=responses(NotFoundError))
async def train_fleet(request: FleetTrainRequest, session: Session, runtime: RuntimeOf) -> FleetTraining:
    """Queue a training for each of many sensors; workers on any number of hosts share them."""
    which = fleet.Selection(request.sites, request.machines, request.sensors)
    what = service.Request(**request.model_dump(exclude={"all", "sites", "machines", "sensors"}))
    queued = await fleet.request_many(session, runtime.jobs, which, what)
    return FleetTraining(jobs=queued.jobs, waiting=queued.waiting)
