"""What an administrator does with agents: list, revoke, accept, ask for a new credential."""

from typing import Literal
from uuid import UUID

from sqlalchemy import Select, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector import paging
from audiosense_collector.agents import copies, credentials, link_quality
from audiosense_collector.agents.schemas import AgentOut, AgentPage, AgentSensor, CopyOut, Evidence, Successor
from audiosense_collector.agents.tables import Agent, AgentCopy, AgentCredential, AgentState, CredentialState
from audiosense_collector.clock import now_us
from audiosense_collector.db.base import MicrosecondTime
from audiosense_collector.errors import ConflictError, NotFoundError
from audiosense_collector.machines.tables import Machine, Sensor

_SHORTEST_ID = 8
_LIST = "`audiosense-collector agents list` lists them"


async def find(session: AsyncSession, wanted: str) -> UUID:
    """Return the agent of a name, an id, or the first eight or more characters of an id.

    A name means no agent that was replaced: its successor often has the same.

    Raises:
        NotFoundError: there is none.
        ConflictError: several have that name; the message names them.
    """
    rows = list(await session.scalars(select(Agent).order_by(Agent.created)))
    text = wanted.strip().lower()
    named = [
        row
        for row in rows
        if (row.name == wanted and row.replaced_by is None)
        or (len(text) >= _SHORTEST_ID and str(row.id).startswith(text))
    ]
    if not named:
        raise NotFoundError(f"there is no agent {wanted!r}; {_LIST}")
    if len(named) > 1:
        found = ", ".join(f"{row.id} ({row.state})" for row in named)
        raise ConflictError(f"{len(named)} agents are named {wanted!r}: {found}; give one's id instead of the name")
    return named[0].id


async def revoke(session: AsyncSession, agent_id: UUID) -> None:
    """Refuse an agent from its next request on; it keeps its data.

    Raises:
        NotFoundError: no such agent.
    """
    agent = await lock_any(session, agent_id)
    if agent.state != AgentState.REVOKED:
        agent.state, agent.state_reason = AgentState.REVOKED.value, "revoked by an administrator"


async def accept(session: AsyncSession, agent_id: UUID, copy: UUID | None = None) -> None:
    """Take a revoked agent in again, or one of a quarantined agent's copies.

    The copy goes on where it stopped, whatever token it has, and gets a new credential with its next answer; from then
    on every other copy is refused. A copy of an active agent can be accepted too: it takes the active one's place.

    Raises:
        NotFoundError: no such agent.
        ConflictError: it has no such copy, several of which none was named, nothing to be accepted, or was replaced.
    """
    agent = await lock_any(session, agent_id)
    if agent.replaced_by is not None:
        raise ConflictError(
            f"agent {agent.name!r} was {agent.state_reason}, which has its sensors; enrol it again",
            kind="was_replaced",
        )
    known = list(await session.scalars(select(AgentCopy.instance).where(AgentCopy.agent_id == agent_id)))
    if copy is not None and copy not in known:
        raise ConflictError(
            f"agent {agent.name!r} has no copy {copy}, or another was accepted meanwhile; {_LIST} with their copies",
            kind="no_such_copy",
        )
    if copy is None and agent.state == AgentState.ACTIVE:
        raise ConflictError(
            f"agent {agent.name!r} is active; only a copy of it can be accepted, and none was named",
            kind="already_active",
        )
    if copy is None and agent.state == AgentState.QUARANTINED:
        if len(known) > 1:
            raise ConflictError(
                f"agent {agent.name!r} has {len(known)} copies and one of them must be named: "
                f"{', '.join(str(each) for each in known)}; {_LIST} with what is known of each",
                kind="copy_not_named",
            )
        copy = next(iter(known), None)
    taking_over = copy is not None or agent.state == AgentState.QUARANTINED
    agent.state, agent.state_reason, agent.quarantine_evidence = AgentState.ACTIVE.value, None, None
    if taking_over:
        await credentials.void_pending(session, agent_id)
        await credentials.forget_takers(session, agent)
        await copies.forget(session, agent_id)
        agent.token, agent.accepted_instance, agent.rotation_asked = None, copy, now_us()


async def ask_rotation(session: AsyncSession, agent_id: UUID) -> None:
    """Tell an agent with its next answer to get itself a new credential.

    Raises:
        NotFoundError: no such agent.
        ConflictError: it is not active, so that no answer reaches it.
    """
    agent = await lock_any(session, agent_id)
    if agent.state != AgentState.ACTIVE:
        raise ConflictError(
            f"agent {agent.name!r} is {agent.state}; accept it first, only an active agent is answered",
            kind="not_active",
        )
    agent.rotation_asked = agent.rotation_asked or now_us()


async def list_agents(session: AsyncSession) -> list[AgentOut]:
    """Return all agents with their sensors and copies, by name."""
    return await _describe(session, list(await session.scalars(_by_name())))


