"""Deleting clips by age and by size; locked ones stay."""

import asyncio
from uuid import UUID

import structlog
from procrastinate import JobContext
from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clips import service
from audiosense_collector.clips.storage import ClipFiles
from audiosense_collector.clips.tables import Clip
from audiosense_collector.clock import DAY_US, now_us
from audiosense_collector.runtime import Runtime
from audiosense_collector.settings import Settings
from audiosense_collector.training.jobs import runtime_of
from audiosense_common.wire_clips import ClipKind

log = structlog.get_logger()
STRAY_S = 3_600.0
"""Files that no clip names are left for so long: their clip may be about to be stored."""


async def delete_old_clips(context: JobContext, timestamp: int) -> None:
    """Delete by the clock."""
    del timestamp
    await clean(runtime_of(context))


async def clean(runtime: Runtime) -> tuple[int, int]:
    """Delete clips that are too old, then the oldest while all take too much, then stray files.

    References go before the clips of events, and what was received first goes first. Returns how many clips went, and
    their bytes.
    """
    await runtime.policies.refresh()
    async with runtime.sessions.begin() as session:
        settings = runtime.settings
        found = await session.execute(delete(Clip).where(_too_old(settings)).returning(Clip.sha256, Clip.bytes))
        gone = [(row.sha256, row.bytes) for row in found]
        spent = await _beyond_size(session, settings)
        if spent is not None:
            found = await session.execute(delete(Clip).where(Clip.id.in_(spent)).returning(Clip.sha256, Clip.bytes))
            gone += [(row.sha256, row.bytes) for row in found]
    if gone:
        await service.delete_files(runtime, [sha256 for sha256, _ in gone])
        log.info("clips deleted", clips=len(gone))
    async with runtime.sessions.begin() as session:
        known = frozenset(await session.scalars(select(Clip.sha256)))
    await asyncio.to_thread(ClipFiles.of(runtime).sweep, known, STRAY_S)
    return len(gone), sum(size for _, size in gone)


async def count_old(session: AsyncSession, settings: Settings) -> tuple[int, int]:
    """Return how many clips would be deleted now, and their bytes."""
    old = _too_old(settings)
    spent = await _beyond_size(session, settings, without=old)
    chosen = old if spent is None else or_(old, Clip.id.in_(spent))
    counted = select(func.count(), func.coalesce(func.sum(Clip.bytes), 0)).where(chosen)
    count, size = (await session.execute(counted)).one()
    return int(count), int(size)


async def count_between(session: AsyncSession, days: int, fewer: int) -> tuple[int, int, int]:
    """Return how many clips would go if kept for fewer days, over how long (microseconds), and their bytes."""
    now = now_us()
    going = (Clip.received >= now - days * DAY_US, Clip.received < now - fewer * DAY_US, ~Clip.locked)
    size = func.coalesce(func.sum(Clip.bytes), 0)
    counted = select(func.count(), func.min(Clip.received), size).where(*going)
    count, oldest, total = (await session.execute(counted)).one()
    return int(count), 0 if oldest is None else now - fewer * DAY_US - oldest, int(total)


def _too_old(settings: Settings) -> ColumnElement[bool]:
    return and_(Clip.received < now_us() - settings.clip_retention_days * DAY_US, ~Clip.locked)


async def _beyond_size(
    session: AsyncSession, settings: Settings, *, without: ColumnElement[bool] | None = None
) -> Select[UUID] | None:
    """Return which clips go first while all but those ``without`` take too much; None if they do not."""
    there = true() if without is None else ~without
    used = int(await session.scalar(select(func.coalesce(func.sum(Clip.bytes), 0)).where(there)) or 0)
    surplus = used - settings.clip_max_bytes
    if surplus <= 0:
        return None
    order = (Clip.kind == ClipKind.EVENT.value, Clip.received, Clip.id)
    taken = func.sum(Clip.bytes).over(order_by=order) - Clip.bytes
    ranked = select(Clip.id, taken.label("before")).where(~Clip.locked, there).subquery()
    return select(ranked.c.id).where(ranked.c.before < surplus)
