"""Agents and enrolment keys as the interface shows them."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel


class AgentSensor(BaseModel):
    """A sensor of an agent; ``measurements`` counts those that are stored."""

    id: UUID
    name: str
    machine_id: UUID
    machine_name: str
    source: str
    source_state: str | None
    measurements: int


class AgentOut(BaseModel):
    """An agent: release, last contact, clock against the collector's, spool and clips."""

    id: UUID
    name: str
    version: str
    state: Literal["active", "revoked", "quarantined"]
    state_reason: str | None
    last_seen_us: int | None
    clock_offset_us: int | None
    spool_rows: int | None
    dropped: int | None
    dead_letters: int | None
    clips_waiting: int | None
    clips_dropped: int | None
    sensors: list[AgentSensor]


class EnrolmentKeyOut(BaseModel):
    """An enrolment key without its secret, which nobody can read again."""

    id: UUID
    created_us: int
    expires_us: int
    uses: int
    used: int
    state: Literal["valid", "expired", "used up", "revoked"]
