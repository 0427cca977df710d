"""``audiosense-agent spool``: looks into what waits to be sent, and repairs it."""

import json
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from audiosense_agent.cli.options import ConfigOption, JsonOption
from audiosense_agent.cli.status import describe_losses, show_time
from audiosense_agent.config import Settings, load_settings
from audiosense_agent.errors import SpoolError
from audiosense_agent.files import give_to_owner
from audiosense_agent.spool.check import verify as verify_spool
from audiosense_agent.spool.export import Format
from audiosense_agent.spool.export import export as export_spool
from audiosense_agent.spool.file import files_aside
from audiosense_agent.spool.repair import repair as repair_spool
from audiosense_agent.spool.view import read_details, read_spool, size_of
from audiosense_agent.state_lock import lock_state_dir

app = typer.Typer(help="Look into the spool (what waits to be sent), check it, repair it, write it out.")
_MEGA = 1e6
OutputOption = Annotated[Path | None, typer.Option("--output", "-o", help="A file; default: standard output.")]
FormatOption = Annotated[Format, typer.Option("--format", "-f", help="JSON Lines or CSV.")]


@app.command("status")
def status(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Show what waits, what was lost, what is in flight and what was set aside; an agent may run meanwhile."""
    found = _collect(load_settings(config))
    if as_json:
        print(json.dumps(found))
        return
    share = 100 * found["bytes"] / found["max_bytes"]
    print(f"spool {found['file']}, epoch {found['epoch'] or 'none yet'}")
    print(f"waiting: {found['rows']} measurements, {found['rescued']} rescued ones, {found['events']} event revisions")
    print(f"heard: from {show_time(found['oldest_us'])} to {show_time(found['newest_us'])}")
    print(f"size: {found['bytes'] / _MEGA:.1f} MB, {share:.1f} % of spool.max_bytes; policy {found['policy']}")
    age = found["max_age_days"]
    print(f"age: {f'at most {age:g} days' if age else 'no limit'}")
    in_flight = found["in_flight"]
    print("in flight: " + ("nothing" if in_flight is None else f"a batch of {in_flight} items"))
    print(f"lost: {describe_losses(found['lost']) or 'nothing'}")
    for gap in found["gaps"]:
        windows = "an unknown number of" if gap["windows"] is None else gap["windows"]
        times = f"{show_time(gap['first_us'])} to {show_time(gap['last_us'])}" if gap["last_us"] else "times unknown"
        print(f"  gap not told yet: {gap['sensor'] or 'sensor unknown'}, {gap['reason']}, {windows} windows, {times}")
    print(f"dead letters: {found['dead_letters_kept']} kept of {found['dead_letters']}")
    for aside in found["set_aside"]:
        print(f"set aside: {aside['file']}, {aside['bytes'] / _MEGA:.1f} MB; see: audiosense-agent spool repair")


@app.command("verify")
def verify(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Read all of the spool and check it; an agent may run meanwhile. Exit code 1 if something is damaged."""
    path = _path(load_settings(config))
    found = verify_spool(path)
    aside = [str(each) for each in files_aside(path)]
    if as_json:
        print(json.dumps({"ok": not found.problems, "file": str(path), **asdict(found), "set_aside": aside}))
    else:
        print(f"{path}: {found.measurements} measurements and {found.events} event revisions read")
        for problem in found.problems:
            print(f"damaged: {problem}")
        for each in aside:
            print(f"note: {each} was set aside; put back what is whole in it with: audiosense-agent spool repair")
        if not found.problems:
            print("the spool is whole")
    if found.problems:
        raise typer.Exit(1)


@app.command("repair")
def repair(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Put back what is whole of a damaged spool and of files set aside; the agent must be stopped meanwhile."""
    settings = load_settings(config)
    path = _path(settings)
    if size_of(path) is None and not files_aside(path):
        raise SpoolError(f"there is no spool at {path}; the agent makes it at its first start")
    with lock_state_dir(settings.state_dir):
        try:
            done = repair_spool(path, settings.spool.max_bytes)
        finally:
            give_to_owner(settings.state_dir, [*path.parent.glob(f"{path.name}*"), settings.state_dir / "agent.lock"])
    if as_json:
        print(
            json.dumps(
                {"files": [asdict(each) | {"file": str(each.file), "kept_as": str(each.kept_as)} for each in done]}
            )
        )
    else:
        for each in done:
            rescued = each.rescued
            print(
                f"{each.file}: {rescued.measurements} measurements and {rescued.events} event revisions put back, "
                f"{rescued.damaged} were damaged"
            )
            print(f"  not done: {each.problem}" if each.problem else f"  kept as {each.kept_as}")
        print("what was put back is sent after the next start" if done else "nothing to repair: the spool is whole")
    if any(each.problem for each in done):
        raise typer.Exit(1)


@app.command("export")
def export(config: ConfigOption = None, *, output: OutputOption = None, how: FormatOption = Format.JSONL) -> None:
    """Write out all measurements, event revisions and dead letters; an agent may run meanwhile, nothing is changed."""
    path = _path(load_settings(config))
    size_of(path)
    with ExitStack() as stack:
        to = sys.stdout if output is None else stack.enter_context(_create(output))
        try:
            result = export_spool(path, to, how)
            to.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise SpoolError(
                f"{output or 'the output'} cannot be written: {error.strerror}; free space there"
            ) from None
    damaged = f", {result.damaged} damaged ones left out" if result.damaged else ""
    print(f"{result.rows} rows written{damaged}", file=sys.stderr)


def _path(settings: Settings) -> Path:
    return settings.state_dir / "spool.db"


def _create(output: Path) -> TextIO:
    try:
        return output.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise SpoolError(f"{output} cannot be written: {error.strerror}; name another file") from None


def _collect(settings: Settings) -> dict[str, Any]:
    path, limits = _path(settings), settings.spool.limits
    details = asdict(read_details(path))
    details["gaps"] = [
        {"epoch": str(gap["epoch"])}
        | {name: gap[name] for name in ("number", "sensor", "reason", "windows")}
        | gap["span"]
        for gap in details["gaps"]
    ]
    counted = asdict(read_spool(path).status)
    del counted["set_aside"]
    aside = [{"file": str(each), "bytes": _size(each)} for each in files_aside(path)]
    return {
        "file": str(path),
        **counted,
        "max_bytes": limits.max_bytes,
        "policy": limits.policy.value,
        "max_age_days": limits.max_age_days,
        **details,
        "set_aside": aside,
    }


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
