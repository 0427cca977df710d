"""Models as the interface shows them."""

from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from audiosense_collector.detectability.schemas import Detectability
from audiosense_common.bundle import Debouncing, Mode

ModelState = Literal["offered", "running", "refused", "previous"]


class BaselineSummary(BaseModel):
    """What a model was trained on; see the manifest's baseline. Older models tell no modes."""

    # Read of old manifests with these defaults, and always told.
    model_config = ConfigDict(json_schema_serialization_defaults_required=True)
    from_us: int
    to_us: int
    windows: int
    left_out: int = 0
    odd: int = 0
    modes: list[Mode] = []


class ThresholdSummary(BaseModel):
    """A model's threshold and how it was chosen."""

    value: float
    method: str
    parameters: dict[str, float]


class ModelRunOut(BaseModel):
    """A span of time over which an agent ran a model; ``ended_us`` is null while it does.

    It begins at the first window that was scored with it, where the agent told of the change with that window.
    """

    agent_id: UUID
    began_us: int
    ended_us: int | None


class ModelSummary(BaseModel):
    """A model; ``state`` says how its sensor's agent stands to it.

    ``on_probation``: the agent scores with it, but watches it and will send it back if it fails. A model that was
    refused, or sent back, is not in use: its push is not done.

    ``heard_from_db`` says from which level on a kind of synthetic fault is heard, null where it is not; all of it is
    null where no probes are known. ``pushed_from`` is the model whose content was signed again as this one, ``runs``
    the spans of time over which it ran, the first one first.
    """

    digest: str
    version: int
    sensor_id: UUID
    detector: str
    created_us: int
    baseline: BaselineSummary
    threshold: ThresholdSummary
    running_level_dbfs: float | None
    learned_running_level_dbfs: float | None
    settling_windows: int
    evaluation: dict[str, float]
    state: ModelState
    on_probation: bool = False
    refused_reason: str | None
    heard_from_db: dict[str, float | None] | None = None
    pushed_from: str | None = None
    runs: list[ModelRunOut]


class ModelPage(BaseModel):
    """Models, the newest first; ``next`` goes into ``before`` for the page after this one."""

    items: list[ModelSummary]
    next: str | None


class Standing(StrEnum):
    """How a sensor's agent stands to the model that it is to run; the one that needs somebody first."""

    REFUSED = "refused"
    OFFERED = "offered"
    PROBATION = "probation"
    RUNNING = "running"
    LEARNING = "learning"


class SensorLocation(BaseModel):
    """A sensor and where it is."""

    sensor_id: UUID
    sensor_name: str
    machine_id: UUID
    machine_name: str
    site_id: UUID
    site_name: str


class ModelNamed(BaseModel):
    """A model by digest and version."""

    digest: str
    version: int


class Refusal(BaseModel):
    """A model that a sensor's agent refused or sent back, and why; ``version`` is null where it is not of here."""

    digest: str
    version: int | None
    reason: str | None


class SensorModels(SensorLocation):
    """A sensor with the model that its agent runs and the one that it is to run; null where there is none.

    ``refused`` is what its agent refused last, ``back_to`` what going back pushes: the content before the one that is
    wanted, one that ran if any did. ``learning_windows`` of ``baseline_windows`` are heard for the first model.
    """

    standing: Standing
    running: ModelSummary | None
    wanted: ModelSummary | None
    refused: Refusal | None
    back_to: ModelNamed | None
    models: Annotated[int, Field(description="how many were ever made for the sensor")]
    learning_windows: int
    baseline_windows: int
    false_alarms_per_week: float
    training_error: str | None


class SensorModelsPage(BaseModel):
    """Sensors by site, machine and name; ``next`` goes into ``after``.

    ``counts`` tells how many there are of each standing, whether it was chosen or not.
    """

    items: list[SensorModels]
    counts: dict[Standing, int]
    next: str | None


class ModelAgent(BaseModel):
    """How the agent of a model's sensor stands to it.

    ``golden`` is the test of the golden vectors on the agent's computer: it runs no model that has not passed it;
    ``not_reached``: the model was refused for another reason before; ``untold``: it was not tried, as far as is known.
    """

    id: UUID
    name: str
    version: str
    last_seen_us: int | None
    state: ModelState
    on_probation: bool
    refused_reason: str | None
    golden: Literal["passed", "failed", "not_reached", "untold"]


class ModelDetail(ModelSummary):
    """All that is known of a model: what its manifest tells, its sensor, and who runs it.

    ``detectability`` is null where it is not known; ``detectability_reason`` says why where it cannot be.
    ``size_bytes`` is the bundle's. ``back_to`` is of the sensor, not of this model.
    """

    place: SensorLocation
    agent: ModelAgent | None
    back_to: ModelNamed | None
    signing_key: str
    install_before_us: int
    schema_id: str
    features: list[str]
    sample_rate_hz: int
    window_s: float
    debouncing: Debouncing
    size_bytes: int
    detectability: Detectability | None
    detectability_reason: str | None
    false_alarms_per_week: Annotated[float, Field(description="the sensor's budget")]
