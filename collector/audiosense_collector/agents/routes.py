"""Agents over HTTP: enrolment and trust on the agents' port, the list of agents on the browser's."""

import contextlib
import re
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request, Response

from audiosense_collector.agents import administration, keys, service
from audiosense_collector.agents.copies import Caller
from audiosense_collector.agents.schemas import (
    Acceptance,
    AgentOut,
    AgentPage,
    EnrolmentKeyDetail,
    EnrolmentKeyMade,
    EnrolmentKeyOut,
    EnrolmentKeyPage,
    EnrolmentKeyWanted,
)
from audiosense_collector.auth.roles import Requires, Role
from audiosense_collector.clock import HOUR_US
from audiosense_collector.db.session import Session
from audiosense_collector.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    RequestError,
    UnauthorizedError,
    UnavailableError,
    responses,
)
from audiosense_collector.metrics.identity import identify
from audiosense_collector.paging import After, Limit
from audiosense_collector.runtime import Runtime, RuntimeOf
from audiosense_common.wire_enrolment import Enrolled, EnrolmentRequest, RegisteredSensors, SensorRegistrations, Trust
from audiosense_common.wire_identity import INSTANCE_HEADER, WAITING_HEADER, CredentialIssued

router = APIRouter(prefix="/api/v1", tags=["agents"], dependencies=[Requires(Role.VIEWER)])
agent_router = APIRouter(prefix="/api/v1", tags=["agents"])


async def read_caller(
    request: Request,
    instance: Annotated[str | None, Header(alias=INSTANCE_HEADER)] = None,
    waiting: Annotated[str | None, Header(alias=WAITING_HEADER)] = None,
) -> Caller:
    """Read what an agent says of itself."""
    return describe_caller(request, instance, waiting)


def describe_caller(request: Request, instance: str | None, waiting: str | None) -> Caller:
    """Take what an agent says of itself; what makes no sense is left out, it is evidence and opens nothing."""
    found: UUID | None = None
    with contextlib.suppress(ValueError):
        found = UUID(instance) if instance else None
    count = int(waiting) if waiting and re.fullmatch(r"[0-9]{1,18}", waiting) else None
    return Caller(instance=found, address=request.client.host if request.client else None, waiting=count)


CallerOf = Annotated[Caller, Depends(read_caller)]


async def _authenticate_sender(
    runtime: RuntimeOf, caller: CallerOf, authorization: Annotated[str | None, Header()] = None
) -> service.Sender:
    overlap_us = round(runtime.settings.credential_overlap_h * HOUR_US)
    async with runtime.sessions.begin() as session:
        found = await service.authenticate(session, authorization, caller, overlap_us=overlap_us)
    if isinstance(found, RequestError):
        raise found
    identify(agent=found.agent)
    return found


SenderOf = Annotated[service.Sender, Depends(_authenticate_sender)]
"""Who sent the request, looked up in a transaction that is over before the body is read."""


async def recall_sender(runtime: Runtime, caller: Caller, authorization: str | None) -> service.Sender:
    """Return who sent a request; one that was looked up before is not looked up again.

    ``service.is_plainly`` must judge it.

    Raises:
        RequestError: the credential is refused.
    """
    remembered = runtime.remembered.find(authorization)
    if remembered is not None:
        identify(agent=remembered.agent)
        return remembered
    found = await _authenticate_sender(runtime, caller, authorization)
    runtime.remembered.keep(authorization, found)
    return found


def _authenticate(sender: SenderOf) -> UUID:
    if sender.refusal is not None:
        raise sender.refusal
    return sender.agent


AgentId = Annotated[UUID, Depends(_authenticate)]
"""The agent that sent the request."""


def _trust(runtime: Runtime) -> Trust:
    return Trust(ca_pem=runtime.tls.ca_pem, signing_keys=runtime.signing_key.public_keys())


@agent_router.get("/trust")
async def read_trust(runtime: RuntimeOf) -> Trust:
    """Return the CA and the signing keys; an agent compares the CA with the digest in its enrolment key."""
    return _trust(runtime)


@agent_router.post("/enrol", status_code=201, responses=responses(ForbiddenError, NotFoundError, ConflictError))
async def enrol(request: EnrolmentRequest, session: Session, runtime: RuntimeOf) -> Enrolled:
    """Trade the secret of an enrolment key for a credential of the agent's own, and take over an agent if asked to."""
    made = await service.enrol(session, request)
    return Enrolled(
        agent=made.agent,
        credential=made.credential,
        sensors=made.sensors,
        trust=_trust(runtime),
        taken_over=made.succession.taken_over,
        left_behind=made.succession.left_behind,
    )


