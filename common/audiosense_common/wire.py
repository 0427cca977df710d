"""The messages between agent and collector: batch, answer and probes. ``docs/architecture.md`` explains them."""

import base64
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, Literal, Self
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from audiosense_common.wire_checks import MAX_CHECKS, Check
from audiosense_common.wire_gaps import MAX_GAPS, Gap

MAX_BODY_BYTES = 8 * 2**20
"""Largest compressed body of a batch that the collector reads."""
MAX_DECODED_BYTES = 32 * 2**20
"""Largest decompressed body of a batch."""
MAX_MEASUREMENTS = 10_000
"""Most measurements in one batch, over all of its sensors."""
MAX_FEATURES = 1_024
_EXPONENT = 0x7C00
MAX_REASONS = 8
"""Most reasons of one measurement or event."""
MAX_REASON_FIGURE = 1e9
TIME_LIMIT_US = 253_402_300_800_000_000
"""The year 10000 as UTC microseconds: the end of what a timestamp column can show."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256, lower-case hexadecimal")]
Name = Annotated[str, Field(min_length=1, max_length=120)]
ReasonWord = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
ReasonFigure = Annotated[float, Field(ge=-MAX_REASON_FIGURE, le=MAX_REASON_FIGURE)]
RunningLevel = Annotated[float, Field(ge=-200, le=0)] | Literal["off"]
"""Below this RMS level in dBFS a machine is stopped; ``off``: it never is."""
TimeUs = Annotated[int, Field(ge=0, lt=TIME_LIMIT_US, description="UTC microseconds since 1970")]


class Status(StrEnum):
    """What one measurement says of its machine."""

    LEARNING = "learning"
    NORMAL = "normal"
    ANOMALOUS = "anomalous"
    STOPPED = "stopped"
    INVALID = "invalid"


class EventState(StrEnum):
    """Where an event stands in its life."""

    OPEN = "open"
    UPDATE = "update"
    CLOSE = "close"


class Quantity(StrEnum):
    """What a sensor measures."""

    SOUND_PRESSURE = "sound_pressure"
    ACCELERATION = "acceleration"


class Message(BaseModel):
    """Base of all messages: unknown keys are ignored, so that releases can talk to each other."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


