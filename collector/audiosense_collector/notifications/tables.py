"""What people are to be told, and what they were told."""

from typing import Any
from uuid import UUID

from sqlalchemy import VARCHAR, BigInteger, ForeignKey, Identity, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import MicrosecondTime, Table, TimeColumn


class Notification(Table):
    """A line for people; those of one ``subject`` that wait at a time travel as one message.

    ``state`` is ``waiting``, ``sent``, ``capped`` (the day's number was reached) or ``late`` (too old when it could be
    sent); ``delivered`` names the targets that have it, by a digest of their address.
    """

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("event_id", "kind"),
        Index("ix_notification_subject", "subject", "settled"),
        Index("ix_notification_waiting", "created", postgresql_where=text("state = 'waiting'")),
    )
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    subject: Mapped[str]
    kind: Mapped[str]
    event_id: Mapped[UUID | None]
    created: Mapped[TimeColumn]
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[str]
    delivered: Mapped[list[str]] = mapped_column(ARRAY(VARCHAR), server_default="{}")
    settled: Mapped[int | None] = mapped_column(MicrosecondTime())


class AgentTold(Table):
    """The state of an agent that people were told last, and since when it has it."""

    __tablename__ = "agent_told"
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agent.id", ondelete="CASCADE"), primary_key=True)
    state: Mapped[str]
    since: Mapped[TimeColumn]
