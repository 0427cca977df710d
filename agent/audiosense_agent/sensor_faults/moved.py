"""A sensor that was moved, covered or turned: its machine sounds on as before through another path.

Moving a sensor filters the machine's sound: from one window to the next every band changes, smoothly over frequency,
while all that a filter leaves alone stays: how levels fluctuate and pulse (spreads, modulation, kurtosis) and where the
strongest tone is. A fault of the machine adds sound: somewhere, or with pulses, or slowly. A changed speed moves tones
and changes pulses; a steady tone must witness that it did not change. Louder by the same in every band can be a load;
quieter in every band, with tone and rhythm kept, is nothing that a machine does by itself. Only that is called sure.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from audiosense_agent.sensor_faults.fault import FaultKind, Figure, SensorFault
from audiosense_agent.sensor_faults.path_change import LEAST_STEP_DB, PathChange, compare
from audiosense_common.features import SCHEMA_ID, column

_BEFORE_S, _LEAST_BEFORE_S = 600.0, 120.0
_SUSPICION_S, _SURE_S, _LASTS_S = 30.0, 120.0, 3_600.0
_LEAST_BEFORE, _LEAST_AFTER = 12, 6
_MOST_KEPT = 1_200
_SURE_STEP_DB = -6.0
_OFF_DB = LEAST_STEP_DB / 2
_OFF_SPREADS = 3.0
_SHARP_SHARE = 0.7
_BACK = 3
_MAD_TO_SD = 1.4826
_LEVEL = column(SCHEMA_ID, "rms_dbfs")

Row = NDArray[np.float16]


class MoveWatch:
    """Follows the vectors of a running machine; ``reset`` when a model is new, for it knows the new place.

    A step is what differs in level from the minutes before, from one window on. After half a minute it may be a
    suspicion, after two minutes sure; what is neither becomes the usual sound, a suspicion after an hour. Where the
    sound comes back nothing stands any more.
    """

    def __init__(self, window_s: float) -> None:
        def windows(span_s: float, least: int) -> int:
            return max(least, round(span_s / window_s))

        self._least_before = min(_MOST_KEPT // 2, windows(_LEAST_BEFORE_S, _LEAST_BEFORE))
        self._suspicion = min(_MOST_KEPT // 4, windows(_SUSPICION_S, _LEAST_AFTER))
        self._sure = min(_MOST_KEPT // 2, windows(_SURE_S, 2 * _LEAST_AFTER))
        self._lasts = windows(_LASTS_S, 4 * _LEAST_AFTER)
        self._before: deque[Row] = deque(maxlen=min(_MOST_KEPT, windows(_BEFORE_S, 2 * _LEAST_BEFORE)))
        self._first: list[Row] = []
        self._after: deque[Row] = deque(maxlen=self._sure)
        self._count = 0
        self._back = 0
        self.found: SensorFault | None = None

    def reset(self) -> None:
        """Forget everything."""
        self._before.clear()
        self._return()

    def push(self, vector: NDArray[np.float16], *, is_running: bool = True) -> SensorFault | None:
        """Take the vector (d,) of the next window; return what stands.

        What is heard of a machine that seems to be at rest is never taken for its usual sound, but it may be a running
        machine from too far away.
        """
        row = vector.copy()
        if len(self._before) < self._least_before:
            self._before.extend([row] * is_running)
        elif self._is_off(row):
            self._step(row, is_running=is_running)
        elif self._count:
            self._back += 1
            if self._back >= _BACK:
                self._return()
        elif is_running:
            self._before.append(row)
        return self.found

    def _is_off(self, row: Row) -> bool:
        levels = np.array([each[_LEVEL] for each in self._before], np.float64)
        usual = np.median(levels)
        spread = _MAD_TO_SD * float(np.median(np.abs(levels - usual)))
        return bool(abs(row[_LEVEL] - usual) > max(_OFF_DB, _OFF_SPREADS * spread))

    def _step(self, row: Row, *, is_running: bool) -> None:
        """Take the next window after a step; the first may hold both sounds and is left out."""
        self._back = 0
        self._count += 1
        if self._count > 1:
            self._after.append(row)
            self._first += [row] * (len(self._first) < _BACK)
        if self._count in (self._suspicion + 1, self._sure + 1):
            change = self._judge()
            self.found = None if change is None else _tell(change, is_sure=self._count > self._sure)
        expired = self._count > self._lasts or (self._count > self._sure and self.found is None)
        if expired and not (self.found is not None and self.found.is_sure):
            if is_running:
                self._before.clear()
                self._before.extend(self._after)
            self._return()

    def _judge(self) -> PathChange | None:
        """Compare, if the level went where it stayed at once."""
        usual, stayed, at_once = (
            float(np.median([float(row[_LEVEL]) for row in rows])) for rows in (self._before, self._after, self._first)
        )
        share = (at_once - usual) / (stayed - usual) if stayed != usual else 0.0
        if not _SHARP_SHARE <= share <= 1.0 / _SHARP_SHARE:
            return None
        return compare(np.array(self._before, np.float64), np.array(self._after, np.float64))

    def _return(self) -> None:
        self._first.clear()
        self._after.clear()
        self._count = self._back = 0
        self.found = None


def _tell(change: PathChange, *, is_sure: bool) -> SensorFault:
    sure = is_sure and change.step_db <= _SURE_STEP_DB
    evidence = (Figure("step", round(change.step_db, 1), "dB"), Figure("tilt", round(change.tilt_db, 1), "dB"))
    return SensorFault(FaultKind.MOVED, "moved" if sure else "suspected", evidence, is_sure=sure)
