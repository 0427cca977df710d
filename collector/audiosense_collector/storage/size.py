"""How much the database holds, of what, and how fast it grows."""

from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import DAY_US
from audiosense_collector.storage.ordering import HOURS, MINUTES, RAW, ordered_before_us
from audiosense_collector.storage.partitions import PARENTS, Partition, list_partitions

# Rows are estimates of the planner; those of a table that was never analysed count as none.
_TABLES = text("""
SELECT root.relname AS name, count(*) FILTER (WHERE t.isleaf) AS partitions,
    coalesce(sum(greatest(c.reltuples, 0)) FILTER (WHERE t.isleaf), 0)::bigint AS rows,
    coalesce(sum(pg_table_size(c.oid)) FILTER (WHERE t.isleaf), 0)::bigint AS table_bytes,
    coalesce(sum(pg_indexes_size(c.oid)) FILTER (WHERE t.isleaf), 0)::bigint AS index_bytes
FROM pg_class root
CROSS JOIN LATERAL pg_partition_tree(root.oid) AS t
JOIN pg_class c ON c.oid = t.relid
WHERE root.relnamespace = current_schema()::regnamespace AND root.relkind IN ('r', 'p') AND NOT root.relispartition
GROUP BY root.relname
""")
# A plain table has no partition tree: it is its own.
_PLAIN = text("""
SELECT c.relname AS name, 0 AS partitions, greatest(c.reltuples, 0)::bigint AS rows,
    pg_table_size(c.oid) AS table_bytes, pg_indexes_size(c.oid) AS index_bytes
FROM pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
""")
_SENSORS = text("SELECT count(*) FROM sensor WHERE last_time >= now() - interval '1 day'")


@dataclass(frozen=True, slots=True)
class TableSize:
    """A table with its partitions; ``rows`` is an estimate."""

    name: str
    partitions: int
    rows: int
    table_bytes: int
    index_bytes: int


@dataclass(slots=True)
class Size:
    """What the database holds.

    ``bytes_a_day`` and ``rows_a_day`` are those of the newest full day or month of each partitioned table, 0 where
    there is none yet; ``sensors`` counts those that were heard within a day; before ``ordered_before_us`` minutes lie
    side by side, before the other two hours and raw measurements, None before that was begun.
    """

    tables: list[TableSize]
    partitions: list[Partition]
    database_bytes: int
    sensors: int
    ordered_before_us: int | None = None
    hours_ordered_before_us: int | None = None
    raw_ordered_before_us: int | None = None
    bytes_a_day: dict[str, float] = field(default_factory=dict)
    rows_a_day: dict[str, float] = field(default_factory=dict)


async def read_size(session: AsyncSession, now_us: int) -> Size:
    """Measure the database; large tables cost no more than small ones."""
    found = [TableSize(*row) for row in await session.execute(_TABLES) if row.partitions]
    found += [TableSize(*row) for row in await session.execute(_PLAIN)]
    found.sort(key=lambda each: (-each.table_bytes - each.index_bytes, each.name))
    partitions = [each for parent in PARENTS for each in await list_partitions(session, parent)]
    size = Size(
        tables=found,
        partitions=partitions,
        database_bytes=int(await session.scalar(text("SELECT pg_database_size(current_database())")) or 0),
        sensors=int(await session.scalar(_SENSORS) or 0),
        ordered_before_us=await ordered_before_us(session, MINUTES),
        hours_ordered_before_us=await ordered_before_us(session, HOURS),
        raw_ordered_before_us=await ordered_before_us(session, RAW),
    )
    for parent in PARENTS:
        full = [each for each in partitions if each.parent == parent and each.rows > 0 and each.high_us <= now_us]
        newest = max(full, key=lambda each: each.low_us, default=None)
        days = 1.0 if newest is None else (newest.high_us - newest.low_us) / DAY_US
        size.bytes_a_day[parent] = 0.0 if newest is None else newest.bytes / days
        size.rows_a_day[parent] = 0.0 if newest is None else newest.rows / days
    return size
