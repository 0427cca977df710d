"""Sites, machines and sensors as they are set up over HTTP."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from audiosense_collector.machines.schemas import SiteOut
from audiosense_collector.plant import calibration
from audiosense_collector.plant.tags import MOST_CHARACTERS, MOST_TAGS, normalise
from audiosense_common.wire import Quantity

PlainName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Tags = Annotated[
    list[Annotated[str, Field(max_length=200)]],
    Field(
        max_length=200,
        description=f"free words, at most {MOST_TAGS} of {MOST_CHARACTERS} characters; kept in lower case, each once",
    ),
    AfterValidator(normalise),
]
FullScale = Annotated[float, Field(ge=calibration.LEAST, le=calibration.MOST, allow_inf_nan=False)]
Level = Annotated[float, Field(ge=-200, le=200, allow_inf_nan=False)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SiteEntry(SiteOut):
    """A site, and how many machines are there."""

    machines: int


class SitePage(BaseModel):
    """Sites by name; ``next`` goes into ``after`` for the page after this one."""

    items: list[SiteEntry]
    next: str | None


class SiteName(_Body):
    """What a site is to be called."""

    name: PlainName


class SensorPlace(BaseModel):
    """A sensor of a machine; ``told_name`` is what its agent calls it.

    ``full_scale`` is what a sample of 1.0 stands for, in pascal or g, null where it is not calibrated;
    ``told_full_scale`` and ``told_quantity`` are what its agent's configuration says.
    """

    id: UUID
    name: str
    told_name: str
    agent_id: UUID | None
    quantity: Quantity
    full_scale: float | None
    told_quantity: Quantity
    told_full_scale: float | None
    level_dbfs: float | None


class MachineEntry(BaseModel):
    """A machine with what is on it, also where that is nothing."""

    id: UUID
    name: str
    site: SiteOut
    tags: list[str]
    sensors: list[SensorPlace]
    notes: Annotated[int, Field(description="notes and maintenance, which would be lost with the machine")]


class MachinePage(BaseModel):
    """Machines by site and name; ``next`` goes into ``after`` for the page after this one."""

    items: list[MachineEntry]
    next: str | None


class NewMachine(_Body):
    """A machine that is to be made, without a sensor at first: an agent's configuration names it."""

    site_id: UUID
    name: PlainName
    tags: Tags = []


class MachineChange(_Body):
    """What is to change of a machine; what is left out or null stays."""

    name: PlainName | None = None
    site_id: UUID | None = None
    tags: Tags | None = None


class SensorChange(_Body):
    """What is to change of a sensor; what is left out or null stays.

    ``learn_again`` has it make a new baseline: after it was taken to another machine what it has learned is not true.
    """

    name: PlainName | None = None
    machine_id: UUID | None = None
    learn_again: bool = False


class TagCount(BaseModel):
    """A tag, and how many machines have it."""

    tag: str
    machines: int


class TagPage(BaseModel):
    """Tags in the order of the alphabet; ``next`` goes into ``after`` for the page after this one."""

    items: list[TagCount]
    next: str | None


class SoundCalibrator(_Body):
    """An acoustic calibrator of a known level was on the microphone while the sensor read so much."""

    method: Literal["sound_calibrator"]
    level_db: Annotated[Level, Field(description="dB re 20 µPa")]
    reads_dbfs: Level


class VibrationCalibrator(_Body):
    """A shaker of known acceleration was under the accelerometer while the sensor read so much."""

    method: Literal["vibration_calibrator"]
    rms_g: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False, description="g RMS")]
    reads_dbfs: Level


class Sensitivity(_Body):
    """From data sheets: sensitivity, gain in between, and the peak voltage that is a sample of 1.0."""

    method: Literal["sensitivity"]
    quantity: Quantity
    sensitivity_mv: Annotated[float, Field(gt=0, le=1_000_000, allow_inf_nan=False, description="mV/Pa or mV/g")]
    gain_db: Level = 0.0
    full_scale_v: Annotated[float, Field(gt=0, le=1_000, allow_inf_nan=False, description="V")]


class FullScaleGiven(_Body):
    """The full scale itself."""

    method: Literal["full_scale"]
    quantity: Quantity
    full_scale: Annotated[FullScale, Field(description="pascal or g")]


Calibration = Annotated[
    SoundCalibrator | VibrationCalibrator | Sensitivity | FullScaleGiven, Field(discriminator="method")
]
