"""The load generator of ``benchmarks.ingest``: agents that send batches over TLS, each as soon as the last is answered.

It is a process of its own and does as little as it can while it measures: bodies are made and compressed beforehand,
but for a small first zstd frame with the batch's token; the first batch of each agent is not measured. Reads a plan
(JSON) from its standard input's first line, says ``ready``, begins with the second line, and prints what came of it.
"""

import asyncio
import base64
import json
import re
import resource
import ssl
import sys
import time
import uuid
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

import numpy as np
import uvloop
import zstandard

from audiosense_common.features import SCHEMA_ID, SCHEMAS

WINDOW_US = 5_000_000
_VARIANTS = 8
_ANOMALOUS = 0.005
_REASON = {"key": "level", "feature": "rms_dbfs", "value": -20.0, "normal": -31.5, "unit": "dBFS", "deviation": 9.0}
_TOKEN = re.compile(rb'"token":"([^"]+)"')
_LENGTH = re.compile(rb"(?i)content-length: *(\d+)")
_RETRY_S, _WARM_S = 0.5, 60


@dataclass(slots=True)
class Agent:
    """One agent with one sensor; its windows follow each other without a gap."""

    id: str
    credential: str
    sensor: str
    epoch: str
    token: str | None
    seq: int
    first_us: int
    instance: str = field(default_factory=lambda: str(uuid.uuid4()))
    bodies: list[tuple[bytes, bytes]] = field(default_factory=list)


def make_features(count: int, rng: np.random.Generator, compressor: zstandard.ZstdCompressor) -> bytes:
    """Return the last frame of a body: the feature matrix, and the end of the message."""
    matrix = rng.normal(-40, 6, (count, len(SCHEMAS[SCHEMA_ID]))).astype("<f2")
    data = base64.b64encode(matrix.tobytes()).decode()
    shape = [count, matrix.shape[1]]
    return compressor.compress(f'"schema":"{SCHEMA_ID}","shape":{json.dumps(shape)},"data":"{data}"}}}}]}}'.encode())


def make_columns(agent: Agent, count: int, rng: np.random.Generator, compressor: zstandard.ZstdCompressor) -> bytes:
    """Return the middle frame of an agent's next body: all but token and features."""
    seq = list(range(agent.seq, agent.seq + count))
    scores = np.round(rng.beta(8, 12, count), 6)
    anomalous = rng.random(count) < _ANOMALOUS
    digest = "a" * 64
    columns = {
        "sensor": agent.sensor,
        "seq": seq,
        "time_us": [agent.first_us + number * WINDOW_US for number in seq],
        "score": scores.tolist(),
        "status": ["anomalous" if each else "normal" for each in anomalous],
        "models": [digest],
        "model": [0] * count,
        "level_dbfs": np.round(rng.normal(-31, 2, count), 3).tolist(),
        "dominant_hz": np.round(rng.normal(120, 4, count), 2).tolist(),
        "reasons": {int(row): [_REASON] for row in np.flatnonzero(anomalous)},
    }
    rest = {
        "sent_us": time.time_ns() // 1_000,
        "running": {agent.sensor: {"digest": digest, "version": 1, "state": "committed"}},
        "heartbeat": {"version": "0.2.0", "spool_rows": 1_000, "sources": {agent.sensor: "ok"}},
    }
    agent.seq += count
    opened = json.dumps(rest)[:-1] + ',"sensors":[' + json.dumps(columns)[:-1] + ',"features":{'
    return compressor.compress(opened[1:].encode())


