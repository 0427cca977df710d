"""The agent's identity: how it is gained by an enrolment key and kept on disk."""

import contextlib
import fcntl
import hashlib
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from audiosense_agent import __version__
from audiosense_agent.client import Client, fetch_trust
from audiosense_agent.clock import Clock
from audiosense_agent.config import SensorSettings, Settings
from audiosense_agent.errors import DamagedIdentityError, EnrolmentError
from audiosense_agent.files import write_atomically
from audiosense_common.enrolment import EnrolmentKey
from audiosense_common.features import SCHEMA_ID
from audiosense_common.wire_enrolment import Enrolled, EnrolmentRequest, SensorRegistration, Trust

log = logging.getLogger(__name__)
_FORBIDDEN = 403
_NEW_KEY = "audiosense-collector enrolment-key create"


class Identity(BaseModel):
    """What the agent must know to speak with its collector; kept in ``identity.json``, mode 0600.

    While the credential is changed there are two: ``next`` was given and may have been used already, ``credential`` is
    valid until it is. Which of them the collector takes shows with the next request; then the other is dropped.
    """

    model_config = ConfigDict(frozen=True)

    url: str
    agent: UUID
    credential: str
    next: str | None = None
    trust: Trust
    sensors: dict[str, UUID]

    def save(self, state_dir: Path) -> None:
        """Write the identity so that a crash leaves the old or the new one whole; a damaged one is set aside."""
        with _locked(state_dir):
            _set_damaged_aside(state_dir)
            _write(state_dir, self)

    def save_instead_of(self, before: "Identity", state_dir: Path) -> bool:
        """Write the identity unless another than ``before`` is there: the agent may have been enrolled anew."""
        with _locked(state_dir):
            if load_identity(state_dir) != before:
                return False
            _write(state_dir, self)
            return True

    def client(
        self,
        timeout_s: float = 30.0,
        credential: str | None = None,
        instance: UUID | None = None,
        *,
        check_dates: bool = True,
    ) -> Client:
        """Open a connection that trusts the enrolled CA only."""
        credential = credential or self.credential
        return Client(self.url, self.trust.ca_pem, credential, timeout_s, instance, check_dates=check_dates)


def identity_path(state_dir: Path) -> Path:
    """Where the identity is kept."""
    return state_dir / "identity.json"


def load_identity(state_dir: Path) -> Identity | None:
    """Read the identity; None if the agent was never enrolled.

    Raises:
        DamagedIdentityError: the file is damaged; to enrol anew sets it aside.
        EnrolmentError: the file cannot be read.
    """
    path = identity_path(state_dir)
    try:
        return Identity.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EnrolmentError(f"{path} cannot be read: {error.strerror}; run as the user who enrolled") from None
    except ValidationError:
        raise DamagedIdentityError(f"{path} is damaged; enrol the agent again: audiosense-agent enroll KEY") from None


def describe_sensor(sensor: SensorSettings) -> SensorRegistration:
    """Describe a sensor as the collector registers it."""
    return SensorRegistration(
        name=sensor.name,
        machine=sensor.machine,
        site=sensor.site,
        sample_rate_hz=sensor.sample_rate_hz,
        window_s=sensor.window_s,
        schema_id=SCHEMA_ID,
        source=sensor.source.type,
        running_level_dbfs=sensor.running_level_dbfs,
        quantity=sensor.quantity,
        full_scale=sensor.full_scale,
    )


def enrol(
    settings: Settings, key_text: str, replace: str | None = None, *, with_sensors: bool = True
) -> tuple[Identity, Enrolled]:
    """Trade an enrolment key for an identity and keep it; returns it and what the collector said.

    Args:
        settings: name, sensors and state directory.
        key_text: the enrolment key.
        replace: name or id of the agent whose sensors this one takes over.
        with_sensors: register the sensors with it, all or none; without, the uplink registers them before it sends.

    Raises:
        EnrolmentKeyError: the text is no enrolment key.
        EnrolmentError: another CA than the key names, or the collector refused the key; its reason is in the message.
        LinkError: the collector cannot be reached.
        OSError: the state directory cannot be written; no use of the key was spent.
    """
    key = EnrolmentKey.decode(key_text)
    attempt = _begin(settings.state_dir, key)
    timeout_s = settings.collector.timeout_s
    trust = fetch_trust(key, timeout_s)
    request = EnrolmentRequest(
        secret=key.secret,
        name=settings.name,
        version=__version__,
        sensors=[describe_sensor(sensor) for sensor in settings.sensors] if with_sensors else [],
        attempt=attempt,
        replace=replace,
    )
    enrolled = _ask(Client(key.url, trust.ca_pem, timeout_s=timeout_s, check_dates=Clock().is_wall_right), request)
    identity = Identity(
        url=key.url,
        agent=enrolled.agent,
        credential=enrolled.credential,
        trust=Trust(ca_pem=trust.ca_pem, signing_keys=enrolled.trust.signing_keys),
        sensors=enrolled.sensors,
    )
    identity.save(settings.state_dir)
    _attempt_path(settings.state_dir).unlink(missing_ok=True)
    return identity, enrolled


def _ask(client: Client, request: EnrolmentRequest) -> Enrolled:
    with contextlib.closing(client):
        reply = client.request_json("POST", "/api/v1/enrol", request.model_dump_json(by_alias=True))
    if not reply.is_success:
        problem = reply.problem()
        if reply.code == _FORBIDDEN and _NEW_KEY not in problem:
            problem += f"; create a new key: {_NEW_KEY}"
        raise EnrolmentError(f"the collector at {client.url} refused the enrolment: {problem}")
    try:
        return Enrolled.model_validate_json(reply.content)
    except ValidationError:
        raise EnrolmentError(f"{client.url} did not answer as a collector; check the address in the key") from None


def _begin(state_dir: Path, key: EnrolmentKey) -> UUID:
    """Return the number of this attempt, the one from before if it was never answered: then no other use is spent.

    It is written first, which also shows that the identity can be kept.
    """
    path, digest = _attempt_path(state_dir), hashlib.sha256(key.secret.encode()).hexdigest()
    attempt = uuid4()
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        before = json.loads(path.read_bytes())
        if before["key"] == digest:
            attempt = UUID(before["attempt"])
    write_atomically(path, json.dumps({"key": digest, "attempt": str(attempt)}).encode())
    return attempt


def _attempt_path(state_dir: Path) -> Path:
    return state_dir / "enrolling.json"


@contextlib.contextmanager
def _locked(state_dir: Path) -> Iterator[None]:
    """Keep the agent and a command that enrols it from writing the identity at once."""
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _set_damaged_aside(state_dir: Path) -> None:
    try:
        load_identity(state_dir)
    except DamagedIdentityError:
        path = identity_path(state_dir)
        # One name for all: it may hold a credential, of which no more copies than one are kept for a look.
        aside = path.replace(path.with_name(f"{path.name}.damaged"))
        log.warning("the identity %s was damaged; set aside as %s, the new one serves", path, aside.name)
    except EnrolmentError:
        # Nobody knows whether it is damaged; that it can be written shows with the writing.
        return


def _write(state_dir: Path, identity: Identity) -> None:
    path = identity_path(state_dir)
    for stale in state_dir.glob(f".{path.name}.*.new"):
        # Left by a process that was killed while it wrote; it holds a credential.
        stale.unlink(missing_ok=True)
    write_atomically(path, identity.model_dump_json(indent=1).encode(), mode=0o600)
