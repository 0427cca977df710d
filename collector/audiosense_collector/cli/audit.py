"""``audit list``, ``audit verify``."""

import json
import re
from typing import Annotated

import typer

from audiosense_collector.auth import audit, chain
from audiosense_collector.auth.schemas import ChangeOut
from audiosense_collector.cli.common import print_json, print_table, run, show_time
from audiosense_collector.errors import StartError
from audiosense_collector.runtime import Runtime

app = typer.Typer(no_args_is_help=True, help="The log of changes: who changed what, and that nobody changed the log.")


def _mark(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[0-9]{1,18}:[0-9a-f]{64}", value):
        raise typer.BadParameter(f"found {value!r}, expected NUMBER:DIGEST as `audit verify` prints it")
    return value


@app.command("list")
def list_changes(
    actor: Annotated[str | None, typer.Option(help="Of one user, token:NAME or cli:USER.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000)] = 50,
    *,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """List changes, the newest first."""

    async def work(runtime: Runtime) -> list[ChangeOut]:
        async with runtime.sessions() as session:
            return (await audit.read(session, audit.ChangeFilter(actor=actor), limit=limit)).items

    found = run(work)
    if as_json:
        print_json([change.model_dump(mode="json") for change in found])
        return
    rows = [
        (
            show_time(change.at_us),
            change.actor,
            change.address,
            change.action,
            f"{change.subject} {change.subject_id}",
            json.dumps(change.after, sort_keys=True) if change.after else "",
        )
        for change in found
    ]
    print_table(("TIME", "WHO", "FROM", "DID", "TO", "AFTER"), rows)


@app.command()
def verify(
    expect: Annotated[
        str | None, typer.Option(callback=_mark, help="A mark that an earlier run printed: NUMBER:DIGEST.")
    ] = None,
) -> None:
    """Prove that no entry was changed or taken away; prints a mark to keep elsewhere."""

    async def work(runtime: Runtime) -> chain.Verdict:
        async with runtime.sessions() as session:
            return await chain.verify(session, expect=expect)

    found = run(work)
    if found.faults:
        told = "; ".join(fault.detail for fault in found.faults[:5])
        raise StartError(f"the log of changes was tampered with: {told}; compare it with a backup")
    print(f"{found.entries} entries, none changed or missing\nmark {found.mark}")
