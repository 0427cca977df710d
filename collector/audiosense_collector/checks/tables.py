"""The latest outcome of each self-check of an agent."""

from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import JsonList, Table, TimeColumn


class AgentCheck(Table):
    """One self-check. ``subject`` is the sensor that it is of, or the agent itself.

    ``since`` is when it was first told to be in this state for this cause, ``told`` when it was told last.
    """

    __tablename__ = "agent_check"
    __table_args__ = (
        Index("ix_agent_check_subject", "subject"),
        Index("ix_agent_check_bad", "subject", postgresql_where=text("state IN ('failed', 'warning')")),
    )
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agent.id", ondelete="CASCADE"), primary_key=True)
    subject: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    cause: Mapped[str | None]
    evidence: Mapped[JsonList]
    remedy: Mapped[str]
    since: Mapped[TimeColumn]
    told: Mapped[TimeColumn]
