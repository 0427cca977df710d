"""Site, machine, sensor."""

from uuid import UUID

from sqlalchemy import REAL, BigInteger, ForeignKey, Index, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import Identity, JsonList, MicrosecondTime, Table, TimeColumn
from audiosense_common.wire import Quantity


class Site(Table):
    """A place."""

    __tablename__ = "site"
    id: Mapped[Identity]
    name: Mapped[str] = mapped_column(unique=True)
    clips_allowed: Mapped[bool | None]


class Machine(Table):
    """A thing that runs; ``sandbox`` marks the one that the developer interface acts on.

    ``tags`` are free words as ``plant.tags`` writes them, in their order.
    """

    __tablename__ = "machine"
    __table_args__ = (UniqueConstraint("site_id", "name"), Index("ix_machine_tags", "tags", postgresql_using="gin"))
    id: Mapped[Identity]
    site_id: Mapped[UUID] = mapped_column(ForeignKey("site.id"))
    name: Mapped[str]
    sandbox: Mapped[bool] = mapped_column(default=False)
    tags: Mapped[list[str]] = mapped_column(ARRAY(String), default=list, server_default=text("'{}'"))


class SiteAlias(Table):
    """An earlier name of a site, by which agents may still call it."""

    __tablename__ = "site_alias"
    name: Mapped[str] = mapped_column(primary_key=True)
    site_id: Mapped[UUID] = mapped_column(ForeignKey("site.id", ondelete="CASCADE"))


class MachineAlias(Table):
    """An earlier name of a machine, and the site where it had it: so agents may still call it."""

    __tablename__ = "machine_alias"
    site_id: Mapped[UUID] = mapped_column(ForeignKey("site.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    machine_id: Mapped[UUID] = mapped_column(ForeignKey("machine.id", ondelete="CASCADE"))


class Sensor(Table):
    """One audio channel on a machine, with its settings, its models and its latest measurement.

    The latest measurement is kept here because finding it in all partitions would cost a probe of each.
    ``running_level`` is a level in dBFS, ``off``, or null where it is learned; the agent's stands over it.
    ``full_scale`` is what a sample of 1.0 stands for, in pascal or g. ``clips_allowed`` is null where its site, or
    without its word the kind of source, says whether its sound is kept as clips. ``health_told`` is when a check said
    last that it hears as it should; to find that among all checks takes as long as all else of the fleet's page.

    What starts with ``told`` is what its agent said of it last. A person's word stands until the agent says something
    else than before; ``told_name`` is null where its name is the agent's own.
    """

    __tablename__ = "sensor"
    __table_args__ = (
        UniqueConstraint("agent_id", "name"),
        Index("ix_sensor_machine_id", "machine_id"),
        Index("uq_sensor_agent_id_told_name", "agent_id", text("(coalesce(told_name, name))"), unique=True),
    )
    id: Mapped[Identity]
    agent_id: Mapped[UUID | None] = mapped_column(ForeignKey("agent.id"))
    machine_id: Mapped[UUID] = mapped_column(ForeignKey("machine.id"))
    name: Mapped[str]
    created: Mapped[TimeColumn]
    sample_rate_hz: Mapped[int]
    window_s: Mapped[float]
    schema_id: Mapped[str]
    source: Mapped[str]
    source_state: Mapped[str | None]
    heuristic_dominant_hz: Mapped[float | None]
    heuristic_flatness: Mapped[float | None]
    baseline_windows: Mapped[int | None]
    false_alarms_per_week: Mapped[float | None] = mapped_column(REAL)
    running_level: Mapped[float | str | None] = mapped_column(JSONB(none_as_null=True))
    agent_running_level: Mapped[float | str | None] = mapped_column(JSONB(none_as_null=True))
    settling_windows: Mapped[int | None]
    quantity: Mapped[str] = mapped_column(default=Quantity.SOUND_PRESSURE.value, server_default="sound_pressure")
    full_scale: Mapped[float | None]
    clips_allowed: Mapped[bool | None]
    baseline_since: Mapped[TimeColumn]
    learning_windows: Mapped[int] = mapped_column(default=0)
    training_requested: Mapped[int | None]
    training_error: Mapped[str | None]
    measurements: Mapped[int] = mapped_column(BigInteger, default=0)
    bundle_version: Mapped[int] = mapped_column(default=0)
    desired_digest: Mapped[str | None]
    running_digest: Mapped[str | None]
    running_state: Mapped[str | None]
    refused_digest: Mapped[str | None]
    refused_reason: Mapped[str | None]
    last_heard: Mapped[int | None] = mapped_column(MicrosecondTime())
    last_time: Mapped[int | None] = mapped_column(MicrosecondTime())
    last_status: Mapped[int | None] = mapped_column(SmallInteger)
    last_score: Mapped[float | None] = mapped_column(REAL)
    last_level_dbfs: Mapped[float | None] = mapped_column(REAL)
    last_dominant_hz: Mapped[float | None] = mapped_column(REAL)
    last_flatness_db: Mapped[float | None] = mapped_column(REAL)
    last_reasons: Mapped[JsonList | None]
    last_level_a_dbfs: Mapped[float | None] = mapped_column(REAL)
    last_velocity_db: Mapped[float | None] = mapped_column(REAL)
    health_told: Mapped[int | None] = mapped_column(MicrosecondTime())
    told_name: Mapped[str | None]
    told_site: Mapped[str | None]
    told_machine: Mapped[str | None]
    told_quantity: Mapped[str | None]
    told_full_scale: Mapped[float | None]
