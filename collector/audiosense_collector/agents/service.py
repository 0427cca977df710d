"""The rules of agents: enrolment, credentials, and whose batches are taken."""

import secrets
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.agents.keys import digest, use_key
from audiosense_collector.agents.schemas import AgentOut, AgentSensor
from audiosense_collector.agents.tables import Agent, AgentState
from audiosense_collector.clock import now_us
from audiosense_collector.errors import ForbiddenError, NotFoundError, UnauthorizedError
from audiosense_collector.machines import registration
from audiosense_collector.machines.tables import Machine, Sensor
from audiosense_common.wire import EnrolmentRequest, SensorRegistration

CREDENTIAL_BYTES = 32
_SCHEME = "bearer"


async def enrol(session: AsyncSession, request: EnrolmentRequest) -> tuple[UUID, str, dict[str, UUID]]:
    """Trade a key's secret for a credential; returns agent, credential, and sensors by name.

    Raises:
        ForbiddenError: the key is not valid.
        InvalidError: a sensor cannot be registered.
    """
    await use_key(session, request.secret)
    credential = secrets.token_urlsafe(CREDENTIAL_BYTES)
    agent = Agent(
        id=uuid4(),
        name=request.name,
        version=request.version,
        credential_sha256=digest(credential),
        state=AgentState.ACTIVE.value,
        created=now_us(),
    )
    session.add(agent)
    await session.flush()
    return agent.id, credential, await registration.register(session, agent.id, request.sensors)


async def register_sensors(session: AsyncSession, agent_id: UUID, sensors: list[SensorRegistration]) -> dict[str, UUID]:
    """Bring an agent's sensors up to date; returns their identities by name.

    Raises:
        InvalidError: a sensor cannot be registered.
    """
    await lock(session, agent_id)
    return await registration.register(session, agent_id, sensors)


async def authenticate(session: AsyncSession, authorization: str | None) -> UUID:
    """Return the agent of an ``Authorization`` header.

    Raises:
        UnauthorizedError: no credential, or an unknown one.
        ForbiddenError: revoked or quarantined.
    """
    scheme, _, credential = (authorization or "").partition(" ")
    if scheme.lower() != _SCHEME or not credential:
        raise UnauthorizedError("an agent's credential is missing; send `Authorization: Bearer <credential>`")
    agent = await session.scalar(select(Agent).where(Agent.credential_sha256 == digest(credential.strip())))
    if agent is None:
        raise UnauthorizedError("the agent's credential is unknown; enrol the agent with a new enrolment key")
    check_active(agent)
    return agent.id


async def lock(session: AsyncSession, agent_id: UUID) -> Agent:
    """Return an agent and keep all others from changing it until the transaction ends.

    Raises:
        UnauthorizedError: it is gone.
        ForbiddenError: revoked or quarantined.
    """
    agent = await session.get(Agent, agent_id, with_for_update=True, populate_existing=True)
    if agent is None:
        raise UnauthorizedError("the agent is gone; enrol it again")
    check_active(agent)
    return agent


def check_active(agent: Agent) -> None:
    """Refuse agents whose data is not taken.

    Raises:
        ForbiddenError: revoked or quarantined.
    """
    if agent.state == AgentState.REVOKED:
        raise ForbiddenError(f"agent {agent.name!r} is revoked; enrol it again to use it", kind="revoked")
    if agent.state == AgentState.QUARANTINED:
        raise quarantined(agent)


def quarantined(agent: Agent) -> ForbiddenError:
    """Say that and why an agent is quarantined."""
    return ForbiddenError(
        f"agent {agent.name!r} is quarantined: {agent.state_reason}; it keeps its data, enrol one of the copies again",
        kind="quarantined",
    )


async def set_state(session: AsyncSession, agent_id: UUID, state: AgentState, reason: str | None) -> None:
    """Revoke an agent, or take it in again.

    Raises:
        NotFoundError: no such agent.
    """
    agent = await session.get(Agent, agent_id, with_for_update=True)
    if agent is None:
        raise NotFoundError(f"there is no agent {agent_id}")
    agent.state = state.value
    agent.state_reason = reason


async def list_agents(session: AsyncSession) -> list[AgentOut]:
    """Return all agents with their sensors, by name."""
    sensors: dict[UUID | None, list[AgentSensor]] = {}
    rows = await session.execute(select(Sensor, Machine).join(Machine).order_by(Machine.name, Sensor.name))
    for sensor, machine in rows:
        sensors.setdefault(sensor.agent_id, []).append(
            AgentSensor(
                id=sensor.id,
                name=sensor.name,
                machine_id=machine.id,
                machine_name=machine.name,
                source=sensor.source,
                source_state=sensor.source_state,
                measurements=sensor.measurements,
            )
        )
    agents = await session.scalars(select(Agent).order_by(Agent.name, Agent.created))
    return [
        AgentOut(
            id=agent.id,
            name=agent.name,
            version=agent.version,
            state=AgentState(agent.state).value,
            state_reason=agent.state_reason,
            last_seen_us=agent.last_seen,
            clock_offset_us=agent.clock_offset_us,
            spool_rows=agent.spool_rows,
            dropped=agent.dropped,
            dead_letters=agent.dead_letters,
            clips_waiting=agent.clips_waiting,
            clips_dropped=agent.clips_dropped,
            sensors=sensors.get(agent.id, []),
        )
        for agent in agents
    ]
