"""``worker``."""

import asyncio
import contextlib
import signal
from contextlib import AsyncExitStack
from types import FrameType
from typing import Annotated

import typer
import uvloop

from audiosense_collector.cli.common import database
from audiosense_collector.jobs import make_jobs
from audiosense_collector.logs import configure_logs
from audiosense_collector.runtime import open_runtime
from audiosense_collector.settings import Settings
from audiosense_collector.signing import FILE, FOLDER
from audiosense_collector.systemd import supervised

app = typer.Typer()


@app.command()
def worker(
    concurrency: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="Jobs at a time, and training processes.  [default: processors]"),
    ] = None,
    queues: Annotated[
        str | None, typer.Option(help="Only these, separated by commas, as in training,signing.  [default: all it can]")
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65_535, help="Figures and probes, on this computer only; 0: any.  [default: no port is opened]"
        ),
    ] = None,
) -> None:
    """Do jobs, beside `serve` or on another host, where it needs DATABASE_URL only."""
    from audiosense_collector.notifications.service import targets_of  # noqa: PLC0415
    from audiosense_collector.processors import processors  # noqa: PLC0415

    settings = Settings.load()
    targets_of(settings)
    configure_logs(settings.log_level.number, settings.log_format)
    local = (settings.trust_dir / FOLDER / FILE).exists()
    number = concurrency or processors()
    asked = [name for name in (queues or "").split(",") if name]

    port = settings.worker_metrics_port if metrics_port is None else metrics_port

    with contextlib.suppress(KeyboardInterrupt), database(settings, local=local) as url:
        print(
            f"AudioSense worker, {number} jobs at a time, {'with' if local else 'without'} the signing key", flush=True
        )
        uvloop.run(_work(settings, url, local=local, number=number, queues=asked, port=port))
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    print("AudioSense worker stopped")


async def _work(settings: Settings, url: str, *, local: bool, number: int, queues: list[str], port: int | None) -> None:
    """Do jobs until a signal comes, or the worker ends by itself."""
    from audiosense_collector.queue.worker import work  # noqa: PLC0415

    async with AsyncExitStack() as stack:
        opening = open_runtime(settings, url, make_jobs(url), local=local, trainers=number)
        runtime = await stack.enter_async_context(opening)
        await stack.enter_async_context(runtime.policies.kept_fresh())
        if port is not None:
            from audiosense_collector.server import serving_metrics  # noqa: PLC0415 - of use to few workers

            figures = await stack.enter_async_context(serving_metrics(runtime, port))
            print(f"  metrics    {figures}/metrics", flush=True)
        await stack.enter_async_context(supervised())
        working = asyncio.create_task(work(runtime, concurrency=number, queues=queues))
        runtime.health.worker_lives = lambda: not working.done()
        await _until_told(working)


async def _until_told(working: asyncio.Task[None]) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait([waiting, working], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    working.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await working
