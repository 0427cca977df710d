"""The partitions of measurements and of minutes, as the catalogue has them."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import to_us

_NAMES = {
    "measurement": re.compile(r"measurement_(\d{4})(\d{2})(\d{2})"),
    "rollup_minute": re.compile(r"rollup_minute_(\d{4})(\d{2})()"),
}
PARENTS = tuple(_NAMES)
# Partitions by their name, attached or left alone by a drop that was cut short; sizes with indexes. The number of rows
# is what the planner believes, -1 before the first analysis.
_LIST = text("""
SELECT c.relname AS name, i.inhparent IS NOT NULL AS attached, c.reltuples::bigint AS rows,
    pg_total_relation_size(c.oid) AS bytes
FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = to_regclass(:parent)
WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND c.relname ~ :pattern
ORDER BY c.relname
""")


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition and its span of time, UTC microseconds; ``rows`` is an estimate, -1 where there is none."""

    parent: str
    name: str
    low_us: int
    high_us: int
    attached: bool
    rows: int
    bytes: int


async def list_partitions(session: AsyncSession, parent: str) -> list[Partition]:
    """Return the partitions of a table by time, the default one not among them."""
    pattern = _NAMES[parent]
    rows = await session.execute(_LIST, {"parent": parent, "pattern": f"^{pattern.pattern}$"})
    found = []
    for name, attached, count, size in rows:
        match = pattern.fullmatch(name)
        assert match is not None
        low, high = _bounds(*match.groups())
        found.append(Partition(parent, name, low, high, attached, count, size))
    return found


def _bounds(year: str, month: str, day: str) -> tuple[int, int]:
    first = date(int(year), int(month), int(day or 1))
    last = first + timedelta(days=1) if day else (first + timedelta(days=32)).replace(day=1)
    low, high = (datetime(each.year, each.month, each.day, tzinfo=UTC) for each in (first, last))
    return to_us(low), to_us(high)
