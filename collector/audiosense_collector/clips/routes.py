"""Clips over HTTP: taken from agents; listed, played, locked and deleted by browsers; permissions and the log."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from audiosense_collector.agents.routes import AgentId
from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.clips import audit, nearest, permission, service
from audiosense_collector.clips.audit import By
from audiosense_collector.clips.schemas import (
    AuditPage,
    ClipChange,
    ClipOut,
    ClipPage,
    ClipSpectrogram,
    NormalClip,
    PermissionChange,
    PermissionOut,
    SitePermissionOut,
)
from audiosense_collector.clips.spectrogram import EDITION, MAX_COLUMNS
from audiosense_collector.db.session import Session
from audiosense_collector.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnauthorizedError,
    UnavailableError,
    responses,
)
from audiosense_collector.paging import Before, Limit
from audiosense_collector.revalidation import NOT_MODIFIED, REVALIDATE, has
from audiosense_collector.runtime import RuntimeOf
from audiosense_common.wire_clips import ClipKind, ClipTaken, ClipUpload

router = APIRouter(prefix="/api/v1", tags=["clips"], dependencies=[Requires(Role.VIEWER)])
agent_router = APIRouter(prefix="/api/v1", tags=["clips"])
_FLAC: dict[int | str, dict[str, Any]] = {
    code: {"description": text, "content": {"audio/flac": {"schema": {"type": "string", "format": "binary"}}}}
    for code, text in ((200, "The sound"), (206, "The range of it that was asked for"))
}
_BEYOND: dict[int | str, dict[str, Any]] = {416: {"description": "A range beyond the end of the sound"}}
_BODY = {"required": True, "content": {"audio/flac": {"schema": {"type": "string", "format": "binary"}}}}


@agent_router.put(
    "/clips/{clip_id}",
    openapi_extra={"requestBody": _BODY},
    responses=responses(
        UnauthorizedError, ForbiddenError, NotFoundError, ConflictError, TooLargeError, InvalidError, UnavailableError
    ),
)
async def take_clip(
    clip_id: UUID, upload: Annotated[ClipUpload, Query()], request: Request, agent: AgentId, runtime: RuntimeOf
) -> ClipTaken:
    """Take a clip, after its event; the same one again changes nothing. The answer is sent after the commit."""
    length = request.headers.get("content-length")
    repeated = await service.take(runtime, agent, clip_id, upload, stream=request.stream(), length=length)
    return ClipTaken(repeated=repeated)


@router.get("/clips")
async def list_clips(  # noqa: PLR0917 - FastAPI passes them by name
    session: Session,
    machine: UUID | None = None,
    sensor: UUID | None = None,
    event: UUID | None = None,
    kind: ClipKind | None = None,
    limit: Limit = 100,
    before: Before = None,
) -> ClipPage:
    """Clips, the newest first."""
    return await service.list_clips(
        session, machine=machine, sensor=sensor, event=event, kind=kind, limit=limit, before=before
    )


@router.get(
    "/clips/{clip_id}",
    response_class=FileResponse,
    dependencies=[Requires(Role.OPERATOR)],
    responses=responses(NotFoundError, UnavailableError) | _FLAC | NOT_MODIFIED | _BEYOND,
)
async def play_clip(clip_id: UUID, request: Request, session: Session, runtime: RuntimeOf, by: By) -> Response:
    """The sound of a clip (FLAC), or a range of it; that somebody listened is kept in the log."""
    sound = await service.listen(session, runtime, clip_id, by)
    cleaning = BackgroundTask(sound.path.unlink, missing_ok=True) if sound.temporary else None
    # Not kept by browsers: who listens again is to be found in the log again.
    headers = {"Cache-Control": "no-store", "ETag": f'"{sound.sha256}"'}
    if has(request, headers["ETag"]):
        return Response(status_code=304, headers=headers, background=cleaning)
    return FileResponse(sound.path, media_type="audio/flac", headers=headers, background=cleaning)


@router.get(
    "/clips/{clip_id}/spectrogram",
    response_model=ClipSpectrogram,
    dependencies=[Requires(Role.OPERATOR)],
    responses=responses(NotFoundError, UnavailableError) | NOT_MODIFIED,
)
async def show_clip(
    clip_id: UUID,
    request: Request,
    runtime: RuntimeOf,
    by: By,
    columns: Annotated[int, Query(ge=1, le=MAX_COLUMNS)] = 600,
) -> Response:
    """The spectrogram of a clip, as small as a picture of it; that somebody looked is kept in the log.

    It never changes, and browsers may keep it; they ask each time whether its caller may still see it.
    """
    async with runtime.sessions.begin() as session:
        clip = await service.look(session, clip_id, by)
    headers = {"Cache-Control": REVALIDATE, "ETag": f'"{clip.sha256}-{columns}-{EDITION}"'}
    if has(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    picture = await service.draw(runtime, clip, columns)
    return Response(picture.model_dump_json(), media_type="application/json", headers=headers)


@router.get("/events/{event_id}/normal-clip", responses=responses(NotFoundError))
async def find_normal_clip(event_id: UUID, session: Session) -> NormalClip:
    """The sensor's normal sound that is the most like what it heard right before an event, to compare with."""
    return await nearest.find(session, event_id)


