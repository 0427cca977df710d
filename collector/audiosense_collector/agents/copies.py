"""Copies of an agent: how they are told apart, what is kept of them, which one is served."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.agents.tables import Agent, AgentCopy, AgentCredential, AgentState
from audiosense_collector.clock import now_us
from audiosense_collector.errors import ForbiddenError
from audiosense_common.wire import Batch

MAX_COPIES = 20
"""Most copies that are listed of an agent, those heard last: each start of its process counts as one."""
KEPT_TAKERS = 20
"""Processes, the latest ones, that are known to have sent batches under a credential."""
KEPT_BATCHES = 8
"""Batches before the last one whose exact repeats are known."""
_INT64_MAX = 2**63 - 1
Earlier = dict[str, Any]


class Cause(StrEnum):
    """How a copy came to be listed."""

    LAST_TAKEN = "last_taken"
    OLD_TOKEN = "old_token"  # noqa: S105 - a word
    OLD_CREDENTIAL = "old_credential"
    QUARANTINED = "quarantined"
    NOT_ACCEPTED = "not_accepted"


_REASONS = {
    Cause.OLD_TOKEN: "a batch came with an old token and is no repeat, so there are two copies of this agent",
    Cause.OLD_CREDENTIAL: "a process whose batches were taken came with a credential that another one had replaced "
    "meanwhile, so there are two copies of this agent",
}


@dataclass(frozen=True, slots=True)
class Caller:
    """The process that sends a request: what it says of itself, and the address that it comes from.

    Agents of earlier releases say nothing; their copies cannot be told apart.
    """

    instance: UUID | None = None
    address: str | None = None
    waiting: int | None = None


def check_served(agent: Agent, caller: Caller) -> ForbiddenError | None:
    """Return the refusal of a copy while another one that was accepted gets its new credential; else None."""
    if agent.accepted_instance in (None, caller.instance):
        return None
    return ForbiddenError(
        f"another copy of agent {agent.name!r} was accepted; this one keeps its data: enrol it as an agent of its own "
        f"(audiosense-agent enroll --force KEY), or accept it instead (audiosense-collector agents accept)",
        kind="not_accepted",
    )


async def note(session: AsyncSession, agent_id: UUID, caller: Caller, cause: Cause, seen: int | None = None) -> None:
    """List a copy, or note that it is still there; its first cause stays."""
    if caller.instance is None:
        return
    waiting = None if caller.waiting is None else min(caller.waiting, _INT64_MAX)
    now = now_us() if seen is None else seen
    row = insert(AgentCopy).values(
        agent_id=agent_id,
        instance=caller.instance,
        address=caller.address,
        cause=cause.value,
        first_seen=now,
        last_seen=now,
        waiting=waiting,
    )
    new = {
        "address": row.excluded.address,
        "last_seen": func.greatest(AgentCopy.last_seen, row.excluded.last_seen),
        "waiting": func.coalesce(row.excluded.waiting, AgentCopy.waiting),
    }
    await session.execute(row.on_conflict_do_update(index_elements=["agent_id", "instance"], set_=new))
    kept = select(AgentCopy.instance).where(AgentCopy.agent_id == agent_id)
    kept = kept.order_by(AgentCopy.last_seen.desc(), AgentCopy.instance).limit(MAX_COPIES)
    others = AgentCopy.instance.not_in(kept.scalar_subquery())
    await session.execute(delete(AgentCopy).where(AgentCopy.agent_id == agent_id, others))


async def forget(session: AsyncSession, agent_id: UUID) -> None:
    """Take all copies off the list; those that still ask are listed again."""
    await session.execute(delete(AgentCopy).where(AgentCopy.agent_id == agent_id))


def is_overtaken(agent: Agent, caller: Caller, retired: AgentCredential | None) -> bool:
    """Whether a caller with a replaced credential was served under it, and another process is served now.

    Then both are alive: a disk that was set back runs in a process that was never served. The process that is served
    now may itself still send a request or two with the credential that it has just replaced.
    """
    if retired is None or caller.instance is None or caller.instance in (agent.instance, agent.accepted_instance):
        return False
    return str(caller.instance) in (retired.takers or [])


async def quarantine(session: AsyncSession, agent: Agent, caller: Caller, batch: Batch, cause: Cause) -> None:
    """Stop a locked agent of which two copies were seen, and keep the evidence: the last batch taken, and this one."""
    given = next((each["at_us"] for each in agent.earlier_batches or [] if each["token"] == batch.token), None)
    agent.state = AgentState.QUARANTINED.value
    agent.state_reason = _REASONS[cause]
    agent.quarantine_evidence = {
        "at_us": now_us(),
        "taken": {
            "instance": _text(agent.instance),
            "address": agent.address,
            "epoch": _text(agent.epoch),
            "seen_us": agent.last_seen,
        },
        "refused": {
            "instance": _text(caller.instance),
            "address": caller.address,
            "epoch": str(batch.epoch),
            "sent_us": max(-_INT64_MAX, min(batch.sent_us, _INT64_MAX)),
            "token_given_us": given,
        },
    }
    before = Caller(instance=agent.instance, address=agent.address, waiting=agent.spool_rows)
    await note(session, agent.id, before, Cause.LAST_TAKEN, agent.last_seen)
    await note(session, agent.id, caller, cause)


def find_earlier(agent: Agent, sha256: bytes) -> Earlier | None:
    """Return what is kept of an earlier batch if this is an exact repeat of it."""
    wanted = sha256.hex()
    return next((each for each in agent.earlier_batches or [] if each["sha256"] == wanted), None)


def remember(agent: Agent, sha256: bytes, token: str, caller: Caller) -> None:
    """Keep what is needed to know a repeat of this batch, and who sent it."""
    latest = {"sha256": sha256.hex(), "token": token, "at_us": now_us()}
    agent.earlier_batches = [latest, *(agent.earlier_batches or [])][: KEPT_BATCHES + 1]
    agent.instance, agent.address = caller.instance, caller.address
    named = _text(caller.instance)
    if named is not None and (agent.takers or [None])[-1] != named:
        agent.takers = [*(each for each in agent.takers or [] if each != named), named][-KEPT_TAKERS:]


def _text(value: UUID | None) -> str | None:
    return None if value is None else str(value)
