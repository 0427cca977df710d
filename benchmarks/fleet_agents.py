"""Agents for the benchmark of a fleet: light enough for ten thousand, and on the wire as real ones."""

import asyncio
import hashlib
import json
import secrets
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import psycopg
import zstandard

from audiosense_agent.uplink import Retry
from audiosense_common.features import SCHEMA_ID, SCHEMAS
from audiosense_common.wire import FeatureMatrix
from audiosense_common.wire_identity import INSTANCE_HEADER

WINDOW_US = 5_000_000
PER_MACHINE = 10
_MATRICES = 32
_TIMEOUT_S = 30.0
_OK, _TRY_AGAIN = 200, (429, 500, 502, 503, 504)
Rows = list[tuple[Any, ...]]


def _now_us() -> int:
    return time.time_ns() // 1_000


class RefusedError(Exception):
    """The collector refuses a batch in a way that a real agent would not send it again after."""


@dataclass(slots=True)
class Record:
    """What happened to a fleet's requests; times are of ``time.monotonic``, in seconds."""

    answered: list[tuple[float, float]] = field(default_factory=list)
    """When each answer came, and how long it took from the first byte of its request."""
    failed: list[float] = field(default_factory=list)
    """When a request had no answer."""
    put_off: list[float] = field(default_factory=list)
    """When a request was answered with 429 or 503."""
    connections: int = 0
    open: int = 0


class SimulatedAgent:
    """One agent with one sensor: its own credential, epoch, sequence and token, one connection that it keeps.

    The sensor's windows are random, its batches are compressed JSON as the agent's uplink sends them.
    """

    def __init__(
        self,
        number: int,
        record: Record,
        *,
        windows: int,
        clock_us: Callable[[], int] = _now_us,
    ) -> None:
        self.number = number
        self.id, self.sensor, self._epoch, self._instance = uuid4(), uuid4(), uuid4(), uuid4()
        self.sent = 0
        self._credential = secrets.token_urlsafe(32)
        self._token: str | None = None
        self._windows = windows
        self._clock_us = clock_us
        self._record = record
        self._retry = Retry()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    @property
    def credential_sha256(self) -> bytes:
        """What the collector keeps of the credential."""
        return hashlib.sha256(self._credential.encode()).digest()

    async def deliver(self, port: int, context: ssl.SSLContext) -> None:
        """Make the next batch and send it until it is acknowledged, with the agent's own waits in between.

        Raises:
            RefusedError: it was refused for good.
        """
        request = self._request()
        failures = 0
        while True:
            began = time.monotonic()
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    status, retry_after_s, content = await self._exchange(request, port, context)
            except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
                self.close()
                self._record.failed.append(time.monotonic())
                failures += 1
                await asyncio.sleep(self._retry.delay(failures))
                continue
            if status == _OK:
                self._record.answered.append((time.monotonic(), time.monotonic() - began))
                self._token = json.loads(content)["token"]
                self.sent += self._windows
                return
            if status not in _TRY_AGAIN:
                raise RefusedError(f"agent {self.number}: {status} {content.decode(errors='replace')[:300]}")
            self._record.put_off.append(time.monotonic())
            failures += 1
            await asyncio.sleep(max(retry_after_s, self._retry.delay(failures)))

    def close(self) -> None:
        """Leave the connection."""
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None
            self._record.open -= 1

    async def _exchange(self, request: bytes, port: int, context: ssl.SSLContext) -> tuple[int, float, bytes]:
        if self._streams is not None and self._streams[0].at_eof():
            self.close()
        if self._streams is None:
            self._streams = await asyncio.open_connection(
                "127.0.0.1", port, ssl=context, server_hostname="localhost", limit=2**14
            )
            self._record.connections += 1
            self._record.open += 1
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        content = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            self.close()
        return int(head[0].split()[1]), float(headers.get("retry-after", 0)), content

    def _request(self) -> bytes:
        body = zstandard.compress(json.dumps(self._batch()).encode(), 3)
        head = (
            "POST /api/v1/batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Encoding: zstd\r\nContent-Length: {len(body)}\r\nAuthorization: Bearer {self._credential}\r\n"
            f"{INSTANCE_HEADER}: {self._instance}\r\n\r\n"
        )
        return head.encode() + body

    def _batch(self) -> dict[str, Any]:
        count, now = self._windows, self._clock_us()
        start = now - count * WINDOW_US
        columns = {
            "sensor": str(self.sensor),
            "seq": list(range(self.sent, self.sent + count)),
            "time_us": [start + place * WINDOW_US for place in range(count)],
            "score": [None] * count,
            "status": ["learning"] * count,
            "models": [],
            "model": [None] * count,
            "level_dbfs": [-30.0] * count,
            "dominant_hz": [120.0] * count,
            "features": _matrix(count, (self.number + self.sent) % _MATRICES),
        }
        return {
            "agent": str(self.id),
            "epoch": str(self._epoch),
            "token": self._token,
            "sent_us": now,
            "sensors": [columns],
        }


_matrices: dict[tuple[int, int], dict[str, Any]] = {}


def _matrix(count: int, seed: int) -> dict[str, Any]:
    """Return random vectors, of which a few serve the whole fleet: what they are does not matter, their bytes do."""
    key = (count, seed)
    if key not in _matrices:
        values = np.random.default_rng(seed).normal(-40, 3, (count, len(SCHEMAS[SCHEMA_ID]))).astype(np.float16)
        _matrices[key] = FeatureMatrix.pack(SCHEMA_ID, values).model_dump(mode="json", by_alias=True)
    return _matrices[key]


def register(connection: psycopg.Connection[tuple[Any, ...]], agents: list[SimulatedAgent]) -> None:
    """Put agents and sensors into the collector's database as enrolment would; ten sensors are on each machine."""
    site = uuid4()
    machines = [uuid4() for _ in range(-(-len(agents) // PER_MACHINE))]
    connection.execute("INSERT INTO site (id, name) VALUES (%s, %s)", [site, f"Fleet {site}"])
    named = [(machine, site, f"Machine {place}") for place, machine in enumerate(machines)]
    _copy(connection, "machine (id, site_id, name)", named)
    _copy(
        connection,
        "agent (id, name, credential_sha256, version, created)",
        [(agent.id, f"agent-{agent.number}", agent.credential_sha256, "0", _now()) for agent in agents],
    )
    _copy(
        connection,
        "sensor (id, agent_id, machine_id, name, created, sample_rate_hz, window_s, schema_id, source, baseline_since)",
        [_sensor(agent, machines[agent.number // PER_MACHINE]) for agent in agents],
    )
    connection.commit()


def _sensor(agent: SimulatedAgent, machine: UUID) -> tuple[Any, ...]:
    name = f"sensor-{agent.number}"
    return (agent.sensor, agent.id, machine, name, _now(), 16_000, 5.0, SCHEMA_ID, "simulator", "1970-01-01 00:00Z")


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())


def _copy(connection: psycopg.Connection[tuple[Any, ...]], where: str, rows: Rows) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {where} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
