"""The report: one HTML page without scripts, with charts, figures and the clips worth listening to."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

import numpy as np

from audiosense_collector.evaluation.drawing import curve_class, draw_histogram, draw_roc
from audiosense_collector.evaluation.errors import EvaluationError
from audiosense_collector.evaluation.protocol import Trial
from audiosense_collector.evaluation.recordings import readable
from audiosense_collector.evaluation.run import HEADS, Evaluation, Heard

WORST = 3
_STYLE = Path(__file__).with_name("report.css")
_MEANINGS = (
    ("AUC", "How often a clip with a fault scores higher than a normal one. 1 is always, 0.5 is a coin."),
    ("pAUC", "The same where false alarms are rare, at most one normal clip in ten. 1 is best, 0.5 is a coin."),
    ("False alarms", "Normal windows that reached the threshold which the product chose by itself."),
    ("Detected", "Windows of faulty clips that reached it."),
    ("Clip alarms, clips detected", "Clips that would have raised an alarm: several windows close together did."),
    ("Score", "How strange a window sounds to a model that knows normal sound only, from 0 to 1."),
)


@dataclass(frozen=True, slots=True)
class Distance:
    """How far a clip's score lies above its models' thresholds, the mean over folds and channels."""

    path: Path
    abnormal: bool
    above: float


def check_writable(path: Path) -> None:
    """Tell before the work whether the report can be written.

    Raises:
        EvaluationError: no such folder, not writable, or the path is a folder.
    """
    folder = path.resolve().parent
    if path.is_dir():
        raise EvaluationError(f"the report {path} is a folder, expected the path of a file; name one in it")
    if not folder.is_dir():
        raise EvaluationError(f"the report {path} cannot be written: there is no folder {folder}; make it first")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise EvaluationError(f"the report {path} cannot be written: no permission; name another place")


def write(found: Evaluation, path: Path) -> None:
    """Write the report; its clips are linked by their path from there.

    Raises:
        EvaluationError: it cannot be written.
    """
    try:
        path.write_text(render(found, path.resolve().parent), encoding="utf-8")
    except OSError as error:
        raise EvaluationError(
            f"the report {path} cannot be written: {(error.strerror or 'unknown').lower()}; name another place"
        ) from None


def render(found: Evaluation, folder: Path) -> str:
    """Return the page that is to stand in ``folder``."""
    machines = [list(group) for _, group in groupby(_by_machine(found), key=lambda one: one.trial.machine)]
    sections = "".join(_section(number, heard, folder) for number, heard in enumerate(machines))
    anchors = {heard[0].trial.machine: f"machine-{number}" for number, heard in enumerate(machines)}
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>AudioSense evaluation</title><style>{_STYLE.read_text(encoding='utf-8')}</style></head><body><main>"
        f"<h1>How well faults would be heard</h1>{_how(found)}{_tiles(found)}{_warnings(found)}"
        f"<section><h2>All machines</h2>{_table(list(_by_machine(found)), anchors)}{_meanings()}</section>"
        f"{sections}</main></body></html>\n"
    )


def worst_clips(trials: Sequence[Trial]) -> tuple[list[Distance], list[Distance]]:
    """Return the normal clips with the highest scores and the abnormal ones with the lowest, relative to thresholds."""
    above: dict[tuple[Path, bool], list[float]] = {}
    for trial in trials:
        for clip in trial.clips:
            above.setdefault((clip.path, clip.abnormal), []).append(clip.score - clip.threshold)
    clips = [Distance(path, abnormal, float(np.mean(values))) for (path, abnormal), values in above.items()]
    normal = sorted((clip for clip in clips if not clip.abnormal), key=lambda clip: (-clip.above, clip.path))
    abnormal = sorted((clip for clip in clips if clip.abnormal), key=lambda clip: (clip.above, clip.path))
    return normal[:WORST], abnormal[:WORST]


def _by_machine(found: Evaluation) -> Iterator[Heard]:
    combined = {one.trial.machine: one for one in found.combined}
    for machine, heard in groupby(found.single, key=lambda one: one.trial.machine):
        yield from heard
        if machine in combined:
            yield combined[machine]


def _how(found: Evaluation) -> str:
    plan = found.plan
    return (
        f"<p>Each model learnt the normal clips of {plan.folds - 1} of {plan.folds} parts and was tested on the "
        f"part that it had not heard and on all abnormal clips. Windows of {plan.window_s:g} s every {plan.hop_s:g} s, "
        f"detector {escape(plan.detector)}, seed {plan.seed}, {found.windows_per_s:.0f} windows/s and core.</p>"
    )


def _tiles(found: Evaluation) -> str:
    summary, (rate, interval) = found.summary(found.single), found.false_alarms(found.single)
    tiles = [
        ("mean AUC", f"{summary.mean_auc:.3f}", _interval(summary.mean_auc_ci, "over machines")),
        ("mean pAUC", f"{summary.mean_pauc:.3f}", _interval(summary.mean_pauc_ci, "over machines")),
        ("false alarms, of normal windows", f"{rate:.1%}", f"95 %: {interval[0]:.1%} to {interval[1]:.1%}"),
        (
            "abnormal clips detected",
            f"{found.mean(found.single, 'clip_detection_rate'):.0%}",
            f"normal clips that raise an alarm: {found.mean(found.single, 'clip_false_alarm_rate'):.0%}",
        ),
    ]
    if found.combined:
        both = found.summary(found.combined)
        tiles.insert(
            1, ("mean AUC, channels combined", f"{both.mean_auc:.3f}", _interval(both.mean_auc_ci, "over machines"))
        )
    cells = (
        f'<div class="card"><span>{name}</span><b>{value}</b><small>{more}</small></div>' for name, value, more in tiles
    )
    return f'<div class="tiles">{"".join(cells)}</div>'


def _interval(interval: tuple[float, float] | None, what: str) -> str:
    return "one machine, no interval" if interval is None else f"95 % {what}: {interval[0]:.3f} to {interval[1]:.3f}"


def _warnings(found: Evaluation) -> str:
    if not found.warnings:
        return ""
    items = "".join(f"<li>{escape(readable(warning))}</li>" for warning in found.warnings)
    return f'<section class="warnings"><h2>To know</h2><ul>{items}</ul></section>'


def _meanings() -> str:
    items = "".join(f"<dt>{name}</dt><dd>{meaning}</dd>" for name, meaning in _MEANINGS)
    return f"<details><summary>What the figures mean</summary><dl>{items}</dl></details>"


def _table(heard: Sequence[Heard], anchors: dict[str, str]) -> str:
    heads = "".join(f"<th>{head.capitalize().replace('Auc', 'AUC').replace('Pauc', 'pAUC')}</th>" for head in HEADS)
    rows = []
    for one in heard:
        name, *values = one.row()
        anchor = anchors.get(one.trial.machine)
        label = f'<a href="#{anchor}">{escape(name)}</a>' if anchor else _part(one.trial)
        rows.append(f"<tr><td>{label}</td>{''.join(f'<td>{value}</td>' for value in values)}</tr>")
    return f'<div class="wide"><table><tr>{heads}</tr>{"".join(rows)}</table></div>'


def _section(number: int, heard: Sequence[Heard], folder: Path) -> str:
    trials = [one.trial for one in heard]
    roc = f"<figure><h3>ROC, mean of the folds</h3>{draw_roc(trials)}{_curve_legend(trials)}</figure>"
    histograms = "".join(
        f"<figure><h3>Window scores, {_part(trial)}</h3>{draw_histogram(trial)}{_KINDS}</figure>" for trial in trials
    )
    singles = [trial for trial in trials if trial.channel is not None]
    normal, abnormal = worst_clips(singles)
    worst = _clips("Normal, but strangest", normal, folder) + _clips("Abnormal, but most normal", abnormal, folder)
    return (
        f'<section id="machine-{number}"><h2>{escape(trials[0].machine)}</h2>{_table(heard, {})}'
        f'<div class="charts">{roc}{histograms}</div><div class="worst">{worst}</div></section>'
    )


def _part(trial: Trial) -> str:
    return "combined" if trial.channel is None else f"channel {trial.channel}"


def _curve_legend(trials: Sequence[Trial]) -> str:
    items = "".join(
        f'<li><svg viewBox="0 0 26 12" aria-hidden="true"><line class="curve {curve_class(number, trial)}" '
        f'x1="0" y1="6" x2="26" y2="6"/></svg>{_part(trial)}</li>'
        for number, trial in enumerate(trials)
    )
    return f'<ul class="legend">{items}</ul>'


_KINDS = '<ul class="legend">{}</ul>'.format(
    "".join(
        f'<li><svg viewBox="0 0 26 12" aria-hidden="true"><rect class="{kind}" x="1" y="1" width="24" height="10"/>'
        f"</svg>{kind}</li>"
        for kind in ("normal", "abnormal")
    )
)


def _clips(title: str, clips: Sequence[Distance], folder: Path) -> str:
    items = "".join(
        f'<li><a href="{_link(clip.path, folder)}">{escape(readable(clip.path.name))}</a>'
        f"<small>score {abs(clip.above):.3f} {'above' if clip.above >= 0 else 'below'} the threshold</small>"
        f'<audio controls preload="none" src="{_link(clip.path, folder)}"></audio></li>'
        for clip in clips
    )
    return f"<div><h3>{title}</h3><ol>{items}</ol></div>"


def _link(path: Path, folder: Path) -> str:
    """Return the path from the report to a clip as a URL; on another drive the file's own."""
    try:
        return escape(quote(os.fsencode(Path(os.path.relpath(path.resolve(), folder)).as_posix())))
    except ValueError:
        return escape(path.resolve().as_uri())
