"""``db``: what an administrator does to the database; each command is in a file of its own."""

import typer

from audiosense_collector.cli.distribute import distribute
from audiosense_collector.cli.storage import order, retention, rollup, size

app = typer.Typer(no_args_is_help=True, help="Look after the database.")
app.command()(size)
app.command()(retention)
app.command()(order)
app.command()(rollup)
app.command()(distribute)
