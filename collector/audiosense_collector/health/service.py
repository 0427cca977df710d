"""The checks behind ``/readyz``: what must be so that this process can take batches and answer pages."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

import psycopg
import structlog

from audiosense_collector.db.migrate import is_current

log = structlog.get_logger()
KEPT_S = 1.0
TIMEOUT_S = 3


class Check(StrEnum):
    """What is looked at; a process without a worker of its own has no check of one."""

    DATABASE = "database"
    SCHEMA = "schema"
    WORKER = "worker"
    QUEUE = "queue"


@dataclass(slots=True)
class Health:
    """The state of a process; anybody may ask as often as they like, the database is asked once a second."""

    conninfo: str
    queue_has_room: Callable[[], bool]
    worker_lives: Callable[[], bool] | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _kept: tuple[float, dict[Check, bool]] | None = None
    _failing: frozenset[Check] = frozenset()

    async def ready(self) -> dict[Check, bool]:
        """Return which checks hold."""
        async with self._lock:
            if self._kept is None or time.monotonic() - self._kept[0] > KEPT_S:
                self._kept = (time.monotonic(), await self._look())
            return self._kept[1]

    async def _look(self) -> dict[Check, bool]:
        revisions = await self._revisions()
        found = {
            Check.DATABASE: revisions is not None,
            Check.SCHEMA: revisions is not None and is_current(revisions),
            Check.QUEUE: self.queue_has_room(),
        }
        if self.worker_lives is not None:
            found[Check.WORKER] = self.worker_lives()
        failing = frozenset(check for check, holds in found.items() if not holds)
        if failing != self._failing:
            log.warning("not ready", failing=sorted(failing)) if failing else log.info("ready again")
            self._failing = failing
        return found

    async def _revisions(self) -> list[str] | None:
        """Return the schema's revisions, on a connection of its own: a busy pool is no missing database."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                async with await psycopg.AsyncConnection.connect(
                    self.conninfo, autocommit=True, application_name="audiosense-health", connect_timeout=TIMEOUT_S
                ) as connection:
                    rows = await (await connection.execute("SELECT version_num FROM alembic_version")).fetchall()
        except psycopg.errors.UndefinedTable:
            return []
        except (psycopg.Error, TimeoutError):
            return None
        return [row[0] for row in rows]
