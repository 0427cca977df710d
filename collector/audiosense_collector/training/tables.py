"""Why a training job failed; the queue itself keeps no messages."""

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import Table


class JobError(Table):
    """The one-line reason of a job's last failure."""

    __tablename__ = "job_error"
    job_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    message: Mapped[str]