@router.patch("/clips/{clip_id}", dependencies=[Requires(Role.OPERATOR)], responses=responses(NotFoundError))
async def change_clip(clip_id: UUID, change: ClipChange, session: Session, by: By) -> ClipOut:
    """Lock a clip, so that it is kept whatever its age, or unlock it."""
    return await service.lock(session, clip_id, by, locked=change.locked)


@router.delete(
    "/clips/{clip_id}",
    status_code=204,
    dependencies=[Requires(Role.ADMINISTRATOR)],
    responses=responses(NotFoundError, ConflictError),
)
async def delete_clip(clip_id: UUID, runtime: RuntimeOf, by: By) -> None:
    """Delete a clip and its sound."""
    await service.delete(runtime, clip_id, by)


@router.get("/clip-audit", dependencies=[Requires(Role.OPERATOR)])
async def read_clip_audit(  # noqa: PLR0917 - FastAPI passes them by name
    session: Session,
    clip: UUID | None = None,
    sensor: UUID | None = None,
    site: UUID | None = None,
    limit: Limit = 100,
    before: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
) -> AuditPage:
    """Who allowed, heard, locked or deleted sound, the newest first."""
    return await audit.read(session, clip=clip, sensor=sensor, site=site, limit=limit, before=before)


@router.get("/sensors/{sensor_id}/clips-permission", responses=responses(NotFoundError))
async def read_clips_permission(sensor_id: UUID, session: Session) -> PermissionOut:
    """Whether a sensor's sound is kept as clips, and who says so."""
    return await permission.read(session, sensor_id)


@router.put(
    "/sensors/{sensor_id}/clips-permission",
    dependencies=[Requires(Role.ADMINISTRATOR)],
    responses=responses(NotFoundError),
)
async def change_clips_permission(sensor_id: UUID, change: PermissionChange, session: Session, by: By) -> PermissionOut:
    """Switch a sensor's clips on or off; the agent hears of it in the answer to its next batch."""
    return await permission.change_sensor(session, sensor_id, change.allowed, by)


@router.put(
    "/sites/{site_id}/clips-permission",
    dependencies=[Requires(Role.ADMINISTRATOR)],
    responses=responses(NotFoundError),
)
async def change_site_clips_permission(
    site_id: UUID, change: PermissionChange, session: Session, by: By
) -> SitePermissionOut:
    """Switch the clips of a site's sensors on or off, where they have no word of their own."""
    return await permission.change_site(session, site_id, change.allowed, by)
