"""From when on rows are complete, and until when they lie side by side."""

from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import Table, TimeColumn


class RetentionMark(Table):
    """From when on a table holds all rows that it ever held; ``name`` is the table's. Without a row it holds them all.

    It only moves on: days whose partition is made again after a shorter retention was in force are not complete.
    """

    __tablename__ = "retention_mark"
    name: Mapped[str] = mapped_column(primary_key=True)
    complete_since: Mapped[TimeColumn]


class OrderingMark(Table):
    """Before which time all sensors' rows of a table were moved together; ``name`` is the table's."""

    __tablename__ = "ordering_mark"
    name: Mapped[str] = mapped_column(primary_key=True)
    ordered_before: Mapped[TimeColumn]
