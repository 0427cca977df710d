"""Analysing a recording by hand."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request

from audiosense_collector.analyses import service
from audiosense_collector.analyses.schemas import AnalysisOut
from audiosense_collector.analyses.upload import read_upload, upload_openapi
from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.db.session import Session
from audiosense_collector.errors import InvalidError, NotFoundError, TooLargeError, responses
from audiosense_collector.runtime import RuntimeOf

router = APIRouter(prefix="/api/v1/analyses", tags=["analyses"], dependencies=[Requires(Role.VIEWER)])
MAX_CHANNEL = 1_024
_FIELDS: dict[str, Any] = {
    "sensor": {"type": "string", "format": "uuid", "description": "score with this sensor's current model"},
    "channel": {"type": "integer", "minimum": 0, "default": 0, "description": "which channel of the file"},
}


@router.post(
    "",
    status_code=201,
    dependencies=[Requires(Role.OPERATOR)],
    openapi_extra=upload_openapi(**_FIELDS),
    responses=responses(TooLargeError),
)
async def create_analysis(request: Request, runtime: RuntimeOf) -> AnalysisOut:
    """Analyse a recording and keep what it gave; the recording itself is not kept."""
    async with read_upload(request) as upload:
        sensor_id = _sensor(upload.fields.get("sensor"))
        channel = _channel(upload.fields.get("channel"))
        return await service.create_analysis(
            runtime.sessions, upload.file, upload.filename, sensor_id=sensor_id, channel=channel
        )


@router.get("/{analysis_id}", responses=responses(NotFoundError))
async def read_analysis(session: Session, analysis_id: UUID) -> AnalysisOut:
    """A stored analysis."""
    return await service.read_analysis(session, analysis_id)


def _sensor(given: str | None) -> UUID | None:
    if not given:
        return None
    try:
        return UUID(given)
    except ValueError:
        raise InvalidError(f"sensor is {given[:40]!r}, expected the id of a sensor", loc="sensor") from None


def _channel(given: str | None) -> int:
    if not given:
        return 0
    if not given.isdecimal() or not given.isascii() or int(given[:9]) > MAX_CHANNEL:
        raise InvalidError(f"channel is {given[:40]!r}, expected a number from 0", loc="channel")
    return int(given)
