"""The link to the collector: identity, connection and registration of the sensors."""

import email.utils
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from audiosense_agent.client import Client, Reply
from audiosense_agent.clock import Clock
from audiosense_agent.enrolment import Identity, identity_path, load_identity
from audiosense_agent.errors import DamagedIdentityError, EnrolmentError, LinkError
from audiosense_agent.spool import Spool
from audiosense_common.wire_enrolment import RegisteredSensors, SensorRegistration, SensorRegistrations
from audiosense_common.wire_identity import WAITING_HEADER, CredentialIssued

log = logging.getLogger(__name__)
_MAX_RETRY_AFTER_S = 3_600.0
_ROTATE_AGAIN_S = 60.0
_REGISTER_AGAIN_S = 60.0
UNPROCESSABLE = frozenset({400, 413, 422})
"""Codes of what must not be sent as it is again: something in it is at fault."""


class RefusedError(LinkError):
    """The collector answered, but not with success."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"the collector refused ({reply.code}): {reply.problem()}")
        self.reply = reply


class Link:
    """Follows ``identity.json``: an enrolment while the agent runs is noticed.

    Args:
        state_dir: where the identity is.
        spool: tells which sensors there are and how much waits.
        timeout_s: of the connection.
        clock: says whether the dates of certificates can be judged.
        instance: which process this is.
        enrol: enrols an agent that is not, if it can.
    """

    def __init__(
        self,
        state_dir: Path,
        spool: Spool,
        timeout_s: float,
        clock: Clock,
        *,
        instance: UUID | None = None,
        enrol: Callable[[], Identity | None] = lambda: None,
    ) -> None:
        self._instance = instance
        self._enrol = enrol
        self._uses_old = False
        self._rotates_from = 0.0
        self._state_dir = state_dir
        self._clock = clock
        self._checks_dates = True
        self._spool = spool
        self._timeout_s = timeout_s
        self._stamp: tuple[int, int] | None = None
        self._identity: Identity | None = None
        self._client: Client | None = None
        self._is_cut = False
        self._registered = False
        self._register_refused_from = 0.0
        self.refused: dict[str, str] = {}

    @property
    def has_changed(self) -> bool:
        """Whether the identity on disk is another than the one in use."""
        return self._read_stamp() != self._stamp

    def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def cut(self) -> None:
        """Break off what another thread waits for; nothing is sent any more."""
        self._is_cut = True
        if (client := self._client) is not None:
            client.cut()

    @property
    def request_id(self) -> str:
        """The number of the latest request, by which the collector's log knows it; empty before the first."""
        return "" if self._client is None else self._client.request_id

    def register_again(self) -> None:
        """Register the sensors before the next batch."""
        self._registered = False

    def identity(self) -> Identity | None:
        """Return the identity, read again if it changed; None if the agent is not enrolled.

        Raises:
            EnrolmentError: it is damaged.
        """
        if self._identity is None or self.has_changed:
            self.close()
            self._registered = self._uses_old = False
            self._identity = None
            self._stamp = self._read_stamp()
            self._identity = load_identity(self._state_dir)
        return self._identity

    def open(self) -> tuple[Identity, Client]:
        """Return the connection, with the sensors registered, and the identity with their ids.

        Raises:
            EnrolmentError: the agent is not enrolled, or its identity is damaged.
            LinkError: no answer; RefusedError if it was none of success.
        """
        try:
            identity = self.identity()
        except DamagedIdentityError:
            if self._enrol() is None:
                raise
            identity = self.identity()
        if identity is None and self._enrol() is not None:
            identity = self.identity()
        if identity is None:
            raise EnrolmentError("not enrolled: measurements are kept; enrol with: audiosense-agent enroll KEY")
        if self._client is not None and self._checks_dates != self._clock.is_wall_right:
            self.close()
        if self._client is None:
            self._checks_dates = self._clock.is_wall_right
            credential = identity.credential if self._uses_old else identity.next
            self._client = identity.client(self._timeout_s, credential, self._instance, check_dates=self._checks_dates)
            if self._is_cut:
                self._client.cut()
            self._spool.bind(str(identity.agent))
        if not self._registered:
            identity = self._register(identity, self._client, self._registrations())
            self._registered = True
        elif self.refused and time.monotonic() >= self._register_refused_from:
            again = [each for each in self._registrations() if each.name in self.refused]
            identity = self._register(identity, self._client, again)
        return identity, self._client

    def told(self) -> dict[str, str]:
        """Return the headers that say how much waits; all that a collector learns of an agent that it refuses."""
        return {WAITING_HEADER: str(self._spool.status().rows)}

    def try_other_credential(self) -> bool:
        """After a refusal as unknown, use the other credential, if there are two; say whether to try it at once.

        Neither is given up before the other was taken: something in between may have refused, not the collector.
        """
        if self._identity is None or self._identity.next is None:
            return False
        self.close()
        self._uses_old = not self._uses_old
        return self._uses_old

    def confirm(self, identity: Identity) -> Identity:
        """Note that the collector took the credential in use: of two it is the one to keep.

        Raises:
            LinkError: that cannot be written; both are still there.
        """
        if identity.next is None:
            return identity
        identity = self._keep(identity, credential=identity.credential if self._uses_old else identity.next, next=None)
        self._uses_old = False
        return identity

    def rotate(self, identity: Identity) -> bool:
        """Get a new credential and keep it beside the present one; it is used from the next request on.

        Returns:
            Whether there is one now; after a failure it is not tried again at once.

        Raises:
            LinkError: no answer, a refusal, or it cannot be kept; the present credential goes on.
        """
        now = time.monotonic()
        if self._client is None or identity.next is not None or now < self._rotates_from:
            return False
        self._rotates_from = now + _ROTATE_AGAIN_S
        reply = self._client.request("POST", "/api/v1/agent/credential", body=b"")
        if not reply.is_success:
            raise RefusedError(reply)
        try:
            issued = CredentialIssued.model_validate_json(reply.content)
        except ValidationError:
            raise foreign_answer(identity.url) from None
        self._keep(identity, next=issued.credential)
        self.close()
        self._rotates_from = 0.0
        return True

    def _keep(self, identity: Identity, **changes: Any) -> Identity:
        """Write a changed identity, unless the agent was enrolled anew meanwhile."""
        changed = identity.model_copy(update=changes)
        try:
            saved = changed.save_instead_of(identity, self._state_dir)
        except OSError as error:
            path = identity_path(self._state_dir)
            raise LinkError(f"{path} cannot be written: {error.strerror}; free space on its disk") from None
        if not saved:
            raise LinkError("the agent was enrolled anew meanwhile")
        self._identity, self._stamp = changed, self._read_stamp()
        return changed

    def _registrations(self) -> list[SensorRegistration]:
        """All sensors that the spool knows, also those that left the configuration."""
        return [SensorRegistration.model_validate_json(text) for text in self._spool.registrations().values()]

    def _register(self, identity: Identity, client: Client, wanted: list[SensorRegistration]) -> Identity:
        """Register sensors; what those heard that are refused is withheld, and they are asked for again later."""
        sensors, refused = self._ask(identity.url, client, wanted)
        self._register_refused_from = time.monotonic() + _REGISTER_AGAIN_S
        if not sensors.items() <= identity.sensors.items():
            identity = self._keep(identity, sensors=identity.sensors | sensors)
        for name in sorted(refused.items() - self.refused.items()):
            log.warning("the collector refuses sensor %r, its windows are kept here: %s", *name)
        self._spool.withhold(refused)
        self.refused = refused
        return identity

    def _ask(
        self, url: str, client: Client, wanted: list[SensorRegistration]
    ) -> tuple[dict[str, UUID], dict[str, str]]:
        """Return the identities of the sensors that the collector registers, and by name why it refuses the others.

        It takes or refuses a list as a whole; a refused one is halved until each sensor at fault is alone.
        """
        body = SensorRegistrations(sensors=wanted).model_dump_json(by_alias=True).encode()
        headers = {"Content-Type": "application/json"} | self.told()
        reply = client.request("PUT", "/api/v1/agent/sensors", body=body, headers=headers)
        if reply.code in UNPROCESSABLE and len(wanted) == 1:
            return {}, {wanted[0].name: reply.problem()}
        if reply.code in UNPROCESSABLE and wanted:
            half = len(wanted) // 2
            (some, bad), (others, also_bad) = (self._ask(url, client, part) for part in (wanted[:half], wanted[half:]))
            return some | others, bad | also_bad
        if not reply.is_success:
            raise RefusedError(reply)
        try:
            return RegisteredSensors.model_validate_json(reply.content).sensors, {}
        except ValidationError:
            raise foreign_answer(url) from None

    def _read_stamp(self) -> tuple[int, int] | None:
        try:
            found = identity_path(self._state_dir).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino


def foreign_answer(url: str) -> LinkError:
    """Say that something else than a collector answered with success."""
    return LinkError(f"{url} answered, but not as a collector; a captive portal or a proxy may be in between")


def retry_after_s(reply: Reply) -> float:
    """Read Retry-After, in seconds or as a date; 0 without one.

    A date is read against the answer's own, for this computer's clock may be wrong.
    """
    text = reply.headers.get("Retry-After", "")
    try:
        seconds = float(text)
    except ValueError:
        until, now = _read_date(text), _read_date(reply.headers.get("Date", ""))
        seconds = 0.0 if until is None else until - (time.time() if now is None else now)
    return min(max(0.0, seconds), _MAX_RETRY_AFTER_S)


def _read_date(text: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(text).timestamp()
    except ValueError:
        return None