def _decode(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


class FeatureMatrix(Message):
    """A matrix of feature vectors: ``shape`` is (windows, features), ``data`` base64 of little-endian float16."""

    schema_id: Name = Field(alias="schema")
    shape: tuple[Annotated[int, Field(ge=0, le=MAX_MEASUREMENTS)], Annotated[int, Field(ge=1, le=MAX_FEATURES)]]
    data: str

    model_config = ConfigDict(populate_by_name=True)

    @classmethod
    def pack(cls, schema_id: str, matrix: NDArray[np.float16]) -> Self:
        """Pack a (windows, features) float16 matrix."""
        data = base64.b64encode(np.ascontiguousarray(matrix, dtype="<f2").tobytes()).decode()
        return cls(schema_id=schema_id, shape=(matrix.shape[0], matrix.shape[1]), data=data)

    def unpack(self, decode: Callable[[str], bytes] = _decode) -> NDArray[np.float16]:
        """Return the (windows, features) float16 matrix.

        Args:
            decode: takes strict base64 and raises ValueError for all else; a collector has a faster one.

        Raises:
            ValueError: ``data`` is no base64, of another length than ``shape`` says, or holds NaN or infinity.
        """
        try:
            raw = decode(self.data)
        except ValueError:
            raise ValueError("features.data is no base64") from None
        expected = self.shape[0] * self.shape[1] * 2
        if len(raw) != expected:
            raise ValueError(f"features.data holds {len(raw)} bytes, its shape {self.shape} needs {expected}")
        matrix = np.frombuffer(raw, dtype="<f2").reshape(self.shape)
        # Infinity and NaN, and nothing else, have all bits of the exponent; ten times as fast as ``isfinite``.
        if ((matrix.view("<u2") & _EXPONENT) == _EXPONENT).any():
            row = int(np.flatnonzero(~np.isfinite(matrix).all(axis=1))[0])
            raise ValueError(f"features.data holds NaN or infinity in row {row}; every feature must be finite")
        return matrix


class Reason(Message):
    """One thing that differs from the machine's baseline, in figures; dashboards and logs put it in words.

    ``key`` says what differs (``level``, ``band``, ``band_relative``, ``impulsiveness``, …) and ``feature`` the figure
    that shows it, null where several features were joined to a range of frequencies. Both are stable words; a reader
    shows one that it does not know as it stands.
    """

    key: ReasonWord
    feature: ReasonWord | None = None
    low_hz: Annotated[float, Field(ge=0, le=MAX_REASON_FIGURE)] | None = None
    high_hz: Annotated[float, Field(ge=0, le=MAX_REASON_FIGURE)] | None = None
    value: ReasonFigure
    normal: Annotated[ReasonFigure, Field(description="the baseline's median")]
    unit: Annotated[str, Field(pattern=r"^[ -~µ°²]{0,12}$", description="of value and normal")]
    deviation: Annotated[ReasonFigure, Field(description="from the median in robust standard deviations, signed")]


Reasons = Annotated[list[Reason], Field(max_length=MAX_REASONS)]


class SensorColumns(Message):
    """Measurements of one sensor as columns of equal length, one entry per window, in order of ``seq``.

    ``model`` holds indices into ``models``, null where no model scored the window. ``score`` is null where there is
    no model or the window is invalid. ``reasons`` is sparse: by a window's place in the columns, most telling first; an
    empty list says that no single thing stands out.
    """

    sensor: UUID
    seq: list[Annotated[int, Field(ge=0, lt=2**63)]]
    time_us: list[TimeUs]
    score: list[Annotated[float, Field(ge=0, le=1)] | None]
    status: list[Status]
    models: list[Digest] = Field(default_factory=list, max_length=1_000)
    model: list[Annotated[int, Field(ge=0)] | None]
    level_dbfs: list[float]
    dominant_hz: list[float]
    features: FeatureMatrix
    reasons: dict[Annotated[int, Field(ge=0)], Reasons] = Field(default_factory=dict)
    time_estimated: list[Annotated[int, Field(ge=0)]] = Field(
        default_factory=list, max_length=MAX_MEASUREMENTS, description="windows whose time is the agent's best guess"
    )

    @model_validator(mode="after")
    def _columns_are_of_equal_length(self) -> Self:
        expected = len(self.seq)
        for name in ("time_us", "score", "status", "model", "level_dbfs", "dominant_hz"):
            found = len(getattr(self, name))
            if found != expected:
                raise _wrong(f"column {name} holds {found} entries, seq holds {expected}; all must be equal", name)
        rows = self.features.shape[0]
        if rows != expected:
            raise _wrong(f"features holds {rows} rows, seq holds {expected}; all must be equal", "features", "shape")
        if len(set(self.seq)) != expected:
            raise _wrong("column seq holds a number twice; each window has its own", "seq")
        highest = max((index for index in self.model if index is not None), default=-1)
        if highest >= len(self.models):
            raise _wrong(f"column model points at entry {highest}, models holds {len(self.models)}", "model")
        last = max(self.reasons, default=-1)
        if last >= expected:
            raise _wrong(f"reasons are given for window {last}, seq holds {expected}", "reasons", str(last))
        last = max(self.time_estimated, default=-1)
        if last >= expected:
            raise _wrong(f"time_estimated names window {last}, seq holds {expected}", "time_estimated")
        return self


def _wrong(message: str, *place: str) -> ValidationError:
    """Make an error that names a field below the model: a ValueError in a model's validator names the model alone."""
    error = PydanticCustomError("columns", "{message}", {"message": message})
    return ValidationError.from_exception_data("columns", [{"type": error, "loc": place, "input": None}])


class Event(Message):
    """One revision of an event. The same ``id`` (UUIDv7, made by the agent) with a higher revision replaces it."""

    id: UUID
    sensor: UUID
    revision: Annotated[int, Field(ge=1, lt=2**31)]
    state: EventState
    start_us: TimeUs
    end_us: TimeUs
    peak_us: TimeUs
    peak_score: Annotated[float, Field(ge=0, le=1)]
    threshold: Annotated[float, Field(ge=0, le=1)]
    windows: Annotated[int, Field(ge=1, lt=2**31, description="anomalous windows so far")]
    model: Digest
    reasons: Reasons = Field(default_factory=list)


class RunningModel(Message):
    """What an agent runs for a sensor, and why it refused the bundle that it was offered, if it did."""

    digest: Digest | None = None
    version: Annotated[int, Field(ge=0)] | None = None
    state: Literal["probation", "committed"] | None = None
    refused: Digest | None = None
    reason: Annotated[str, Field(max_length=500)] | None = None


class Heartbeat(Message):
    """How the agent is: spool depth, what was dropped, source and link state."""

    version: Annotated[str, Field(max_length=40)]
    spool_rows: Annotated[int, Field(ge=0)] = 0
    spool_bytes: Annotated[int, Field(ge=0)] = 0
    dropped: Annotated[int, Field(ge=0)] = 0
    dead_letters: Annotated[int, Field(ge=0)] = 0
    clips_waiting: Annotated[int, Field(ge=0)] = 0
    clips_dropped: Annotated[int, Field(ge=0, description="not kept, damaged or refused")] = 0
    sources: dict[UUID, Annotated[str, Field(max_length=500)]] = Field(
        default_factory=dict, description="per sensor: 'ok' or what is wrong with its source"
    )
    checks: Annotated[list[Check], Field(max_length=MAX_CHECKS)] | None = Field(
        default=None, description="self-checks, all of them; null: as told before"
    )


REQUEST_ID_HEADER = "X-Request-Id"
"""A number that an agent gives each request, and that both logs tell; an answer has it too."""
IDLE_CONNECTION_S = 75.0
"""How long an agent keeps a connection that it does not use: a heartbeat is due within 60 s. The collector keeps it
longer, so that none is closed under a request."""


class Batch(Message):
    """What an agent sends: measurements in columns, event revisions, running models and its heartbeat.

    ``token`` is the one from the last answer, null in the first batch of an epoch. An empty batch is the heartbeat.
    """

    format: Annotated[int, Field(ge=1, le=1, description="version of this message")] = 1
    agent: UUID
    epoch: UUID
    previous_epoch: UUID | None = None
    token: Annotated[str, Field(max_length=200)] | None = None
    sent_us: Annotated[int, Field(description="the agent's clock when it made the batch")]
    sensors: list[SensorColumns] = Field(default_factory=list, max_length=1_000)
    events: list[Event] = Field(default_factory=list, max_length=1_000)
    running: dict[UUID, RunningModel] = Field(default_factory=dict)
    heartbeat: Heartbeat | None = None
    gaps: list[Gap] = Field(default_factory=list, max_length=MAX_GAPS)

    @field_validator("sensors")
    @classmethod
    def _not_too_many(cls, sensors: list[SensorColumns]) -> list[SensorColumns]:
        count = sum(len(columns.seq) for columns in sensors)
        if count > MAX_MEASUREMENTS:
            raise ValueError(f"the batch holds {count} measurements, at most {MAX_MEASUREMENTS} are taken; send fewer")
        return sensors


class DesiredModel(Message):
    """The bundle that an agent should run for a sensor."""

    digest: Digest
    version: Annotated[int, Field(ge=1)]


class Answer(Message):
    """What the collector says after the commit: all of the batch is stored (now, or by an earlier copy of it)."""

    server_time_us: int
    token: str
    stored: Annotated[int, Field(ge=0, description="measurements of the batch that were new")]
    repeated: Annotated[int, Field(ge=0, description="measurements that had been stored before")]
    desired: dict[UUID, DesiredModel] = Field(default_factory=dict)
    probes_wanted: list[UUID] = Field(
        default_factory=list, max_length=1_000, description="sensors of which the collector lacks probes"
    )
    clips_allowed: list[UUID] = Field(
        default_factory=list, description="sensors whose sound may be kept and sent as clips; no others"
    )
    rotate_credential: Annotated[bool, Field(description="the agent should ask for a new credential now")] = False


class ProbeColumns(Message):
    """Probes of one sensor (``POST /api/v1/probes``), as columns of equal length, one entry per probe.

    A probe is the feature vector of one of the machine's normal windows with a synthetic fault mixed in. They replace
    all earlier ones of the sensor; no sound is sent. ``kind`` holds indices into ``kinds``, ``level_db`` the fault's
    level relative to the machine, ``window_us`` the start of the window that it was mixed into.
    """

    format: Annotated[int, Field(ge=1, le=1, description="version of this message")] = 1
    sensor: UUID
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    kinds: list[Name] = Field(min_length=1, max_length=100)
    kind: list[Annotated[int, Field(ge=0, lt=100)]] = Field(min_length=1, max_length=MAX_MEASUREMENTS)
    level_db: list[Annotated[float, Field(ge=-200, le=200)]]
    window_us: list[TimeUs]
    features: FeatureMatrix

    @model_validator(mode="after")
    def _columns_are_of_equal_length(self) -> Self:
        expected = len(self.kind)
        for name in ("level_db", "window_us"):
            found = len(getattr(self, name))
            if found != expected:
                raise _wrong(f"column {name} holds {found} entries, kind holds {expected}; all must be equal", name)
        rows = self.features.shape[0]
        if rows != expected:
            raise _wrong(f"features holds {rows} rows, kind holds {expected}; all must be equal", "features", "shape")
        if max(self.kind) >= len(self.kinds):
            raise _wrong(f"column kind points at entry {max(self.kind)}, kinds holds {len(self.kinds)}", "kind")
        if len(set(self.kinds)) != len(self.kinds):
            raise _wrong("kinds holds a name twice; each has its own", "kinds")
        return self


class ProbesTaken(Message):
    """What the collector says after the commit."""

    stored: Annotated[int, Field(ge=0, description="probes that are stored now")]


class Problem(BaseModel):
    """An error as the collector tells it (RFC 9457), media type ``application/problem+json``."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[dict[str, Any]] | None = Field(default=None, description="per field: where it is and what is wrong")
    request_id: str | None = Field(default=None, description="the request's number in the collector's log")
