"""A thousand open streams on one collector process: who gets every message, how soon, and what a stream costs.

Two collector processes serve one database. The streams are at the first; each message is announced by way of the
database, as measurements that come in at the second would be. One client in addition never reads. Client, server and
database share this computer, so a delivery's latency holds the client's own work too. The last line is JSON.
"""

import argparse
import asyncio
import contextlib
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import psutil

from audiosense_collector.db.embedded import EmbeddedServer
from audiosense_collector.db.engine import Sessions, make_engine, make_sessions
from audiosense_collector.live import notify
from audiosense_collector.settings import ADDRESSES_FILE

FILES = 8_192
WAIT_S = 60
SENSORS_PER_MESSAGE = 8
"""About as many as a notification holds."""


@dataclass(slots=True)
class Stream:
    """One client: numbers of the messages it got, and how late each was, in seconds."""

    got: list[int] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    hello: asyncio.Event = field(default_factory=asyncio.Event)
    ended: float | None = None

    async def read(self, port: int) -> None:
        """Open and read until the server ends the stream."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        while line := await reader.readline():
            if line.startswith(b"event: hello"):
                self.hello.set()
            elif line.startswith(b'data: {"sent_ns"'):
                now = time.monotonic_ns()
                data = json.loads(line[6:])
                self.got.append(data["number"])
                self.late_s.append((now - data["sent_ns"]) / 1e9)
        self.ended = time.monotonic()
        writer.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=1_000, help="default: %(default)s")
    parser.add_argument("--rate", type=float, default=5.0, help="messages a second (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=20.0, help="default: %(default)s")
    arguments = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        database = EmbeddedServer(Path(name) / "database")
        stack.callback(database.release)
        url = database.start()
        first = stack.enter_context(serving(Path(name) / "first", url))
        stack.enter_context(serving(Path(name) / "second", url))
        print(json.dumps(asyncio.run(measure(first, url, arguments.streams, arguments.rate, arguments.seconds))))


@contextlib.contextmanager
def serving(folder: Path, url: str) -> Iterator[tuple[psutil.Process, int]]:
    """Run a collector without a worker; gives its process and the browsers' port."""
    folder.mkdir()
    own = {
        "DATABASE_URL": url,
        "AUDIOSENSE_DATA_DIR": str(folder),
        "AUDIOSENSE_HTTP_PORT": "0",
        "AUDIOSENSE_AGENT_PORT": "0",
        "AUDIOSENSE_AGENT_HOST": "127.0.0.1",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "audiosense_collector", "serve", "--no-worker"],
            # The streams are measured, not the signing in.
            env=os.environ | own | {"AUDIOSENSE_DEMO": "1"},
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + WAIT_S
        while not (folder / ADDRESSES_FILE).exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "log").read_text())
            time.sleep(0.05)
        address = json.loads((folder / ADDRESSES_FILE).read_text())["http"]
        yield psutil.Process(process.pid), int(address.rsplit(":", 1)[1])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


async def measure(
    server: tuple[psutil.Process, int], url: str, streams: int, rate: float, seconds: float
) -> dict[str, float]:
    """Open the streams, announce, count."""
    process, port = server
    engine = make_engine(url)
    before = process.memory_info().rss
    clients = [Stream() for _ in range(streams)]
    reading = [asyncio.create_task(client.read(port)) for client in clients]
    await asyncio.gather(*(client.hello.wait() for client in clients))
    idle = process.memory_info().rss
    _, deaf = await asyncio.open_connection("127.0.0.1", port)
    deaf.write(f"GET /api/v1/live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    started, cpu = time.monotonic(), _cpu(process)
    sent = await announce(make_sessions(engine), rate, seconds)
    await _settle(clients, sent)
    spent, lasted = _cpu(process) - cpu, time.monotonic() - started
    peak = process.memory_info().rss
    stopped = time.monotonic()
    process.send_signal(signal.SIGTERM)
    await asyncio.gather(*reading)
    deaf.close()
    await engine.dispose()
    late = sorted(value for client in clients for value in client.late_s)
    delivered = len(late)
    return {
        "streams": streams,
        "messages": sent,
        "deliveries_per_s": round(delivered / lasted),
        "lost": sent * streams - len({(place, number) for place, each in enumerate(clients) for number in each.got}),
        "repeated": delivered - len({(place, number) for place, each in enumerate(clients) for number in each.got}),
        "p50_ms": round(1e3 * statistics.median(late), 1),
        "p99_ms": round(1e3 * late[int(0.99 * delivered)], 1),
        "rss_kib_per_stream": round((idle - before) / 1_024 / streams, 1),
        "rss_mib": round(peak / 2**20),
        "cpu_s": round(spent, 2),
        "cpu_us_per_delivery": round(1e6 * spent / delivered, 1),
        "stop_s": round(max(client.ended or 0.0 for client in clients) - stopped, 2),
    }


async def announce(sessions: Sessions, rate: float, seconds: float) -> int:
    """Send messages of the size that measurements have; returns how many."""
    number = round(rate * seconds)
    start = time.monotonic()
    sensors = [str(uuid4()) for _ in range(SENSORS_PER_MESSAGE)]
    for place in range(number):
        await asyncio.sleep(max(0.0, start + place / rate - time.monotonic()))
        async with sessions.begin() as session:
            content = {"sent_ns": time.monotonic_ns(), "number": place, "sensors": sensors, "text": "x" * 600}
            await notify.event(session, content)
    return number


async def _settle(clients: list[Stream], sent: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while any(len(client.got) < sent for client in clients) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.05)


def _cpu(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return float(spent.user + spent.system)


if __name__ == "__main__":
    main()