async def page_agents(session: AsyncSession, *, limit: int, after: str | None) -> AgentPage:
    """Return a page of agents with their sensors and copies, by name.

    Raises:
        InvalidError: ``after`` is not a ``next`` of another page.
    """
    query = _by_name().limit(limit + 1)
    if after is not None:
        name, created, agent_id = paging.decode(after, (str, int, UUID), loc="after")
        place = tuple_(name, literal(created, MicrosecondTime()), literal(agent_id))
        query = query.where(tuple_(Agent.name, Agent.created, Agent.id) > place)
    found = list(await session.scalars(query))
    last = found[limit - 1] if len(found) > limit else None
    return AgentPage(
        items=await _describe(session, found[:limit]),
        next=None if last is None else paging.encode(last.name, last.created, last.id),
    )


def _by_name() -> Select[Agent]:
    return select(Agent).order_by(Agent.name, Agent.created, Agent.id)


async def read_agent(session: AsyncSession, agent_id: UUID) -> AgentOut:
    """Return one agent.

    Raises:
        NotFoundError: no such agent.
    """
    agent = await session.get(Agent, agent_id)
    if agent is None:
        raise NotFoundError(f"there is no agent {agent_id}")
    (described,) = await _describe(session, [agent])
    return described


async def lock_any(session: AsyncSession, agent_id: UUID) -> Agent:
    """Return an agent, in whatever state, and keep others from changing it until the transaction ends.

    Raises:
        NotFoundError: no such agent.
    """
    agent = await session.get(Agent, agent_id, with_for_update=True, populate_existing=True)
    if agent is None:
        raise NotFoundError(f"there is no agent {agent_id}")
    return agent


async def _describe(session: AsyncSession, agents: list[Agent]) -> list[AgentOut]:
    ids = [agent.id for agent in agents]
    sensors: dict[UUID | None, list[AgentSensor]] = {}
    query = select(Sensor, Machine).join(Machine).where(Sensor.agent_id.in_(ids)).order_by(Machine.name, Sensor.name)
    for sensor, machine in await session.execute(query):
        sensors.setdefault(sensor.agent_id, []).append(_sensor(sensor, machine))
    found: dict[UUID, list[CopyOut]] = {}
    listed = select(AgentCopy).where(AgentCopy.agent_id.in_(ids)).order_by(AgentCopy.first_seen, AgentCopy.instance)
    for row in await session.scalars(listed):
        found.setdefault(row.agent_id, []).append(_copy(row))
    pending = select(AgentCredential.agent_id).where(AgentCredential.state == CredentialState.PENDING.value)
    issued = set(await session.scalars(pending))
    successors = await _successors(session, agents)
    return [
        _agent(
            agent,
            sensors.get(agent.id, []),
            found.get(agent.id, []),
            rotating=agent.id in issued,
            successor=successors.get(agent.replaced_by),
        )
        for agent in agents
    ]


async def _successors(session: AsyncSession, agents: list[Agent]) -> dict[UUID | None, Successor]:
    ids = [agent.replaced_by for agent in agents if agent.replaced_by is not None]
    named = await session.execute(select(Agent.id, Agent.name).where(Agent.id.in_(ids)))
    return {row.id: Successor(id=row.id, name=row.name) for row in named}


def _cause(agent: Agent) -> Literal["revoked", "replaced", "copies"] | None:
    if agent.replaced_by is not None:
        return "replaced"
    causes: dict[str, Literal["revoked", "copies"]] = {AgentState.REVOKED: "revoked", AgentState.QUARANTINED: "copies"}
    return causes.get(agent.state)


def _agent(
    agent: Agent, sensors: list[AgentSensor], found: list[CopyOut], *, rotating: bool, successor: Successor | None
) -> AgentOut:
    evidence = agent.quarantine_evidence
    return AgentOut(
        id=agent.id,
        name=agent.name,
        version=agent.version,
        state=AgentState(agent.state).value,
        state_reason=agent.state_reason,
        state_cause=_cause(agent),
        replaced_by=successor,
        address=agent.address,
        enrolled_us=agent.created,
        last_seen_us=agent.last_seen,
        link=link_quality.describe(agent),
        clock_offset_us=agent.clock_offset_us,
        spool_rows=agent.spool_rows,
        dropped=agent.dropped,
        dead_letters=agent.dead_letters,
        clips_waiting=agent.clips_waiting,
        clips_dropped=agent.clips_dropped,
        credential_since_us=agent.created if agent.credential_since is None else agent.credential_since,
        rotating=rotating or agent.rotation_asked is not None,
        accepted_copy=agent.accepted_instance,
        evidence=None if evidence is None else Evidence.model_validate(evidence),
        copies=found,
        sensors=sensors,
    )


def _copy(row: AgentCopy) -> CopyOut:
    return CopyOut(
        instance=row.instance,
        address=row.address,
        cause=copies.Cause(row.cause),
        first_seen_us=row.first_seen,
        last_seen_us=row.last_seen,
        waiting=row.waiting,
    )


def _sensor(sensor: Sensor, machine: Machine) -> AgentSensor:
    return AgentSensor(
        id=sensor.id,
        name=sensor.name,
        machine_id=machine.id,
        machine_name=machine.name,
        source=sensor.source,
        source_state=sensor.source_state,
        window_s=sensor.window_s,
        measurements=sensor.measurements,
    )
