"""The predecessor's interface: its paths, parameters and answers."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from audiosense_collector.analyses.upload import read_upload
from audiosense_collector.auth.roles import PUBLIC
from audiosense_collector.db.session import Session
from audiosense_collector.developer import service
from audiosense_collector.developer.access import DeveloperOnly
from audiosense_collector.developer.diagnosis import ANALYZE_OPENAPI, diagnose, machine_type
from audiosense_collector.developer.parameters import TRAIN_OPENAPI, TrainParametersOf
from audiosense_collector.developer.schemas import (
    AnalysisRow,
    AnomalyNotTrained,
    AnomalyTrained,
    Deprecated,
    Diagnosis,
    Kpis,
    LogRow,
    Message,
    SandboxEvents,
    StreamScore,
    Trained,
)
from audiosense_collector.developer.series import analyses_json
from audiosense_collector.developer.settings import DeveloperSettings
from audiosense_collector.errors import (
    ConflictError,
    NotFoundError,
    TooLargeError,
    UnauthorizedError,
    responses,
)
from audiosense_collector.runtime import RuntimeOf
from audiosense_collector.training.errors import TrainingError

router = APIRouter(
    tags=["developer"], dependencies=[PUBLIC, DeveloperOnly], responses=responses(NotFoundError, UnauthorizedError)
)
MAX_ROWS = 100_000
MAX_MINUTES = 52_560_000
"""A hundred years."""
Limit = Annotated[int, Query(ge=1, le=MAX_ROWS)]
Minutes = Annotated[float, Query(gt=0, le=MAX_MINUTES)]


@router.get("/analyses", response_model=list[AnalysisRow])
@router.get("/analyses/", response_model=list[AnalysisRow], include_in_schema=False)
async def list_sandbox_measurements(
    session: Session,
    skip: Annotated[int, Query(ge=0, lt=2**31)] = 0,
    limit: Limit = 10_000,
    minutes: Minutes | None = None,
) -> Response:
    """The newest measurements of the sandbox with their scores, in ascending time."""
    content = await analyses_json(session, skip=skip, limit=limit, minutes=minutes)
    return Response(content, media_type="application/json")


@router.get("/analyses/logs")
async def list_sandbox_logs(session: Session, limit: Limit = 200) -> list[LogRow]:
    """The newest measurements of the sandbox, newest first."""
    return await service.logs(session, limit)


@router.get("/analyses/kpis")
async def read_sandbox_kpis(session: Session) -> Kpis:
    """Figures of the sandbox's last hour."""
    return await service.kpis(session)


@router.get("/analyses/events")
async def list_sandbox_events(
    session: Session,
    minutes: Minutes = 1_440,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    per_page: Annotated[int | None, Query(ge=1, le=1_000, description="default 15")] = None,
    limit: Annotated[int | None, Query(ge=1, le=MAX_ROWS, description="the older name of per_page")] = None,
) -> SandboxEvents:
    """The declared anomalies of the sandbox, newest first; of ``limit`` and ``per_page`` the smaller counts."""
    given = [size for size in (per_page, limit) if size is not None]
    return await service.events(session, minutes=minutes, page=page, per_page=min([*(given or [15]), 1_000]))


@router.post("/v2/generate")
async def generate_sandbox(session: Session) -> Message:
    """Empty the sandbox and insert 10,000 measurements."""
    anomalous = await service.generate(session, DeveloperSettings.load())
    return Message(message=f"{service.GENERATED} measurements generated, {anomalous} of them anomalous")


@router.post("/v2/train", openapi_extra=TRAIN_OPENAPI, responses=responses(ConflictError))
async def train_sandbox(session: Session, parameters: TrainParametersOf) -> Trained:
    """Train the sandbox's model."""
    try:
        model = await service.train_model(
            session, DeveloperSettings.load(), parameters.window_size, parameters.threshold_pct
        )
    except TrainingError as error:
        raise ConflictError(str(error)) from None
    return Trained(
        message=f"model trained on {model.train_windows} windows",
        window_size=model.window_size,
        threshold=model.threshold,
        threshold_pct=model.threshold_pct,
        train_windows=model.train_windows,
        train_samples=model.train_samples,
        note=model.note,
    )


@router.post("/v2/update", deprecated=True)
async def update_sandbox() -> Deprecated:
    """Say what to call instead."""
    return Deprecated(message="deprecated: use POST /anomaly/train and GET /anomaly/stream", deprecated=True)


@router.post("/v2/clear")
async def clear_sandbox(session: Session) -> Message:
    """Empty the sandbox's measurements and models."""
    await service.clear(session)
    return Message(message="sandbox emptied: measurements and models deleted")


@router.post("/anomaly/train", openapi_extra=TRAIN_OPENAPI)
async def train_anomaly(session: Session, parameters: TrainParametersOf) -> AnomalyTrained | AnomalyNotTrained:
    """Train the sandbox's model; a failure is told in the answer, as the predecessor did."""
    try:
        model = await service.train_model(
            session, DeveloperSettings.load(), parameters.window_size, parameters.threshold_pct
        )
    except TrainingError as error:
        return AnomalyNotTrained(success=False, error=str(error))
    return AnomalyTrained(
        success=True,
        message=f"model trained on {model.train_windows} windows",
        window_size=model.window_size,
        threshold=model.threshold,
        threshold_pct=model.threshold_pct,
        score_mean=model.score_mean,
        score_std=model.score_std,
        train_windows=model.train_windows,
        train_samples=model.train_samples,
        note=model.note,
    )


@router.get("/anomaly/stream")
async def read_anomaly_stream(session: Session) -> StreamScore:
    """The score of the sandbox's newest window."""
    return await service.stream_score(session)


@router.post("/analyze", openapi_extra=ANALYZE_OPENAPI, responses=responses(TooLargeError))
async def analyze_file(request: Request, runtime: RuntimeOf) -> Diagnosis:
    """Analyse a recording by plain limits for a type of machine."""
    async with read_upload(request) as upload:
        kind = machine_type(upload.fields.get("machine_type") or "generic")
        return await diagnose(runtime, upload.file, upload.filename, kind)
