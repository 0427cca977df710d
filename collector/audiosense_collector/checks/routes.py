"""Self-checks over HTTP."""

from uuid import UUID

from fastapi import APIRouter

from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.checks import service
from audiosense_collector.checks.schemas import CheckPage
from audiosense_collector.db.session import Session
from audiosense_collector.errors import InvalidError, NotFoundError, responses
from audiosense_collector.paging import After, Limit

router = APIRouter(prefix="/api/v1", tags=["agents"], dependencies=[Requires(Role.VIEWER)])


@router.get("/agents/{agent_id}/checks", responses=responses(NotFoundError, InvalidError))
async def list_checks(agent_id: UUID, session: Session, limit: Limit = 100, after: After = None) -> CheckPage:
    """An agent's latest self-checks, its own and its sensors', the worst first."""
    return await service.page_checks(session, agent_id, limit=limit, after=after)
