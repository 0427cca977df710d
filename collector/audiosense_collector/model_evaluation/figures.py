"""The figures of an evaluation, from the scores of stored windows."""

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.model_evaluation.alarms import count_events, poisson_interval
from audiosense_collector.model_evaluation.schemas import (
    Agreement,
    Course,
    EvaluationReport,
    LeftOut,
    ModelFigures,
    ScoreCourse,
    StoredScores,
)
from audiosense_collector.model_evaluation.scored import Scored
from audiosense_common.bundle import Bundle, Manifest

DAY_S, DAYS_OF_WEEK = 86_400, 7
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999, 1.0)
BINS = 50
SPANS = 300
"""Of a course, at most: as many as a chart can show."""
_DIGITS = 5


def report(scored: Scored, model: Bundle, compared: Bundle | None) -> EvaluationReport:
    """Return the figures of a model, and of the one that it is compared with, over the windows that count."""
    bundles = [model] if compared is None else [model, compared]
    days = int(scored.counts.sum()) * model.manifest.window_s / DAY_S
    figures = [_figures(scored, scores, bundle, days) for scores, bundle in zip(scored.scores, bundles, strict=True)]
    some = bool(scored.counts.any())
    anomalous = [
        scores[scored.counts].astype(np.float64) >= bundle.manifest.threshold.value
        for scores, bundle in zip(scored.scores, bundles, strict=True)
    ]
    times = scored.times_us[scored.counts]
    return EvaluationReport(
        windows=int(scored.counts.sum()),
        hours=round(days * 24, 4),
        first_us=int(times[0]) if some else None,
        last_us=int(times[-1]) if some else None,
        left_out=LeftOut(**scored.left_out),
        model=figures[0],
        compared=None if compared is None else figures[1],
        agreement=None if compared is None or not some else _agreement(*anomalous),
        stored_scores=StoredScores(windows=scored.own, equal=scored.equal),
        course=_course(scored, model.manifest.window_s) if some else None,
    )


def _figures(scored: Scored, narrow: NDArray[np.float32], bundle: Bundle, days: float) -> ModelFigures | None:
    # As agents do, thresholds are compared in double precision.
    scores = narrow.astype(np.float64)
    found = scores[scored.counts]
    if not len(found):
        return None
    manifest = bundle.manifest
    threshold = manifest.threshold.value
    window_us = round(manifest.window_s * 1_000_000)
    alarms = count_events(scored.times_us, window_us, scores, threshold, manifest.debouncing)
    low, high = poisson_interval(alarms)
    counts, _ = np.histogram(found, bins=BINS, range=(0, 1))
    return ModelFigures(
        digest=bundle.digest,
        version=manifest.bundle_version,
        threshold=threshold,
        alarms=alarms,
        alarms_per_day=alarms / days,
        alarms_per_day_ci=(low / days, high / days),
        budget_per_day=_budget(manifest),
        over_threshold=float((found >= threshold).mean()),
        score_quantiles={f"{share:g}": float(np.quantile(found, share)) for share in QUANTILES},
        score_histogram=counts.tolist(),
    )


def _budget(manifest: Manifest) -> float | None:
    allowed = manifest.threshold.parameters.get("false_alarms_per_week")
    return None if allowed is None else allowed / DAYS_OF_WEEK


def _agreement(model: NDArray[np.bool_], compared: NDArray[np.bool_]) -> Agreement:
    return Agreement(
        both=int((model & compared).sum()),
        only_model=int((model & ~compared).sum()),
        only_compared=int((~model & compared).sum()),
    )


def _course(scored: Scored, window_s: float) -> Course:
    times = scored.times_us[scored.counts]
    first, last = int(times[0]), int(times[-1])
    span = max(round(window_s * 1_000_000), -(-(last - first + 1) // SPANS))
    place = (times - first) // span
    begins = np.flatnonzero(np.diff(place, prepend=-1))
    count = int(place[-1]) + 1
    courses = [_spans(scores[scored.counts], place[begins], begins, count) for scores in scored.scores]
    return Course(
        time_us=[first + number * span for number in range(count)],
        span_us=span,
        model=courses[0],
        compared=courses[1] if len(courses) > 1 else None,
    )


def _spans(
    scores: NDArray[np.float32], places: NDArray[np.int64], begins: NDArray[np.int64], count: int
) -> ScoreCourse:
    """Return the scores of spans, of which some hold windows that begin at ``begins``."""
    median: list[float | None] = [None] * count
    highest: list[float | None] = [None] * count
    for place, some in zip(places.tolist(), np.split(scores.astype(np.float64), begins[1:]), strict=True):
        median[place] = round(float(np.median(some)), _DIGITS)
        highest[place] = round(float(some.max()), _DIGITS)
    return ScoreCourse(median=median, highest=highest)
