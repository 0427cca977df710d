"""The threshold that keeps a budget of false alarms, from the tail of a baseline's held-out scores.

Peaks over a base level, one for each event that this level would have opened, follow a generalised Pareto
distribution (Pickands 1975; Davison and Smith 1990), whose tail says how seldom higher ones come.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from audiosense_collector.training.settings import FitSettings
from audiosense_common.bundle import Debouncing

Values = NDArray[np.float64]

BUDGET = "false_alarm_budget"
PERCENTILE = "held_out_debounced_percentile"

BASE_QUANTILES = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 0.998)
"""Candidates for the base level, as quantiles of the debounced scores; the highest with enough peaks is taken."""
ENOUGH_PEAKS = 40
"""Peaks that a tail is fitted to, at least; a baseline too short for that gives what it has."""
ENOUGH_SHARE = 0.005
"""Of all windows that are peaks, at least: a longer baseline shall tell more of the tail."""
MOST_PEAKS = 400
"""More are not asked for: they would lie below the tail, and the fit's memory grows with them."""
LIKELY_SHAPE = -0.15
SHAPE_SPREAD = 0.12
"""Mean and standard deviation of the prior of the shape: scores are means of many features and nearly normal, and the
tail of a normal distribution looks like shapes of -0.3 to -0.1 as far out as a baseline reaches."""
ASSURANCE = 0.6
"""Probability, as far as the baseline tells, that no more events come than were allowed: a little more than even."""
LEAST_EXTRAPOLATION = 10.0
WEEK_S = 604_800.0
PRIOR_PEAKS = 5.0
"""As many peaks as the prior of the scale counts for: standard scores of held-out windows have a known scale."""
_SIMULATIONS = 199
_SHAPES = np.linspace(-0.6, 0.9, 61)
_SCALES = np.geomspace(0.15, 8.0, 61)
_LEAST = 1e-6


def to_logit(scores: Values) -> Values:
    """Return ln(s / (1 - s)): where a fused score is linear in its standard scores, and unbounded."""
    clipped = np.clip(scores, _LEAST, 1.0 - _LEAST)
    return np.asarray(np.log(clipped / (1.0 - clipped)))


def to_score(logit: float) -> float:
    """Return the score of a logit."""
    return float(1.0 / (1.0 + np.exp(-logit)))


def event_peaks(debounced: Values, threshold: float, hysteresis: float) -> Values:
    """Return the highest debounced score of each event that a threshold would open.

    An event lasts until the debounced score is below ``threshold - hysteresis``, as on the agent.
    """
    above = debounced >= threshold - hysteresis
    starts = np.flatnonzero(above & ~np.concatenate(([False], above[:-1])))
    if not len(starts):
        return np.zeros(0)
    peaks = np.maximum.reduceat(np.where(above, debounced, -np.inf), starts)
    return np.asarray(peaks[peaks >= threshold])


