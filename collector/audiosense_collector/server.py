"""The two servers, for browsers and for agents, in one process and one event loop."""

import asyncio
import contextlib
import fcntl
import json
import os
import resource
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import structlog
import uvicorn

from audiosense_collector import memory, processes
from audiosense_collector.app import create_agent_app, create_app
from audiosense_collector.auth.setup import make_link
from audiosense_collector.errors import SettingsError, StartError
from audiosense_collector.jobs import make_jobs
from audiosense_collector.metrics.routes import create_metrics_app
from audiosense_collector.queue.worker import work
from audiosense_collector.runtime import Runtime, open_runtime
from audiosense_collector.settings import ADDRESSES_FILE, Settings
from audiosense_collector.slowness import Headless
from audiosense_collector.systemd import supervised
from audiosense_common.wire import IDLE_CONNECTION_S

log = structlog.get_logger()
GRACE_S = 10
IDLE_GRACE_S = 0.3
AGENTS_IDLE_S = IDLE_CONNECTION_S + 15
"""For so long a connection of an agent may be idle. A handshake costs as much as a batch: one a minute is too many."""
BACKLOG = 4_096
"""Connections that wait to be accepted; a fleet that comes back makes many at once. The kernel may allow fewer."""
FEW_FILES, OWN_FILES = 4_096, 200
"""With fewer open files a fleet of thousands is not served; so many the collector needs for itself."""
HEADLESS_TICKS = 20


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the servers listen."""

    http: str
    agents: str
    metrics: str


class _Server(uvicorn.Server):
    """A server that leaves the signals to the process, and at its end waits for requests but not for idle clients."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._headless = Headless()

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second; every few seconds cut connections on which no request ever comes."""
        if counter % HEADLESS_TICKS == 0 and (cut := self._headless.drop(self.server_state.connections)):
            log.info("connections without a request cut", count=cut)
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish running requests; an idle TLS client would take its time to say goodbye."""
        aborting = asyncio.create_task(self._abort_idle())
        try:
            await super().shutdown(sockets)
        finally:
            aborting.cancel()

    async def _abort_idle(self) -> None:
        while True:
            await asyncio.sleep(IDLE_GRACE_S)
            for connection in list(self.server_state.connections):
                cycle = getattr(connection, "cycle", None)
                transport = getattr(connection, "transport", None)
                idle = cycle is None or cycle.response_complete
                if transport is not None and idle and not transport.get_write_buffer_size():
                    transport.abort()


async def serve(settings: Settings, database_url: str, started: Callable[[Addresses, str | None], None]) -> None:
    """Run until SIGINT or SIGTERM; calls ``started`` once both servers listen.

    It is given their addresses and, where nobody can sign in yet, the secret of the first administrator's link.

    Raises:
        StartError: a server or the queue's worker has ended by itself.
    """
    _allow_many_files()
    memory.keep_heap()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)

    # Not the loop's own handlers: they end with the loop, and a second signal would then cut the database's stop short.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(_alone(settings.data_dir))
        addresses, runtime, parts = await stack.enter_async_context(running(settings, database_url))
        memory.settle()
        started(addresses, await _first_administrator(runtime))
        await stack.enter_async_context(supervised())
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait([waiting, *parts], return_when=asyncio.FIRST_COMPLETED)
        ended = not waiting.done()
        waiting.cancel()
    if ended:
        reason = next(
            (str(part.exception()) for part in parts if not part.cancelled() and part.exception()), "no reason"
        )
        raise StartError(f"a part of the collector ended by itself: {' '.join(reason.split())}; start it again")


@asynccontextmanager
async def running(
    settings: Settings, database_url: str
) -> AsyncIterator[tuple[Addresses, Runtime, list[asyncio.Task[None]]]]:
    """Run both servers; on leaving they stop accepting, streams end and running requests are finished."""
    async with AsyncExitStack() as stack:
        mine, *others = _bind_for_agents(settings)
        for each in (mine, *others):
            stack.enter_context(each)
        sockets = [
            stack.enter_context(_bind(settings.http_host, settings.http_port, "AUDIOSENSE_HTTP_PORT")),
            mine,
            stack.enter_context(_bind(settings.metrics_host, settings.metrics_port_wanted, "AUDIOSENSE_METRICS_PORT")),
        ]
        addresses = Addresses(*map(_address, ("http", "https", "http"), sockets))
        runtime = await stack.enter_async_context(open_runtime(settings, database_url, make_jobs(database_url)))
        await runtime.hub.start()
        await stack.enter_async_context(runtime.policies.kept_fresh())
        workers = [await stack.enter_async_context(_working(runtime))] if settings.worker else []
        if workers:
            runtime.health.worker_lives = lambda: not workers[0].done()
        watching = await stack.enter_async_context(processes.started(others, database_url)) if others else []
        servers = [
            _configure(create_app(runtime), proxy_headers=False),
            _for_agents(runtime),
            _configure(create_metrics_app(runtime)),
        ]
        tasks = [
            asyncio.create_task(server.serve(sockets=[bound])) for server, bound in zip(servers, sockets, strict=True)
        ]
        try:
            await _wait_until_started(servers, tasks)
            stack.enter_context(_published(settings.data_dir, addresses))
            yield addresses, runtime, [*tasks, *workers, *watching]
        finally:
            runtime.hub.end_streams()
            for server in servers:
                server.should_exit = True
            await asyncio.gather(*tasks, return_exceptions=True)


