"""Whether two stretches of feature vectors are one sound through two paths: only what a filter changes has changed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audiosense_common.features import SCHEMA_ID, SCHEMAS, column

LEAST_STEP_DB = 3.0
_SMOOTH_DB, _SMOOTH_SHARE = 1.5, 0.85
_LEAST_OF_STEP, _SAME_WAY_SHARE = 0.3, 0.9
_STEP_SPREADS = 2.0
_RHYTHM_SPREADS, _RHYTHM_SHARE = 1.5, 0.9
_TONE_TOLERANCE, _TONE_SHARE = 0.01, 0.8
_MAINS_KHZ, _TOP_MAINS_KHZ = (0.05, 0.06), 0.45
_FLOOR_DBFS = -110.0
_LEAST_BANDS = 8
_MAD_TO_SD = 1.4826
_NAMES = SCHEMAS[SCHEMA_ID]
_BANDS = np.array([place for place, name in enumerate(_NAMES) if name.startswith("third_")])
_RHYTHM = np.array(
    [
        place
        for place, name in enumerate(_NAMES)
        if name.startswith(("mel_spread_", "modulation_")) or name in ("kurtosis_log", "crest_db", "flux_db")
    ]
)
_RHYTHM_FLOOR = np.array([0.15 if _NAMES[place] == "kurtosis_log" else 0.6 for place in _RHYTHM])
_TONE = column(SCHEMA_ID, "dominant_khz")

Rows = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PathChange:
    """A step of every band, smooth over frequency, with rhythm and tones kept.

    Attributes:
        step_db: median over the bands.
        tilt_db: from the lowest band to the highest.
    """

    step_db: float
    tilt_db: float


def compare(before: Rows, after: Rows) -> PathChange | None:
    """Compare vectors (windows, features) before and after a step; None if it was no mere change of the path.

    A steady tone that stays where it was must witness that the speed did not change: noise alone rises and falls with
    the speed as it does with the distance, and what hums at the mains frequency does not follow the speed.
    """
    step = _step(before, after)
    if step is None or not _keeps_rhythm(before, after):
        return None
    tone = _steady_tone(before)
    if tone is None or _is_mains(tone) or tone != _steady_tone(after, near=tone):
        return None
    return PathChange(float(np.median(step)), float(_fit(step)[-1] - _fit(step)[0]))


def _step(before: Rows, after: Rows) -> Rows | None:
    """Return the step of each band if all go the same way, clearly and smoothly."""
    usual = np.median(before[:, _BANDS], axis=0)
    heard = usual > _FLOOR_DBFS
    if np.count_nonzero(heard) < _LEAST_BANDS:
        return None
    bands = _BANDS[heard]
    step = np.asarray(np.median(after[:, bands], axis=0) - usual[heard])
    middle = float(np.median(step))
    spread = float(np.median(_spread(before[:, bands])))
    if abs(middle) < max(LEAST_STEP_DB, _STEP_SPREADS * spread):
        return None
    same_way = np.mean(step * np.sign(middle) >= _LEAST_OF_STEP * abs(middle))
    smooth = np.mean(np.abs(step - _fit(step)) <= _SMOOTH_DB)
    return step if same_way >= _SAME_WAY_SHARE and smooth >= _SMOOTH_SHARE else None


def _fit(step: Rows) -> Rows:
    """Return the parabola over the bands' places, hence over the logarithm of frequency, that fits best."""
    places = np.linspace(-1.0, 1.0, len(step))
    return np.asarray(np.polynomial.Polynomial.fit(places, step, 2)(places))


def _keeps_rhythm(before: Rows, after: Rows) -> bool:
    difference = np.abs(np.median(after[:, _RHYTHM], axis=0) - np.median(before[:, _RHYTHM], axis=0))
    allowed = np.maximum(_RHYTHM_SPREADS * _spread(before[:, _RHYTHM]), _RHYTHM_FLOOR)
    return bool(np.mean(difference <= allowed) >= _RHYTHM_SHARE)


def _steady_tone(rows: Rows, near: float | None = None) -> float | None:
    """Return the strongest tone in kHz if it hardly ever moves; ``near`` is returned where it is that one."""
    tones = rows[:, _TONE]
    tone = float(np.median(tones)) if near is None else near
    steady = np.mean(np.abs(tones - tone) <= _TONE_TOLERANCE * tone) >= _TONE_SHARE
    return tone if steady else None


def _is_mains(tone: float) -> bool:
    near = (abs(tone - round(tone / mains) * mains) <= _TONE_TOLERANCE * tone for mains in _MAINS_KHZ)
    return tone <= _TOP_MAINS_KHZ and any(near)


def _spread(rows: Rows) -> Rows:
    return np.asarray(_MAD_TO_SD * np.median(np.abs(rows - np.median(rows, axis=0)), axis=0))
