"""Enrolment as it travels: an agent and its sensors introduce themselves, and are told whom to trust."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, field_validator

from audiosense_common.wire import Message, Name, Quantity, RunningLevel


class SensorRegistration(Message):
    """A sensor as its agent describes it; site and machine are made where they do not exist."""

    name: Name = Field(description="unique within the agent")
    machine: Name
    site: Name = "Default site"
    sample_rate_hz: Annotated[int, Field(ge=1_000, le=768_000)]
    window_s: Annotated[float, Field(gt=0, le=600)]
    schema_id: Name = Field(alias="schema")
    source: Annotated[str, Field(max_length=200, description="microphone, recording or simulator")]
    running_level_dbfs: RunningLevel | None = Field(
        default=None, description="set in the agent's configuration; it stands over what the collector says"
    )
    quantity: Quantity = Quantity.SOUND_PRESSURE
    full_scale: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="what a sample of 1.0 stands for, in pascal or g; null: not calibrated"
    )

    model_config = ConfigDict(populate_by_name=True)


class EnrolmentRequest(Message):
    """An agent introduces itself with the secret of an enrolment key."""

    secret: Annotated[str, Field(max_length=200)]
    name: Name
    version: Annotated[str, Field(max_length=40)]
    sensors: list[SensorRegistration] = Field(default_factory=list, max_length=1_000)
    attempt: Annotated[UUID | None, Field(description="the same when it is tried again; then no use is spent")] = None
    replace: Annotated[Name | None, Field(description="name or id of the agent whose sensors it takes over")] = None

    @field_validator("sensors")
    @classmethod
    def _names_differ(cls, sensors: list[SensorRegistration]) -> list[SensorRegistration]:
        names = [sensor.name for sensor in sensors]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"sensor name {twice[0]!r} stands more than once; names are unique within an agent")
        return sensors


class SensorRegistrations(Message):
    """The sensors that an enrolled agent has now (``PUT /api/v1/agent/sensors``)."""

    sensors: list[SensorRegistration] = Field(max_length=1_000)


class RegisteredSensors(Message):
    """Identity of each sensor by the name that the agent gave it."""

    sensors: dict[str, UUID]


class Trust(Message):
    """What an agent may trust: the CA certificate (PEM) and bundle-signing keys by key id (raw Ed25519, hex)."""

    ca_pem: str | None
    signing_keys: dict[str, str]


class Enrolled(RegisteredSensors):
    """The answer to an enrolment: the identity and the credential, shown this once."""

    agent: UUID
    credential: str
    trust: Trust
    taken_over: Annotated[list[str], Field(description="sensors that the replaced agent had")] = Field(
        default_factory=list
    )
    left_behind: Annotated[list[str], Field(description="sensors of the replaced agent that this one lacks")] = Field(
        default_factory=list
    )
