"""Deleting analyses that are older than they are to be kept."""

from sqlalchemy import ColumnElement, Table, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.analyses.tables import Analysis
from audiosense_collector.clock import DAY_US, now_us
from audiosense_collector.settings import Settings


async def delete_old(session: AsyncSession, settings: Settings) -> int:
    """Delete what is too old, and return how many analyses that were."""
    table = Analysis.__table__
    assert isinstance(table, Table)
    # The table's own statement, not the ORM's: the log of changes would read each row whole, up to a megabyte.
    gone = await session.execute(table.delete().where(_too_old(settings)).returning(table.c.id))
    return len(gone.all())


async def count_old(session: AsyncSession, settings: Settings) -> int:
    """Return how many analyses would be deleted now."""
    return int(await session.scalar(select(func.count()).select_from(Analysis).where(_too_old(settings))) or 0)


async def count_between(session: AsyncSession, days: int, fewer: int) -> tuple[int, int, int]:
    """Return how many analyses would go if kept for fewer days, over how long (microseconds), and their bytes."""
    now = now_us()
    stored = (Analysis.result, Analysis.matrix, Analysis.picture)
    # As it lies in the table, compressed: nothing is unpacked to be measured.
    size = sum((func.coalesce(func.pg_column_size(column), 0) for column in stored), start=literal(0))
    going = (Analysis.created >= now - days * DAY_US, Analysis.created < now - fewer * DAY_US)
    counted = select(func.count(), func.min(Analysis.created), func.coalesce(func.sum(size), 0)).where(*going)
    count, oldest, total = (await session.execute(counted)).one()
    return int(count), 0 if oldest is None else now - fewer * DAY_US - oldest, int(total)


def _too_old(settings: Settings) -> ColumnElement[bool]:
    return Analysis.created < now_us() - settings.analysis_retention_days * DAY_US
