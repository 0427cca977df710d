"""A sensor that is overdriven: too many samples stand at full scale for the sound to be judged."""

from audiosense_agent.sensor_faults.fault import FaultKind, Figure, SensorFault
from audiosense_agent.sensor_faults.figures import SoundFigures

MOST_SHARE = 0.01
"""A tone that just reaches full scale has 0.6 % of its samples there; single blows have far fewer."""


def judge(figures: SoundFigures) -> SensorFault | None:
    """Judge a window by its share of samples at full scale."""
    if figures.full_scale_share < MOST_SHARE:
        return None
    share = Figure("full_scale", round(100.0 * figures.full_scale_share, 2), "%")
    return SensorFault(FaultKind.CLIPPED, "full_scale", (share, Figure("limit", 100.0 * MOST_SHARE, "%")))
