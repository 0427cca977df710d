"""Fleet, machine and series as the interface shows them."""

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from audiosense_collector.checks.schemas import SensorHealthOut
from audiosense_collector.machines.units import Unit
from audiosense_collector.models.schemas import ModelSummary
from audiosense_collector.training.settings import LEAST_PER_WEEK, MOST_PER_WEEK
from audiosense_common.wire import Quantity, Reason, RunningLevel


class ShownStatus(StrEnum):
    """How a sensor or machine is, from worst to best; a machine is as bad as its worst sensor.

    ``maintenance`` stands over all others: what is heard of a machine that is worked on says nothing of it.
    """

    ALARM = "alarm"
    ANOMALOUS = "anomalous"
    INVALID = "invalid"
    OFFLINE = "offline"
    WAITING = "waiting"
    MAINTENANCE = "maintenance"
    LEARNING = "learning"
    STOPPED = "stopped"
    NORMAL = "normal"


class Learning(BaseModel):
    """How far a baseline has come."""

    windows: int
    needed: int


class Sparkline(BaseModel):
    """The last hour, or what there is of it, in at most 60 points: the highest score, or the level while learning."""

    kind: Literal["score", "level_dbfs"]
    time_us: list[int]
    value: list[float | None]


class SensorCard(BaseModel):
    """A sensor with its latest measurement; ``last_heard_us`` is the start of the newest window.

    ``level`` is the RMS of ``quantity`` in ``unit``: dBFS until the sensor is calibrated. ``level_a_db`` is the
    A-weighted level of a calibrated microphone in dB(A), ``velocity_mm_s`` the RMS velocity from 10 to 1000 Hz of a
    calibrated accelerometer, as in ISO 20816-1.
    """

    id: UUID
    name: str
    agent_id: UUID | None
    status: ShownStatus
    score: float | None
    threshold: float | None
    level_dbfs: float | None
    quantity: Quantity
    unit: Unit
    level: float | None
    level_a_db: float | None
    velocity_mm_s: float | None
    dominant_hz: float | None
    last_heard_us: int | None
    model_digest: str | None
    learning: Learning | None
    heuristic_flag: bool | None
    open_event: bool
    health: SensorHealthOut
    reasons: Annotated[
        list[Reason] | None,
        Field(description="of the open event or the anomalous newest window; empty: nothing stands out; else null"),
    ]
    sparkline: Sparkline


class SiteOut(BaseModel):
    """A place."""

    id: UUID
    name: str


class _MachineBase(BaseModel):
    id: UUID
    name: str
    site: SiteOut
    tags: list[str]
    status: ShownStatus
    score: float | None
    threshold: float | None
    last_heard_us: int | None
    open_events: int


class MachineCard(_MachineBase):
    """A machine with its sensors; score and threshold are those of its worst sensor."""

    sensors: list[SensorCard]


class StatusCounts(BaseModel):
    """How many machines there are of each status."""

    alarm: int
    anomalous: int
    invalid: int
    offline: int
    waiting: int
    maintenance: int
    learning: int
    stopped: int
    normal: int


class Fleet(BaseModel):
    """All machines, or a page of them; ``next`` goes into ``after`` for the page after this one.

    Sparklines are empty in an answer about more than 1,000 sensors, unless they are asked for.
    """

    server_time_us: int
    machines: list[MachineCard]
    next: str | None
    counts: Annotated[
        StatusCounts,
        Field(description="of the machines on all pages that match `site`, `tag` and `q`, whatever `status` says"),
    ]


class RunningOut(BaseModel):
    """Above which level a machine runs.

    ``level_dbfs``, and the same as ``level`` in the sensor's unit, is null where no level holds: it is off, or nothing
    is learned yet. ``origin`` says who chose it: learned from the baseline, set here, or set in the agent's
    configuration. ``setting`` and ``settling_setting`` are what was set here, null for the learned value.
    """

    level_dbfs: float | None
    level: float | None
    origin: Literal["learned", "set", "agent"]
    learned_dbfs: float | None
    setting: RunningLevel | None
    settling_windows: int | None
    settling_setting: int | None


class SensorDetail(SensorCard):
    """A sensor with how it hears, its settings and its models."""

    sample_rate_hz: int
    window_s: float
    full_scale: float | None
    source: str
    schema_id: str
    source_state: str | None
    heuristic_dominant_hz: float
    heuristic_flatness: float
    baseline_windows: int
    false_alarms_per_week: float
    running: RunningOut
    training_error: str | None
    model: ModelSummary | None
    models: list[ModelSummary]


class MachineDetail(_MachineBase):
    """A machine with all that is known of its sensors."""

    sensors: list[SensorDetail]


class SensorSettings(BaseModel):
    """Settings of a sensor; what is left out stays, null returns to the collector's default.

    The running level is a level in dBFS, ``off``, or null for the learned one; settling windows are how long a start is
    waited for. Both reach the agent at once, with the model that it runs, signed again.
    """

    model_config = ConfigDict(extra="forbid")

    heuristic_dominant_hz: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    heuristic_flatness: Annotated[float, Field(gt=0, le=1)] | None = None
    baseline_windows: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    false_alarms_per_week: Annotated[float, Field(ge=LEAST_PER_WEEK, le=MOST_PER_WEEK)] | None = None
    running_level_dbfs: RunningLevel | None = None
    settling_windows: Annotated[int, Field(ge=0, le=1_000)] | None = None
