"""The command line ``audiosense-agent``."""

import os
import sys
from typing import Annotated

import typer

from audiosense_agent import __version__
from audiosense_agent.cli import analyse, check, devices, enrol, run, simulate, spool, status
from audiosense_common.errors import AudioSenseError

app = typer.Typer(
    name="audiosense-agent",
    help="Hears the machines beside it, scores each window of sound and sends measurements to the collector.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("run")(run.run)
app.command("enroll")(enrol.enroll)
app.command("devices")(devices.devices)
app.command("analyze")(analyse.analyze)
app.command("status")(status.status)
app.command("check")(check.check)
app.add_typer(simulate.app, name="simulate")
app.add_typer(spool.app, name="spool")


def _show_version(value: bool) -> None:  # noqa: FBT001 - typer's callback
    if value:
        print(f"audiosense-agent {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[  # noqa: FBT002 - typer reads it
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run a command; errors are one line on stderr and exit code 1."""
    try:
        app()
    except AudioSenseError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
