"""``evaluate``."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiosense_collector.cli.common import print_table
from audiosense_collector.training.settings import LEAST_PER_WEEK, MOST_PER_WEEK

if TYPE_CHECKING:
    from audiosense_collector.evaluation.plan import Plan
    from audiosense_collector.evaluation.recordings import Machine
    from audiosense_collector.evaluation.run import Evaluation, Summary

app = typer.Typer()
DEFAULT_HOP_S = 1.0


@app.command()
def evaluate(
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="Its leaves hold normal/ and abnormal/.")] = None,
    *,
    normal: Annotated[list[str] | None, typer.Option(metavar="GLOB", help="Normal clips, in place of DIR.")] = None,
    abnormal: Annotated[list[str] | None, typer.Option(metavar="GLOB", help="Abnormal clips.")] = None,
    folds: Annotated[int, typer.Option(min=2, max=100, help="Parts of the normal clips.")] = 5,
    window: Annotated[float, typer.Option(min=0.1, max=3_600, help="Length of a window in seconds.")] = 5.0,
    hop: Annotated[float | None, typer.Option(min=0.01, max=3_600, help="Seconds between windows' starts; 1.")] = None,
    channel: Annotated[int | None, typer.Option(min=0, max=1_023, help="One channel; default: each singly.")] = None,
    sample_rate: Annotated[
        int | None, typer.Option(min=1_000, max=768_000, help="Hz; default: what most clips of a machine have.")
    ] = None,
    percentile: Annotated[float | None, typer.Option(min=50, max=100, help="For the threshold.")] = None,
    false_alarms_per_week: Annotated[
        float | None, typer.Option(min=LEAST_PER_WEEK, max=MOST_PER_WEEK, help="Budget for the threshold.")
    ] = None,
    detector: Annotated[str | None, typer.Option(help="Default: what training uses; auto chooses one.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same figures.")] = 0,
    report: Annotated[Path | None, typer.Option(metavar="FILE", help="Write an HTML page.")] = None,
    combine: Annotated[bool, typer.Option("--combine", help="Average the channels' scores too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Tell how well faults would be heard on recordings of your own, with the product's own models."""
    machines = _machines(folder, normal or [], abnormal or [])
    from audiosense_collector.evaluation.plan import Plan  # noqa: PLC0415 - scikit-learn is slow to load
    from audiosense_collector.training.settings import DEFAULT_DETECTOR  # noqa: PLC0415

    plan = Plan(
        folds=folds,
        window_s=window,
        hop_s=min(DEFAULT_HOP_S, window) if hop is None else hop,
        channel=channel,
        combine=combine,
        sample_rate_hz=sample_rate,
        percentile=percentile,
        false_alarms_per_week=false_alarms_per_week,
        detector=detector or DEFAULT_DETECTOR,
        seed=seed,
    )
    save = _report_writer(report)
    found = _evaluate(machines, plan)
    save(found)
    _tell(found, as_json=as_json)


def _machines(folder: Path | None, normal: list[str], abnormal: list[str]) -> "list[Machine]":
    from audiosense_collector.evaluation import recordings  # noqa: PLC0415
    from audiosense_collector.evaluation.errors import EvaluationError  # noqa: PLC0415

    if folder is not None and (normal or abnormal):
        raise EvaluationError(f"found both the folder {folder} and patterns, expected one of them; leave one out")
    if folder is not None:
        return recordings.find_machines(folder)
    if not normal and not abnormal:
        raise EvaluationError("no recordings are named; give a folder, or --normal and --abnormal")
    return [recordings.match_machine(normal, abnormal)]


def _evaluate(machines: "list[Machine]", plan: "Plan") -> "Evaluation":
    from audiosense_collector.evaluation import run  # noqa: PLC0415

    surveys = run.survey_all(machines, plan)
    steps = run.count_steps(surveys, plan)
    with typer.progressbar(length=steps, label="evaluating", file=sys.stderr, update_min_steps=1) as bar:
        return run.evaluate(surveys, plan, lambda: bar.update(1))


def _report_writer(path: Path | None) -> "Callable[[Evaluation], None]":
    """Check now what would fail after minutes of work."""
    if path is None:
        return lambda _found: None
    from audiosense_collector.evaluation import report  # noqa: PLC0415

    report.check_writable(path)
    return lambda found: report.write(found, path)


def _tell(found: "Evaluation", *, as_json: bool) -> None:
    from audiosense_collector.evaluation import run  # noqa: PLC0415

    for warning in found.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if as_json:
        print(json.dumps(found.to_json(), sort_keys=True))
        return
    print_table(run.HEADS, found.rows())
    print(f"\n{_words('mean', found.summary(found.single))}")
    if found.combined:
        print(_words("combined", found.summary(found.combined)))
    print(f"{found.windows_per_s:.0f} windows per second and core, from samples to score")


def _words(name: str, summary: "Summary") -> str:
    parts = []
    for label, value, interval in (
        ("AUC", summary.mean_auc, summary.mean_auc_ci),
        ("pAUC", summary.mean_pauc, summary.mean_pauc_ci),
    ):
        ends = f" (95 % interval over machines {interval[0]:.3f} to {interval[1]:.3f})" if interval else ""
        parts.append(f"{label} {value:.3f}{ends}")
    return f"{name}: {', '.join(parts)}"
