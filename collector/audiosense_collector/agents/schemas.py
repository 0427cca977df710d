"""Agents, their copies and enrolment keys as the interface shows them."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from audiosense_collector.agents.copies import Cause

MOST_USES = 100_000


class AgentSensor(BaseModel):
    """A sensor of an agent; ``measurements`` counts those that are stored."""

    id: UUID
    name: str
    machine_id: UUID
    machine_name: str
    source: str
    source_state: str | None
    window_s: float
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


class LinkOut(BaseModel):
    """How an agent's batches came, the last six hours counting most.

    ``at_once`` is the share of them that needed less than two seconds more than the fastest one, ``delay_ms`` what
    these needed more than it in the mean, ``repeats`` how many came again because the answer was lost.
    """

    batches: int
    at_once: float
    repeats: int
    delay_ms: float | None


class AgentOut(BaseModel):
    """An agent: release, last contact, clock against the collector's, spool and clips, credential and copies.

    ``state_cause`` says in a stable word why it is not active, ``state_reason`` in an English sentence.
    ``enrolled_us`` is when it was enrolled, ``link`` is null until enough batches came to tell.
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
    enrolled_us: int
    last_seen_us: int | None
    link: LinkOut | None
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


class EnrolledAgent(BaseModel):
    """An agent that enrolled with a key; ``last_seen_us`` is null until its first batch."""

    id: UUID
    name: str
    enrolled_us: int
    last_seen_us: int | None


class EnrolmentKeyDetail(EnrolmentKeyOut):
    """An enrolment key with the agents that it enrolled, the first one first; of many the first hundred."""

    agents: list[EnrolledAgent]


class EnrolmentKeyPage(BaseModel):
    """Enrolment keys, the newest first; ``address`` is the one that a new key would carry."""

    items: list[EnrolmentKeyOut]
    next: str | None
    address: str


class EnrolmentKeyWanted(BaseModel):
    """What a new key is for; one that may replace lets its holder take over any agent's sensors and history."""

    model_config = ConfigDict(extra="forbid")

    uses: Annotated[int, Field(ge=1, le=MOST_USES)] = 1
    lifetime_s: Annotated[int, Field(ge=60, le=366 * 86_400, description="seconds until it expires")] = 86_400
    may_replace: bool = False


class EnrolmentKeyMade(BaseModel):
    """A new key; ``enrolment_key`` is the text that an agent enrols with, shown this once."""

    made: EnrolmentKeyOut
    enrolment_key: str
    address: str
