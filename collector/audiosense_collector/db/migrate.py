"""Bringing the schema up to date with Alembic."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from audiosense_collector.db.engine import make_sync_engine
from audiosense_collector.errors import DatabaseError

log = structlog.get_logger()
LOCK_TIMEOUT_S = 5.0
"""Longest wait for the lock of a table: whoever wants to read or write it meanwhile waits behind the migration."""
TRIES = 6
_LOCKED = (LockNotAvailable, DeadlockDetected)
_LOCK = 4_150_771_101
"""Advisory lock that lets only one process migrate at a time."""
PARTITIONS = "SELECT make_measurement_partitions(:days), make_rollup_partitions(:minute_days)"
_HOLDERS = """
SELECT format('%s, process %s of %s, since %s', coalesce(nullif(application_name, ''), 'unnamed'), pid, usename,
    to_char(xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'))
FROM pg_stat_activity
WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
ORDER BY xact_start LIMIT 3
"""


@dataclass(frozen=True, slots=True)
class Retention:
    """For how many days partitions are made back from today: of measurements, and of their roll-ups by minute."""

    days: int = 30
    minute_days: int = 400


def migrate(
    url: str,
    *,
    retention: Retention = Retention(),
    lock_timeout_s: float = LOCK_TIMEOUT_S,
    tries: int = TRIES,
) -> None:
    """Apply all migrations that are missing, and make the partitions of measurements and roll-ups ahead of time.

    A table's lock is waited for ``lock_timeout_s`` seconds at most, then let go for as long and tried again: a
    migration that waits behind a long backup would else hold up a previous release that still takes batches.

    Raises:
        DatabaseError: a table was locked by others each time; what is missing still is applied by the next start.
    """
    engine = make_sync_engine(url)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            connection.commit()
            try:
                _upgrade(connection, retention, lock_timeout_s, tries)
            finally:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
                connection.commit()
    finally:
        engine.dispose()


def _upgrade(connection: Connection, retention: Retention, lock_timeout_s: float, tries: int) -> None:
    # For each of the migrations' transactions, and not for the wait for the advisory lock before them.
    connection.execute(text("SELECT set_config('lock_timeout', :ms, false)"), {"ms": f"{lock_timeout_s * 1e3:.0f}ms"})
    connection.commit()
    _refuse_newer(connection)
    for left in reversed(range(tries)):
        try:
            command.upgrade(make_config(connection), "head")
            connection.execute(text(PARTITIONS), {"days": retention.days, "minute_days": retention.minute_days})
            connection.commit()
        except (OperationalError, *_LOCKED) as error:
            # Migrations of several statements run past SQLAlchemy.
            if not isinstance(error, _LOCKED) and not isinstance(error.orig, _LOCKED):
                raise
            connection.rollback()
            holders = list(connection.scalars(text(_HOLDERS)))
            connection.rollback()
            if not left:
                raise _locked(holders, tries) from None
            log.warning("a migration waits for a lock and tries again", tries_left=left, holders=holders)
            time.sleep(lock_timeout_s)
        else:
            return


def _refuse_newer(connection: Connection) -> None:
    """Stop before anything is changed in a database that a later release has migrated."""
    if not connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL")):
        connection.rollback()
        return
    unknown = sorted(set(connection.scalars(text("SELECT version_num FROM alembic_version"))) - _known())
    connection.rollback()
    if unknown:
        raise DatabaseError(
            f"the database's schema is {', '.join(unknown)}, newer than this release, which knows up to "
            f"{newest_revision()}: a later release has upgraded it, and schemas are never taken back. Start that "
            "release again, or restore the backup that was made before the upgrade (audiosense-collector restore)"
        )


def _locked(holders: list[str], tries: int) -> DatabaseError:
    found = f"; open transactions, the oldest first: {'; '.join(holders)}" if holders else ""
    return DatabaseError(
        f"the database's schema is of an earlier release and cannot be changed: others held locks on its tables in "
        f"{tries} tries{found}. Nothing is half done: wait until a backup (pg_dump) or a long query has ended, then "
        "start again"
    )


def make_config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration for the packaged migrations."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def is_current(revisions: Sequence[str]) -> bool:
    """Whether a database with these revisions has all that this release needs; a newer one has.

    A process of the previous release goes on while the next one has migrated already.
    """
    return bool(revisions) and (newest_revision() in revisions or not _known().issuperset(revisions))


def is_known(revision: str) -> bool:
    """Whether this release has a migration of that number."""
    return revision in _known()


@cache
def _known() -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory.from_config(make_config()).walk_revisions())


@cache
def newest_revision() -> str | None:
    """Return the revision that this release's schema has."""
    return ScriptDirectory.from_config(make_config()).get_current_head()
