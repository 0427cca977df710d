"""How PostgreSQL reads what a chart needs: only the partitions of its span, and those by their index."""

import re

import psycopg
import pytest
from storage_testing import hear, keep, roll_up

from audiosense_collector.clock import DAY_US, HOUR_US, now_us
from audiosense_collector.series import columns, sources
from audiosense_collector.series.plan import Resolution
from audiosense_collector.series.sources import Span
from audiosense_common.features import THIRD_OCTAVE_FEATURES


@pytest.fixture
def plans(monkeypatch):
    """The plan of each query that is read as columns, in the order in which they ran."""
    seen = []
    execute = psycopg.AsyncCursor.execute

    async def explain(cursor, query, parameters=None, **options):
        if isinstance(query, bytes) and b"array_send" in query:
            async with cursor.connection.cursor() as other:
                await execute(other, b"EXPLAIN " + query, parameters)
                seen.append("\n".join(row[0] for row in await other.fetchall()))
        return await execute(cursor, query, parameters, **options)

    monkeypatch.setattr(columns.psycopg.AsyncCursor, "execute", explain)
    return seen


async def test_a_chart_reads_the_partitions_of_its_span_by_their_index(runtime, make_agent, plans):
    sensors = [next(iter((await make_agent()).sensors.values())) for _ in range(3)]
    end = now_us()
    for seed, sensor in enumerate(sensors):
        await keep(runtime, sensor, hear(1_500, end - 3 * HOUR_US, seed=seed))
    await roll_up(runtime)
    async with runtime.sessions() as session:
        await (await session.connection()).exec_driver_sql("ANALYZE measurement, rollup_minute, rollup_hour")
        await session.commit()
        # Tables of a test are so small that reading all of them is cheaper: what counts is that the index serves.
        await (await session.connection()).exec_driver_sql("SET LOCAL enable_seqscan = off")
        short = Span(sensors[0], end - 2 * HOUR_US, end)
        await sources.read_raw(session, short, ["crest_db"])
        await sources.read_blocks(session, short, Resolution.RAW, THIRD_OCTAVE_FEATURES)
        week = Span(sensors[0], end - 7 * DAY_US, end)
        await sources.read_rolled(session, week, Resolution.MINUTE, ["crest_db"], HOUR_US)
        await sources.read_rolled(session, week, Resolution.HOUR, ["crest_db"], DAY_US)
    assert len(plans) == 4
    for plan, parts in zip(plans, (2, 2, 2, 1), strict=True):
        scanned = set(re.findall(r" on (\w+) m(?:_\d+)?\b", plan))
        assert 1 <= len(scanned) <= parts, plan
        assert "Seq Scan" not in plan, plan
