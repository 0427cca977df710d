"""The rules of clips: whose are taken, what is shown, who listened, and when they are deleted."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, literal, select, true, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from audiosense_collector import paging
from audiosense_collector.agents import service as agents
from audiosense_collector.clips import audit, permission
from audiosense_collector.clips.audit import Person
from audiosense_collector.clips.schemas import AuditAction, ClipOut, ClipPage, ClipSpectrogram, ReferenceOut
from audiosense_collector.clips.spectrogram import read_picture
from audiosense_collector.clips.storage import ClipFiles
from audiosense_collector.clips.tables import Clip
from audiosense_collector.clips.upload import read_clip
from audiosense_collector.clock import now_us
from audiosense_collector.db.base import MicrosecondTime
from audiosense_collector.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from audiosense_collector.events.tables import EventRow
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.runtime import Runtime
from audiosense_common.wire_clips import NOT_ALLOWED, ClipKind, ClipUpload


async def take(
    runtime: Runtime,
    agent_id: UUID,
    clip_id: UUID,
    upload: ClipUpload,
    *,
    stream: AsyncIterator[bytes],
    length: str | None,
) -> bool:
    """Store a clip; returns whether the same one had been stored before. Nothing is read of one that is not allowed.

    Raises:
        ForbiddenError: the agent was revoked or quarantined, or the sensor's sound must not be kept.
        NotFoundError: the event is not known yet; its batch may still come.
        ConflictError: another clip is stored under this id.
        InvalidError: not a sensor of this agent, or the body is not what was said.
        TooLargeError: larger than a clip may be.
        UnavailableError: the disk is full, or many clips come at once.
    """
    files = ClipFiles.of(runtime)
    async with runtime.sessions.begin() as session:
        stored = await _find_stored(session, agent_id, clip_id, upload)
    if stored is not None and await asyncio.to_thread(files.has, stored.sha256, stored.bytes):
        return True
    content = await read_clip(upload, stream, length)
    await asyncio.to_thread(files.put, upload.sha256, content)
    async with runtime.sessions.begin() as session:
        await agents.lock(session, agent_id)
        if await _find_stored(session, agent_id, clip_id, upload) is not None:
            return True
        query = insert(Clip).values(_values(clip_id, upload, len(content)))
        await session.execute(query.on_conflict_do_nothing())
    return False


async def list_clips(
    session: AsyncSession,
    *,
    machine: UUID | None,
    sensor: UUID | None,
    event: UUID | None,
    kind: ClipKind | None,
    limit: int,
    before: str | None,
) -> ClipPage:
    """Return a page of clips, the newest first.

    Raises:
        InvalidError: ``before`` is not a ``next`` of another page.
    """
    query = _query().order_by(Clip.start.desc(), Clip.id.desc()).limit(limit + 1)
    conditions: list[tuple[ColumnElement[bool], object]] = [
        (Sensor.machine_id == machine, machine),
        (Clip.sensor_id == sensor, sensor),
        (Clip.event_id == event, event),
        (Clip.kind == kind, kind),
    ]
    query = query.where(*(condition for condition, wanted in conditions if wanted is not None))
    if before is not None:
        start, clip_id = paging.decode(before, (int, UUID))
        query = query.where(tuple_(Clip.start, Clip.id) < tuple_(literal(start, MicrosecondTime()), clip_id))
    rows = (await session.execute(query)).all()
    items = [_show(clip, reference) for clip, reference in rows[:limit]]
    more = len(rows) > limit
    return ClipPage(items=items, next=paging.encode(items[-1].start_us, items[-1].id) if more else None)


@dataclass(frozen=True, slots=True)
class Sound:
    """A clip's file and the SHA-256 of its content; whoever asked for it must delete it if it is temporary."""

    path: Path
    sha256: str
    temporary: bool


async def listen(session: AsyncSession, runtime: Runtime, clip_id: UUID, by: Person) -> Sound:
    """Return a clip's sound; that somebody listened is kept.

    Raises:
        NotFoundError: no such clip, or its file is gone.
        UnavailableError: the storage of clips does not answer.
    """
    clip = await _get(session, clip_id)
    await audit.note_listening(session, by, clip)
    await session.flush()
    return await _fetch(runtime, clip)


async def look(session: AsyncSession, clip_id: UUID, by: Person) -> Clip:
    """Return a clip whose spectrogram is asked for; that is kept: words can be made out of a picture, too.

    Raises:
        NotFoundError: no such clip.
    """
    clip = await _get(session, clip_id)
    await audit.note_listening(session, by, clip, AuditAction.VIEWED)
    return clip


async def draw(runtime: Runtime, clip: Clip, columns: int) -> ClipSpectrogram:
    """Return a clip's spectrogram.

    Raises:
        NotFoundError: its file is gone.
        UnavailableError: the storage of clips does not answer, or too many pictures are drawn.
    """
    async with runtime.drawing.place():
        sound = await _fetch(runtime, clip)
        try:
            picture = await runtime.drawing.run(read_picture, sound.path, columns)
        finally:
            if sound.temporary:
                await asyncio.to_thread(sound.path.unlink, missing_ok=True)
    return ClipSpectrogram(
        clip_id=clip.id,
        start_us=clip.start,
        **picture.scale(clip.sample_rate_hz),
        data=picture.packed(),
    )


