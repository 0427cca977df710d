"""Agents, their copies and enrolment keys as the interface shows them."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from audiosense_collector.agents.copies import Cause


class AgentSensor(BaseModel):
    """A sensor of an agent; ``measurements`` counts those that are stored."""

    id: UUID
    name: str
    machine_id: UUID
    machine_name: str
    source: str
    source_state: str | None
    measurements: int


class CopyOut(BaseModel):
    """A process that showed the agent's credential; ``waiting`` counts the measurements that it says it holds."""

    instance: UUID
    address: str | None
    cause: Cause
    first_seen_us: int
    last_seen_us: int
    waiting: int | None


class Taken(BaseModel):
    """Who sent the last batch that was taken before a quarantine."""

    instance: UUID | None
    address: str | None
    epoch: UUID | None
    seen_us: int | None


class Refused(BaseModel):
    """Who sent the batch that showed the second copy, and when its token had been given out, if that is known."""

    instance: UUID | None
    address: str | None
    epoch: UUID
    sent_us: int
    token_given_us: int | None


class Evidence(BaseModel):
    """Why an agent was quarantined, as it was found."""

    at_us: int
    taken: Taken
    refused: Refused


class Successor(BaseModel):
    """The agent that has another's sensors now."""

    id: UUID
    name: str


class AgentOut(BaseModel):
    """An agent: release, last contact, clock against the collector's, spool and clips, credential and copies.

    ``state_cause`` says in a stable word why it is not active, ``state_reason`` in an English sentence.
    ``rotating``: a new credential was asked for or given out and was not used yet. ``accepted_copy``: the copy that was
    accepted and has no credential of its own yet.
    """

    id: UUID
    name: str
    version: str
    state: Literal["active", "revoked", "quarantined"]
    state_reason: str | None
    state_cause: Literal["revoked", "replaced", "copies"] | None
    replaced_by: Successor | None
    address: str | None
    last_seen_us: int | None
    clock_offset_us: int | None
    spool_rows: int | None
    dropped: int | None
    dead_letters: int | None
    clips_waiting: int | None
    clips_dropped: int | None
    credential_since_us: int
    rotating: bool
    accepted_copy: UUID | None
    evidence: Evidence | None
    copies: list[CopyOut]
    sensors: list[AgentSensor]


class AgentPage(BaseModel):
    """Agents by name; ``next`` goes into ``after`` for the page after this one."""

    items: list[AgentOut]
    next: str | None


class Acceptance(BaseModel):
    """Which copy to accept; may be left out for a revoked agent, or where there is one copy only."""

    copy_: UUID | None = Field(default=None, alias="copy", description="its ``instance``")


class EnrolmentKeyOut(BaseModel):
    """An enrolment key without its secret, which nobody can read again."""

    id: UUID
    created_us: int
    expires_us: int
    uses: int
    used: int
    may_replace: bool
    state: Literal["valid", "expired", "used up", "revoked"]
