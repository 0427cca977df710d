"""Which running level holds for a sensor: the agent's own, the one that was set here, or the learned one."""

from audiosense_collector.machines.schemas import RunningOut
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.machines.units import scale_of
from audiosense_collector.models.schemas import ModelSummary
from audiosense_collector.training.running import RunningSettings
from audiosense_common.wire import RunningLevel


def running_settings(sensor: Sensor) -> RunningSettings:
    """Return what was set for a sensor."""
    level = sensor.running_level if sensor.agent_running_level is None else sensor.agent_running_level
    return RunningSettings(_level(level), sensor.settling_windows)


def describe(sensor: Sensor, model: ModelSummary | None) -> RunningOut:
    """Say above which level a sensor's machine runs, and who says so; ``model`` is the one in use."""
    settings = running_settings(sensor)
    learned = None if model is None else model.learned_running_level_dbfs
    level = learned if settings.level_dbfs is None else settings.level_dbfs
    level = None if level == "off" else level
    origin = "learned"
    if settings.level_dbfs is not None:
        origin = "set" if sensor.agent_running_level is None else "agent"
    settling = sensor.settling_windows
    return RunningOut(
        level_dbfs=level,
        level=None if level is None else scale_of(sensor).level(level),
        origin=origin,
        learned_dbfs=learned,
        setting=_level(sensor.running_level),
        settling_windows=model.settling_windows if settling is None and model is not None else settling,
        settling_setting=settling,
    )


def _level(stored: float | str | None) -> RunningLevel | None:
    if isinstance(stored, str):
        return "off"
    return stored
