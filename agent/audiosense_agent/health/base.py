"""What a self-check gives."""

from dataclasses import dataclass

from audiosense_agent.sensor_faults.fault import Figure
from audiosense_common.wire_checks import CheckState

__all__ = ["Check", "CheckState", "Figure"]


@dataclass(frozen=True, slots=True)
class Check:
    """A self-check's outcome.

    Attributes:
        key: what was checked, a stable word.
        state: how it turned out.
        evidence: the figures that it was judged by.
        cause: which variant was found, a stable word.
        remedy: a sentence on what to do; empty where nothing is.
        sensor: name of the sensor that it is of; None for the agent.
    """

    key: str
    state: CheckState
    evidence: tuple[Figure, ...] = ()
    cause: str | None = None
    remedy: str = ""
    sensor: str | None = None