@agent_router.put("/agent/sensors", responses=responses(UnauthorizedError, ForbiddenError))
async def register_sensors(request: SensorRegistrations, agent: AgentId, session: Session) -> RegisteredSensors:
    """Say which sensors the agent has now; those that it no longer names are kept with their history."""
    return RegisteredSensors(sensors=await service.register_sensors(session, agent, request.sensors))


@agent_router.post(
    "/agent/credential", status_code=201, responses=responses(UnauthorizedError, ForbiddenError, ConflictError)
)
async def issue_credential(agent: AgentId, caller: CallerOf, session: Session) -> CredentialIssued:
    """Give a new credential to the process whose batch was taken last.

    The present one stays valid until the new one is used for the first time. Any other process is told to send a batch
    first (409).
    """
    return CredentialIssued(credential=await service.issue_credential(session, agent, caller))


@router.get("/agents", responses=responses(InvalidError, UnavailableError))
async def list_agents(session: Session, limit: Limit = 100, after: After = None) -> AgentPage:
    """Agents with their sensors and copies, by name."""
    return await administration.page_agents(session, limit=limit, after=after)


@router.get("/agents/{agent_id}", responses=responses(NotFoundError))
async def read_agent(agent_id: UUID, session: Session) -> AgentOut:
    """An agent with its sensors and copies."""
    return await administration.read_agent(session, agent_id)


@router.post(
    "/agents/{agent_id}/revoke", dependencies=[Requires(Role.ADMINISTRATOR)], responses=responses(NotFoundError)
)
async def revoke_agent(agent_id: UUID, session: Session) -> AgentOut:
    """Refuse the agent from its next request on; it keeps its data."""
    await administration.revoke(session, agent_id)
    return await administration.read_agent(session, agent_id)


@router.post(
    "/agents/{agent_id}/accept",
    dependencies=[Requires(Role.ADMINISTRATOR)],
    responses=responses(NotFoundError, ConflictError),
)
async def accept_agent(agent_id: UUID, acceptance: Acceptance, session: Session) -> AgentOut:
    """Take a revoked agent in again, or one copy of a quarantined one; the other copies are then refused."""
    await administration.accept(session, agent_id, acceptance.copy_)
    return await administration.read_agent(session, agent_id)


@router.post(
    "/agents/{agent_id}/rotate",
    dependencies=[Requires(Role.ADMINISTRATOR)],
    responses=responses(NotFoundError, ConflictError),
)
async def rotate_agent(agent_id: UUID, session: Session) -> AgentOut:
    """Tell the agent with its next answer to get itself a new credential."""
    await administration.ask_rotation(session, agent_id)
    return await administration.read_agent(session, agent_id)


_ADMINISTER = [Requires(Role.ADMINISTRATOR)]


@router.get("/enrolment-keys", dependencies=_ADMINISTER, responses=responses(InvalidError))
async def list_enrolment_keys(
    session: Session, runtime: RuntimeOf, limit: Limit = 100, after: After = None
) -> EnrolmentKeyPage:
    """Enrolment keys without their secrets, the newest first, and the address that a new one would carry."""
    return await keys.page_keys(session, limit=limit, after=after, address=runtime.settings.agents_address)


@router.post("/enrolment-keys", dependencies=_ADMINISTER, status_code=201)
async def create_enrolment_key(
    wanted: EnrolmentKeyWanted, response: Response, session: Session, runtime: RuntimeOf
) -> EnrolmentKeyMade:
    """Make an enrolment key; this is the only time that its text is told."""
    response.headers["Cache-Control"] = "no-store"
    return await keys.make_key(session, wanted, url=runtime.settings.agents_address, trust=runtime.tls.ca_digest)


@router.get("/enrolment-keys/{key_id}", dependencies=_ADMINISTER, responses=responses(NotFoundError))
async def read_enrolment_key(key_id: UUID, session: Session) -> EnrolmentKeyDetail:
    """An enrolment key and the agents that it enrolled."""
    return await keys.read_key(session, key_id)


@router.post("/enrolment-keys/{key_id}/revoke", dependencies=_ADMINISTER, responses=responses(NotFoundError))
async def revoke_enrolment_key(key_id: UUID, session: Session) -> EnrolmentKeyOut:
    """Revoke an enrolment key; agents that it enrolled stay enrolled."""
    return await keys.revoke_key(session, key_id)
