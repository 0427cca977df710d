"""``train``, ``push``, ``models``."""

from typing import Annotated

import typer

from audiosense_collector.cli.common import print_json, print_table, run, show_time
from audiosense_collector.machines.lookup import find_named, find_sensor
from audiosense_collector.machines.tables import Machine, Site
from audiosense_collector.models import service
from audiosense_collector.models.schemas import ModelSummary
from audiosense_collector.runtime import Runtime
from audiosense_collector.training import fleet
from audiosense_collector.training import service as training
from audiosense_collector.training.errors import TrainingError
from audiosense_collector.training.settings import LEAST_PER_WEEK, MOST_PER_WEEK

app = typer.Typer()
SENSOR_HELP = "Identity, name, or MACHINE/NAME."


@app.command()
def train(
    sensor: Annotated[str | None, typer.Argument(help=SENSOR_HELP)] = None,
    windows: Annotated[int | None, typer.Option(min=1, help="Train on the newest N windows.")] = None,
    percentile: Annotated[float | None, typer.Option(min=50, max=100, help="For the threshold.")] = None,
    false_alarms_per_week: Annotated[
        float | None, typer.Option(min=LEAST_PER_WEEK, max=MOST_PER_WEEK, help="Budget for the threshold.")
    ] = None,
    *,
    accept_drift: Annotated[bool, typer.Option("--accept-drift", help="Train on windows that drift, too.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Queue a training of each sensor for the workers.")] = False,
    site: Annotated[list[str] | None, typer.Option(help="With --all: only of this site; name or identity.")] = None,
    machine: Annotated[list[str] | None, typer.Option(help="With --all: only of this machine.")] = None,
) -> None:
    """Train a sensor's model, by default on its first baseline, and push it."""
    if (sensor is None) is not everything:
        raise TrainingError("expected a sensor, or --all for a training of each; give one of them")
    if not everything and (site or machine):
        raise TrainingError("found --site or --machine without --all, which says to queue a training of each; add it")
    if percentile is not None and false_alarms_per_week is not None:
        raise TrainingError("found --percentile and --false-alarms-per-week, expected one of them; leave one out")

    what = training.Request(windows, percentile, false_alarms_per_week, accept_drift)
    if sensor is None:
        _train_all(what, site or [], machine or [])
        return

    async def work(runtime: Runtime) -> str | None:
        async with runtime.sessions() as session:
            found = await find_sensor(session, sensor)
        return await training.train(runtime, found.id, what)

    print(f"model {run(work)} is trained; its agent takes it with one of its next batches")


def _train_all(what: training.Request, sites: list[str], machines: list[str]) -> None:
    async def work(runtime: Runtime) -> fleet.Queued:
        async with runtime.sessions.begin() as session:
            which = fleet.Selection(
                sites=[found.id for found in [await find_named(session, Site, name) for name in sites]],
                machines=[found.id for found in [await find_named(session, Machine, name) for name in machines]],
            )
            return await fleet.request_many(session, runtime.jobs, which, what)

    queued = run(work)
    print(f"{len(queued.jobs)} trainings are queued, {queued.waiting} sensors had one waiting; the workers share them")


@app.command()
def push(digest: str) -> None:
    """Make a model the one that its sensor's agent is to run."""

    async def work(runtime: Runtime) -> ModelSummary:
        async with runtime.sessions.begin() as session:
            return await service.push(session, runtime.signing_key, digest)

    pushed = run(work)
    print(f"model {pushed.digest}, version {pushed.version}, is offered to its agent")


@app.command()
def models(
    sensor: Annotated[str | None, typer.Argument(help=SENSOR_HELP)] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """List models, the newest first."""

    async def work(runtime: Runtime) -> list[ModelSummary]:
        async with runtime.sessions() as session:
            found = await find_sensor(session, sensor) if sensor else None
            return await service.list_models(session, found.id if found else None)

    listed = run(work)
    if as_json:
        print_json([model.model_dump(mode="json") for model in listed])
        return
    rows = [
        (
            model.digest,
            model.version,
            model.sensor_id,
            model.state,
            f"{model.threshold.value:.4f}",
            model.baseline.windows,
            model.baseline.left_out,
            ", ".join(f"{mode.share:.0%} at {mode.level_dbfs:.0f} dBFS" for mode in model.baseline.modes) or "-",
            show_time(model.created_us),
        )
        for model in listed
    ]
    print_table(("DIGEST", "VERSION", "SENSOR", "STATE", "THRESHOLD", "WINDOWS", "LEFT OUT", "MODES", "CREATED"), rows)
