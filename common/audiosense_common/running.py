"""Whether a machine runs: a gate on the level of its sound, with starts and stops waited out."""

import math
from dataclasses import dataclass
from enum import Enum, auto

HYSTERESIS_DB = 1.5
STEP_DB = 1.0
"""A level that goes on changing by more than this from window to window is a start or a stop that is not over yet."""


class Phase(Enum):
    """What the levels so far say of a machine."""

    STOPPED = auto()
    CHANGING = auto()
    """It starts, stops or slows down: what it sounds like now is not its running sound."""
    RUNNING = auto()


@dataclass(frozen=True, slots=True)
class RunningRule:
    """When a machine runs.

    Attributes:
        level_dbfs: below this RMS level it is stopped.
        quietest_dbfs: it has hardly been heard to run below this level; None: not known, slowing down is then not told
            from running.
        hysteresis_db: a stopped machine runs again from so much above ``level_dbfs`` on.
        settling_windows: windows of a steady level that end a start or a slowing down.
    """

    level_dbfs: float
    quietest_dbfs: float | None = None
    hysteresis_db: float = HYSTERESIS_DB
    settling_windows: int = 2


class RunningGate:
    """Follows one machine by the levels of its windows, in order of time.

    A machine that starts is ``CHANGING`` until its level has not risen for ``settling_windows``. One whose level falls
    below all that it was heard to run at is ``CHANGING`` for as long as the level goes on falling, so that a run-down
    of any length ends in ``STOPPED``, and a machine that stays there, quieter than ever, is ``RUNNING`` again after
    ``settling_windows``.

    ``rule`` may be replaced at any time. Nothing is known of the machine before the first window, so it is then taken
    to have just started.
    """

    def __init__(self, rule: RunningRule) -> None:
        self.rule = rule
        self._phase = Phase.STOPPED
        self._heard = False
        self._falls = False
        self._extreme = math.inf
        self._steady = 0

    def push(self, level_dbfs: float) -> Phase:
        """Take the RMS level of the next window."""
        stopped = self._phase is Phase.STOPPED
        hysteresis_db = self.rule.hysteresis_db if stopped and self._heard else 0.0
        self._heard = True
        if level_dbfs < self.rule.level_dbfs + hysteresis_db:
            self._phase = Phase.STOPPED
        elif stopped:
            self._change(level_dbfs, falls=False)
        elif self._phase is Phase.CHANGING:
            self._follow(level_dbfs)
        elif not self._is_quiet(level_dbfs):
            self._extreme = math.inf
        elif level_dbfs < self._extreme - STEP_DB:
            self._change(level_dbfs, falls=True)
        return self._phase

    def _change(self, level_dbfs: float, *, falls: bool) -> None:
        self._phase, self._falls, self._extreme, self._steady = Phase.CHANGING, falls, level_dbfs, 0
        self._count()

    def _follow(self, level_dbfs: float) -> None:
        if self._falls and not self._is_quiet(level_dbfs):
            self._phase, self._extreme = Phase.RUNNING, math.inf
            return
        change_db = self._extreme - level_dbfs if self._falls else level_dbfs - self._extreme
        if change_db > STEP_DB:
            self._extreme, self._steady = level_dbfs, 0
        self._count()
        if self._phase is Phase.RUNNING and not self._falls:
            self._extreme = level_dbfs

    def _count(self) -> None:
        self._steady += 1
        if self._steady > self.rule.settling_windows:
            self._phase = Phase.RUNNING

    def _is_quiet(self, level_dbfs: float) -> bool:
        return self.rule.quietest_dbfs is not None and level_dbfs < self.rule.quietest_dbfs
