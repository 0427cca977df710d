"""``db size``, ``db retention``, ``db order``, ``db rollup``."""

import math
from dataclasses import asdict
from typing import Annotated

import typer
from pydantic_core import to_jsonable_python

from audiosense_collector.cli.common import print_json, print_table, run, show_time
from audiosense_collector.clock import DAY_US, now_us
from audiosense_collector.errors import StartError
from audiosense_collector.machines.lookup import find_sensor
from audiosense_collector.rollups import recompute
from audiosense_collector.rollups.recompute import Checked
from audiosense_collector.runtime import Runtime
from audiosense_collector.storage import jobs, ordering
from audiosense_collector.storage import retention as keeping
from audiosense_collector.storage.ordering import Ordered
from audiosense_collector.storage.retention import Outcome
from audiosense_collector.storage.size import Size, read_size

SHOWN_DIFFERENCES = 20
_ORDERED = ("minutes", "hours", "raw measurements")
"""What ``db order`` calls ``ordering.KINDS``."""
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def size(*, as_json: Json = False) -> None:
    """Show tables, partitions and bytes, how fast they grow, and what retention will free."""

    async def work(runtime: Runtime) -> tuple[Size, Outcome]:
        async with runtime.sessions() as session:
            found = await read_size(session, now_us())
        return found, await keeping.preview(runtime)

    found, old = run(work)
    if as_json:
        print_json(to_jsonable_python(asdict(found) | {"retention": asdict(old)}))
        return
    rows = [
        (each.name, each.partitions or "", f"{each.rows:,}", show_bytes(each.table_bytes), show_bytes(each.index_bytes))
        for each in found.tables
        if each.table_bytes + each.index_bytes
    ]
    print_table(("TABLE", "PARTITIONS", "ROWS (ABOUT)", "BYTES", "INDEXES"), rows)
    print(f"\ndatabase: {show_bytes(found.database_bytes)}; sensors heard within a day: {found.sensors}")
    for parent, a_day in found.bytes_a_day.items():
        share = f", {show_bytes(a_day / found.sensors)} a sensor" if found.sensors else ""
        print(f"{parent}: {show_bytes(a_day)} and {found.rows_a_day[parent]:,.0f} rows a day{share}")
    until_us = (found.ordered_before_us, found.hours_ordered_before_us, found.raw_ordered_before_us)
    for name, before_us in zip(_ORDERED, until_us, strict=True):
        until = "not yet begun" if before_us is None else f"until {show_time(before_us)}"
        print(f"{name} of each sensor side by side: {until}")
    frees = sum(each.bytes for each in old.partitions) + old.clip_bytes + old.export_bytes
    print(f"retention frees {show_bytes(frees)} now")


def retention(
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Drop it, instead of telling what would be dropped.")] = False,
    as_json: Json = False,
) -> None:
    """Show what is older than it is to be kept, or drop it; the collector drops it every hour by itself."""
    outcome = run(keeping.apply if apply else keeping.preview)
    if as_json:
        print_json(to_jsonable_python(asdict(outcome)))
        return
    did, of = ("dropped", "deleted") if apply else ("would drop", "would delete")
    for parent, before in outcome.before_us.items():
        print(f"{parent}: kept from {show_time(before)}")
    rows = [
        (each.name, show_time(each.low_us), f"{max(0, each.rows):,}", show_bytes(each.bytes))
        for each in outcome.partitions
    ]
    print_table((f"PARTITION ({did})", "FROM", "ROWS (ABOUT)", "BYTES"), rows)
    for parent, count in outcome.stray.items():
        print(f"{of} {count} rows of {parent} that came too late for a partition")
    print(f"{of} {outcome.clips} clips, {show_bytes(outcome.clip_bytes)}")
    print(f"{of} {outcome.analyses} analyses of recordings")
    print(f"{of} {outcome.exports} exports, {show_bytes(outcome.export_bytes)}")
    others = len(outcome.kept.spans) - outcome.kept.learning
    print(
        f"kept beyond: baselines of {outcome.kept.learning} sensors that still learn, {others} events with locked clips"
    )
    if outcome.busy:
        raise StartError(
            f"others held {', '.join(outcome.busy)} each time; end long queries and exports, or try again later"
        )


def order(
    *,
    days: Annotated[
        int | None, typer.Option(min=1, max=36_500, help="Go back so many days.  [default: where the last run ended]")
    ] = None,
) -> None:
    """Move each sensor's rows together, so that charts read fewer pages; the collector does it every hour."""
    since = None if days is None else now_us() - days * DAY_US

    async def work(runtime: Runtime) -> list[Ordered]:
        return [await ordering.order(runtime, each, since_us=since, seconds=math.inf) for each in ordering.KINDS]

    for name, done in zip(_ORDERED, run(work), strict=True):
        until = show_time(done.until_us)
        print(f"{done.rows:,} {name} moved, {done.spans:,} spans of a sensor; in order until {until}")


def rollup(
    sensor: Annotated[str | None, typer.Argument(help="Identity, name, or MACHINE/NAME; all unless given.")] = None,
    *,
    verify: Annotated[bool, typer.Option("--verify", help="Compare them with the measurements.")] = False,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make them again from the measurements.")] = False,
) -> None:
    """Verify the roll-ups by minute and hour, or make them again, where all their measurements are still there."""
    if verify == rebuild:
        raise StartError(f"found {'both' if verify else 'neither'} of --verify and --rebuild, expected one of them")
    if rebuild:
        windows = run(lambda runtime: _rebuild(runtime, sensor))
        print(f"roll-ups of {windows:,} measurements made again")
        return
    found = run(lambda runtime: _verify(runtime, sensor))
    for each in found.differences[:SHOWN_DIFFERENCES]:
        what = f"{each.table} of sensor {each.sensor_id} at {show_time(each.time_us)}"
        print(f"{what}: {each.column} is {each.stored}, expected {each.expected}")
    if len(found.differences) > SHOWN_DIFFERENCES:
        print(f"and {len(found.differences) - SHOWN_DIFFERENCES} more")
    print(
        f"{found.sensors} sensors, {found.windows:,} measurements, {found.rows:,} roll-ups compared: "
        f"{len(found.differences)} differences"
    )
    if found.differences:
        raise StartError("roll-ups are not what their measurements give; `db rollup --rebuild` makes them again")


async def _rebuild(runtime: Runtime, words: str | None) -> int:
    async with runtime.sessions.begin() as session:
        found = await find_sensor(session, words) if words else None
        await recompute.ask(session, found.id if found else None)
    return await jobs.rebuild(runtime)


async def _verify(runtime: Runtime, words: str | None) -> Checked:
    async with runtime.sessions() as session:
        found = await find_sensor(session, words) if words else None
        since = await keeping.complete_since_us(session)
    total = Checked()
    async for each in recompute.verify(runtime.sessions, since, only=found.id if found else None):
        total.sensors += each.sensors
        total.windows += each.windows
        total.rows += each.rows
        total.differences += each.differences
    return total


def show_bytes(count: float) -> str:
    """Return a number of bytes for people."""
    step = 0
    while count >= 1024 and step < len(_UNITS) - 1:  # noqa: PLR2004 - binary prefixes
        count, step = count / 1024, step + 1
    return f"{count:.0f} {_UNITS[step]}" if step == 0 else f"{count:.1f} {_UNITS[step]}"
