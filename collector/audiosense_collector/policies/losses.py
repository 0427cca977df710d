"""What a shorter retention would delete, told before it does; of measurements by the catalogue, without reading."""

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.analyses import retention as analyses
from audiosense_collector.clips import retention as clips
from audiosense_collector.clock import DAY_US
from audiosense_collector.db.migrate import Retention
from audiosense_collector.policies.schemas import Loss, PolicyName
from audiosense_collector.series.plan import minutes_since_us, raw_since_us
from audiosense_collector.settings import Settings
from audiosense_collector.storage.partitions import Partition, list_partitions

NOTHING = Loss(rows=0, days=0.0, bytes=0)
_LIVE = text("SELECT relname, n_live_tup FROM pg_stat_user_tables WHERE relname = ANY(:names)")
"""What was counted of a table since it was made: for those that were never analysed."""


async def loss_of(session: AsyncSession, settings: Settings, name: PolicyName, value: float) -> Loss:
    """Return what would go if a policy had a value, that now has another.

    Exports keep the time that they were given, so a shorter one deletes none; the other policies delete nothing.
    """
    if value >= getattr(settings, name.value):
        return NOTHING
    today = datetime.now(UTC).date()
    if name is PolicyName.RETENTION_DAYS:
        now, then = (raw_since_us(today, Retention(round(days))) for days in (settings.retention_days, value))
        return await _of_partitions(session, "measurement", now, then)
    if name is PolicyName.MINUTE_RETENTION_DAYS:
        kept = (settings.minute_retention_days, value)
        now, then = (minutes_since_us(today, Retention(minute_days=round(days))) for days in kept)
        return await _of_partitions(session, "rollup_minute", now, then)
    if name is PolicyName.CLIP_RETENTION_DAYS:
        rows, span_us, size = await clips.count_between(session, settings.clip_retention_days, round(value))
        return Loss(rows=rows, days=span_us / DAY_US, bytes=size)
    if name is PolicyName.ANALYSIS_RETENTION_DAYS:
        rows, span_us, size = await analyses.count_between(session, settings.analysis_retention_days, round(value))
        return Loss(rows=rows, days=span_us / DAY_US, bytes=size)
    return NOTHING


async def _of_partitions(session: AsyncSession, parent: str, now_us: int, then_us: int) -> Loss:
    gone = [each for each in await list_partitions(session, parent) if now_us < each.high_us <= then_us]
    unknown = [each.name for each in gone if each.rows < 0]
    live = {name: int(rows) for name, rows in await session.execute(_LIVE, {"names": unknown})}
    held = [(each, rows) for each in gone if (rows := _rows(each, live))]
    return Loss(
        rows=sum(rows for _, rows in held),
        days=sum(each.high_us - each.low_us for each, _ in held) / DAY_US,
        bytes=sum(each.bytes for each, _ in held),
    )


def _rows(partition: Partition, live: Mapping[str, int]) -> int:
    return partition.rows if partition.rows >= 0 else live.get(partition.name, 0)
