"""Training over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path
from procrastinate.exceptions import NoResult

from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.db.session import Session
from audiosense_collector.errors import ConflictError, NotFoundError, responses
from audiosense_collector.runtime import RuntimeOf
from audiosense_collector.training import service
from audiosense_collector.training.schemas import JobAccepted, JobOut, TrainRequest
from audiosense_collector.training.tables import JobError

router = APIRouter(prefix="/api/v1", tags=["training"], dependencies=[Requires(Role.VIEWER)])
JobId = Annotated[int, Path(ge=1, lt=2**63)]


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


@router.get("/jobs/{job_id}", responses=responses(NotFoundError))
async def read_job(job_id: JobId, session: Session, runtime: RuntimeOf) -> JobOut:
    """How a job stands."""
    try:
        status = await runtime.jobs.job_manager.get_job_status_async(job_id)
    except NoResult:
        raise NotFoundError(f"there is no job {job_id}") from None
    error = await session.get(JobError, job_id)
    return JobOut(id=job_id, status=status.value, error=error.message if error else None)
