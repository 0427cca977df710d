"""Agent and enrolment key; secrets are kept as SHA-256, they are random and long."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import Identity, MicrosecondTime, Table, TimeColumn


class AgentState(StrEnum):
    """Whether an agent's batches are taken."""

    ACTIVE = "active"
    REVOKED = "revoked"
    QUARANTINED = "quarantined"


class Agent(Table):
    """A process near machines.

    ``token``, ``last_batch_sha256`` and ``last_answer`` tell an exact repeat of the last batch from a second copy of
    the agent.
    """

    __tablename__ = "agent"
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
