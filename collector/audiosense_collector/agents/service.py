"""The rules of agents: enrolment, credentials, and whose batches are taken."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.agents import copies, credentials, replacing
from audiosense_collector.agents.copies import Caller, Cause
from audiosense_collector.agents.keys import attempt_digest, digest, use_key
from audiosense_collector.agents.replacing import Succession
from audiosense_collector.agents.tables import Agent, AgentCredential, AgentState
from audiosense_collector.clock import now_us
from audiosense_collector.db import binary_array, plain
from audiosense_collector.db.driver import Query
from audiosense_collector.errors import ConflictError, ForbiddenError, UnauthorizedError
from audiosense_collector.machines import registration
from audiosense_common.wire_enrolment import EnrolmentRequest, SensorRegistration
from audiosense_common.wire_identity import INSTANCE_HEADER, OLD_CREDENTIAL

_SCHEME = "bearer"
_FREE = "WHERE id = ANY(%(ids)b::uuid[]) ORDER BY id FOR UPDATE SKIP LOCKED"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an agent gets: its identity, its credential, its sensors by name, and what it took over."""

    agent: UUID
    credential: str
    sensors: dict[str, UUID]
    succession: Succession


async def enrol(session: AsyncSession, request: EnrolmentRequest) -> Enrolment:
    """Trade a key's secret for a credential.

    Raises:
        ForbiddenError: the key is not valid, or not for replacing an agent.
        NotFoundError: there is no agent to be replaced of that name.
        ConflictError: there are several, or it was replaced before.
        InvalidError: a sensor cannot be registered.
    """
    key, made = await use_key(session, request.secret, request.attempt)
    if made is not None:
        return await _enrol_again(session, made, request)
    replaced = None if request.replace is None else await replacing.find(session, request.replace, key)
    credential = credentials.new_secret()
    agent = Agent(
        id=uuid4(),
        name=request.name,
        version=request.version,
        credential_sha256=digest(credential),
        state=AgentState.ACTIVE.value,
        created=now_us(),
        enrolment_sha256=attempt_digest(request.secret, request.attempt),
        enrolment_key_id=key.id,
    )
    session.add(agent)
    await session.flush()
    succession = Succession()
    if replaced is not None:
        succession = await replacing.replace(session, replaced, agent, [sensor.name for sensor in request.sensors])
    sensors = await registration.register(session, agent.id, request.sensors)
    return Enrolment(agent.id, credential, sensors, succession)


async def _enrol_again(session: AsyncSession, agent: Agent, request: EnrolmentRequest) -> Enrolment:
    """Give a locked agent that never used its credential another one; what it took over it has.

    The credential given before is void: if two computers made the same attempt, the later one has the agent.
    """
    check_active(agent)
    credential = credentials.new_secret()
    agent.credential_sha256, agent.version = digest(credential), request.version
    return Enrolment(
        agent.id, credential, await registration.register(session, agent.id, request.sensors), Succession()
    )


