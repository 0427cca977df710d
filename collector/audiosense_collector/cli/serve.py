"""``serve``, ``migrate``, ``openapi``."""

import contextlib
import os
import signal
from typing import TYPE_CHECKING, Annotated

import typer
import uvloop

from audiosense_collector.cli.common import database, print_json
from audiosense_collector.errors import SettingsError
from audiosense_collector.logs import configure_logs
from audiosense_collector.settings import Settings

if TYPE_CHECKING:
    from audiosense_collector.server import Addresses

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="AudioSense's collector. Its settings are environment variables; docs/ lists them.",
)


@app.command()
def serve(
    *,
    insecure_lan: Annotated[
        bool, typer.Option("--insecure-lan", help="Let the browsers' port be reached over the network without TLS.")
    ] = False,
    worker: Annotated[
        bool | None,
        typer.Option("--worker/--no-worker", help="Do jobs here too.  [default: AUDIOSENSE_WORKER, or yes]"),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Processes that take in batches.  [default: AUDIOSENSE_PROCESSES, or 1]"),
    ] = None,
) -> None:
    """Run the collector: the port for agents, the port for browsers, and a worker for jobs such as training."""
    from audiosense_collector.notifications.service import targets_of  # noqa: PLC0415
    from audiosense_collector.server import serve as run_servers  # noqa: PLC0415 - other commands start without it

    if insecure_lan:
        os.environ["AUDIOSENSE_INSECURE_LAN"] = "1"
    settings = Settings.load()
    if worker is not None:
        settings = settings.model_copy(update={"worker": worker})
    if processes is not None:
        settings = settings.model_copy(update={"processes": processes})
    targets_of(settings)
    configure_logs(settings.log_level.number, settings.log_format)
    with contextlib.suppress(KeyboardInterrupt), database(settings) as url:
        uvloop.run(run_servers(settings, url, lambda addresses, link: _banner(settings, addresses, link)))
    # The interpreter's end puts default actions back: a signal that comes late would turn a clean end into a death.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    print("AudioSense collector stopped")


@app.command(hidden=True)
def serve_agents(socket: int, place: int) -> None:
    """Serve agents on a socket that `serve` made; `serve` starts this, and ends it."""
    from audiosense_collector.server import serve_agents as run_server  # noqa: PLC0415 - other commands start without it

    settings = Settings.load()
    configure_logs(settings.log_level.number, settings.log_format)
    if settings.database_url is None:
        raise SettingsError("DATABASE_URL is not set; this command is for `serve` to start, with --processes")
    uvloop.run(run_server(settings, settings.database_url, socket, place))


@app.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    with database(Settings.load()):
        print("the schema is up to date")


@app.command()
def openapi() -> None:
    """Print the OpenAPI document of the browsers' interface as JSON."""
    from audiosense_collector.app import browser_document  # noqa: PLC0415 - other commands start without it

    print_json(browser_document())


def _banner(settings: Settings, addresses: "Addresses", link: str | None) -> None:
    print(
        "AudioSense collector\n"
        f"  dashboard  {addresses.http}\n"
        f"  agents     {addresses.agents} (enrolment keys say {settings.agents_address})\n"
        f"  metrics    {addresses.metrics}/metrics\n"
        f"  data       {settings.data_dir}\n"
        "Press Ctrl-C to stop.",
        flush=True,
    )
    if link is not None:
        print(
            "Nobody can sign in yet. Open this link to make the first administrator; it works once, for an hour:\n"
            f"  {addresses.http}/setup#{link}",
            flush=True,
        )
    if settings.insecure_lan:
        print(
            "warning: the browsers' port is open to the network without TLS; passwords and sound cross it in the clear "
            "unless a proxy with TLS stands in front",
            flush=True,
        )
