"""Agents over HTTP: enrolment and trust on the agents' port, the list of agents on the browser's."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header

from audiosense_collector.agents import service
from audiosense_collector.agents.schemas import AgentOut
from audiosense_collector.db.session import Session
from audiosense_collector.errors import ForbiddenError, UnauthorizedError, responses
from audiosense_collector.runtime import Runtime, RuntimeOf
from audiosense_common.wire import Enrolled, EnrolmentRequest, RegisteredSensors, SensorRegistrations, Trust

router = APIRouter(prefix="/api/v1", tags=["agents"])
agent_router = APIRouter(prefix="/api/v1", tags=["agents"])


async def _authenticate(runtime: RuntimeOf, authorization: Annotated[str | None, Header()] = None) -> UUID:
    async with runtime.sessions.begin() as session:
        return await service.authenticate(session, authorization)


AgentId = Annotated[UUID, Depends(_authenticate)]
"""The agent that sent the request, looked up in a transaction that is over before the body is read."""


def _trust(runtime: Runtime) -> Trust:
    return Trust(ca_pem=runtime.tls.ca_pem, signing_keys=runtime.signing_key.public_keys())


@agent_router.get("/trust")
async def read_trust(runtime: RuntimeOf) -> Trust:
    """Return the CA and the signing keys; an agent compares the CA with the digest in its enrolment key."""
    return _trust(runtime)


@agent_router.post("/enrol", status_code=201, responses=responses(ForbiddenError))
async def enrol(request: EnrolmentRequest, session: Session, runtime: RuntimeOf) -> Enrolled:
    """Trade the secret of an enrolment key for a credential of the agent's own."""
    agent, credential, sensors = await service.enrol(session, request)
    return Enrolled(agent=agent, credential=credential, sensors=sensors, trust=_trust(runtime))


@agent_router.put("/agent/sensors", responses=responses(UnauthorizedError, ForbiddenError))
async def register_sensors(request: SensorRegistrations, agent: AgentId, session: Session) -> RegisteredSensors:
    """Say which sensors the agent has now; those that it no longer names are kept with their history."""
    return RegisteredSensors(sensors=await service.register_sensors(session, agent, request.sensors))


@router.get("/agents")
async def list_agents(session: Session) -> list[AgentOut]:
    """All agents with their sensors."""
    return await service.list_agents(session)
