"""What one running collector holds: settings, database, signing key, TLS, jobs, live hub."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import procrastinate
from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine

from audiosense_collector.agents.remembered import RememberedCredentials
from audiosense_collector.auth.passwords import Workers
from audiosense_collector.bulkhead import Bulkhead
from audiosense_collector.db.engine import Sessions, libpq_url, make_engine, make_sessions
from audiosense_collector.errors import SettingsError
from audiosense_collector.health.service import Health
from audiosense_collector.ingest.gate import Gate
from audiosense_collector.ingest.writer import Writer
from audiosense_collector.live.hub import Hub
from audiosense_collector.metrics.fleet import Fleet
from audiosense_collector.policies.current import Policies
from audiosense_collector.processors import processors
from audiosense_collector.settings import Settings
from audiosense_collector.signing import SigningKey, load_signing_key
from audiosense_collector.tls import Tls, ensure_tls
from audiosense_collector.training.process import Trainer


def _drawing() -> Bulkhead:
    """Half of the processors at most: the other half is for ingest."""
    return Bulkhead(max(1, processors() // 2), waiting=32, wait_s=10, what="pictures and comparisons")


def _recordings() -> Bulkhead:
    """Few at a time: each recording may take 256 MiB, and as much again while it is joined, resampled or drawn."""
    return Bulkhead(2, waiting=8, wait_s=60, what="analyses of recordings")


def _verifying() -> Bulkhead:
    """One at a time: it reads the whole log."""
    return Bulkhead(1, waiting=2, wait_s=10, what="verifications of the log")


@dataclass(frozen=True, slots=True)
class Runtime:
    """Shared by all requests and jobs of a process; opened by ``open_runtime``.

    ``environment`` is what the process was started with, ``settings`` what holds now. ``drawing``, ``recordings`` and
    ``verifying`` bound what requests may compute at a time.
    """

    environment: Settings
    engine: AsyncEngine
    sessions: Sessions
    signer: SigningKey | None
    certificates: Tls | None
    jobs: procrastinate.App
    trainer: Trainer
    hub: Hub
    gate: Gate
    writer: Writer
    remembered: RememberedCredentials
    fleet: Fleet
    health: Health
    passwords: Workers
    policies: Policies
    drawing: Bulkhead = field(default_factory=_drawing)
    recordings: Bulkhead = field(default_factory=_recordings)
    verifying: Bulkhead = field(default_factory=_verifying)

    @property
    def settings(self) -> Settings:
        """The settings that hold now, policies that were changed on the dashboard among them."""
        return self.policies.over(self.environment)

    @property
    def signing_key(self) -> SigningKey:
        """The key that signs models; a worker on another host has none."""
        if self.signer is None:
            raise SettingsError("this process has no signing key; models are signed where `serve` runs")
        return self.signer

    @property
    def tls(self) -> Tls:
        """What the agents' port shows; a worker on another host has none."""
        if self.certificates is None:
            raise SettingsError("this process has no certificates; agents talk to the host where `serve` runs")
        return self.certificates


@asynccontextmanager
async def open_runtime(
    settings: Settings, database_url: str, jobs: procrastinate.App, *, local: bool = True, trainers: int = 1
) -> AsyncIterator[Runtime]:
    """Open everything against a migrated database, and close it again; hub and worker are started by the server.

    Without ``local`` nothing of the data directory is made or read, ``trainers`` is the number of training processes.
    """
    async with AsyncExitStack() as stack:
        engine = make_engine(database_url)
        stack.push_async_callback(engine.dispose)
        await stack.enter_async_context(jobs.open_async())
        trainer = Trainer(trainers)
        stack.callback(trainer.close)
        hub = Hub(libpq_url(database_url))
        stack.push_async_callback(hub.close)
        writer = Writer()
        stack.push_async_callback(writer.close)
        gate = Gate(settings.ingest_queue)
        sessions = make_sessions(engine)
        policies = Policies(sessions)
        await policies.refresh()
        yield Runtime(
            environment=settings,
            engine=engine,
            sessions=sessions,
            signer=load_signing_key(settings.trust_dir) if local else None,
            certificates=ensure_tls(settings) if local else None,
            jobs=jobs,
            trainer=trainer,
            hub=hub,
            writer=writer,
            remembered=RememberedCredentials(),
            gate=gate,
            fleet=Fleet(libpq_url(database_url)),
            health=Health(libpq_url(database_url), queue_has_room=lambda: gate.in_work < gate.most),
            passwords=Workers(),
            policies=policies,
        )


async def _of_request(request: Request) -> Runtime:
    runtime = request.app.state.runtime
    assert isinstance(runtime, Runtime)
    return runtime


RuntimeOf = Annotated[Runtime, Depends(_of_request)]


def prepare_data_dir(data_dir: Path) -> None:
    """Make the data directory with its folder ``run``.

    Raises:
        SettingsError: it cannot be written.
    """
    try:
        (data_dir / "run").mkdir(mode=0o755, parents=True, exist_ok=True)
        probe = data_dir / "run" / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise SettingsError(
            f"the data directory {data_dir} cannot be written: {error.strerror}; "
            "make it writable for this user, or name another in AUDIOSENSE_DATA_DIR"
        ) from None
