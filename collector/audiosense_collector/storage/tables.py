"""From when on rows are complete."""

from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import Table, TimeColumn


class RetentionMark(Table):
    """From when on a table holds all rows that it ever held; ``name`` is the table's. Without a row it holds them all.

    It only moves on: days whose partition is made again after a shorter retention was in force are not complete.
    """

    __tablename__ = "retention_mark"
    name: Mapped[str] = mapped_column(primary_key=True)
    complete_since: Mapped[TimeColumn]