class Connection(asyncio.Protocol):
    """One agent's connection: a batch is sent when the one before is answered."""

    def __init__(self, agent: Agent, run: "Run") -> None:
        self.agent, self.run = agent, run
        self.compressor = zstandard.ZstdCompressor(level=1)
        self.answer = b""
        self.sent = 0.0
        self.place = 0
        self.warm = asyncio.get_running_loop().create_future()
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the start."""
        self.transport = cast(asyncio.Transport, transport)

    def send(self) -> None:
        """Send the next batch, or the same again."""
        agent = self.agent
        if self.place == 1 and not self.run.deadline:
            self.warm.set_result(None)
            return
        if self.place == len(agent.bodies) or (self.run.deadline and time.perf_counter() > self.run.deadline):
            self.finish()
            return
        token = "null" if agent.token is None else f'"{agent.token}"'
        opened = f'{{"agent":"{agent.id}","epoch":"{agent.epoch}","token":{token},'
        parts = (self.compressor.compress(opened.encode()), *agent.bodies[self.place])
        head = (
            f"POST /api/v1/batches HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {agent.credential}\r\n"
            f"AudioSense-Instance: {agent.instance}\r\nContent-Type: application/json\r\nContent-Encoding: zstd\r\n"
            f"Content-Length: {sum(map(len, parts))}\r\n\r\n"
        )
        self.run.bytes += sum(map(len, parts))
        self.sent = time.perf_counter()
        self.transport.writelines((head.encode(), *parts))

    def data_received(self, data: bytes) -> None:
        """Gather an answer."""
        self.answer += data
        head, end, body = self.answer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or (length is not None and len(body) < int(length[1])):
            return
        self.answer = b""
        self.on_answer(int(head[9:12]), body)

    def on_answer(self, status: int, body: bytes) -> None:
        """Count an answer and go on."""
        now = time.perf_counter()
        if status == 503:  # noqa: PLR2004 - the one status that is no failure
            self.run.put_off += 1
            asyncio.get_running_loop().call_later(_RETRY_S, self.send)
            return
        token = _TOKEN.search(body)
        if status != 200 or token is None:  # noqa: PLR2004
            self.done.set_exception(RuntimeError(f"the collector answered {status}: {body[:500]!r}"))
            return
        self.agent.token = token[1].decode()
        self.run.latencies.append(now - self.sent)
        self.run.last = now
        self.place += 1
        self.send()

    def finish(self) -> None:
        """End the connection; batches that were not sent are forgotten."""
        self.agent.seq -= (len(self.agent.bodies) - self.place) * self.run.count
        self.transport.close()
        if not self.done.done():
            self.done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        """Fail, unless all was sent."""
        if not self.done.done():
            self.done.set_exception(error or RuntimeError("the collector ended the connection"))


@dataclass(slots=True)
class Run:
    """What is measured."""

    count: int
    deadline: float = 0.0
    last: float = 0.0
    bytes: int = 0
    put_off: int = 0
    latencies: list[float] = field(default_factory=list)


def _given(connection: Connection) -> Connection:
    return connection


async def run(plan: dict[str, Any], agents: list[Agent]) -> dict[str, Any]:
    """Send until the time is over."""
    measured = Run(plan["count"])
    loop = asyncio.get_running_loop()
    trust = ssl.create_default_context(cadata=plan["ca"])
    trust.check_hostname = False
    connections = []
    for agent in agents:
        made = Connection(agent, measured)
        await loop.create_connection(partial(_given, made), plan["host"], plan["port"], ssl=trust)
        connections.append(made)
    for connection in connections:
        connection.send()
    await asyncio.gather(*(asyncio.wait_for(connection.warm, _WARM_S) for connection in connections))
    warmed, measured.bytes = len(measured.latencies) * measured.count, 0
    measured.latencies.clear()
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    measured.deadline = start + plan["seconds"]
    for connection in connections:
        connection.send()
    await asyncio.gather(*(connection.done for connection in connections))
    after = resource.getrusage(resource.RUSAGE_SELF)
    latencies = np.array(measured.latencies) * 1e3
    return {
        "warmed": warmed,
        "rows": len(latencies) * measured.count,
        "seconds": measured.last - start,
        "p50_ms": float(np.percentile(latencies, 50)),
        "p99_ms": float(np.percentile(latencies, 99)),
        "put_off": measured.put_off,
        "body_bytes": measured.bytes,
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "agents": [{"token": agent.token, "seq": agent.seq} for agent in agents],
    }


def main() -> None:
    """Make the bodies, send them, and print what came of it."""
    plan = json.loads(sys.stdin.readline())
    rng, compressor = np.random.default_rng(plan["seed"]), zstandard.ZstdCompressor(level=3)
    variants = [make_features(plan["count"], rng, compressor) for _ in range(_VARIANTS)]
    agents = [Agent(**each) for each in plan["agents"]]
    for agent in agents:
        for place in range(plan["batches"]):
            agent.bodies.append((make_columns(agent, plan["count"], rng, compressor), variants[place % _VARIANTS]))
    print(json.dumps(uvloop.run(run(plan, agents))), flush=True)


if __name__ == "__main__":
    main()
