"""The rules of gaps: kept under the name that the agent gave, so that one that is told twice counts once."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.agents.tables import Agent
from audiosense_collector.errors import NotFoundError
from audiosense_collector.gaps.schemas import GapOut, GapPage
from audiosense_collector.gaps.tables import GapRow
from audiosense_collector.machines.tables import Sensor
from audiosense_common.wire_gaps import Gap

RESCUED = "rescued"
_NAME = [GapRow.agent_id, GapRow.epoch, GapRow.number]
_TOLD = ("sensor_id", "reason", "windows", "first", "last", "first_seq", "last_seq", "told")


async def keep(
    session: AsyncSession, agent_id: UUID, own_sensors: Collection[UUID], gaps: Sequence[Gap], now: int
) -> None:
    """Keep what an agent told it lost; one that it tells again, as it was or grown, replaces itself.

    Args:
        session: in whose transaction the agent is locked.
        agent_id: who told.
        own_sensors: its sensors; a gap of another is kept as nobody's.
        gaps: what it told.
        now: when, UTC microseconds.
    """
    rows = {(gap.epoch, gap.number): _row(agent_id, own_sensors, gap, now) for gap in gaps}
    if not rows:
        return
    told = insert(GapRow).values(list(rows.values()))
    changes = {name: told.excluded[name] for name in _TOLD}
    await session.execute(told.on_conflict_do_update(index_elements=_NAME, set_=changes))


async def of_sensor(session: AsyncSession, sensor_id: UUID, limit: int, before: int | None) -> GapPage:
    """Return a page of a sensor's gaps.

    Raises:
        NotFoundError: no such sensor.
    """
    if await session.get(Sensor, sensor_id) is None:
        raise NotFoundError(f"there is no sensor {sensor_id}")
    return await _page(session, GapRow.sensor_id == sensor_id, limit, before)


async def of_agent(session: AsyncSession, agent_id: UUID, limit: int, before: int | None) -> GapPage:
    """Return a page of an agent's gaps, those that are of no known sensor among them.

    Raises:
        NotFoundError: no such agent.
    """
    if await session.get(Agent, agent_id) is None:
        raise NotFoundError(f"there is no agent {agent_id}")
    return await _page(session, GapRow.agent_id == agent_id, limit, before)


async def _page(session: AsyncSession, whose: ColumnElement[bool], limit: int, before: int | None) -> GapPage:
    query = select(GapRow).where(whose).order_by(GapRow.id.desc()).limit(limit + 1)
    if before is not None:
        query = query.where(GapRow.id < before)
    rows = list(await session.scalars(query))
    lost = case((GapRow.reason == RESCUED, -GapRow.windows), else_=GapRow.windows)
    total = await session.scalar(select(func.coalesce(func.sum(lost), 0)).where(whose))
    return GapPage(
        items=[_show(row) for row in rows[:limit]],
        next=rows[limit - 1].id if len(rows) > limit else None,
        windows_lost=int(total or 0),
    )


def _row(agent_id: UUID, own_sensors: Collection[UUID], gap: Gap, now: int) -> dict[str, Any]:
    return {
        "agent_id": agent_id,
        "epoch": gap.epoch,
        "number": gap.number,
        "sensor_id": gap.sensor if gap.sensor in own_sensors else None,
        "reason": gap.reason,
        "windows": gap.windows,
        "first": gap.first_us,
        "last": gap.last_us,
        "first_seq": gap.first_seq,
        "last_seq": gap.last_seq,
        "told": now,
    }


def _show(row: GapRow) -> GapOut:
    return GapOut(
        id=row.id,
        agent_id=row.agent_id,
        sensor_id=row.sensor_id,
        epoch=row.epoch,
        number=row.number,
        reason=row.reason,
        windows=row.windows,
        first_us=row.first,
        last_us=row.last,
        first_seq=row.first_seq,
        last_seq=row.last_seq,
        told_us=row.told,
    )