@dataclass(frozen=True, slots=True)
class Tail:
    """How often events reach what level: the posterior of a generalised Pareto distribution.

    Attributes:
        base: level in logits above which the peaks were taken.
        peaks: how many there were.
        windows: in which.
        fit: p-value of the goodness of fit (Anderson and Darling's statistic of the upper tail), by simulation; null
            where there are too few peaks to say.
        shape: mean of the posterior; 0 is the exponential tail, above it is heavier.
        scale: mean of the posterior, in logits.
    """

    base: float
    peaks: int
    windows: int
    fit: float | None
    shape: float
    scale: float
    _weights: Values
    _unit: float

    @classmethod
    def of(cls, debounced: Values, hysteresis: float, typical: float, seed: int) -> Self:
        """Fit the tail of debounced scores in order of time.

        ``typical`` is the scale, in logits, that the prior holds likely.
        """
        for quantile in reversed(BASE_QUANTILES):
            level = float(np.quantile(debounced, quantile))
            peaks = event_peaks(debounced, level, hysteresis)
            if len(peaks) >= min(MOST_PEAKS, max(ENOUGH_PEAKS, ENOUGH_SHARE * len(debounced))):
                break
        base = float(to_logit(np.array([level]))[0])
        return cls._fit(to_logit(peaks) - base, base, len(debounced), typical, seed)

    @classmethod
    def _fit(cls, excesses: Values, base: float, windows: int, typical: float, seed: int) -> Self:
        unit = float((excesses.sum() + PRIOR_PEAKS * typical) / (len(excesses) + PRIOR_PEAKS))
        shapes, scales = _SHAPES[:, np.newaxis], _SCALES[np.newaxis, :] * unit
        log = -0.5 * ((shapes - LIKELY_SHAPE) / SHAPE_SPREAD) ** 2 - PRIOR_PEAKS * (np.log(scales) + typical / scales)
        log += _log_density(excesses[:, np.newaxis, np.newaxis], shapes, scales).sum(axis=0)
        weights = np.exp(log - log.max())
        weights /= weights.sum()
        shape, scale = float((weights * shapes).sum()), float((weights * scales).sum())
        return cls(base, len(excesses), windows, _goodness(excesses, seed), shape, scale, weights, unit)

    def survival(self, logit: float) -> Values:
        """Return by (shape, scale) the share of events that reach a level."""
        return _survival(max(0.0, logit - self.base), _SHAPES[:, np.newaxis], _SCALES[np.newaxis, :] * self._unit)

    def rate(self, logit: float) -> float:
        """Return the number of events per window at a level that is kept with probability ``ASSURANCE``."""
        survival, weights = self.survival(logit).ravel(), self._weights.ravel()
        order = np.argsort(survival)
        place = int(np.searchsorted(np.cumsum(weights[order]), ASSURANCE))
        return (self.peaks + 0.5) / self.windows * float(survival[order[min(place, len(order) - 1)]])

    def interval(self, logit: float, seed: int) -> tuple[float, float]:
        """Return the 95 % credible interval of that number."""
        rng = np.random.default_rng(seed)
        drawn = rng.choice(self._weights.size, 4_000, p=self._weights.ravel())
        rates = rng.gamma(self.peaks + 0.5, 1.0 / self.windows, len(drawn)) * self.survival(logit).ravel()[drawn]
        low, high = np.quantile(rates, (0.025, 0.975))
        return float(low), float(high)

    def level(self, rate: float) -> float:
        """Return the level in logits that events reach ``rate`` times per window, at least the base."""
        low, high = self.base, self.base + 200.0 * self._unit
        for _ in range(40):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self.rate(middle) > rate else (low, middle)
        return high


def _log_density(excess: Values, shapes: Values, scales: Values) -> Values:
    argument = 1.0 + shapes * excess / scales
    safe = np.maximum(argument, 1e-12)
    exponential = np.abs(shapes) < 1e-9  # noqa: PLR2004 - where the formula is 0/0
    power = np.where(exponential, excess / scales, np.log(safe) / np.where(exponential, 1.0, shapes))
    return np.asarray(
        np.where(argument > 0.0, -np.log(scales) - power - np.where(exponential, 0.0, np.log(safe)), -np.inf)
    )


def _survival(excess: float, shapes: Values, scales: Values) -> Values:
    argument = np.maximum(1.0 + shapes * excess / scales, 0.0)
    exponential = np.abs(shapes) < 1e-9  # noqa: PLR2004 - where the formula is 0/0
    with np.errstate(divide="ignore"):
        log = np.where(exponential, -excess / scales, -np.log(argument) / np.where(exponential, 1.0, shapes))
    return np.asarray(np.exp(np.where((argument <= 0.0) & (shapes < 0.0), -np.inf, log)))


def _moments(excesses: Values) -> tuple[Values, Values]:
    """Return shape and scale by probability-weighted moments (Hosking and Wallis 1987) of rows (samples, n), sorted."""
    n = excesses.shape[1]
    first = excesses.mean(axis=1)
    second = (excesses * (n - 1 - np.arange(n)) / (n - 1)).mean(axis=1)
    ratio = first / np.maximum(first - 2.0 * second, 1e-12)
    shape = np.minimum(2.0 - ratio, 0.95)
    return shape, np.maximum(first * (1.0 - shape), 1e-12)


