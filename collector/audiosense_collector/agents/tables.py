"""Agent, its credentials and copies, enrolment key; secrets are kept as SHA-256, they are random and long."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, false
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import Identity, JsonList, MicrosecondTime, Table, TimeColumn


class AgentState(StrEnum):
    """Whether an agent's batches are taken."""

    ACTIVE = "active"
    REVOKED = "revoked"
    QUARANTINED = "quarantined"


class Agent(Table):
    """A process near machines.

    ``token``, ``last_batch_sha256`` and ``last_answer`` tell an exact repeat of the last batch from a second copy of
    the agent; ``earlier_batches`` holds digest, token and time of the answers before. ``instance`` and ``address`` are
    of the process whose batch was taken last, ``takers`` the latest processes whose batches were taken under the
    present credential. While ``accepted_instance`` is set, only that process is served. ``link`` is how its
    batches come, see ``link_quality``.
    """

    __tablename__ = "agent"
    __table_args__ = (Index("ix_agent_name_created_id", "name", "created", "id"),)
    id: Mapped[Identity]
    name: Mapped[str]
    credential_sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    state: Mapped[str] = mapped_column(default=AgentState.ACTIVE.value)
    state_reason: Mapped[str | None]
    version: Mapped[str]
    created: Mapped[TimeColumn]
    last_seen: Mapped[int | None] = mapped_column(MicrosecondTime())
    clock_offset_us: Mapped[int | None] = mapped_column(BigInteger)
    spool_rows: Mapped[int | None] = mapped_column(BigInteger)
    spool_bytes: Mapped[int | None] = mapped_column(BigInteger)
    dropped: Mapped[int | None] = mapped_column(BigInteger)
    dead_letters: Mapped[int | None] = mapped_column(BigInteger)
    clips_waiting: Mapped[int | None] = mapped_column(BigInteger)
    clips_dropped: Mapped[int | None] = mapped_column(BigInteger)
    epoch: Mapped[UUID | None]
    token: Mapped[str | None]
    last_batch_sha256: Mapped[bytes | None] = mapped_column(LargeBinary)
    last_answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    earlier_batches: Mapped[JsonList | None]
    instance: Mapped[UUID | None]
    address: Mapped[str | None]
    takers: Mapped[JsonList | None]
    accepted_instance: Mapped[UUID | None]
    quarantine_evidence: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    credential_since: Mapped[int | None] = mapped_column(MicrosecondTime())
    rotation_asked: Mapped[int | None] = mapped_column(MicrosecondTime())
    replaced_by: Mapped[UUID | None]
    enrolment_sha256: Mapped[bytes | None] = mapped_column(LargeBinary, unique=True)
    enrolment_key_id: Mapped[UUID | None]
    link: Mapped[dict[str, float] | None] = mapped_column(JSONB(none_as_null=True))


class CredentialState(StrEnum):
    """What became of a credential that is not the current one."""

    PENDING = "pending"
    """Given out and not used yet; with its first use it is the current one."""
    RETIRED = "retired"
    """Replaced; whoever still has it runs on a copy of the disk or on a restored one."""


class AgentCredential(Table):
    """A credential of an agent besides the current one; ``since`` is when it came into its state.

    ``takers`` are the processes whose batches were taken under it before it was replaced.
    """

    __tablename__ = "agent_credential"
    __table_args__ = (Index("ix_agent_credential_agent_id", "agent_id"),)
    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agent.id", ondelete="CASCADE"))
    state: Mapped[str]
    since: Mapped[TimeColumn]
    takers: Mapped[JsonList | None]


class AgentCopy(Table):
    """A process that showed an agent's credential and was refused, or was the last one that was not.

    ``cause`` is how it came to be listed, ``waiting`` how many measurements it says it holds.
    """

    __tablename__ = "agent_copy"
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agent.id", ondelete="CASCADE"), primary_key=True)
    instance: Mapped[UUID] = mapped_column(primary_key=True)
    address: Mapped[str | None]
    cause: Mapped[str]
    first_seen: Mapped[TimeColumn]
    last_seen: Mapped[TimeColumn]
    waiting: Mapped[int | None] = mapped_column(BigInteger)


class EnrolmentKeyRow(Table):
    """An enrolment key: its secret's SHA-256, expiry and number of uses."""

    __tablename__ = "enrolment_key"
    id: Mapped[Identity]
    secret_sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created: Mapped[TimeColumn]
    expires: Mapped[TimeColumn]
    uses: Mapped[int]
    used: Mapped[int] = mapped_column(default=0)
    revoked: Mapped[int | None] = mapped_column(MicrosecondTime())
    may_replace: Mapped[bool] = mapped_column(default=False, server_default=false())
