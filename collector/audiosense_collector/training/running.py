"""Learning from a baseline's levels above which level the machine runs."""

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from audiosense_common.bundle import Running
from audiosense_common.descriptors import FLOOR_DB
from audiosense_common.running import HYSTERESIS_DB, Phase, RunningGate, RunningRule

HEADROOM_DB = 7.0
"""The gate lies so far below the quietest running levels, and by a quarter of their span more: a machine that runs 6 dB
quieter than before still runs, and a room that is 10 dB quieter than a steady machine is a stop."""
SPAN_SHARE = 0.25
QUIET_PERCENTILE, LOUD_PERCENTILE = 10.0, 90.0
QUIETEST_PERCENTILE = 5.0
QUIETEST_MARGIN_DB = 0.5
LEAST_WINDOWS = 100
"""Fewer windows may hold a few speeds of a machine that look like two modes; six short clips of a motor did."""
LEAST_SHARE = 0.03
"""Of the windows so many make a mode, and fewer than that may lie in the valley between two."""
VALLEY_DB = 4.0
LEAST_APART_DB = 9.5
LEAST_ASHMAN = 4.0
"""Ashman's D = |m1 - m2| / sqrt((s1² + s2²) / 2) (Ashman, Bird and Zepf 1994): above 2 two modes are apart."""
LEAST_SIGMA_DB = 0.5
CLEAR_DB = 0.5
"""Where the gate stands between two modes, so far from either if there is room."""
SETTLING_WINDOWS = 2
LEAST_KEPT = 0.8
"""Of the running windows so many must be left to learn from; a machine of short runs is not waited for as long."""

Levels = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RunningSettings:
    """What was set for a sensor: a running level in dBFS or ``off``, settling windows; None where it is learned."""

    level_dbfs: float | Literal["off"] | None = None
    settling_windows: int | None = None


def learn(levels: Levels) -> Running:
    """Learn from the RMS levels (windows,) in dBFS of a baseline in order of time.

    Where the levels fall into two modes with a clear gap, the lower one is taken for standstill and the gate lies in
    the gap. Otherwise all of it counts as running, but for what lies far below, and the gate lies below that. Nothing
    is learned of silence.
    """
    level = _gate(levels) if len(levels) and np.isfinite(levels).all() else None
    if level is None:
        return Running(hysteresis_db=HYSTERESIS_DB)
    quietest = float(np.percentile(levels[levels >= level], QUIETEST_PERCENTILE)) - QUIETEST_MARGIN_DB
    rule = RunningRule(level, max(level, quietest), HYSTERESIS_DB)
    settling = _settling(levels, rule)
    return Running(
        learned_dbfs=level,
        learned_settling_windows=settling,
        quietest_dbfs=rule.quietest_dbfs,
        hysteresis_db=HYSTERESIS_DB,
        settling_windows=settling,
    )


def apply(learned: Running, settings: RunningSettings) -> tuple[float | None, Running]:
    """Return the running level in dBFS, None for none, and how it is applied, with what was set for a sensor."""
    level = learned.learned_dbfs if settings.level_dbfs is None else settings.level_dbfs
    settling = learned.learned_settling_windows if settings.settling_windows is None else settings.settling_windows
    return None if level == "off" else level, learned.model_copy(update={"settling_windows": settling})


def running_windows(levels: Levels, rule: RunningRule | None) -> NDArray[np.bool_]:
    """Say which windows (windows,) of a baseline are neither standstill nor its start or end.

    The window before a stop is left out too: the machine may have stopped within it.
    """
    if rule is None or not len(levels):
        return np.ones(len(levels), np.bool_)
    gate = RunningGate(rule)
    # Learning begins at any time: a machine that runs then has not just started.
    for _ in range(rule.settling_windows + 1):
        gate.push(float(levels[0]))
    phases = [gate.push(float(level)) for level in levels]
    rest = np.array([phase is Phase.STOPPED for phase in phases])
    if rule.settling_windows:
        rest[:-1] |= rest[1:]
    changing = [place for place, phase in enumerate(phases) if phase is Phase.CHANGING]
    for place in changing:
        rest[place] |= place > 0 and rest[place - 1]
    for place in reversed(changing):
        rest[place] |= place + 1 < len(rest) and rest[place + 1]
    return ~rest


def _gate(levels: Levels) -> float | None:
    valley = _valley(levels)
    stopped, running = levels[levels < valley], levels[levels >= valley]
    quiet, loud = np.percentile(running, [QUIET_PERCENTILE, LOUD_PERCENTILE])
    if quiet <= FLOOR_DB:
        return None
    gate = float(quiet - HEADROOM_DB - SPAN_SHARE * (loud - quiet))
    if len(stopped):
        low, high = float(np.percentile(stopped, 90)), float(np.percentile(running, 5))
        clear = min(CLEAR_DB, max(0.0, high - low) / 2)
        gate = min(max(gate, low + clear), high - clear)
    return max(FLOOR_DB, round(gate, 1))


def _valley(levels: Levels) -> float:
    """Return the level between standstill and running: the lowest clear gap; -inf where there is but one mode."""
    count = len(levels)
    least = round(LEAST_SHARE * count)
    if count < LEAST_WINDOWS:
        return -math.inf
    ordered = np.sort(levels)
    places = np.arange(ordered[0], ordered[-1], VALLEY_DB / 8)
    inside = np.searchsorted(ordered, places + VALLEY_DB / 2) - np.searchsorted(ordered, places - VALLEY_DB / 2)
    parts = np.searchsorted(ordered, places)
    clear = [
        inside[place] < least and least <= split <= count - least and _are_apart(ordered[:split], ordered[split:])
        for place, split in enumerate(parts)
    ]
    if not any(clear):
        return -math.inf
    first = clear.index(True)
    end = next((place for place in range(first, len(clear)) if not clear[place]), len(clear))
    emptiest = np.flatnonzero(inside[first:end] == inside[first:end].min())
    return float(places[first + emptiest[len(emptiest) // 2]])


def _are_apart(low: Levels, high: Levels) -> bool:
    apart = float(np.median(high) - np.median(low))
    spreads = [max(float(np.subtract(*np.percentile(mode, [84, 16]))) / 2, LEAST_SIGMA_DB) for mode in (low, high)]
    return apart >= LEAST_APART_DB and apart >= LEAST_ASHMAN * math.hypot(*spreads) / math.sqrt(2)


def _settling(levels: Levels, rule: RunningRule) -> int:
    """Wait for as long as the machine's runs allow."""
    runs = int(np.count_nonzero(levels >= rule.level_dbfs))
    for windows in range(SETTLING_WINDOWS, 0, -1):
        if running_windows(levels, replace(rule, settling_windows=windows)).sum() >= LEAST_KEPT * runs:
            return windows
    return 0
