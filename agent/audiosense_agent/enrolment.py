"""The agent's identity: how it is gained by an enrolment key and kept on disk."""

from pathlib import Path
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from audiosense_agent import __version__
from audiosense_agent.client import Client, fetch_trust
from audiosense_agent.clock import Clock
from audiosense_agent.config import SensorSettings, Settings
from audiosense_agent.errors import EnrolmentError
from audiosense_agent.files import write_atomically
from audiosense_common.enrolment import EnrolmentKey
from audiosense_common.features import SCHEMA_ID
from audiosense_common.wire import Enrolled, EnrolmentRequest, SensorRegistration, Trust

_FORBIDDEN = 403
_NEW_KEY = "audiosense-collector enrolment-key create"


class Identity(BaseModel):
    """What the agent must know to speak with its collector; kept in ``identity.json``, mode 0600."""

    model_config = ConfigDict(frozen=True)

    url: str
    agent: UUID
    credential: str
    trust: Trust
    sensors: dict[str, UUID]

    def save(self, state_dir: Path) -> None:
        """Write the identity so that a crash leaves the old or the new one whole."""
        write_atomically(identity_path(state_dir), self.model_dump_json(indent=1).encode(), mode=0o600)

    def client(self, timeout_s: float = 30.0, *, check_dates: bool = True) -> Client:
        """Open a connection that trusts the enrolled CA only."""
        return Client(self.url, self.trust.ca_pem, self.credential, timeout_s, check_dates=check_dates)


def identity_path(state_dir: Path) -> Path:
    """Where the identity is kept."""
    return state_dir / "identity.json"


def load_identity(state_dir: Path) -> Identity | None:
    """Read the identity; None if the agent was never enrolled.

    Raises:
        EnrolmentError: the file cannot be read or is damaged.
    """
    path = identity_path(state_dir)
    try:
        return Identity.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EnrolmentError(f"{path} cannot be read: {error.strerror}; run as the user who enrolled") from None
    except ValidationError:
        raise EnrolmentError(f"{path} is damaged; enrol the agent again: audiosense-agent enroll KEY") from None


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


def enrol(settings: Settings, key_text: str) -> Identity:
    """Trade an enrolment key for an identity and keep it.

    Raises:
        EnrolmentKeyError: the text is no enrolment key.
        EnrolmentError: another CA than the key names, or the collector refused the key; its reason is in the message.
        LinkError: the collector cannot be reached.
        OSError: the state directory cannot be written; no use of the key was spent.
    """
    key = EnrolmentKey.decode(key_text)
    _check_writable(settings.state_dir)
    trust = fetch_trust(key, settings.collector.timeout_s)
    request = EnrolmentRequest(
        secret=key.secret,
        name=settings.name,
        version=__version__,
        sensors=[describe_sensor(sensor) for sensor in settings.sensors],
    )
    check_dates = Clock().is_wall_right
    client = Client(key.url, trust.ca_pem, timeout_s=settings.collector.timeout_s, check_dates=check_dates)
    try:
        reply = client.request_json("POST", "/api/v1/enrol", request.model_dump_json(by_alias=True))
    finally:
        client.close()
    if not reply.is_success:
        problem = reply.problem()
        if reply.code == _FORBIDDEN and _NEW_KEY not in problem:
            problem += f"; create a new key: {_NEW_KEY}"
        raise EnrolmentError(f"the collector at {key.url} refused the enrolment: {problem}")
    try:
        enrolled = Enrolled.model_validate_json(reply.content)
    except ValidationError:
        raise EnrolmentError(f"{key.url} did not answer as a collector; check the address in the key") from None
    identity = Identity(
        url=key.url,
        agent=enrolled.agent,
        credential=enrolled.credential,
        trust=Trust(ca_pem=trust.ca_pem, signing_keys=enrolled.trust.signing_keys),
        sensors=enrolled.sensors,
    )
    identity.save(settings.state_dir)
    return identity


def _check_writable(state_dir: Path) -> None:
    """Find out that the identity cannot be kept before the key is spent on it."""
    probe = state_dir / "enrolling"
    write_atomically(probe, b"")
    probe.unlink()
