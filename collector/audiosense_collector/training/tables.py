"""Models that were trained where there is no signing key."""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import MicrosecondTime, Table, TimeColumn


class UnsignedModel(Table):
    """What a training on another host gave, until a collector signs it; ``job_id`` is that training's.

    ``packed`` is a bundle, signed by a key that was made for it alone: that shows that it is whole, and no more.
    """

    __tablename__ = "unsigned_model"
    job_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    sensor_id: Mapped[UUID] = mapped_column(ForeignKey("sensor.id", ondelete="CASCADE"))
    created: Mapped[TimeColumn]
    packed: Mapped[bytes] = mapped_column(LargeBinary)
    public_keys: Mapped[dict[str, str]] = mapped_column(JSONB)
    reference_bins: Mapped[bytes] = mapped_column(LargeBinary)
    probes_created: Mapped[int | None] = mapped_column(MicrosecondTime())
    report: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
