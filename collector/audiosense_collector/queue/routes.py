"""Jobs over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.db.session import Session
from audiosense_collector.errors import NotFoundError, responses
from audiosense_collector.queue import service
from audiosense_collector.queue.schemas import JobOut, JobPage, JobState

router = APIRouter(prefix="/api/v1", tags=["jobs"], dependencies=[Requires(Role.VIEWER)])
MOST = 2**63 - 1
Kind = Annotated[str | None, Query(pattern="^[a-z_]{1,64}$", description="train, sign, detectability, notify, …")]


@router.get("/jobs")
async def list_jobs(
    session: Session,
    *,
    state: JobState | None = None,
    kind: Kind = None,
    sensor: UUID | None = None,
    before: Annotated[int | None, Query(ge=1, le=MOST, description="the `next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> JobPage:
    """Jobs of all kinds, the newest first."""
    return await service.list_jobs(session, state=state, kind=kind, sensor=sensor, before=before, limit=limit)


@router.get("/jobs/{job_id}", responses=responses(NotFoundError))
async def read_job(job_id: Annotated[int, Path(ge=1, le=MOST)], session: Session) -> JobOut:
    """How a job stands."""
    return await service.read(session, job_id)
