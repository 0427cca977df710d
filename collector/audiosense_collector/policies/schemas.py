"""Policies as the interface takes and shows them."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class PolicyName(StrEnum):
    """Settings that can be changed while the collector runs."""

    RETENTION_DAYS = "retention_days"
    MINUTE_RETENTION_DAYS = "minute_retention_days"
    CLIP_RETENTION_DAYS = "clip_retention_days"
    EXPORT_RETENTION_DAYS = "export_retention_days"
    ANALYSIS_RETENTION_DAYS = "analysis_retention_days"
    FALSE_ALARMS_PER_WEEK = "false_alarms_per_week"
    BASELINE_WINDOWS = "baseline_windows"


class Origin(StrEnum):
    """Who chose a value: nobody, an administrator on the dashboard, or a variable, which no one changes from here."""

    DEFAULT = "default"
    SET = "set"
    ENVIRONMENT = "environment"


class PolicyOut(BaseModel):
    """A policy; ``set_by`` and ``set_us`` are of the value that was set here, in force or not."""

    setting: PolicyName
    value: float
    default: float
    minimum: float
    maximum: float
    whole: Annotated[bool, Field(description="whether it is a whole number")]
    unit: Literal["days", "per_week", "windows"]
    origin: Origin
    variable: Annotated[str, Field(description="of the environment; where it is set it stands over what is set here")]
    set_value: float | None
    set_by: str | None
    set_us: int | None


class PolicyValue(BaseModel):
    """The value that is to hold, null for the default; ``accept_loss`` says that what a shorter time deletes may go.

    ``over_us`` is the ``set_us`` of the policy that it is to replace, null for the default: where somebody else has
    changed it since, nothing is changed. Without it, whatever stands is replaced.
    """

    model_config = ConfigDict(extra="forbid")
    value: Annotated[float, Field(allow_inf_nan=False)] | None
    accept_loss: bool = False
    over_us: int | None = None


class Loss(BaseModel):
    """What a value would delete with the next run of the upkeep, beyond what is due anyway.

    ``rows`` are windows, minutes, clips or analyses, of windows and minutes the database's estimate; ``days`` is over
    how many days they lie.
    """

    rows: int
    days: float
    bytes: int
