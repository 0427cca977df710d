"""What is wrong with a sensor: the kinds of fault, each told with figures and with what to do."""

from dataclasses import dataclass
from enum import StrEnum


class FaultKind(StrEnum):
    """A fault of a sensor, never of its machine; the values are keys of the self-checks that tell them."""

    SILENT = "sensor_silent"
    CLIPPED = "sensor_clipped"
    STUCK = "sensor_stuck"
    UNPLUGGED = "sensor_unplugged"
    MOVED = "sensor_moved"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with its unit, by a stable key."""

    key: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class SensorFault:
    """A fault with its evidence.

    ``cause`` tells variants apart whose remedies differ. ``is_sure`` is false for a mere suspicion, which leaves the
    windows as they are.
    """

    kind: FaultKind
    cause: str
    evidence: tuple[Figure, ...]
    is_sure: bool = True
