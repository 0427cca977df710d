"""One agent takes the place of another that is dead: its sensors, with their history and models."""

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.agents import administration
from audiosense_collector.agents.tables import Agent, AgentState, EnrolmentKeyRow
from audiosense_collector.checks import service as checks
from audiosense_collector.errors import ConflictError, ForbiddenError
from audiosense_collector.machines import registration


@dataclass(frozen=True, slots=True)
class Succession:
    """Names of the sensors that were taken over, and of those that stay with the replaced agent."""

    taken_over: list[str] = field(default_factory=list)
    left_behind: list[str] = field(default_factory=list)


async def find(session: AsyncSession, wanted: str, key: EnrolmentKeyRow) -> Agent:
    """Return the agent that is to be replaced, locked.

    Raises:
        ForbiddenError: the key is not for that.
        NotFoundError: there is no such agent.
        ConflictError: there are several, or it was replaced before.
    """
    if not key.may_replace:
        raise ForbiddenError(
            "this enrolment key may not replace an agent: who has it could take over any machine's history; create one "
            "that may: audiosense-collector enrolment-key create --may-replace",
            kind="key_may_not_replace",
        )
    agent = await administration.lock_any(session, await administration.find(session, wanted))
    if agent.replaced_by is not None:
        raise ConflictError(f"agent {wanted!r} was replaced before, by {agent.replaced_by}; replace that one")
    return agent


async def replace(session: AsyncSession, old: Agent, new: Agent, names: Collection[str]) -> Succession:
    """Give the sensors of those names to the new agent, as they are, and revoke the old one."""
    moved, left = await registration.move(session, old.id, new.id, names)
    await checks.forget(session, [sensor.id for sensor in moved])
    old.state, old.replaced_by = AgentState.REVOKED.value, new.id
    old.state_reason = f"replaced by {new.name} ({new.id})"
    return Succession(sorted(sensor.name for sensor in moved), sorted(sensor.name for sensor in left))
