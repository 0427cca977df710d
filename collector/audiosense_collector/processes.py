"""More processes for the agents' port of one collector: each has an event loop, and connections, of its own.

The kernel gives each process its share of the connections. A process is no more to the others than another collector on
the same database is (see ``docs/scaling.md``); it lives as long as the one that started it, however that one ends.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import structlog

from audiosense_collector.errors import StartError

log = structlog.get_logger()
READY, ALIVE = b"r", b"."
SIGN_OF_LIFE_S = 5.0
SILENT_S = 60.0
"""A process that gave no sign of life for so long has stopped: connections that the kernel gives to it hang."""
START_S = 120.0
END_S = 20.0
_LINE = 0
"""The descriptor of the line to the process that started this one: its standard input."""


@asynccontextmanager
async def started(listening: Sequence[socket.socket], database_url: str) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Run one more process for each socket, which becomes that process's own.

    Yields:
        Tasks that end with an exception when their process has ended by itself.

    Raises:
        StartError: a process does not start.
    """
    async with contextlib.AsyncExitStack() as stack:
        lines = [
            await stack.enter_async_context(_process(bound, place, database_url))
            for place, bound in enumerate(listening, 1)
        ]
        await asyncio.gather(*(_until_ready(line) for line in lines))
        watching = [asyncio.create_task(_watch(line)) for line in lines]
        try:
            yield watching
        finally:
            for task in watching:
                task.cancel()
            await asyncio.wait(watching)


@asynccontextmanager
async def _process(bound: socket.socket, place: int, database_url: str) -> AsyncIterator[asyncio.StreamReader]:
    """Run a process; it is told to end by the end of the line to it."""
    mine, its = socket.socketpair()
    with bound, its:
        arguments = ["-m", "audiosense_collector", "serve-agents", str(bound.fileno()), str(place)]
        environment = {
            name: value for name, value in os.environ.items() if name not in {"NOTIFY_SOCKET", "WATCHDOG_PID"}
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *arguments,
            stdin=its.fileno(),
            stdout=sys.stderr,
            pass_fds=[bound.fileno()],
            env=environment | {"DATABASE_URL": database_url},
        )
    reader, writer = await asyncio.open_connection(sock=mine)
    try:
        yield reader
    finally:
        writer.close()
        try:
            await asyncio.wait_for(process.wait(), END_S)
        except TimeoutError:
            log.warning("a process for agents did not end in time and is killed", pid=process.pid)
            process.kill()
            await process.wait()


async def _until_ready(line: asyncio.StreamReader) -> None:
    try:
        async with asyncio.timeout(START_S):
            found = await line.read(1)
    except TimeoutError:
        raise StartError(f"a process for agents was not ready within {START_S:.0f} s; see the log") from None
    if found != READY:
        raise StartError("a process for agents did not start; the log says why")


async def _watch(line: asyncio.StreamReader) -> None:
    while True:
        try:
            async with asyncio.timeout(SILENT_S):
                found = await line.read(64)
        except TimeoutError:
            raise StartError(f"a process for agents gave no sign of life for {SILENT_S:.0f} s") from None
        if not found:
            raise StartError("a process for agents has ended")


class Line:
    """The line of a started process to the one that started it."""

    def __init__(self) -> None:
        self._line = socket.socket(fileno=os.dup(_LINE))

    async def until_told(self) -> None:
        """Say that this process is ready, then that it lives, until the other one ends the line or a signal comes."""
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        # Ctrl-C reaches every process of a terminal; which of them end, and when, is for the first one to say.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        reader, writer = await asyncio.open_connection(sock=self._line)
        ended = asyncio.create_task(reader.read(1))
        ended.add_done_callback(lambda _: stop.set())
        writer.write(READY)
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SIGN_OF_LIFE_S):
                    await stop.wait()
            writer.write(ALIVE)
        ended.cancel()
        writer.close()