async def serve_agents(settings: Settings, database_url: str, descriptor: int, place: int) -> None:
    """Run one of the processes that ``processes.started`` starts: the agents' port on a socket that it was given.

    Its figures are ``place`` ports further than those of the first process, or on any port where those are.
    """
    memory.keep_heap()
    line = processes.Line()
    port = settings.metrics_port_of(place)
    with socket.socket(fileno=descriptor) as bound:
        async with open_runtime(settings, database_url, make_jobs(database_url)) as runtime:
            await runtime.hub.start()
            async with serving_metrics(runtime, port, worker=False) as figures, _one(_for_agents(runtime), bound):
                memory.settle()
                log.info("one more process for agents", place=place, metrics=figures)
                await line.until_told()


def _for_agents(runtime: Runtime) -> "_Server":
    return _configure(
        create_agent_app(runtime),
        timeout_keep_alive=round(AGENTS_IDLE_S),
        backlog=BACKLOG,
        ssl_certfile=runtime.tls.chain,
        ssl_keyfile=runtime.tls.key,
        http=memory.ConnectionApart,
    )


@asynccontextmanager
async def serving_metrics(runtime: Runtime, port: int, *, worker: bool = True) -> AsyncIterator[str]:
    """Serve the figures and probes of a worker, or of another process, on ``AUDIOSENSE_METRICS_HOST``.

    Yields:
        The address.

    Raises:
        SettingsError: the port is taken.
    """
    variable = "AUDIOSENSE_WORKER_METRICS_PORT" if worker else "AUDIOSENSE_METRICS_PORT"
    with _bind(runtime.settings.metrics_host, port, variable) as bound:
        async with _one(_configure(create_metrics_app(runtime, worker=worker)), bound):
            yield _address("http", bound)


@asynccontextmanager
async def _one(server: "_Server", bound: socket.socket) -> AsyncIterator[None]:
    """Run a server; on leaving it finishes what it does."""
    task = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        await _wait_until_started([server], [task])
        yield
    finally:
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)


async def _first_administrator(runtime: Runtime) -> str | None:
    """Return the secret of the link that makes the first administrator, if nobody can sign in yet and has to."""
    if runtime.settings.demo:
        return None
    async with runtime.sessions.begin() as session:
        return await make_link(session)


@asynccontextmanager
async def _working(runtime: Runtime) -> AsyncIterator[asyncio.Task[None]]:
    """Run the queue's worker; on leaving it finishes what it does."""
    worker = asyncio.create_task(work(runtime, concurrency=runtime.settings.worker_concurrency))
    try:
        yield worker
    finally:
        worker.cancel()
        await asyncio.wait([worker])


def _allow_many_files() -> None:
    """Raise the limit of open files, of which each connection is one, as far as this process may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < FEW_FILES:
        log.warning(
            "the limit of open files is low: each agent's connection is one",
            found=hard,
            connections=max(0, hard - OWN_FILES),
            remedy="raise it: LimitNOFILE=65536 in the service, or ulimit -Hn",
        )


def _configure(app: Any, **options: Any) -> _Server:
    return _Server(
        uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_S,
            **options,
        )
    )


async def _wait_until_started(servers: list[_Server], tasks: list[asyncio.Task[None]]) -> None:
    while not all(server.started for server in servers):
        if any(task.done() for task in tasks):
            await asyncio.gather(*tasks)
        await asyncio.sleep(0.01)


def _bind_for_agents(settings: Settings) -> list[socket.socket]:
    """Bind a socket of the agents' port for each process; the kernel shares connections out among them."""
    first = _bind(settings.agent_host, settings.agent_port, "AUDIOSENSE_AGENT_PORT")
    if settings.processes == 1:
        return [first]
    # The first one has made sure that nobody else has the port; it never listens.
    with first:
        host, port = first.getsockname()[:2]
        return [_bind(host, port, "AUDIOSENSE_AGENT_PORT", shared=True) for _ in range(settings.processes)]


def _bind(host: str, port: int, variable: str, *, shared: bool = False) -> socket.socket:
    """Bind before anything is started, so that a taken port is one line and nothing is left behind."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shared))
            bound.bind(address)
        except OSError:
            bound.close()
            raise
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {host}:{port}: {error.strerror}; end the program that has the port, or set {variable}"
        ) from None
    return bound


def _address(scheme: str, bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(host, host)  # noqa: S104 - what a client dials
    return f"{scheme}://{shown}:{port}"


@contextlib.contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    """Keep a second server away: on free ports it would publish its addresses over the first one's."""
    with (data_dir / "run" / "serve.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(
                f"another collector runs on the data directory {data_dir}; end it, or set AUDIOSENSE_DATA_DIR"
            ) from None
        yield


@contextlib.contextmanager
def _published(data_dir: Path, addresses: Addresses) -> Iterator[None]:
    path = data_dir / ADDRESSES_FILE
    temporary = path.with_name(f".addresses.{os.getpid()}")
    temporary.write_text(json.dumps(asdict(addresses)))
    temporary.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