async def _fetch(runtime: Runtime, clip: Clip) -> Sound:
    try:
        path, temporary = await asyncio.to_thread(ClipFiles.of(runtime).fetch, clip.sha256)
    except FileNotFoundError:
        raise NotFoundError(
            f"the sound of clip {clip.id} is missing in the data directory or where AUDIOSENSE_CLIPS_URL says; "
            "restore it from a backup"
        ) from None
    return Sound(path, clip.sha256, temporary)


async def lock(session: AsyncSession, clip_id: UUID, by: Person, *, locked: bool) -> ClipOut:
    """Keep a clip whatever its age, or no longer.

    Raises:
        NotFoundError: no such clip.
    """
    clip = await _get(session, clip_id, changing=True)
    if clip.locked is not locked:
        clip.locked = locked
        action = AuditAction.LOCKED if locked else AuditAction.UNLOCKED
        audit.note(session, action, by, sensor_id=clip.sensor_id, clip_id=clip.id)
        await session.flush()
    (found,) = (await session.execute(_query().where(Clip.id == clip_id))).all()
    return _show(*found)


async def delete(runtime: Runtime, clip_id: UUID, by: Person) -> None:
    """Delete a clip and its sound.

    Raises:
        NotFoundError: no such clip.
        ConflictError: it is locked.
    """
    async with runtime.sessions.begin() as session:
        clip = await _get(session, clip_id, changing=True)
        if clip.locked:
            raise ConflictError(f"clip {clip_id} is locked; unlock it first", kind="clip_locked")
        audit.note(session, AuditAction.DELETED, by, sensor_id=clip.sensor_id, clip_id=clip.id, start_us=clip.start)
        await session.delete(clip)
    await delete_files(runtime, [clip.sha256])


async def delete_files(runtime: Runtime, contents: list[str]) -> None:
    """Delete contents that no clip names any more."""
    async with runtime.sessions.begin() as session:
        named = set(await session.scalars(select(Clip.sha256).where(Clip.sha256.in_(contents))))
    for sha256 in set(contents) - named:
        await asyncio.to_thread(ClipFiles.of(runtime).delete, sha256)


async def _find_stored(session: AsyncSession, agent_id: UUID, clip_id: UUID, upload: ClipUpload) -> Clip | None:
    """Check that a clip may be stored, and return it if it is already."""
    sensor = await session.get(Sensor, upload.sensor)
    if sensor is None or sensor.agent_id != agent_id:
        raise InvalidError(f"sensor: {upload.sensor} is unknown for this agent; register it", loc="sensor")
    if not await permission.allowed(session, [sensor.id]):
        raise ForbiddenError(f"clips of sensor {sensor.name!r} are switched off; delete what waits", kind=NOT_ALLOWED)
    stored = await session.get(Clip, clip_id)
    if stored is not None:
        if (stored.sha256, stored.sensor_id) != (upload.sha256, upload.sensor):
            raise ConflictError(f"another clip is stored as {clip_id}: {stored.sha256}")
        return stored
    if upload.kind is ClipKind.EVENT:
        event = await session.get(EventRow, clip_id)
        if event is None or event.sensor_id != sensor.id:
            raise NotFoundError(f"there is no event {clip_id} of sensor {sensor.name!r}; send its batch first")
    return None


def _values(clip_id: UUID, upload: ClipUpload, size: int) -> dict[str, object]:
    return {
        "id": clip_id,
        "sensor_id": upload.sensor,
        "event_id": clip_id if upload.kind is ClipKind.EVENT else None,
        "kind": upload.kind.value,
        "start": upload.start_us,
        "opening": upload.opening_us,
        "sample_rate_hz": upload.sample_rate_hz,
        "frames": upload.frames,
        "bytes": size,
        "sha256": upload.sha256,
        "received": now_us(),
    }


async def _get(session: AsyncSession, clip_id: UUID, *, changing: bool = False) -> Clip:
    clip = await session.get(Clip, clip_id, with_for_update=changing)
    if clip is None:
        raise NotFoundError(f"there is no clip {clip_id}; it may have been deleted for its age")
    return clip


def _query() -> Select[Clip, Clip | None]:
    """Select clips, each with its sensor's reference that is nearest in time."""
    reference = aliased(Clip)
    apart = func.abs(func.extract("epoch", reference.start - Clip.start))
    nearest = (
        select(reference)
        .where(reference.sensor_id == Clip.sensor_id, reference.kind == ClipKind.REFERENCE.value)
        .where(Clip.kind == ClipKind.EVENT.value)
        .order_by(apart)
        .limit(1)
        .lateral()
    )
    of_clip = aliased(Clip, nearest)
    return select(Clip, of_clip).join(Sensor, Sensor.id == Clip.sensor_id).outerjoin(of_clip, true())


def _show(clip: Clip, reference: Clip | None) -> ClipOut:
    return ClipOut(
        id=clip.id,
        sensor_id=clip.sensor_id,
        event_id=clip.event_id,
        kind=ClipKind(clip.kind),
        start_us=clip.start,
        opening_us=clip.opening,
        duration_s=clip.frames / clip.sample_rate_hz,
        sample_rate_hz=clip.sample_rate_hz,
        bytes=clip.bytes,
        received_us=clip.received,
        locked=clip.locked,
        reference=None
        if reference is None
        else ReferenceOut(
            id=reference.id, start_us=reference.start, duration_s=reference.frames / reference.sample_rate_hz
        ),
    )
