"""The uplink: takes what is spooled to the collector, one batch in flight at a time, until it is acknowledged."""

import logging
import random
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol
from uuid import UUID

from pydantic import ValidationError

from audiosense_agent import __version__
from audiosense_agent.batches import UnknownSensorError, cover, pack, to_columns, wire_event, wire_gap
from audiosense_agent.client import Client, Reply
from audiosense_agent.clip_spool import ClipStatus
from audiosense_agent.clock import Clock, proven_offset_us
from audiosense_agent.enrolment import Identity
from audiosense_agent.errors import EnrolmentError, LinkError, SpoolError
from audiosense_agent.isolation import Remedy
from audiosense_agent.lanes import Lanes
from audiosense_agent.link import UNPROCESSABLE, Link, RefusedError, foreign_answer, retry_after_s
from audiosense_agent.sections import CollectorSettings
from audiosense_agent.spool import Spool
from audiosense_agent.spool.flight import InFlight
from audiosense_agent.spool.rows import SpoolStatus
from audiosense_common.wire import Answer, Batch, DesiredModel, Heartbeat, RunningModel
from audiosense_common.wire_checks import Check

log = logging.getLogger(__name__)
_UNKNOWN = 401
_NOT_ALLOWED = frozenset({_UNKNOWN, 403})
_POLL_S = 0.5
_DRAIN_POLL_S = 0.02
_DRAIN_FAILURES = 3
_DOUBTS = 3


class Models(Protocol):
    """What the uplink needs of the agent's models."""

    def running(self) -> dict[UUID, RunningModel]:
        """What each sensor runs and what it refused."""

    def take(self, desired: dict[UUID, DesiredModel], identity: Identity, client: Client) -> bool:
        """Fetch and install what does not run yet; say whether anything changed that is worth telling at once."""


class Probes(Protocol):
    """What the uplink needs of the agent's probes."""

    def exchange(self, wanted: Collection[UUID], identity: Identity, client: Client) -> None:
        """Note what the collector wants, and send what was made since."""


class Clips(Protocol):
    """What the uplink needs of the agent's clips."""

    def exchange(self, allowed: Collection[UUID], identity: Identity, *, caught_up: bool) -> None:
        """Note whose clips are allowed; with ``caught_up`` no measurements wait, and clips may be sent."""

    def status(self) -> ClipStatus:
        """Count what waits and what was lost."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How long to wait after failures, in seconds.

    After the n-th failure in a row the wait is drawn evenly from 0 to ``first_s * 2**(n-1)``, at most ``cap_s`` (full
    jitter, so that a fleet does not come back at once). ``slow_s`` is for a refused credential.
    """

    first_s: float = 1.0
    cap_s: float = 300.0
    slow_s: float = 60.0

    def delay(self, failures: int) -> float:
        """Draw the wait after so many failures in a row."""
        return random.uniform(0, self.longest(failures))  # noqa: S311

    def longest(self, failures: int) -> float:
        """Return the longest wait after so many failures in a row."""
        return min(self.cap_s, self.first_s * 2.0 ** min(failures - 1, 30))


