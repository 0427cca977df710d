"""The rules of credentials: one is current, a new one takes its place with its first use, old ones stay known."""

import secrets
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.agents.keys import digest
from audiosense_collector.agents.tables import Agent, AgentCredential, CredentialState
from audiosense_collector.clock import DAY_US, now_us

CREDENTIAL_BYTES = 32


@dataclass(frozen=True, slots=True)
class Recognised:
    """The agent that a credential is of; ``retired`` is the credential's row if another one has replaced it."""

    agent: Agent
    retired: AgentCredential | None = None


def new_secret() -> str:
    """Draw a credential; only its digest is kept."""
    return secrets.token_urlsafe(CREDENTIAL_BYTES)


async def recognise(session: AsyncSession, secret: str, *, overlap_us: int) -> Recognised | None:
    """Return the agent of a credential, and its row if it was replaced; None if it is unknown.

    A pending one becomes current here: that it is used shows that its agent has it on disk. One that was not used
    within ``overlap_us`` has lapsed and is unknown; the agent still has the one before.
    """
    sha256 = digest(secret)
    current = select(Agent).where(Agent.credential_sha256 == sha256)
    agent = await session.scalar(current)
    if agent is not None:
        return await _first_use(session, agent, sha256)
    agent_id = await session.scalar(select(AgentCredential.agent_id).where(AgentCredential.sha256 == sha256))
    if agent_id is not None:
        return await _recognise_other(session, agent_id, sha256, overlap_us)
    # Another request may have promoted it between the two queries.
    agent = await session.scalar(current)
    return None if agent is None else await _first_use(session, agent, sha256)


async def _first_use(session: AsyncSession, agent: Agent, sha256: bytes) -> Recognised | None:
    """Forget the attempt to enrol that made an agent: that its credential is used shows that the answer came."""
    if agent.enrolment_sha256 is None:
        return Recognised(agent)
    # The attempt may have been made again meanwhile, and the credential with it; then this one is void.
    still = update(Agent).where(Agent.id == agent.id, Agent.credential_sha256 == sha256)
    found = await session.scalar(still.values(enrolment_sha256=None).returning(Agent.id))
    return None if found is None else Recognised(agent)


async def _recognise_other(session: AsyncSession, agent_id: UUID, sha256: bytes, overlap_us: int) -> Recognised | None:
    """Do so under the agent's lock: another request may have promoted or replaced the credential meanwhile."""
    agent = await session.get(Agent, agent_id, with_for_update=True, populate_existing=True)
    if agent is None:
        return None
    if agent.credential_sha256 == sha256:
        return Recognised(agent)
    query = select(AgentCredential).where(AgentCredential.sha256 == sha256).execution_options(populate_existing=True)
    row = await session.scalar(query)
    if row is None or (row.state == CredentialState.PENDING and row.since + overlap_us < now_us()):
        return None
    if row.state == CredentialState.RETIRED:
        return Recognised(agent, row)
    await _promote(session, agent, row)
    return Recognised(agent)


async def find_retired(session: AsyncSession, sha256: bytes) -> AgentCredential | None:
    """Return a replaced credential's row as it is now; to be called under its agent's lock."""
    return await session.get(AgentCredential, sha256, populate_existing=True)


async def issue(session: AsyncSession, agent: Agent) -> str:
    """Give a locked agent its next credential; one that was given before and not used yet is void.

    Returns:
        The credential; this is the only time that it is known.
    """
    await void_pending(session, agent.id)
    secret = new_secret()
    pending = CredentialState.PENDING.value
    session.add(AgentCredential(sha256=digest(secret), agent_id=agent.id, state=pending, since=now_us()))
    return secret


async def void_pending(session: AsyncSession, agent_id: UUID) -> None:
    """Make the credential void that was given out and not used yet."""
    pending = AgentCredential.state == CredentialState.PENDING.value
    await session.execute(delete(AgentCredential).where(AgentCredential.agent_id == agent_id, pending))


async def forget_takers(session: AsyncSession, agent: Agent) -> None:
    """Forget whose batches were taken under a locked agent's credentials: one copy was chosen, the others are known."""
    agent.takers = None
    await session.execute(update(AgentCredential).where(AgentCredential.agent_id == agent.id).values(takers=None))


def is_due(agent: Agent, days: int, now: int) -> bool:
    """Whether an agent should ask for a new credential: an administrator wants it, or it is ``days`` old (0: never)."""
    age_us = now - (agent.created if agent.credential_since is None else agent.credential_since)
    return agent.rotation_asked is not None or 0 < days * DAY_US <= age_us


async def _promote(session: AsyncSession, agent: Agent, row: AgentCredential) -> None:
    now = now_us()
    new, old = row.sha256, agent.credential_sha256
    await session.delete(row)
    retired = CredentialState.RETIRED.value
    session.add(AgentCredential(sha256=old, agent_id=agent.id, state=retired, since=now, takers=agent.takers))
    agent.credential_sha256, agent.credential_since, agent.takers = new, now, None
    # Only the accepted copy can have been given it: from now on the credential itself tells the copies apart.
    agent.rotation_asked = agent.accepted_instance = None
