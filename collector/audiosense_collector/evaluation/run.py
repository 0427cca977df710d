"""An evaluation from machines to its result, and the result as JSON and as rows of a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from audiosense_collector.evaluation.clips import Survey, survey
from audiosense_collector.evaluation.figures import (
    Figures,
    bootstrap_interval,
    compute_figures,
    mean_over_machines,
    wilson,
)
from audiosense_collector.evaluation.plan import Plan
from audiosense_collector.evaluation.protocol import Trial, run_trials
from audiosense_collector.evaluation.recordings import Machine

HEADS = (
    "MACHINE",
    "AUC",
    "PAUC",
    "FALSE ALARMS",
    "DETECTED",
    "CLIP ALARMS",
    "CLIPS DETECTED",
    "NORMAL CLIPS",
    "ABNORMAL CLIPS",
)


@dataclass(frozen=True, slots=True)
class Heard:
    """A trial and its figures."""

    trial: Trial
    figures: Figures

    def row(self) -> tuple[str, ...]:
        """Return the row of a table that ``HEADS`` heads."""
        figures = self.figures
        shares = (
            figures.window_false_alarm_rate,
            figures.window_detection_rate,
            figures.clip_false_alarm_rate,
            figures.clip_detection_rate,
        )
        return (
            self.trial.name,
            f"{figures.auc:.3f}",
            f"{figures.pauc:.3f}",
            *(f"{share:.1%}" for share in shares),
            str(figures.normal_clips),
            str(figures.abnormal_clips),
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """Means over the machines, and their 95 % intervals; these are null for a single machine."""

    mean_auc: float
    mean_auc_ci: tuple[float, float] | None
    mean_pauc: float
    mean_pauc_ci: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result; ``combined`` is empty unless the plan asks for it. ``warnings`` are for the user, a line each."""

    plan: Plan
    single: tuple[Heard, ...]
    combined: tuple[Heard, ...]
    warnings: tuple[str, ...]

    @property
    def windows_per_s(self) -> float:
        """Windows per second of one core, from samples to score, over all single channels."""
        return len(self.single) / sum(1 / heard.trial.windows_per_s for heard in self.single)

    def summary(self, heard: Sequence[Heard]) -> Summary:
        """Summarise ``single`` or ``combined``."""
        machines = [one.trial.machine for one in heard]
        aucs, paucs = [one.figures.auc for one in heard], [one.figures.pauc for one in heard]
        return Summary(
            mean_over_machines(machines, aucs),
            bootstrap_interval(machines, aucs, self.plan.seed),
            mean_over_machines(machines, paucs),
            bootstrap_interval(machines, paucs, self.plan.seed),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON; all but the speeds is the same in each run with the same seed."""
        plan = self.plan
        document = {
            **self._describe(self.single),
            "seed": plan.seed,
            "folds": plan.folds,
            "window_s": plan.window_s,
            "hop_s": plan.hop_s,
            "detector": plan.detector,
            "windows_per_s": round(self.windows_per_s, 1),
            "windows_per_s_by_name": {
                one.trial.name: round(one.trial.windows_per_s, 1) for one in (*self.single, *self.combined)
            },
            "warnings": list(self.warnings),
        }
        if self.combined:
            document["combined"] = self._describe(self.combined)
        return document

    def false_alarms(self, heard: Sequence[Heard]) -> tuple[float, tuple[float, float]]:
        """Return the share of all normal windows at or above their threshold, and its 95 % interval."""
        count = sum(one.figures.normal_windows for one in heard)
        hits = round(sum(one.figures.normal_windows * one.figures.window_false_alarm_rate for one in heard))
        return hits / count, wilson(hits, count)

    def mean(self, heard: Sequence[Heard], figure: str) -> float:
        """Return the mean over machines of one of ``Figures``, each the mean over its channels."""
        return mean_over_machines([one.trial.machine for one in heard], [getattr(one.figures, figure) for one in heard])

    def rows(self) -> list[tuple[str, ...]]:
        """Return the rows of the table that ``HEADS`` heads."""
        return [one.row() for one in (*self.single, *self.combined)]

    def _describe(self, heard: Sequence[Heard]) -> dict[str, Any]:
        summary = self.summary(heard)
        rate, interval = self.false_alarms(heard)
        shares = ("window_detection_rate", "clip_false_alarm_rate", "clip_detection_rate")
        return {
            "mean_auc": round(summary.mean_auc, 6),
            "mean_auc_ci": _ends(summary.mean_auc_ci),
            "mean_pauc": round(summary.mean_pauc, 6),
            "mean_pauc_ci": _ends(summary.mean_pauc_ci),
            "window_false_alarm_rate": round(rate, 6),
            "window_false_alarm_rate_ci": _ends(interval),
            **{f"mean_{name}": round(self.mean(heard, name), 6) for name in shares},
            "machines": [
                {"name": one.trial.name, "machine": one.trial.machine, "channel": one.trial.channel}
                | ({"detectors": one.trial.detectors} if one.trial.detectors else {})
                | one.figures.rounded()
                for one in heard
            ],
        }


def survey_all(machines: Sequence[Machine], plan: Plan) -> list[Survey]:
    """Read the headers of all machines' clips, so that what is wrong shows before the work begins.

    Raises:
        EvaluationError: a machine has too few clips.
    """
    return [survey(machine, plan) for machine in machines]


def count_steps(surveys: Sequence[Survey], plan: Plan) -> int:
    """Return how often ``evaluate`` will call ``step``: once for each clip, and for each model."""
    return sum(len(found.clips) + len(found.channels) * plan.folds for found in surveys)


def evaluate(surveys: Sequence[Survey], plan: Plan, step: Callable[[], None] = lambda: None) -> Evaluation:
    """Evaluate machines one after the other.

    Raises:
        EvaluationError: too few clips or windows, or windows from which no model can be trained.
    """
    heard = [Heard(trial, compute_figures(trial)) for found in surveys for trial in run_trials(found, plan, step)]
    return Evaluation(
        plan,
        tuple(one for one in heard if one.trial.channel is not None),
        tuple(one for one in heard if one.trial.channel is None),
        tuple(warning for found in surveys for warning in found.warnings),
    )


def _ends(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else [round(end, 6) for end in interval]