async def register_sensors(session: AsyncSession, agent_id: UUID, sensors: list[SensorRegistration]) -> dict[str, UUID]:
    """Bring an agent's sensors up to date; returns their identities by name.

    Raises:
        InvalidError: a sensor cannot be registered.
    """
    await lock(session, agent_id)
    return await registration.register(session, agent_id, sensors)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who is behind a request: the agent, and the digest of a replaced credential whose batches must still be judged.

    Such a sender is refused everything with ``refusal``; its batch shows whether there are two copies.
    ``credential`` is the digest of a credential that was only remembered to be the agent's: whoever acts on it looks at
    the agent first, see ``is_plainly``.
    """

    agent: UUID
    retired: bytes | None = None
    refusal: UnauthorizedError | None = None
    credential: bytes | None = None


async def authenticate(
    session: AsyncSession, authorization: str | None, caller: Caller, *, overlap_us: int
) -> Sender | UnauthorizedError | ForbiddenError:
    """Return who sent an ``Authorization`` header, or why it is refused.

    A refusal is returned, not raised: what it leaves in the list of copies must be committed. ``overlap_us`` is how
    long a new credential may wait for its first use.
    """
    scheme, _, secret = (authorization or "").partition(" ")
    if scheme.lower() != _SCHEME or not secret:
        return UnauthorizedError("an agent's credential is missing; send `Authorization: Bearer <credential>`")
    found = await credentials.recognise(session, secret.strip(), overlap_us=overlap_us)
    if found is None:
        return UnauthorizedError("the agent's credential is unknown; enrol the agent with a new enrolment key")
    agent, retired = found.agent, found.retired
    refusal, cause = _judge(agent, caller, retired)
    if cause is not None:
        await copies.note(session, agent.id, caller, cause)
    if refusal is None:
        return Sender(agent.id)
    if retired is not None and isinstance(refusal, UnauthorizedError) and copies.is_overtaken(agent, caller, retired):
        return Sender(agent.id, retired.sha256, refusal)
    return refusal


def _judge(
    agent: Agent, caller: Caller, retired: AgentCredential | None
) -> tuple[UnauthorizedError | ForbiddenError | None, Cause | None]:
    """Say why a known agent's request is refused, if it is, and as what its process is listed as a copy, if it is."""
    accepted = agent.accepted_instance is not None and agent.accepted_instance == caller.instance
    waits = agent.state == AgentState.QUARANTINED and copies.is_overtaken(agent, caller, retired)
    if retired is not None and not accepted and not waits:
        # The agent itself may still send a request or two with the credential that it has just replaced.
        return _replaced(agent), Cause.OLD_CREDENTIAL if caller.instance != agent.instance else None
    if agent.state == AgentState.QUARANTINED:
        return quarantined(agent), Cause.QUARANTINED
    if agent.state == AgentState.REVOKED:
        return _revoked(agent), None
    refusal = copies.check_served(agent, caller)
    return refusal, None if refusal is None else Cause.NOT_ACCEPTED


async def issue_credential(session: AsyncSession, agent_id: UUID, caller: Caller) -> str:
    """Give an agent its next credential; the present one stays valid until the new one is used.

    Only the process whose batch was taken last, or that was accepted, is given one: a copy that has sent none yet would
    else become the agent before its token shows that there are two.

    Raises:
        ForbiddenError: revoked or quarantined.
        ConflictError: another process is the one that is served, or the caller does not say which it is.
    """
    agent = await lock(session, agent_id)
    if caller.instance is None or caller.instance not in (agent.instance, agent.accepted_instance):
        raise ConflictError(
            f"a new credential is only given to the process whose batch was taken last: send a batch of agent "
            f"{agent.name!r} first, with this process's number in the header {INSTANCE_HEADER}, then ask again",
            kind="send_a_batch_first",
        )
    return await credentials.issue(session, agent)


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


def locking_free(agent_ids: Collection[UUID]) -> Query:
    """Return the query that locks those of some agents that nobody else has locked, in the order of their identities.

    ``plain.read`` takes its rows.
    """
    return plain.query_of(Agent, _FREE, {"ids": binary_array.uuids(agent_ids)})


def is_plainly(agent: Agent, sender: Sender, caller: Caller) -> bool:
    """Whether a locked agent is served as a sender says, without anything to be judged, changed or noted first."""
    if sender.refusal is not None or agent.state != AgentState.ACTIVE or agent.enrolment_sha256 is not None:
        return False
    known = sender.credential is None or sender.credential == agent.credential_sha256
    return known and copies.check_served(agent, caller) is None


def check_active(agent: Agent) -> None:
    """Refuse agents whose data is not taken.

    Raises:
        ForbiddenError: revoked or quarantined.
    """
    if agent.state == AgentState.REVOKED:
        raise _revoked(agent)
    if agent.state == AgentState.QUARANTINED:
        raise quarantined(agent)


def quarantined(agent: Agent) -> ForbiddenError:
    """Say that and why an agent is quarantined."""
    return ForbiddenError(
        f"agent {agent.name!r} is quarantined: {agent.state_reason}; it keeps its data until an administrator accepts "
        "one of the copies",
        kind="quarantined",
    )


def _revoked(agent: Agent) -> ForbiddenError:
    reason = f" ({agent.state_reason})" if agent.state_reason else ""
    return ForbiddenError(f"agent {agent.name!r} is revoked{reason}; enrol it again to use it", kind="revoked")


def _replaced(agent: Agent) -> UnauthorizedError:
    return UnauthorizedError(
        f"this credential of agent {agent.name!r} was replaced by a newer one: this is a copy of its disk, or a disk "
        "that was set back; it keeps its data until an administrator accepts it or it is enrolled again",
        kind=OLD_CREDENTIAL,
    )
