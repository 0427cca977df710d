"""How many pages, rows and milliseconds of planning the queries behind charts take: for ``benchmarks.queries``.

Pages are counted by PostgreSQL itself (EXPLAIN with ANALYZE and BUFFERS), cached ones too, and are the same whatever
else the machine has to do.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from audiosense_collector.db.engine import Sessions
from audiosense_collector.db.migrate import Retention
from audiosense_collector.series import service
from audiosense_collector.series.service import Wanted

Asked = tuple[str, Mapping[str, str | int]]
"""A chart's path and parameters."""
EXPLAIN = b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "


@dataclass(frozen=True, slots=True)
class Plan:
    """What reading a chart's rows took: ``pages`` of 8 KiB, ``rows``, milliseconds of planning and of running."""

    pages: float
    rows: float
    planning_ms: float
    running_ms: float


class Explaining(psycopg.AsyncCursor[Any]):
    """A cursor that has each query of columns explained before it runs it."""

    async def execute(self, query: Any, params: Any = None, **more: Any) -> Any:
        """Run a query; see psycopg."""
        if isinstance(query, bytes) and b"array_send(" in query:
            async with psycopg.AsyncCursor(self.connection) as other:
                await other.execute(EXPLAIN + query, params)
                row = await other.fetchone()
            assert row is not None
            _found.append(_plan(row[0][0]))
        return await super().execute(query, params, **more)


_found: list[Plan] = []


def explain(url: str, retention: Retention, asked: Mapping[str, list[Asked]]) -> dict[str, Plan]:
    """Return the median plan of the charts under each name."""
    return asyncio.run(_explain(url, retention, asked))


async def _explain(url: str, retention: Retention, asked: Mapping[str, list[Asked]]) -> dict[str, Plan]:
    engine = create_async_engine(url, connect_args={"options": "-c timezone=UTC", "cursor_factory": Explaining})
    try:
        sessions: Sessions = async_sessionmaker(engine, expire_on_commit=False)
        plans = {}
        for name, charts in asked.items():
            _found.clear()
            for chart in charts:
                await _read(sessions, retention, chart)
            figures = [(each.pages, each.rows, each.planning_ms, each.running_ms) for each in _found]
            plans[name] = Plan(*np.median(figures, axis=0).tolist())
        return plans
    finally:
        await engine.dispose()


async def _read(sessions: Sessions, retention: Retention, chart: Asked) -> None:
    path, parameters = chart
    *_, sensor, kind = path.split("/")
    points = parameters["points" if kind == "series" else "columns"]
    names = [name for name in str(parameters.get("features", "")).split(",") if name]
    wanted = Wanted(UUID(sensor), int(parameters["from_us"]), int(parameters["to_us"]), int(points), names)
    read = service.read_series if kind == "series" else service.read_bands
    async with sessions() as session:
        await read(session, wanted, retention)


def _plan(explained: dict[str, Any]) -> Plan:
    node = explained["Plan"]
    pages = node["Shared Hit Blocks"] + node["Shared Read Blocks"]
    return Plan(pages, _rows(node), explained["Planning Time"], explained["Execution Time"])


def _rows(node: dict[str, Any]) -> float:
    """Return how many rows the node has that gives most of them."""
    own = float(node["Actual Rows"]) * float(node["Actual Loops"])
    return max([own, *map(_rows, node.get("Plans", []))])
