"""The rules of exports by job: asking for one, writing it, fetching it, and when its file goes."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import aclosing
from uuid import UUID, uuid4

import structlog
from sqlalchemy import ColumnElement, delete, exists, func, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector import paging
from audiosense_collector.auth import trail
from audiosense_collector.clock import DAY_US, now_us
from audiosense_collector.db.base import MicrosecondTime
from audiosense_collector.errors import ConflictError, NotFoundError
from audiosense_collector.exports.limits import AT_WORK, JOBS, Allowance, check_queue
from audiosense_collector.exports.schemas import ExportOut, ExportPage, ExportRequest
from audiosense_collector.exports.storage import ExportFiles, NewFile
from audiosense_collector.exports.tables import ExportRow
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.queue import service as queue
from audiosense_collector.queue.fencing import TakenOverError
from audiosense_collector.queue.progress import Attempt
from audiosense_collector.queue.schemas import JobOut
from audiosense_collector.runtime import Runtime
from audiosense_collector.series import export as writing
from audiosense_collector.series import service as series
from audiosense_collector.series.plan import Resolution
from audiosense_collector.series.sources import Span
from audiosense_collector.settings import Settings

log = structlog.get_logger()
TASK, QUEUE = "export", "exports"
LOCK = "export"
"""One export is written at a time, whatever the number of workers: trainings and charts need the database too."""
STRAY_S = 3_600.0
"""Files that no export names are left for so long: one that is being written is named when it is whole."""


async def request(session: AsyncSession, runtime: Runtime, actor: str, asked: ExportRequest) -> ExportOut:
    """Queue an export within the session's transaction.

    Raises:
        NotFoundError: one of the sensors does not exist.
        InvalidError: an empty span, or a feature that is unknown or not held by the resolution.
        TooManyError: too many wait or are written.
        ConflictError: the files that are kept leave no room.
    """
    end = now_us() if asked.to_us is None else asked.to_us
    series.check_span(asked.from_us, end)
    writing.check_features(asked.features, asked.resolution)
    sensors = list(dict.fromkeys(asked.sensors))
    known = set(await session.scalars(select(Sensor.id).where(Sensor.id.in_(sensors))))
    for sensor in sensors:
        if sensor not in known:
            raise NotFoundError(f"there is no sensor {sensor}; `GET /api/v1/fleet` lists what there is")
    await check_queue(session, runtime.settings, actor)
    export_id = uuid4()
    arguments = {"export_id": str(export_id)} | ({"sensor_id": str(sensors[0])} if len(sensors) == 1 else {})
    raw = (await (await session.connection()).get_raw_connection()).driver_connection
    deferrer = runtime.jobs.configure_task(TASK, lock=LOCK, queue=QUEUE, connection=raw)
    row = ExportRow(
        id=export_id,
        job_id=await deferrer.defer_async(**arguments),
        asked=now_us(),
        actor=actor,
        sensors=sensors,
        span_from=asked.from_us,
        span_to=end,
        resolution=asked.resolution.value,
        format=asked.format.value,
        features=asked.features,
    )
    session.add(row)
    await session.flush()
    return _show(row, (await queue.read_some(session, [row.job_id])).get(row.job_id))


async def read(session: AsyncSession, export_id: UUID) -> ExportOut:
    """Return how an export stands.

    Raises:
        NotFoundError: no such export, or its time is over.
    """
    row = await _get(session, export_id)
    return _show(row, (await queue.read_some(session, [row.job_id])).get(row.job_id))


async def list_exports(session: AsyncSession, *, limit: int, before: str | None) -> ExportPage:
    """Return a page of exports, the newest first.

    Raises:
        InvalidError: ``before`` is not a ``next`` of another page.
    """
    query = select(ExportRow).order_by(ExportRow.asked.desc(), ExportRow.id.desc()).limit(limit + 1)
    if before is not None:
        asked, export_id = paging.decode(before, (int, UUID))
        query = query.where(
            tuple_(ExportRow.asked, ExportRow.id) < tuple_(literal(asked, MicrosecondTime()), export_id)
        )
    rows = list(await session.scalars(query))
    shown = rows[:limit]
    jobs = await queue.read_some(session, [row.job_id for row in shown])
    more = len(rows) > limit
    return ExportPage(
        items=[_show(row, jobs.get(row.job_id)) for row in shown],
        next=paging.encode(shown[-1].asked, shown[-1].id) if more else None,
    )


async def fetch(session: AsyncSession, runtime: Runtime, export_id: UUID) -> tuple[ExportOut, Iterator[bytes]]:
    """Return an export that is done and its file's content; that somebody took it is kept in the log of changes.

    Raises:
        NotFoundError: no such export, or its file is gone.
        ConflictError: it is not done.
        UnavailableError: the storage does not answer.
    """
    found = await read(session, export_id)
    row = await _get(session, export_id)
    if row.file is None:
        raise ConflictError(
            f"export {export_id} is {found.state}, there is no file"
            + ("; ask again when it is done" if found.state != "failed" else f": {found.error}; ask for it anew")
        )
    try:
        content = await asyncio.to_thread(ExportFiles.of(runtime).read, row.file)
    except FileNotFoundError:
        raise NotFoundError(
            f"the file of export {export_id} is missing in the data directory or where AUDIOSENSE_EXPORTS_URL says; "
            "ask for the export anew"
        ) from None
    await trail.note(session, "export", export_id, after={"rows": row.rows, "bytes": row.bytes})
    return found, content


async def remove(runtime: Runtime, export_id: UUID) -> None:
    """Delete an export and its file; one that is being written is dropped when it is.

    Raises:
        NotFoundError: no such export.
    """
    async with runtime.sessions.begin() as session:
        row = await _get(session, export_id, changing=True)
        name = row.file
        await session.delete(row)
    if name is not None:
        await asyncio.to_thread(ExportFiles.of(runtime).delete, name)


async def write(runtime: Runtime, export_id: UUID, attempt: Attempt) -> None:
    """Write an export into a file of its own each time, and name it in the transaction that ends the job.

    Raises:
        TakenOverError: the job was given to another worker meanwhile.
        TooLargeError: it is larger than exports may be.
        UnavailableError: the disk has no room for it.
        OSError: the storage cannot be written.
    """
    async with runtime.sessions() as session:
        row = await session.get(ExportRow, export_id)
        allowance = await Allowance.of(session, runtime.settings)
    if row is None:
        return
    number = 0 if attempt.job is None else attempt.job.attempts
    # Drawn anew: where a commit was done and its answer lost, the file that the row names is not this one.
    name = f"{export_id}-{number}-{secrets.token_hex(4)}.{row.format}"
    files = ExportFiles.of(runtime)
    rows, size = await _write_file(runtime, row, files.create(name), allowance, attempt)
    try:
        async with runtime.sessions.begin() as session:
            await attempt.finish(session)
            done = await session.get(ExportRow, export_id, with_for_update=True)
            if done is not None:
                done.file, done.rows, done.bytes = name, rows, size
                done.finished = now_us()
                done.expires = done.finished + runtime.settings.export_retention_days * DAY_US
    except TakenOverError:
        await asyncio.to_thread(files.delete, name)
        raise
    if done is None:
        await asyncio.to_thread(files.delete, name)
        return
    log.info("export written", export=str(export_id), rows=rows, bytes=size)


async def _write_file(
    runtime: Runtime, row: ExportRow, file: NewFile, allowance: Allowance, attempt: Attempt
) -> tuple[int, int]:
    """Return how many rows and bytes were written; what fails leaves nothing."""
    resolution = Resolution(row.resolution)
    span = Span(row.sensors[0], row.span_from, row.span_to)
    wanted = writing.Export(
        span, resolution, writing.Format(row.format), tuple(row.features), sensors=tuple(row.sensors)
    )
    rows = size = 0
    try:
        async with aclosing(writing.pieces(runtime.sessions, wanted)) as pieces:
            async for piece in pieces:
                allowance.take(len(piece.content))
                await asyncio.to_thread(file.write, piece.content)
                rows, size = piece.rows, size + len(piece.content)
                attempt.step("writing", piece.done)
        await asyncio.to_thread(file.close)
    except BaseException:
        await asyncio.to_thread(file.discard)
        raise
    return rows, size


async def clean(runtime: Runtime) -> int:
    """Delete exports whose time is over, with their files, and stray files; returns how many exports went."""
    await runtime.policies.refresh()
    async with runtime.sessions.begin() as session:
        over = _is_over(runtime.settings)
        gone = list(await session.scalars(delete(ExportRow).where(over).returning(ExportRow.file)))
    files = ExportFiles.of(runtime)
    for name in gone:
        if name is not None:
            await asyncio.to_thread(files.delete, name)
    async with runtime.sessions() as session:
        named = await session.scalars(select(ExportRow.file).where(ExportRow.file.is_not(None)))
        known = {name for name in named if name is not None}
    await asyncio.to_thread(files.sweep, known, STRAY_S)
    if gone:
        log.info("exports deleted", exports=len(gone))
    return len(gone)


async def count_over(session: AsyncSession, settings: Settings) -> tuple[int, int]:
    """Return how many exports ``clean`` would delete now, and how many bytes their files have."""
    size = func.coalesce(func.sum(ExportRow.bytes), 0)
    query = select(func.count().label("exports"), size.label("bytes")).where(_is_over(settings))
    found = (await session.execute(query)).one()
    return int(found.exports), int(found.bytes)


def _is_over(settings: Settings) -> ColumnElement[bool]:
    """One that never came to its end goes when as much time has passed since it was asked for."""
    now = now_us()
    at_work = exists().where(JOBS.c.id == ExportRow.job_id, AT_WORK)
    forgotten = ExportRow.asked < now - settings.export_retention_days * DAY_US
    return or_(ExportRow.expires < now, ExportRow.finished.is_(None) & forgotten & ~at_work)


async def _get(session: AsyncSession, export_id: UUID, *, changing: bool = False) -> ExportRow:
    row = await session.get(ExportRow, export_id, with_for_update=changing)
    if row is None:
        raise NotFoundError(f"there is no export {export_id}; it may have been deleted for its age")
    return row


def _show(row: ExportRow, job: JobOut | None) -> ExportOut:
    state = "done" if row.file is not None else "failed" if job is None else job.state
    return ExportOut(
        id=row.id,
        job_id=row.job_id,
        state=state,
        progress=1.0 if state == "done" else 0.0 if job is None else job.progress,
        error=None if job is None or state == "done" else job.error,
        actor=row.actor,
        asked_us=row.asked,
        sensors=row.sensors,
        from_us=row.span_from,
        to_us=row.span_to,
        resolution=Resolution(row.resolution),
        format=writing.Format(row.format),
        features=row.features,
        rows=row.rows,
        bytes=row.bytes,
        finished_us=row.finished,
        expires_us=row.expires,
    )
