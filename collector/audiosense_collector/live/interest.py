"""What the streams of all processes want, so that measurements that nobody looks at are not announced.

Each process keeps a row of what its own streams want and tells the others when it changes. What a stream wanted stays
wanted for a while after it has ended: its client may come back, here or elsewhere, and must not have missed anything.
"""

import asyncio
import contextlib
import json
import secrets
import time
from collections import Counter
from uuid import UUID, uuid4

import psycopg
import structlog

from audiosense_collector.live.messages import TICK, Wanted
from audiosense_collector.live.notify import CHANNEL, ID_BYTES
from audiosense_collector.live.replay import KEEP_S

log = structlog.get_logger()
CHANGED = "wanted"
TICK_S = 15.0
"""How often rows are renewed, and streams are sent a sign of life with a fresh id."""
LINGER_S = 2 * KEEP_S
STALE_S = 4 * TICK_S
"""Without news from the database for so long, everything is taken to be wanted."""
RETRY_S = 1.0
REGISTER_WITHIN_S = 2.0
SETTLE_S = 0.2
"""From a new wish's commit until transactions that did not see it have ended, and other processes know it."""
MOST_NAMED = 2_000
"""Sensors and machines of one process beyond which it wants everything."""
_PUT = """
INSERT INTO live_listener (process, everything, sensors, machines, renewed) VALUES (%s, %s, %s, %s, now())
ON CONFLICT (process) DO UPDATE SET everything = excluded.everything, sensors = excluded.sensors,
    machines = excluded.machines, renewed = excluded.renewed
"""
_FORGET = "DELETE FROM live_listener WHERE renewed < now() - make_interval(secs => %s)"
_READ = "SELECT everything, sensors, machines FROM live_listener WHERE renewed >= now() - make_interval(secs => %s)"


class Interest:
    """What is wanted: by the streams of this process at once, by those of others as they tell."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._process = uuid4()
        self._open: Counter[Wanted] = Counter()
        self._left: dict[Wanted, float] = {}
        self._others: tuple[bool, frozenset[UUID], frozenset[UUID]] = (False, frozenset(), frozenset())
        self._known_at = float("-inf")
        self._changed = asyncio.Event()
        self._put = asyncio.Event()
        self._last_tick = 0.0
        self._told: tuple[bool, list[UUID], list[UUID]] = (False, [], [])
        self._keeper: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Keep this process's row and what is known of others, until ``close``."""
        self._keeper = asyncio.create_task(self._keep_for_ever(), name="live interest")

    async def close(self) -> None:
        """Stop; the row stays until it is too old, for clients that go on at another process."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper

    def wants(self, sensor_id: UUID, machine_id: UUID) -> bool:
        """Whether any stream anywhere wants a sensor's measurements; if in doubt, yes."""
        if self._known_at < time.monotonic() - STALE_S:
            return True
        everything, sensors, machines = self._others
        if everything or sensor_id in sensors or machine_id in machines:
            return True
        return any(
            wanted.everything or str(sensor_id) in wanted.sensors or str(machine_id) in wanted.machines
            for wanted in self._open
        )

    async def enter(self, wanted: Wanted) -> None:
        """Count a stream in; returns once other processes know, or could have known, what it wants."""
        new = wanted not in self._open and wanted not in self._left
        self._open[wanted] += 1
        self._left.pop(wanted, None)
        if new and self._keeper is not None:
            self._put.clear()
            self._changed.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REGISTER_WITHIN_S):
                    await self._put.wait()
                    await asyncio.sleep(SETTLE_S)

    def leave(self, wanted: Wanted) -> None:
        """Count a stream out."""
        self._open[wanted] -= 1
        if self._open[wanted] <= 0:
            del self._open[wanted]
            self._left[wanted] = time.monotonic() + LINGER_S

    def note_change(self) -> None:
        """Another process wants something else now."""
        self._changed.set()

    def note_tick(self) -> None:
        """A sign of life has come."""
        self._last_tick = time.monotonic()

    def _own(self) -> tuple[bool, list[UUID], list[UUID]]:
        now = time.monotonic()
        self._left = {wanted: until for wanted, until in self._left.items() if until > now}
        every = [*self._open, *self._left]
        sensors = sorted({UUID(name) for wanted in every for name in wanted.sensors})
        machines = sorted({UUID(name) for wanted in every for name in wanted.machines})
        if any(wanted.everything for wanted in every) or len(sensors) + len(machines) > MOST_NAMED:
            return True, [], []
        return False, sensors, machines

    async def _keep_for_ever(self) -> None:
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    self._conninfo, autocommit=True, application_name="audiosense-live-interest"
                ) as connection:
                    while True:
                        await self._exchange(connection)
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(TICK_S):
                                await self._changed.wait()
            except psycopg.Error as error:
                log.warning("what live streams want is not known", error=" ".join(str(error).split()))
            self._known_at = float("-inf")
            await asyncio.sleep(RETRY_S)

    async def _exchange(self, connection: psycopg.AsyncConnection[tuple[bool, list[UUID], list[UUID]]]) -> None:
        self._changed.clear()
        own = self._own()
        if any(own) or any(self._told):
            await connection.execute(_PUT, [self._process, *own])
        if own != self._told:
            self._told = own
            await self._tell(connection, CHANGED)
        self._put.set()
        if self._open and self._last_tick < time.monotonic() - TICK_S / 2:
            await connection.execute(_FORGET, [LINGER_S])
            await self._tell(connection, TICK)
        rows = await (await connection.execute(_READ, [LINGER_S])).fetchall()
        self._others = (
            any(row[0] for row in rows),
            frozenset(sensor for row in rows for sensor in row[1]),
            frozenset(machine for row in rows for machine in row[2]),
        )
        self._known_at = time.monotonic()

    async def _tell(self, connection: psycopg.AsyncConnection[tuple[bool, list[UUID], list[UUID]]], kind: str) -> None:
        payload = json.dumps({"id": secrets.token_hex(ID_BYTES), "event": kind, "data": {}})
        await connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])
