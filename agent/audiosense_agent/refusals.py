"""Tells of a disk that takes no windows: when it begins, once an hour, and when it has ended."""

import logging
import threading
import time

from audiosense_agent.errors import SpoolError

log = logging.getLogger(__name__)
TELL_EVERY_S = 3_600.0


class Refusals:
    """What the spool refused of all sensors, so that a full disk is one story and not a line a window; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: set[str] = set()
        self._waited: dict[str, int] = {}
        self._began_s = self._told_s = 0.0

    def refused(self, sensor: str, waiting: int, error: SpoolError) -> None:
        """Note that ``waiting`` windows of a sensor are in memory now, and why."""
        now_s = time.monotonic()
        with self._lock:
            if not self._waiting:
                self._waited, self._began_s = {}, now_s
            begins = not self._waiting
            self._waiting.add(sensor)
            self._waited[sensor] = waiting
            if not begins and now_s - self._told_s < TELL_EVERY_S:
                return
            self._told_s = now_s
            count = sum(self._waited.values())
        if begins:
            log.warning("%s; windows wait in memory meanwhile", error)
        else:
            log.warning("%s; for %.0f min now, %d windows wait in memory", error, (now_s - self._began_s) / 60, count)

    def taken(self, sensor: str) -> None:
        """Note that a sensor's windows are on the disk again; once those of all are, it has ended."""
        if self._leave(sensor):
            took_s, count = time.monotonic() - self._began_s, sum(self._waited.values())
            log.warning("the spool takes windows again after %.0f s; %d windows had waited in memory", took_s, count)

    def given_up(self, sensor: str) -> None:
        """Note that a sensor has ended with its windows still refused."""
        self._leave(sensor)

    def _leave(self, sensor: str) -> bool:
        with self._lock:
            if sensor not in self._waiting:
                return False
            self._waiting.remove(sensor)
            return not self._waiting
