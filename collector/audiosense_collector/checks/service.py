"""The rules of self-checks: kept as told last, with the time of their last change."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import and_, case, delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector import paging
from audiosense_collector.agents.tables import Agent
from audiosense_collector.checks.schemas import CheckOut, CheckPage
from audiosense_collector.checks.tables import AgentCheck
from audiosense_collector.clock import SECOND_US
from audiosense_collector.errors import NotFoundError
from audiosense_collector.machines.tables import Sensor
from audiosense_common.wire_checks import Check, CheckState

STALE_US = 300 * SECOND_US
"""After this long without being told a sensor's health is unknown; agents tell it every minute."""
NO_HEALTH = frozenset({"model"})
"""Checks of a sensor that say nothing of whether it hears."""
_BY_NEED = (CheckState.FAILED, CheckState.WARNING, CheckState.OK, CheckState.UNKNOWN)
_RANK = case({state.value: rank for rank, state in enumerate(_BY_NEED)}, value=AgentCheck.state)
_ROWS_AT_ONCE = 1_000


async def keep(
    session: AsyncSession, agent_id: UUID, own_sensors: Mapping[UUID, Sensor], checks: Iterable[Check], now: int
) -> None:
    """Keep what an agent told of itself: all of its checks. Those that it no longer tells are forgotten.

    Args:
        session: in whose transaction the agent is locked.
        agent_id: who told.
        own_sensors: its sensors, which the caller writes; checks of others are left out.
        checks: what it told.
        now: when, UTC microseconds.
    """
    rows: dict[tuple[UUID, str], dict[str, Any]] = {}
    for check in checks:
        if check.sensor is None or check.sensor in own_sensors:
            subject = check.sensor or agent_id
            rows[subject, check.key] = _row(agent_id, subject, check, now)
    fine = {subject for (subject, key), row in rows.items() if row["state"] == CheckState.OK and key not in NO_HEALTH}
    for sensor_id, sensor in own_sensors.items():
        sensor.health_told = now if sensor_id in fine else None
    values = list(rows.values())
    for start in range(0, len(values), _ROWS_AT_ONCE):
        await _upsert(session, values[start : start + _ROWS_AT_ONCE])
    await session.execute(delete(AgentCheck).where(AgentCheck.agent_id == agent_id, AgentCheck.told < now))


async def forget(session: AsyncSession, subjects: Collection[UUID]) -> None:
    """Drop what was told of sensors whose agent is no more; the next one tells anew."""
    await session.execute(delete(AgentCheck).where(AgentCheck.subject.in_(subjects)))
    await session.execute(update(Sensor).where(Sensor.id.in_(subjects)).values(health_told=None))


async def page_checks(session: AsyncSession, agent_id: UUID, *, limit: int, after: str | None) -> CheckPage:
    """Return a page of an agent's checks, the worst first.

    Raises:
        NotFoundError: no such agent.
        InvalidError: ``after`` is not a ``next`` of another page.
    """
    if await session.get(Agent, agent_id) is None:
        raise NotFoundError(f"there is no agent {agent_id}")
    query = select(AgentCheck).where(AgentCheck.agent_id == agent_id)
    if after is not None:
        place = paging.decode(after, (int, str, UUID), loc="after")
        query = query.where(tuple_(_RANK, AgentCheck.key, AgentCheck.subject) > tuple_(*place))
    query = query.order_by(_RANK, AgentCheck.key, AgentCheck.subject).limit(limit + 1)
    rows = list(await session.scalars(query))
    last = rows[limit - 1] if len(rows) > limit else None
    return CheckPage(
        items=[_show(row) for row in rows[:limit]],
        next=None if last is None else paging.encode(_BY_NEED.index(CheckState(last.state)), last.key, last.subject),
    )


def _show(row: AgentCheck) -> CheckOut:
    return CheckOut(
        key=row.key,
        sensor_id=None if row.subject == row.agent_id else row.subject,
        state=CheckState(row.state),
        cause=row.cause,
        evidence=row.evidence,
        remedy=row.remedy,
        since_us=row.since,
        told_us=row.told,
    )


def _row(agent_id: UUID, subject: UUID, check: Check, now: int) -> dict[str, Any]:
    return {
        "agent_id": agent_id,
        "subject": subject,
        "key": check.key,
        "state": check.state.value,
        "cause": check.cause,
        "evidence": [figure.model_dump(mode="json") for figure in check.evidence],
        "remedy": check.remedy,
        "since": now,
        "told": now,
    }


async def _upsert(session: AsyncSession, rows: list[dict[str, Any]]) -> None:
    told = insert(AgentCheck).values(rows)
    new = told.excluded
    same = and_(AgentCheck.state == new.state, AgentCheck.cause.is_not_distinct_from(new.cause))
    changes: dict[str, Any] = {name: new[name] for name in ("state", "cause", "evidence", "remedy", "told")}
    changes["since"] = case((same, AgentCheck.since), else_=new.since)
    keys = [AgentCheck.agent_id, AgentCheck.subject, AgentCheck.key]
    await session.execute(told.on_conflict_do_update(index_elements=keys, set_=changes))
