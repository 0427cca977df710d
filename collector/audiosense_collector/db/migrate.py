"""Bringing the schema up to date with Alembic."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from audiosense_collector.db.engine import make_sync_engine

_LOCK = 4_150_771_101
"""Advisory lock that lets only one process migrate at a time."""


def migrate(url: str, *, retention_days: int = 30) -> None:
    """Apply all migrations that are missing, and make the partitions of measurements ahead of time."""
    engine = make_sync_engine(url)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            connection.commit()
            try:
                command.upgrade(make_config(connection), "head")
                connection.execute(text("SELECT make_measurement_partitions(:days)"), {"days": retention_days})
                connection.commit()
            finally:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
                connection.commit()
    finally:
        engine.dispose()


def make_config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration for the packaged migrations."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def newest_revision() -> str | None:
    """Return the revision that this release's schema has."""
    return ScriptDirectory.from_config(make_config()).get_current_head()
