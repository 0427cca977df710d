"""Commits what all sensors heard in one transaction: an SD card takes 10 to 200 commits a second."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from audiosense_agent.errors import SpoolError, UnstorableError
from audiosense_agent.events import EventRevision
from audiosense_agent.refusals import Refusals
from audiosense_agent.spool import Spool
from audiosense_agent.spool.rows import Measurement

PATIENCE_S = 0.5


@dataclass(slots=True, eq=False)
class _Share:
    measurements: Sequence[Measurement]
    events: Sequence[EventRevision]
    measured: Mapping[str, int]
    done: threading.Event = field(default_factory=threading.Event)
    is_kept: bool = False
    error: Exception | None = None


class Committer:
    """Gathers what sensors hand in at about the same time; safe for use by several threads.

    The first to come gathers and commits for all; the others wait for it. A group is committed as soon as every sensor
    that takes part is in it, one of them cannot wait, or it is large; at the latest after ``patience_s``. One sensor by
    itself never waits, and what comes while the disk is busy is the next group.

    Args:
        spool: takes the groups.
        most: windows in a group beyond which nothing more is waited for.
        patience_s: how long others are waited for, in seconds.

    Attributes:
        refusals: tells of a disk that takes nothing, for all sensors together.
    """

    def __init__(self, spool: Spool, *, most: int = 64, patience_s: float = PATIENCE_S) -> None:
        self.refusals = Refusals()
        self._spool = spool
        self._most = most
        self._patience_s = patience_s
        self._arrival = threading.Condition()
        self._writing = threading.Lock()
        self._shares: list[_Share] = []
        self._sensors = 0
        self._is_urgent = False
        self._hurries = False

    @contextmanager
    def taking_part(self) -> Iterator[None]:
        """Be one of those that a group may wait for, as long as there is sound."""
        self._join(1)
        try:
            yield
        finally:
            self._join(-1)

    def hurry(self) -> None:
        """From now on wait for nobody: the agent stops."""
        with self._arrival:
            self._hurries = True
            self._arrival.notify()

    def commit(
        self,
        measurements: Sequence[Measurement],
        events: Sequence[EventRevision],
        measured: Mapping[str, int],
        *,
        waits: bool = False,
    ) -> None:
        """Return once all of it is on the disk, as ``Spool.append`` does.

        Args:
            measurements: of one sensor, in order.
            events: of the same sensor.
            measured: windows heard since the last commit, by sensor.
            waits: the sensor has time until its next window, so that others may join.

        Raises:
            SpoolError: the disk is full or failing; then nothing of it was kept.
        """
        share = _Share(measurements, events, measured)
        with self._arrival:
            self._shares.append(share)
            self._is_urgent |= not waits
            leads = len(self._shares) == 1
            self._arrival.notify()
            if leads:
                self._arrival.wait_for(self._is_ready, self._patience_s)
        if leads:
            self._write()
        else:
            share.done.wait()
        if not share.is_kept:
            raise share.error or SpoolError("what was heard was not kept: the thread that commits has ended")

    def _join(self, more: int) -> None:
        with self._arrival:
            self._sensors += more
            self._arrival.notify()

    def _is_ready(self) -> bool:
        is_large = sum(len(share.measurements) for share in self._shares) >= self._most
        return self._is_urgent or self._hurries or is_large or len(self._shares) >= self._sensors

    def _write(self) -> None:
        with self._writing:
            with self._arrival:
                shares, self._shares, self._is_urgent = self._shares, [], False
            try:
                self._append(shares)
            finally:
                for share in shares:
                    share.done.set()

    def _append(self, shares: Sequence[_Share]) -> None:
        measured: dict[str, int] = {}
        for share in shares:
            for name, more in share.measured.items():
                measured[name] = measured.get(name, 0) + more
        try:
            self._spool.append(
                [measurement for share in shares for measurement in share.measurements],
                [event for share in shares for event in share.events],
                measured,
            )
        except UnstorableError as error:
            if len(shares) == 1:
                shares[0].error = error
            else:
                # One sensor's fault is not to cost the others theirs.
                for share in shares:
                    self._append([share])
        except Exception as error:  # noqa: BLE001 - each sensor gets it, as if it had committed by itself
            for share in shares:
                share.error = error
        else:
            for share in shares:
                share.is_kept = True
