"""Evaluations of models over HTTP."""

from uuid import UUID

from fastapi import APIRouter

from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.db.session import Session
from audiosense_collector.errors import ConflictError, InvalidError, NotFoundError, responses
from audiosense_collector.model_evaluation import service
from audiosense_collector.model_evaluation.schemas import EvaluationOut, EvaluationPage, EvaluationRequest
from audiosense_collector.models.routes import DigestPath
from audiosense_collector.paging import Before, Limit
from audiosense_collector.runtime import RuntimeOf

router = APIRouter(prefix="/api/v1", tags=["models"], dependencies=[Requires(Role.VIEWER)])


@router.post(
    "/models/{digest}/evaluations",
    status_code=202,
    dependencies=[Requires(Role.OPERATOR)],
    responses=responses(NotFoundError, ConflictError, InvalidError),
)
async def evaluate_model(
    digest: DigestPath, asked: EvaluationRequest, session: Session, runtime: RuntimeOf
) -> EvaluationOut:
    """Queue an evaluation of a model on its sensor's stored windows, beside another one or the one that runs now."""
    return await service.request(session, runtime, digest, asked)


@router.get("/models/{digest}/evaluations", responses=responses(InvalidError))
async def list_evaluations(
    digest: DigestPath, session: Session, limit: Limit = 100, before: Before = None
) -> EvaluationPage:
    """The evaluations of a model, the newest first."""
    return await service.list_evaluations(session, digest, limit=limit, before=before)


@router.get("/models/{digest}/evaluations/{evaluation_id}", responses=responses(NotFoundError))
async def read_evaluation(digest: DigestPath, evaluation_id: UUID, session: Session) -> EvaluationOut:
    """An evaluation of a model, with its report when it is done."""
    return await service.read(session, digest, evaluation_id)
