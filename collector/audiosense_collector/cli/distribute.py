"""``db distribute``."""

from typing import Annotated

import typer

from audiosense_collector.cli.common import database
from audiosense_collector.db import distribution
from audiosense_collector.settings import Settings


def distribute(
    shards: Annotated[
        int, typer.Option(min=1, max=1_000, help="Pieces of each table; twice to four times the cores of all workers.")
    ] = distribution.SHARDS,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check, and tell what would be done.")] = False,
) -> None:
    """Spread measurements and roll-ups over the workers of a Citus cluster, by sensor; safe to repeat."""
    with database(Settings.load()) as url:
        for step in distribution.distribute(url, shards=shards, dry_run=dry_run):
            print(step, flush=True)
