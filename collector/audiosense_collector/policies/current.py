"""The settings that hold now: those of the environment, with what administrators have changed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from psycopg.errors import UndefinedTable
from sqlalchemy import select
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from audiosense_collector.db.engine import Sessions
from audiosense_collector.policies.schemas import PolicyName
from audiosense_collector.policies.tables import Policy
from audiosense_collector.settings import Settings

log = structlog.get_logger()
REFRESH_S = 10.0
"""A change is seen by every process after so long at most, and the time of a query."""


def is_locked(environment: Settings, name: PolicyName) -> bool:
    """Whether a variable says what holds: it stands over what is set on the dashboard."""
    return name.value in environment.model_fields_set


def default_of(name: PolicyName) -> float:
    """Return what holds where nobody has said anything."""
    return float(Settings.model_fields[name.value].default)


def is_whole(name: PolicyName) -> bool:
    """Whether a policy is a whole number."""
    return Settings.model_fields[name.value].annotation is int


def bounds_of(name: PolicyName) -> tuple[float, float]:
    """Return the least and the greatest value."""
    found = {
        key: float(bound)
        for each in Settings.model_fields[name.value].metadata
        for key in ("ge", "le")
        if (bound := getattr(each, key, None)) is not None
    }
    return found["ge"], found["le"]


class Policies:
    """What administrators have changed, as it was read last; one for each process."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._set: dict[str, float] = {}
        self._made: tuple[Settings, Settings] | None = None

    def over(self, environment: Settings) -> Settings:
        """Return the settings that hold."""
        if not self._set:
            return environment
        if self._made is None or self._made[0] is not environment:
            changed = {
                name.value: round(self._set[name]) if is_whole(name) else self._set[name]
                for name in PolicyName
                if name in self._set and not is_locked(environment, name)
            }
            self._made = (environment, environment.model_copy(update=changed))
        return self._made[1]

    async def refresh(self) -> None:
        """Read what is set. Who deletes anything by it does so first.

        Raises:
            SQLAlchemyError: the database is away.
        """
        try:
            async with self._sessions() as session:
                rows = await session.execute(select(Policy.setting, Policy.value))
                found = {row.setting: row.value for row in rows}
        except ProgrammingError as error:
            # A worker of this release beside a database that `serve` has not migrated yet: nothing can be set there.
            if not isinstance(error.orig, UndefinedTable):
                raise
            found = {}
        if found != self._set:
            self._set, self._made = found, None

    @asynccontextmanager
    async def kept_fresh(self) -> AsyncIterator[None]:
        """Read it again and again; while the database is away, what was read last holds."""
        reading = asyncio.create_task(self._keep_fresh())
        try:
            yield
        finally:
            reading.cancel()
            await asyncio.wait([reading])

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            with contextlib.suppress(SQLAlchemyError, OSError):
                await self.refresh()
