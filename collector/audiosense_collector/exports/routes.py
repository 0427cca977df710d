"""Exports by job over HTTP."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from audiosense_collector.auth.principal import Caller
from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.db.session import Session
from audiosense_collector.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    TooManyError,
    UnavailableError,
    responses,
)
from audiosense_collector.exports import service
from audiosense_collector.exports.schemas import ExportOut, ExportPage, ExportRequest
from audiosense_collector.paging import Before, Limit
from audiosense_collector.runtime import RuntimeOf
from audiosense_collector.series.export import MEDIA_TYPES

router = APIRouter(prefix="/api/v1", tags=["exports"], dependencies=[Requires(Role.VIEWER)])
ROWS_HEADER = "AudioSense-Rows"
_FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file",
        "content": {media: {"schema": {"type": "string", "format": "binary"}} for media in MEDIA_TYPES.values()},
        "headers": {ROWS_HEADER: {"description": "How many rows it holds", "schema": {"type": "integer"}}},
    }
}


@router.post(
    "/exports",
    status_code=202,
    dependencies=[Requires(Role.OPERATOR)],
    responses=responses(NotFoundError, ConflictError, InvalidError, TooManyError),
)
async def request_export(asked: ExportRequest, session: Session, runtime: RuntimeOf, caller: Caller) -> ExportOut:
    """Queue an export of one or more sensors into a file; `GET /api/v1/jobs/{job_id}` tells how far it is."""
    return await service.request(session, runtime, caller.actor, asked)


@router.get("/exports", responses=responses(InvalidError))
async def list_exports(session: Session, limit: Limit = 100, before: Before = None) -> ExportPage:
    """Exports that wait, are written or can be fetched, the newest first."""
    return await service.list_exports(session, limit=limit, before=before)


@router.get("/exports/{export_id}", responses=responses(NotFoundError))
async def read_export(export_id: UUID, session: Session) -> ExportOut:
    """How an export stands."""
    return await service.read(session, export_id)


@router.get(
    "/exports/{export_id}/file",
    response_class=StreamingResponse,
    responses=responses(NotFoundError, ConflictError, UnavailableError) | _FILE,
)
async def fetch_export(export_id: UUID, session: Session, runtime: RuntimeOf) -> StreamingResponse:
    """The file of an export that is done; that somebody took it is kept in the log of changes."""
    found, content = await service.fetch(session, runtime, export_id)
    headers = {
        "Content-Disposition": f'attachment; filename="{export_id}.{found.format}"',
        "Content-Length": str(found.bytes),
        "Cache-Control": "no-store",
        ROWS_HEADER: str(found.rows),
    }
    return StreamingResponse(content, media_type=MEDIA_TYPES[found.format], headers=headers)


@router.delete(
    "/exports/{export_id}",
    status_code=204,
    dependencies=[Requires(Role.OPERATOR)],
    responses=responses(NotFoundError),
)
async def delete_export(export_id: UUID, runtime: RuntimeOf) -> None:
    """Delete an export and its file."""
    await service.remove(runtime, export_id)
