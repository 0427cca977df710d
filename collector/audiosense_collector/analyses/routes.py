"""Analysing a recording by hand, and what is kept of it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from audiosense_collector.analyses import service
from audiosense_collector.analyses.schemas import (
    MOST_SENSORS,
    AnalysisOut,
    AnalysisPage,
    AnalysisScores,
    AnalysisSpectrogram,
)
from audiosense_collector.analyses.service import Decoded
from audiosense_collector.analyses.upload import read_upload, upload_openapi
from audiosense_collector.auth.principal import Caller
from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.db.session import Session
from audiosense_collector.errors import (
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
    responses,
)
from audiosense_collector.paging import Before, Limit
from audiosense_collector.revalidation import NOT_MODIFIED, answer
from audiosense_collector.runtime import RuntimeOf

router = APIRouter(prefix="/api/v1/analyses", tags=["analyses"], dependencies=[Requires(Role.VIEWER)])
Sensors = Annotated[
    list[UUID] | None,
    Query(max_length=MOST_SENSORS, description="whose models; all that can judge it unless given, at most 50"),
]
MAX_CHANNEL = 1_024
MAX_CONTAINER = 20
MAX_RATE_HZ = 10_000_000
_FIELDS: dict[str, Any] = {
    "sensor": {"type": "string", "format": "uuid", "description": "score with this sensor's current model"},
    "channel": {"type": "integer", "minimum": 0, "default": 0, "description": "which channel of the file"},
    "decoded_from": {
        "type": "string",
        "maxLength": MAX_CONTAINER,
        "description": "format that the sender decoded into this file, such as M4A; told as a warning",
    },
    "decoded_rate_hz": {"type": "integer", "minimum": 1, "description": "sample rate of what was decoded, if known"},
}


@router.post(
    "",
    status_code=201,
    dependencies=[Requires(Role.OPERATOR)],
    openapi_extra=upload_openapi(**_FIELDS),
    responses=responses(TooLargeError, UnavailableError),
)
async def create_analysis(request: Request, runtime: RuntimeOf, caller: Caller) -> AnalysisOut:
    """Analyse a recording and keep what it gave; the recording itself is not kept."""
    async with read_upload(request) as upload:
        fields = upload.fields
        return await service.create_analysis(
            runtime,
            caller,
            upload.file,
            upload.filename,
            sensor_id=_sensor(fields.get("sensor")),
            channel=_number(fields.get("channel"), "channel", least=0, most=MAX_CHANNEL) or 0,
            decoded=_decoded(fields),
        )


@router.get("", responses=responses(InvalidError))
async def list_analyses(
    session: Session, caller: Caller, sensor: UUID | None = None, limit: Limit = 100, before: Before = None
) -> AnalysisPage:
    """Stored analyses, or those for a sensor, the newest first."""
    return await service.list_analyses(session, caller, sensor=sensor, limit=limit, before=before)


@router.get("/{analysis_id}", responses=responses(NotFoundError))
async def read_analysis(session: Session, caller: Caller, analysis_id: UUID) -> AnalysisOut:
    """A stored analysis."""
    return await service.read_analysis(session, caller, analysis_id)


@router.get(
    "/{analysis_id}/spectrogram",
    response_model=AnalysisSpectrogram,
    dependencies=[Requires(Role.OPERATOR)],
    responses=responses(NotFoundError) | NOT_MODIFIED,
)
async def show_analysis(request: Request, session: Session, analysis_id: UUID) -> Response:
    """The spectrogram of the recording; as with clips, speech might be seen in it, so it is not for viewers."""
    found = await service.read_spectrogram(session, analysis_id)
    return answer(request, found.model_dump_json().encode())


@router.get("/{analysis_id}/scores", responses=responses(NotFoundError, InvalidError, UnavailableError))
async def score_analysis(runtime: RuntimeOf, analysis_id: UUID, sensor: Sensors = None) -> AnalysisScores:
    """Score a stored analysis with the models of other sensors; nothing is sent again, and nothing more is kept."""
    return await service.score_analysis(runtime, analysis_id, sensor)


@router.delete(
    "/{analysis_id}",
    status_code=204,
    dependencies=[Requires(Role.OPERATOR)],
    responses=responses(NotFoundError, ForbiddenError),
)
async def delete_analysis(session: Session, caller: Caller, analysis_id: UUID) -> None:
    """Delete an analysis of one's own for good; an administrator deletes any."""
    await service.delete_analysis(session, caller, analysis_id)


def _sensor(given: str | None) -> UUID | None:
    if not given:
        return None
    try:
        return UUID(given)
    except ValueError:
        raise InvalidError(f"sensor is {given[:40]!r}, expected the id of a sensor", loc="sensor") from None


def _decoded(fields: dict[str, str]) -> Decoded | None:
    container = fields.get("decoded_from")
    if not container:
        return None
    if len(container) > MAX_CONTAINER or not container.isprintable():
        message = (
            f"decoded_from is {container[:40]!r}, expected the name of a format in at most {MAX_CONTAINER} letters"
        )
        raise InvalidError(message, loc="decoded_from")
    rate = _number(fields.get("decoded_rate_hz"), "decoded_rate_hz", least=1, most=MAX_RATE_HZ)
    return Decoded(container, rate)


def _number(given: str | None, name: str, *, least: int, most: int) -> int | None:
    if not given:
        return None
    if not given.isdecimal() or not given.isascii() or not least <= int(given[:9]) <= most:
        raise InvalidError(f"{name} is {given[:40]!r}, expected a number from {least}", loc=name)
    return int(given)
