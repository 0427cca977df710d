"""Drift as the interface shows it."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel

Degree = Literal["stable", "slight", "marked"]
Verdict = Literal["steady", "slow", "sudden", "unclear"]


class MovedMost(BaseModel):
    """The feature of a group that has moved most: by ``change`` in its own unit, ``shift`` robust deviations."""

    feature: str
    label: str
    unit: str
    change: float
    shift: float


class GroupDrift(BaseModel):
    """How far a group of features has moved from the baseline.

    ``psi`` is the mean population stability index of its features; windows of the baseline itself would stay below
    ``chance`` in 95 of 100 cases. ``shift`` is the mean over the features of the median's shift in robust deviations.
    """

    group: str
    psi: float
    chance: float
    degree: Degree
    shift: float
    moved_most: MovedMost


class DayDrift(BaseModel):
    """The index of each group in 24 hours, counted back from now."""

    start_us: int
    windows: int
    psi: dict[str, float]


class DriftOut(BaseModel):
    """How a sensor's running windows of the last hours differ from its model's baseline.

    ``missing`` says why there is no figure: no model, a model that was trained before drift was looked for, or fewer
    than ``needed_windows`` running windows. ``verdict``: ``steady`` within chance, ``slow`` if it grew over days,
    ``sudden`` if the most of it came from one day to the next, ``unclear`` if there are too few days to say.
    """

    sensor_id: UUID
    model_digest: str | None
    missing: Literal["no_model", "no_reference", "too_few_windows"] | None
    from_us: int
    to_us: int
    windows: int
    needed_windows: int
    baseline_windows: int | None
    degree: Degree | None
    verdict: Verdict | None
    since_us: int | None
    events: int
    groups: list[GroupDrift]
    days: list[DayDrift]
