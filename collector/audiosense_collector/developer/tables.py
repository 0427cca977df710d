"""Tables of the sandbox: nothing here refers to a real machine, so nothing done here can touch one."""

from sqlalchemy import ARRAY, BigInteger, Double, Identity, Index, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import Table, TimeColumn

_Real: Double[float] = Double()


class DeveloperMeasurement(Table):
    """A measurement of the sandbox: ``value`` is linear RMS, ``frequency`` and ``band_levels`` are Hz and dBFS."""

    __tablename__ = "developer_measurement"
    __table_args__ = (Index("ix_developer_measurement_time_id", "time", "id"),)
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    time: Mapped[TimeColumn]
    value: Mapped[float] = mapped_column(_Real)
    frequency: Mapped[float] = mapped_column(_Real)
    anomalous: Mapped[bool]
    snr_db: Mapped[float] = mapped_column(_Real)
    flatness: Mapped[float] = mapped_column(_Real)
    band_levels: Mapped[list[float]] = mapped_column(ARRAY(_Real))


class DeveloperModel(Table):
    """A model of the sandbox; the newest is in use."""

    __tablename__ = "developer_model"
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    created: Mapped[TimeColumn]
    window_size: Mapped[int] = mapped_column(SmallInteger)
    threshold_pct: Mapped[float] = mapped_column(_Real)
    threshold: Mapped[float] = mapped_column(_Real)
    score_mean: Mapped[float] = mapped_column(_Real)
    score_std: Mapped[float] = mapped_column(_Real)
    train_windows: Mapped[int]
    train_samples: Mapped[int]
    note: Mapped[str]
    digest: Mapped[str]
    onnx: Mapped[bytes] = mapped_column(LargeBinary, deferred=True, deferred_raiseload=True)
