"""How far jobs are; the queue itself keeps no more than their state."""

from sqlalchemy import REAL, BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import MicrosecondTime, Table


class JobProgress(Table):
    """The last attempt at a job: its step, how much is done (0 to 1), and the one-line reason of its last failure.

    ``attempt`` counts from 0, as the queue's own count of attempts that have ended.
    """

    __tablename__ = "job_progress"
    job_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    attempt: Mapped[int] = mapped_column(default=0)
    step: Mapped[str | None]
    fraction: Mapped[float] = mapped_column(REAL, default=0.0)
    error: Mapped[str | None]
    worker: Mapped[str | None]
    started: Mapped[int | None] = mapped_column(MicrosecondTime())
    finished: Mapped[int | None] = mapped_column(MicrosecondTime())
