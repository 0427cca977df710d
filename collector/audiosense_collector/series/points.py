"""Rows joined into the points of a chart: nothing that stands out in a point is lost."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.ingest.tables import STATUS_CODES
from audiosense_collector.series.columns import Columns
from audiosense_collector.series.sources import worst
from audiosense_common.wire import Status

Reals = NDArray[np.float64]
Ints = NDArray[np.int64]
_INVALID, _ANOMALOUS = STATUS_CODES[Status.INVALID], STATUS_CODES[Status.ANOMALOUS]


@dataclass(frozen=True, slots=True)
class Points:
    """Points by time, each array of shape (points,); NaN where there is no figure, -1 where there is no model.

    A point is a window, or what several gave together: ``score`` is their highest, ``status`` the code of their worst,
    ``model`` the newest that scored. Levels are in dBFS. ``features`` and ``dominant_hz`` are means or, of raw rows,
    those of the window with the highest score.
    """

    time_us: Ints
    windows: Ints
    anomalous: Ints
    status: Ints
    model: Ints
    score: Reals
    score_min: Reals
    score_mean: Reals
    level: Reals
    level_min: Reals
    level_max: Reals
    dominant_hz: Reals
    features: dict[str, Reals]
    reasons: list[Any] = field(default_factory=list)


def each_window(rows: Columns, names: list[str]) -> Points:
    """Return a point for each raw row."""
    count = len(rows["time_us"])
    score, level = rows["score"].astype(np.float64), rows["level_dbfs"].astype(np.float64)
    return Points(
        time_us=rows["time_us"],
        windows=np.ones(count, np.int64),
        anomalous=(rows["status"] == _ANOMALOUS).astype(np.int64),
        status=rows["status"].astype(np.int64),
        model=rows["model"].astype(np.int64),
        score=score,
        score_min=score,
        score_mean=score,
        level=level,
        level_min=level,
        level_max=level,
        dominant_hz=rows["dominant_hz"].astype(np.float64),
        features={name: rows[name] for name in names},
        reasons=rows.get("reasons", []),
    )


def pick_windows(rows: Columns, names: list[str], *, from_us: int, width_us: int) -> Points:
    """Join raw rows; each point is the window with the highest score, the loudest of those without one."""
    groups = (rows["time_us"] - from_us) // width_us
    score = np.where(np.isnan(rows["score"]), -np.inf, rows["score"])
    order = np.lexsort((rows["time_us"], -rows["level_dbfs"], -score, groups))
    picked = order[_starts(groups[order])]
    windows = each_window(rows, names)
    joined = _join(_as_rolled(windows), windows.features, groups, names)
    return Points(
        time_us=rows["time_us"][picked],
        windows=joined.windows,
        anomalous=joined.anomalous,
        status=joined.status,
        model=windows.model[picked],
        score=windows.score[picked],
        score_min=joined.score_min,
        score_mean=joined.score_mean,
        level=windows.level[picked],
        level_min=joined.level_min,
        level_max=joined.level_max,
        dominant_hz=windows.dominant_hz[picked],
        features={name: windows.features[name][picked] for name in names},
        reasons=[windows.reasons[place] for place in picked] if windows.reasons else [],
    )


def join_spans(rows: Columns, names: list[str], *, origin_us: int, width_us: int) -> Points:
    """Join roll-ups; a point's time is where its span begins."""
    groups = (rows["time_us"] - origin_us) // width_us
    joined = _join(rows, {name: rows[name] for name in names}, groups, names)
    starts = _starts(groups)
    joined.time_us[:] = origin_us + groups[starts] * width_us
    return joined


def _as_rolled(windows: Points) -> Columns:
    valid = windows.status != _INVALID
    score = np.where(valid, windows.score, np.nan)
    scored = ~np.isnan(score)
    return {
        "time_us": windows.time_us,
        "windows": windows.windows,
        "anomalous": windows.anomalous,
        "status": windows.status,
        "model": np.where(scored, windows.model, -1),
        "valid": valid,
        "scored": scored.astype(np.int64),
        "score_min": score,
        "score_sum": np.where(scored, score, 0.0),
        "score_max": score,
        "heard": windows.windows,
        "level_min": windows.level,
        "level_sum": windows.level,
        "level_max": windows.level,
        "dominant_sum": windows.dominant_hz,
        "described": windows.windows,
        "length": windows.windows,
    }


def _join(rows: Columns, features: dict[str, Reals], groups: Ints, names: list[str]) -> Points:
    starts = _starts(groups)
    valid = rows["valid"].astype(np.bool_)
    if not len(starts):
        starts = np.zeros(0, np.intp)
    # As in the roll-ups: invalid windows have a say where there are no others.
    lengths = np.diff(np.append(starts, len(groups)))
    heard = valid | ~np.repeat(_reduce(np.logical_or, valid, starts), lengths)
    weights = np.where(heard, rows["heard"], 0).astype(np.float64)
    level_sum = np.where(heard, rows["level_sum"], 0.0)
    dominant_sum = np.where(heard, rows["dominant_sum"], 0.0)
    scored = _reduce(np.add, rows["scored"], starts).astype(np.float64)
    total = _reduce(np.add, weights, starts)
    with np.errstate(invalid="ignore", divide="ignore"):
        return Points(
            time_us=rows["time_us"][starts].astype(np.int64),
            windows=_reduce(np.add, rows["windows"], starts).astype(np.int64),
            anomalous=_reduce(np.add, rows["anomalous"], starts).astype(np.int64),
            status=worst(rows["status"], starts) if len(starts) else np.zeros(0, np.int64),
            model=_reduce(np.maximum, rows["model"], starts).astype(np.int64),
            score=_reduce(np.fmax, rows["score_max"].astype(np.float64), starts),
            score_min=_reduce(np.fmin, rows["score_min"].astype(np.float64), starts),
            score_mean=_reduce(np.add, rows["score_sum"].astype(np.float64), starts) / scored,
            level=_reduce(np.add, level_sum, starts) / total,
            level_min=_reduce(np.minimum, np.where(heard, rows["level_min"], np.inf), starts),
            level_max=_reduce(np.maximum, np.where(heard, rows["level_max"], -np.inf), starts),
            dominant_hz=_reduce(np.add, dominant_sum, starts) / total,
            features=_means(rows, {name: features[name] for name in names}, heard, starts),
        )


def _means(
    rows: Columns, features: dict[str, Reals], heard: NDArray[np.bool_], starts: NDArray[np.intp]
) -> dict[str, Reals]:
    """Return each feature's mean over the windows that have it; a row stands for ``length`` vectors."""
    if not features:
        return {}
    weights = np.where(np.repeat(heard, rows["length"]), rows["described"], 0.0)
    firsts = np.append(0, np.cumsum(rows["length"]))[starts]
    means = {}
    for name, values in features.items():
        known = ~np.isnan(values)
        sums = _reduce(np.add, np.where(known, values, 0.0) * weights, firsts)
        means[name] = np.asarray(sums / _reduce(np.add, np.where(known, weights, 0.0), firsts))
    return means


def _reduce(operation: np.ufunc, values: NDArray[Any], starts: NDArray[np.intp]) -> NDArray[Any]:
    return np.asarray(operation.reduceat(values, starts)) if len(starts) else values[:0]


def _starts(groups: Ints) -> NDArray[np.intp]:
    return np.flatnonzero(np.append(True, groups[1:] != groups[:-1])) if len(groups) else np.zeros(0, np.intp)