class Uplink:
    """Sends batches; ``step`` does one thing and says how long to wait before the next.

    Args:
        spool: what is to be sent.
        state_dir: where the identity is.
        settings: intervals and sizes.
        models: told what the collector wants to be run.
        sources: gives the state of each sensor's source by name.
        retry: waits after failures.
        probes: told of which sensors the collector wants probes; without it none are sent.
        clips: told whose clips are allowed, and when measurements leave room for them.
        clock: told the collector's time; gives measurements of a computer that did not know the time theirs.
        checks: gives the self-checks by the sensors' identities, None where nothing is to be told.
        instance: which process this is; of two copies of one agent each has its own.
        enrol: enrols an agent that is not, if it can; called again after each failure.
    """

    def __init__(
        self,
        spool: Spool,
        state_dir: Path,
        settings: CollectorSettings,
        models: Models,
        sources: Callable[[], dict[str, str]],
        *,
        retry: Retry | None = None,
        probes: Probes | None = None,
        clips: Clips | None = None,
        clock: Clock | None = None,
        checks: Callable[[Mapping[str, UUID]], list[Check] | None] = lambda _: None,
        instance: UUID | None = None,
        enrol: Callable[[], Identity | None] = lambda: None,
    ) -> None:
        self._checks = checks
        self._probes = probes
        self._clips = clips
        self._spool = spool
        self._models = models
        self._sources = sources
        self._retry = retry or Retry()
        self._clock = clock or Clock()
        self._link = Link(state_dir, spool, settings.timeout_s, self._clock, instance=instance, enrol=enrol)
        self._lanes = Lanes(spool, settings)
        self._doubts = _DOUBTS
        self._failures = 0
        self._wake = threading.Event()
        self._answered: float | None = None
        self.state = "starting"
        self.batches = 0

    def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def cut(self) -> None:
        """Break off the request that waits for an answer, if any: what it held stays in the spool."""
        self._link.cut()

    @property
    def silent_s(self) -> float | None:
        """Seconds since the last answer, None if there was none since the start."""
        return None if self._answered is None else time.monotonic() - self._answered

    @property
    def refused_sensors(self) -> Mapping[str, str]:
        """Why the collector refuses to register a sensor, by its name; what it heard is kept in the spool."""
        return self._link.refused

    def wake(self) -> None:
        """Send as soon as possible, be it only a heartbeat."""
        self._lanes.speak()
        self._wake.set()

    def run(self, stop: threading.Event) -> None:
        """Send until stopped."""
        while not stop.is_set():
            deadline = time.monotonic() + self.step()
            while (left := deadline - time.monotonic()) > 0 and not stop.is_set():
                if self._wake.wait(min(left, _POLL_S)) or self._link.has_changed:
                    break
            self._wake.clear()

    def drain(self, deadline: float) -> bool:
        """Send what is left until ``deadline`` (monotonic seconds); say whether all was acknowledged.

        A collector that cannot be reached is given up after a few tries.
        """
        give_up_at = self._failures + _DRAIN_FAILURES
        while time.monotonic() < deadline and self._failures < give_up_at:
            self._lanes.hurry()
            try:
                if self._is_drained():
                    return True
                if self._link.identity() is None:
                    return False
            except (SpoolError, EnrolmentError):
                return False
            wait = self.step()
            longest = _POLL_S if self._failures else _DRAIN_POLL_S
            time.sleep(max(0.0, min(wait, longest, deadline - time.monotonic())))
        return False

    def _is_drained(self) -> bool:
        """Whether nothing waits that may be sent: nothing heard, nothing that a repair brought back, no untold gap."""
        status = self._spool.status()
        waits = status.rows > status.withheld or self._spool.read_gaps(1) or self._spool.in_flight()
        return not (
            waits
            or (status.events and self._spool.read_events(1))
            or (status.rescued and self._spool.read_rescued(1)[1])
        )

    def step(self) -> float:
        """Do what is due and return the seconds until the next step; failures are reported, never raised."""
        try:
            return self._exchange(*self._link.open())
        except UnknownSensorError as error:
            self._link.register_again()
            return self._fail(str(error))
        except RefusedError as error:
            return self._refused(error.reply)
        except (LinkError, SpoolError, OSError) as error:
            return self._fail(str(error))
        except EnrolmentError as error:
            self._say(str(error))
            return self._retry.slow_s
        except Exception as error:
            log.exception("the uplink failed unexpectedly; it tries again")
            return self._fail(f"unexpected failure: {error}")

    def _exchange(self, identity: Identity, client: Client) -> float:
        batch = self._spool.in_flight() or self._make(identity)
        if batch is None:
            return max(0.01, self._lanes.wait_s())
        started_us = self._clock.wall_us()
        headers = {"Content-Type": "application/json", "Content-Encoding": "zstd"} | self._link.told()
        doubts, self._doubts = self._doubts, _DOUBTS
        reply = client.request("POST", "/api/v1/batches", body=batch.body, headers=headers)
        if reply.code in UNPROCESSABLE:
            self._doubts = doubts
            return self._unprocessable(batch, reply)
        if not reply.is_success:
            raise RefusedError(reply)
        try:
            answer = Answer.model_validate_json(reply.content)
        except ValidationError:
            raise foreign_answer(identity.url) from None
        self._accept(batch, answer, started_us)
        identity = self._link.confirm(identity)
        if self._clips is not None:
            self._clips.exchange(answer.clips_allowed, identity, caught_up=not self._lanes.has_backlog)
        if answer.desired and self._models.take(answer.desired, identity, client):
            self._lanes.speak()
        if self._probes is not None:
            self._probes.exchange(answer.probes_wanted, identity, client)
        if answer.rotate_credential:
            self._rotate(identity)
        return self._lanes.wait_s()

    def _rotate(self, identity: Identity) -> None:
        """Get a new credential and use it at once; one that cannot be had is asked for again later."""
        try:
            if self._link.rotate(identity):
                self._lanes.speak()
        except LinkError as error:
            log.warning("the credential could not be changed: %s; the present one goes on", error)

    def _accept(self, batch: InFlight, answer: Answer, started_us: int) -> None:
        ended_us = self._clock.wall_us()
        if not self._clock.is_right:
            self._lanes.hurry()
        self._clock.hear(answer.server_time_us)
        self._answered = time.monotonic()
        known_us = int(self._spool.get("clock_offset_us") or 0)
        self._spool.acknowledge(
            batch,
            server_us=answer.server_time_us,
            token=answer.token,
            last_answer_us=str(self._clock.now_us()),
            clock_offset_us=str(proven_offset_us(started_us, answer.server_time_us, ended_us, known_us)),
        )
        self._lanes.accepted(batch)
        self._failures = 0
        self.batches += 1
        self._say("ok")

    def _make(self, identity: Identity) -> InFlight | None:
        """Make the next batch and keep its bytes; None if nothing is due."""
        if self._clock.is_right and self._spool.anchor(self._clock.offset_us):
            log.info("what was heard before the clock was right has its time now, and is sent")
        load = self._lanes.load()
        if load is None:
            return None
        rows, events, bare = load.measurements, load.events, self._lanes.isolation.bare
        numbers = [number for number, _ in events]
        own = [] if load.epoch else rows
        held = replace(cover(own, numbers), rescued=load.rescued, withheld=load.withheld, life=load.life)
        try:
            batch = Batch(
                agent=identity.agent,
                epoch=load.epoch or load.life,
                previous_epoch=None if load.epoch else self._spool.previous_epoch,
                token=self._spool.get("token") or None,
                sent_us=self._clock.wall_us(),
                sensors=to_columns(rows, identity.sensors),
                events=[wire_event(event, identity.sensors) for _, event in events],
                running={} if bare else self._models.running(),
                heartbeat=None if bare else self._heartbeat(identity, load.status),
                gaps=[wire_gap(gap, identity.sensors) for gap in load.gaps],
            )
        except ValidationError as error:
            self._isolate(held, f"no valid message: {error.errors()[0]['msg']}")
            return None
        made = replace(held, body=pack(batch), gaps=load.gaps[-1].row if load.gaps else 0)
        if not self._spool.put_in_flight(made, len(rows), load.gaps):
            self._lanes.speak()
            return None
        self._doubts = 0
        return made

    def _heartbeat(self, identity: Identity, status: SpoolStatus) -> Heartbeat:
        known = identity.sensors
        clips = ClipStatus() if self._clips is None else self._clips.status()
        return Heartbeat(
            version=__version__,
            spool_rows=status.rows,
            spool_bytes=status.bytes,
            dropped=status.dropped,
            dead_letters=status.dead_letters,
            clips_waiting=clips.waiting,
            clips_dropped=clips.dropped,
            sources={known[name]: text[:500] for name, text in self._sources().items() if name in known},
            checks=self._checks(known),
        )

    def _unprocessable(self, batch: InFlight, reply: Reply) -> float:
        """Look for what is at fault in a batch that must not be sent as it is again.

        A batch that an earlier try may have brought through is repeated some times first: if it was stored, its
        token is used up, and another batch with that token would look like a copy of this agent.
        """
        problem = f"the collector refused a batch ({reply.code}): {reply.problem()}"
        if self._doubts:
            self._doubts -= 1
            return self._fail(problem)
        return self._isolate(batch, problem, f" (request {reply.request_id})")

    def _isolate(self, batch: InFlight, problem: str, request: str = "") -> float:
        remedy = self._lanes.refused(batch)
        if remedy is Remedy.BURY:
            log.warning("%s%s; what it held is kept apart as a dead letter", problem, request)
            self._spool.bury(batch, problem)
            return 0.0
        self._spool.forget_in_flight()
        if remedy is Remedy.RETRY:
            log.info("%s%s; looking for what is at fault", problem, request)
            return 0.0
        self._link.register_again()
        return self._fail(problem)

    def _refused(self, reply: Reply) -> float:
        if reply.code == _UNKNOWN and self._link.try_other_credential():
            return 0.0
        if reply.code in _NOT_ALLOWED:
            self._failures += 1
            self._say(f"the collector refuses this agent ({reply.code}): {reply.problem()}; all measurements are kept")
            return self._retry.slow_s
        wait = self._fail(f"the collector answered with {reply.code}: {reply.problem()}")
        return retry_after_s(reply) + wait

    def _fail(self, reason: str) -> float:
        self._failures += 1
        self._say(reason)
        return self._retry.delay(self._failures)

    def _say(self, state: str) -> None:
        if state != self.state:
            self.state = state
            request = f" (request {self._link.request_id})" if self._link.request_id else ""
            level = logging.INFO if state == "ok" else logging.WARNING
            log.log(level, "link to the collector: %s%s", state, request)
