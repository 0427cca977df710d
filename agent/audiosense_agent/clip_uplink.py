"""Takes waiting clips to the collector, one after the other, while no measurements wait."""

import contextlib
import logging
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from pydantic import ValidationError

from audiosense_agent.client import Client, Reply
from audiosense_agent.clip_spool import ClipNote, ClipSpool, ClipStatus
from audiosense_agent.clock import Clock
from audiosense_agent.enrolment import Identity
from audiosense_agent.errors import LinkError
from audiosense_agent.link import foreign_answer, retry_after_s
from audiosense_agent.uplink import Retry
from audiosense_common.wire import Problem
from audiosense_common.wire_clips import NOT_ALLOWED, ClipTaken, ClipUpload

log = logging.getLogger(__name__)
_POLL_S = 60.0
_NOT_ALLOWED = frozenset({401, 403})
_UNACCEPTABLE = frozenset({409, 413, 415, 422})
_LATER = frozenset({408, 425, 429})
_SERVER_ERROR = 500


@dataclass(slots=True)
class _PutOff:
    until: float = 0.0
    times: int = 0


class ClipUplink:
    """Sends in a thread and over a connection of its own, so that a clip never keeps a measurement waiting.

    It has its turn after an answer to a batch that left no measurements waiting, and loses it with the next that does,
    or when the collector cannot be reached. What is not acknowledged is sent again, for ever: the collector tells a
    repeat by its SHA-256. A clip whose event the collector does not know yet is put off, longer each time; one that it
    will never take (too large, not what it says) is deleted and counted; a sensor's clips that are no longer allowed
    are deleted.

    Args:
        spool: what is to be sent.
        timeout_s: of the connection.
        retry: waits after failures.
        put_off: waits of a clip whose event is not known yet.
        clock: says whether certificates' dates can be checked.
    """

    def __init__(
        self,
        spool: ClipSpool,
        timeout_s: float,
        *,
        retry: Retry | None = None,
        put_off: Retry | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._spool = spool
        self._clock = clock or Clock()
        self._timeout_s = timeout_s
        self._retry = retry or Retry()
        self._later = put_off or Retry(first_s=20.0, cap_s=6 * 3_600.0)
        self._put_off: dict[UUID, _PutOff] = {}
        self._lock = threading.Lock()
        self._identity: Identity | None = None
        self._turn = False
        self._wake = threading.Event()
        self._client: tuple[Identity, Client] | None = None
        self._checks_dates = True
        self._failures = 0
        self._not_before = 0.0
        self._state = "ok"

    def exchange(self, allowed: Collection[UUID], identity: Identity, *, caught_up: bool) -> None:
        """Note whose clips are allowed; with ``caught_up`` no measurements wait, and clips may be sent."""
        self._spool.allow([name for name, sensor_id in identity.sensors.items() if sensor_id in allowed])
        with self._lock:
            self._identity, self._turn = identity, caught_up
        self._wake.set()

    def status(self) -> ClipStatus:
        """Count what waits and what was lost."""
        return self._spool.status()

    def run(self, stop: threading.Event) -> None:
        """Send until stopped."""
        while not stop.is_set():
            try:
                wait_s = self.step()
            except Exception as error:
                log.exception("sending clips failed unexpectedly; it is tried again")
                wait_s = self._fail(f"unexpected failure: {error}")
            self._wake.wait(max(0.01, wait_s))
            self._wake.clear()
        if self._client is not None:
            self._client[1].close()

    def stop(self) -> None:
        """Wake the thread, so that it sees that it is to stop."""
        self._wake.set()

    def step(self) -> float:
        """Send one clip if it has the turn; returns the seconds until the next step."""
        now = time.monotonic()
        with self._lock:
            identity, turn = self._identity, self._turn
        if not turn or identity is None:
            return _POLL_S
        if now < self._not_before:
            return self._not_before - now
        waiting = self._spool.waiting()
        self._put_off = {each.id: self._put_off[each.id] for each in waiting if each.id in self._put_off}
        due = {each.id: self._put_off[each.id].until if each.id in self._put_off else 0.0 for each in waiting}
        note = next((each for each in waiting if due[each.id] <= now), None)
        if note is None:
            return max(0.01, min([now + _POLL_S, *due.values()]) - now)
        content = self._spool.read(note)
        sensor_id = identity.sensors.get(note.sensor)
        if content is None or sensor_id is None:
            self._put_off_one(note)
            return 0.0
        return self._send(note, content, sensor_id, identity)

    def _send(self, note: ClipNote, content: bytes, sensor_id: UUID, identity: Identity) -> float:
        upload = ClipUpload(**note.model_dump(exclude={"sensor"}), sensor=sensor_id)
        query = "&".join(f"{name}={value}" for name, value in upload.model_dump(mode="json").items())
        try:
            path = f"/api/v1/clips/{note.id}?{query}"
            reply = self._open(identity).request("PUT", path, body=content, headers={"Content-Type": "audio/flac"})
            if reply.is_success:
                with contextlib.suppress(ValidationError):
                    ClipTaken.model_validate_json(reply.content)
                    return self._sent(note)
                raise foreign_answer(identity.url)
        except LinkError as error:
            return self._fail(str(error))
        return self._refused(note, reply)

    def _sent(self, note: ClipNote) -> float:
        self._spool.delete(note)
        self._failures = 0
        self._say("ok")
        return 0.0

    def _refused(self, note: ClipNote, reply: Reply) -> float:
        problem = f"the collector refused a clip ({reply.code}): {reply.problem()}"
        if reply.code in _NOT_ALLOWED and _kind(reply) == NOT_ALLOWED:
            log.info("%s: %s", note.sensor, problem)
            self._spool.forbid(note.sensor)
            return 0.0
        if reply.code in _UNACCEPTABLE:
            self._spool.delete(note)
            self._spool.count_dropped(note.sensor, problem)
            return 0.0
        if reply.code in _NOT_ALLOWED or reply.code in _LATER or reply.code >= _SERVER_ERROR:
            return self._fail(problem, retry_after_s(reply))
        self._put_off_one(note)
        return 0.0

    def _put_off_one(self, note: ClipNote) -> None:
        put_off = self._put_off.setdefault(note.id, _PutOff())
        put_off.times += 1
        put_off.until = time.monotonic() + self._later.longest(put_off.times)

    def _fail(self, reason: str, at_least_s: float = 0.0) -> float:
        """Give the turn back: the measurements find out when the collector is there again."""
        self._failures += 1
        wait_s = at_least_s + self._retry.delay(self._failures)
        self._not_before = time.monotonic() + wait_s
        with self._lock:
            self._turn = False
        self._say(reason)
        return _POLL_S

    def _open(self, identity: Identity) -> Client:
        check_dates = self._clock.is_wall_right
        if self._client is None or self._client[0] is not identity or self._checks_dates != check_dates:
            if self._client is not None:
                self._client[1].close()
            self._checks_dates = check_dates
            self._client = identity, identity.client(self._timeout_s, check_dates=check_dates)
        return self._client[1]

    def _say(self, state: str) -> None:
        if state != self._state:
            self._state = state
            level, client = logging.INFO if state == "ok" else logging.WARNING, self._client
            request = "" if client is None or not client[1].request_id else f" (request {client[1].request_id})"
            log.log(level, "clips to the collector: %s%s", state, request)


def _kind(reply: Reply) -> str:
    try:
        return Problem.model_validate_json(reply.content).type
    except ValidationError:
        return ""
