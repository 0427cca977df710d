"""The rules of credentials: one is current, a new one takes its place with its first use, old ones stay known."""

import secrets
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.agents.keys import digest
from audiosense_collector.agents.tables import Agent, AgentCredential, CredentialState
from audiosense_collector.clock import DAY_US, now_us

CREDENTIAL_BYTES = 32


def new_secret() -> str:
    """Draw a credential; only its digest is kept."""
    return secrets.token_urlsafe(CREDENTIAL_BYTES)


async def recognise(session: AsyncSession, secret: str, *, overlap_us: int) -> tuple[Agent, bool] | None:
    """Return the agent of a credential and whether the credential is current; None if it is unknown.

    A pending one becomes current here: that it is used shows that its agent has it on disk. One that was not used
    within ``overlap_us`` has lapsed and is unknown; the agent still has the one before.
    """
    sha256 = digest(secret)
    current = select(Agent).where(Agent.credential_sha256 == sha256)
    agent = await session.scalar(current)
    if agent is not None:
        return agent, True
    agent_id = await session.scalar(select(AgentCredential.agent_id).where(AgentCredential.sha256 == sha256))
    if agent_id is not None:
        return await _recognise_other(session, agent_id, sha256, overlap_us)
    # Another request may have promoted it between the two queries.
    agent = await session.scalar(current)
    return None if agent is None else (agent, True)


async def _recognise_other(
    session: AsyncSession, agent_id: UUID, sha256: bytes, overlap_us: int
) -> tuple[Agent, bool] | None:
    """Do so under the agent's lock: another request may have promoted or replaced the credential meanwhile."""
    agent = await session.get(Agent, agent_id, with_for_update=True, populate_existing=True)
    if agent is None:
        return None
    if agent.credential_sha256 == sha256:
        return agent, True
    query = select(AgentCredential).where(AgentCredential.sha256 == sha256).execution_options(populate_existing=True)
    row = await session.scalar(query)
    if row is None or (row.state == CredentialState.PENDING and row.since + overlap_us < now_us()):
        return None
    if row.state == CredentialState.RETIRED:
        return agent, False
    await _promote(session, agent, row)
    return agent, True


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


def is_due(agent: Agent, days: int, now: int) -> bool:
    """Whether an agent should ask for a new credential: an administrator wants it, or it is ``days`` old (0: never)."""
    age_us = now - (agent.created if agent.credential_since is None else agent.credential_since)
    return agent.rotation_asked is not None or 0 < days * DAY_US <= age_us


async def _promote(session: AsyncSession, agent: Agent, row: AgentCredential) -> None:
    now = now_us()
    new, old = row.sha256, agent.credential_sha256
    await session.delete(row)
    session.add(AgentCredential(sha256=old, agent_id=agent.id, state=CredentialState.RETIRED.value, since=now))
    agent.credential_sha256, agent.credential_since = new, now
    # Only the accepted copy can have been given it: from now on the credential itself tells the copies apart.
    agent.rotation_asked = agent.accepted_instance = None
