"""What all tables share: naming of constraints, and times as UTC microseconds."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from sqlalchemy import DateTime, Dialect, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column
from sqlalchemy.types import TypeDecorator

from audiosense_collector.clock import to_datetime, to_us


class MicrosecondTime(TypeDecorator[int]):
    """UTC microseconds in Python, ``timestamptz`` in the database; both are exact."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Python to database."""
        del dialect
        return None if value is None else to_datetime(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Database to Python."""
        del dialect
        return None if value is None else to_us(value)


class Table(DeclarativeBase):
    """Base of all tables; no relationship is declared, so that nothing is ever loaded behind a reader's back."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


Identity = Annotated[UUID, mapped_column(primary_key=True, default=uuid4)]
TimeColumn = Annotated[int, mapped_column(MicrosecondTime())]
Json = dict[str, Any]
JsonList = Annotated[list[Any], mapped_column(JSONB(none_as_null=True))]
"""A list as JSON; None is the database's null."""