def _statistic(excesses: Values) -> Values:
    """Return Anderson and Darling's statistic of the upper tail (Chernobai 2005) of sorted rows (samples, n)."""
    n = excesses.shape[1]
    shape, scale = (value[:, np.newaxis] for value in _moments(excesses))
    shape = np.where(np.abs(shape) < 1e-6, 1e-6, shape)  # noqa: PLR2004 - where the formula is 0/0
    argument = np.maximum(1.0 + shape * excesses / scale, 1e-9)
    log_survival = np.maximum(-np.log(argument) / shape, np.log(1e-12))
    order = 2.0 - (2.0 * np.arange(1, n + 1) - 1.0) / n
    return np.asarray(n / 2.0 - 2.0 * (1.0 - np.exp(log_survival)).sum(axis=1) - (order * log_survival).sum(axis=1))


def _goodness(excesses: Values, seed: int) -> float | None:
    """Return the share of samples of the fitted distribution that fit it worse; None where there are too few to say."""
    if len(excesses) < 5 or not excesses.max() > 0.0:  # noqa: PLR2004 - no shape can be seen in four
        return None
    sample = np.sort(excesses)[np.newaxis, :]
    shape, scale = (float(value[0]) for value in _moments(sample))
    uniform = np.random.default_rng(seed).random((_SIMULATIONS, len(excesses)))
    shape = shape if abs(shape) > 1e-6 else 1e-6  # noqa: PLR2004 - where the formula is 0/0
    simulated = np.sort(scale / shape * ((1.0 - uniform) ** -shape - 1.0), axis=1)
    worse = int(np.sum(_statistic(simulated) >= _statistic(sample)[0]))
    return (worse + 1) / (_SIMULATIONS + 1)


@dataclass(frozen=True, slots=True)
class Choice:
    """A threshold and how it was chosen, as manifests say it."""

    value: float
    method: str
    parameters: dict[str, float]


def keep_budget(
    debounced: Values, debouncing: Debouncing, period_s: float, typical: float, settings: FitSettings
) -> Choice:
    """Choose the lowest threshold that keeps a budget of false alarms.

    A short baseline cannot tell what happens once a week. The threshold is made for no longer a time between false
    alarms than one length of the baseline for each peak that it held, or ``LEAST_EXTRAPOLATION`` lengths; beyond that
    it would be a guess, and in the end one that nothing reaches. The parameters tell how many a week to expect then.

    Args:
        debounced: held-out scores after ``debounce``, in order of time.
        debouncing: opens and closes events.
        period_s: from one window's start to the next.
        typical: spread of the scores of a steady machine, in logits.
        settings: the budget and the seed.
    """
    per_week = WEEK_S / period_s
    wanted = settings.false_alarms_per_week / per_week
    tail = Tail.of(debounced, debouncing.hysteresis, typical, settings.seed)
    level = tail.level(max(wanted, 1.0 / (max(LEAST_EXTRAPOLATION, tail.peaks) * len(debounced))))
    low, high = tail.interval(level, settings.seed)
    return Choice(
        to_score(level),
        BUDGET,
        {
            "false_alarms_per_week": settings.false_alarms_per_week,
            "expected_per_week": tail.rate(level) * per_week,
            "expected_per_week_low": low * per_week,
            "expected_per_week_high": high * per_week,
            "baseline_s": len(debounced) * period_s,
            "peaks": float(tail.peaks),
            "tail_shape": tail.shape,
            "tail_scale": tail.scale,
        }
        | ({} if tail.fit is None else {"tail_fit_p": tail.fit}),
    )


def take_percentile(debounced: Values, percentile: float, margin: float) -> Choice:
    """Choose a percentile of the debounced held-out scores and add a margin."""
    value = min(1.0, float(np.percentile(debounced, percentile)) + margin)
    return Choice(value, PERCENTILE, {"percentile": percentile, "margin": margin})
