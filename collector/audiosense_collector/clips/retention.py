"""Deleting clips by age and by size; locked ones stay."""

import asyncio

import structlog
from procrastinate import JobContext
from sqlalchemy import delete, func, select

from audiosense_collector.clips import service
from audiosense_collector.clips.storage import ClipFiles
from audiosense_collector.clips.tables import Clip
from audiosense_collector.clock import DAY_US, now_us
from audiosense_collector.runtime import Runtime
from audiosense_collector.training.jobs import runtime_of
from audiosense_common.wire_clips import ClipKind

log = structlog.get_logger()
STRAY_S = 3_600.0
"""Files that no clip names are left for so long: their clip may be about to be stored."""


async def delete_old_clips(context: JobContext, timestamp: int) -> None:
    """Delete by the clock."""
    del timestamp
    await clean(runtime_of(context))


async def clean(runtime: Runtime) -> int:
    """Delete clips that are too old, then the oldest while all take too much, then stray files.

    References go before the clips of events, and what was received first goes first. Returns how many clips went.
    """
    oldest = now_us() - runtime.settings.clip_retention_days * DAY_US
    async with runtime.sessions.begin() as session:
        statement = delete(Clip).where(Clip.received < oldest, ~Clip.locked).returning(Clip.sha256)
        gone = list(await session.scalars(statement))
        used = int(await session.scalar(select(func.coalesce(func.sum(Clip.bytes), 0))) or 0)
        surplus = used - runtime.settings.clip_max_bytes
        order = (Clip.kind == ClipKind.EVENT.value, Clip.received, Clip.id)
        taken = func.sum(Clip.bytes).over(order_by=order) - Clip.bytes
        ranked = select(Clip.id, taken.label("before")).where(~Clip.locked).subquery()
        if surplus > 0:
            spent = select(ranked.c.id).where(ranked.c.before < surplus)
            gone += await session.scalars(delete(Clip).where(Clip.id.in_(spent)).returning(Clip.sha256))
    if gone:
        await service.delete_files(runtime, gone)
        log.info("clips deleted", clips=len(gone))
    async with runtime.sessions.begin() as session:
        known = frozenset(await session.scalars(select(Clip.sha256)))
    await asyncio.to_thread(ClipFiles.of(runtime).sweep, known, STRAY_S)
    return len(gone)
