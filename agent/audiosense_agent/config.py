"""The agent's configuration: one TOML file and ``AUDIOSENSE_AGENT_*`` variables over it."""

import difflib
import json
import os
import socket
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from audiosense_agent.errors import ConfigError
from audiosense_agent.sections import (
    ClipSettings,
    CollectorSettings,
    MetricsSettings,
    ModelSettings,
    ProbeSettings,
    Section,
    SpoolSettings,
)
from audiosense_common.wire import Name, Quantity, RunningLevel

PREFIX = "AUDIOSENSE_AGENT_"
CONFIG_VARIABLE = f"{PREFIX}CONFIG"
_OF_THE_COLLECTOR = frozenset(f"{PREFIX}{name}" for name in ("HOST", "PORT", "URL"))
_SIMULATOR_VARIABLES = {"SIM_INTERVAL_SECONDS": "interval_s", "SIM_ANOMALY_RATE": "anomaly_rate"}
_MICROPHONE_RATE_HZ = 48_000
_DEFAULT_RATE_HZ = 16_000
_SOURCE_TYPES = "'microphone', 'recording' or 'simulator'"


def default_state_dir() -> Path:
    """Where the agent keeps its state: ``/var/lib/audiosense-agent`` as root, else in the user's home."""
    if os.geteuid() == 0:
        return Path("/var/lib/audiosense-agent")
    return Path.home() / ".local" / "share" / "audiosense-agent"


class MicrophoneSource(Section):
    """One channel of a sound device."""

    type: Literal["microphone"]
    device: str | None = None
    channel: Annotated[int, Field(ge=0, le=255)] = 0


class _Paced(Section):
    history_s: Annotated[float, Field(ge=0)] = 0.0
    max_speed: Annotated[float, Field(ge=1)] | None = None


class RecordingSource(_Paced):
    """Files that are replayed."""

    type: Literal["recording"]
    path: str | list[str]
    channel: Annotated[int, Field(ge=0, le=255)] = 0
    loop: bool = False
    speed: Literal["realtime", "fast"] = "realtime"


class SimulatorSource(_Paced):
    """A synthetic machine."""

    type: Literal["simulator"]
    kind: Literal["pump", "fan", "gearbox", "motor"] = "pump"
    seed: Annotated[int, Field(ge=0)] = 1
    interval_s: Annotated[float, Field(gt=0)] | None = None
    anomaly_rate: Annotated[float, Field(ge=0, le=1)] = 0.0
    ambient_dbfs: Annotated[float, Field(ge=-120, le=0)] | None = None


Source = Annotated[MicrophoneSource | RecordingSource | SimulatorSource, Field(discriminator="type")]


class SensorSettings(Section):
    """One audio channel on a machine."""

    name: Name
    machine: Name
    site: Name = "Default site"
    sample_rate_hz: Annotated[int, Field(ge=1_000, le=768_000)] = 0
    window_s: Annotated[float, Field(gt=0, le=600)] = 5.0
    running_level_dbfs: RunningLevel | None = None
    quantity: Quantity = Quantity.SOUND_PRESSURE
    dbfs_at_94_db_spl: Annotated[float, Field(ge=-200, le=60)] | None = None
    db_spl_at_0_dbfs: Annotated[float, Field(ge=0, le=300)] | None = None
    full_scale_g: Annotated[float, Field(gt=0, le=1e6)] | None = None
    source: Source

    @model_validator(mode="before")
    @classmethod
    def _default_rate(cls, values: Any) -> Any:
        if isinstance(values, dict) and "sample_rate_hz" not in values:
            source = values.get("source")
            microphone = isinstance(source, dict) and source.get("type") == "microphone"
            return values | {"sample_rate_hz": _MICROPHONE_RATE_HZ if microphone else _DEFAULT_RATE_HZ}
        return values

    @model_validator(mode="after")
    def _calibration_fits(self) -> Self:
        of_pressure = {name: getattr(self, name) for name in ("dbfs_at_94_db_spl", "db_spl_at_0_dbfs")}
        given = [name for name, value in of_pressure.items() if value is not None]
        if self.quantity is Quantity.ACCELERATION and given:
            raise ValueError(
                f"{given[0]} is for quantity = 'sound_pressure', this sensor measures acceleration; give full_scale_g"
            )
        if self.quantity is Quantity.SOUND_PRESSURE and self.full_scale_g is not None:
            raise ValueError(
                "full_scale_g is for quantity = 'acceleration', this sensor measures sound pressure; give "
                "dbfs_at_94_db_spl, or set the quantity"
            )
        if len(given) > 1:
            raise ValueError(f"{given[0]} and {given[1]} say the same in two ways; give one of them")
        return self

    @property
    def full_scale(self) -> float | None:
        """What a sample of 1.0 stands for, in pascal or g; None if the sensor is not calibrated."""
        if self.dbfs_at_94_db_spl is not None:
            return _pressure_pa(94.0 - self.dbfs_at_94_db_spl)
        if self.db_spl_at_0_dbfs is not None:
            return _pressure_pa(self.db_spl_at_0_dbfs)
        return self.full_scale_g

    @property
    def window_samples(self) -> int:
        """Length of a window in samples."""
        return max(1, round(self.window_s * self.sample_rate_hz))

    @property
    def window_us(self) -> int:
        """Length of a window in microseconds."""
        return round(self.window_samples * 1e6 / self.sample_rate_hz)


def _pressure_pa(db_spl: float) -> float:
    """RMS sound pressure in pascal of a level re 20 µPa (ISO 1683)."""
    return float(20e-6 * 10.0 ** (db_spl / 20.0))


class Settings(Section):
    """All of the agent's configuration."""

    name: Name = Field(default_factory=socket.gethostname)
    state_dir: Path = Field(default_factory=default_state_dir)
    collector: CollectorSettings = CollectorSettings()
    spool: SpoolSettings = SpoolSettings()
    models: ModelSettings = ModelSettings()
    probes: ProbeSettings = ProbeSettings()
    clips: ClipSettings = ClipSettings()
    metrics: MetricsSettings = MetricsSettings()
    sensors: Annotated[list[SensorSettings], Field(max_length=1_000)] = Field(default_factory=list)

    @field_validator("state_dir")
    @classmethod
    def _home(cls, state_dir: Path) -> Path:
        try:
            return state_dir.expanduser()
        except RuntimeError:
            raise ValueError("the home directory is not known; give the whole path") from None

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [sensor.name for sensor in self.sensors]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"sensor name {twice[0]!r} stands more than once; give each sensor a name of its own")
        return self

    def sensor(self, name: str) -> SensorSettings:
        """Return a sensor by name.

        Raises:
            ConfigError: there is none of that name.
        """
        for sensor in self.sensors:
            if sensor.name == name:
                return sensor
        known = [sensor.name for sensor in self.sensors]
        raise ConfigError(f"there is no sensor {name!r}{_nearest(name, known)}; the configuration has {known}")


def default_config_path(environment: Mapping[str, str] | None = None) -> Path:
    """The file named by ``AUDIOSENSE_AGENT_CONFIG``, else ``./audiosense-agent.toml``, else the one in ``/etc``."""
    named = (os.environ if environment is None else environment).get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    local = Path("audiosense-agent.toml")
    # os.path.exists: a directory that may not be entered, such as another user's home under sudo -u, has no such file.
    return local if os.path.exists(local) else Path("/etc/audiosense/audiosense-agent.toml")  # noqa: PTH110


def load_settings(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the configuration.

    Args:
        path: the TOML file; without one ``default_config_path``.
        environment: variables to read; the process's own unless given.

    Raises:
        ConfigError: unreadable, no TOML, or a key or value that is wrong; the message names key, place and remedy.
    """
    environment = os.environ if environment is None else environment
    path = path or default_config_path(environment)
    tree = _read(path)
    if isinstance(tree.get("sensors"), str):
        raise ConfigError(f"{path}: sensors is a string; expected [[sensors]] tables")
    _apply(tree, environment)
    _apply_simulator(tree, environment)
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_explain(_telling(error.errors()), tree)}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"there is no configuration at {path}; copy audiosense-agent.example.toml there, or name one with --config"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no valid TOML: {error}") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; check its permissions") from None


def _apply(tree: dict[str, Any], environment: Mapping[str, str]) -> None:
    """Set what variables name: ``AUDIOSENSE_AGENT_NAME``, ``AUDIOSENSE_AGENT_COLLECTOR__TIMEOUT_S`` and so on."""
    known = dict(_variables())
    for variable in sorted(environment):
        if not variable.startswith(PREFIX) or variable in _OF_THE_COLLECTOR or variable == CONFIG_VARIABLE:
            continue
        if variable not in known:
            raise ConfigError(f"the variable {variable} is unknown{_nearest(variable, [*known, CONFIG_VARIABLE])}")
        target = tree
        *sections, key = known[variable]
        for section in sections:
            target = target.setdefault(section, {})
            if not isinstance(target, dict):
                raise ConfigError(f"{section} is {target!r} in the configuration; expected a [{section}] table")
        target[key] = environment[variable]
    if isinstance(tree.get("sensors"), str):
        try:
            tree["sensors"] = json.loads(tree["sensors"])
        except ValueError:
            raise ConfigError(f"the variable {PREFIX}SENSORS is no valid JSON; expected a list of sensors") from None


def _variables() -> list[tuple[str, tuple[str, ...]]]:
    found: list[tuple[str, tuple[str, ...]]] = []
    for key, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            found += [(f"{PREFIX}{key}__{name}".upper(), (key, name)) for name in kind.model_fields]
        else:
            found.append((f"{PREFIX}{key}".upper(), (key,)))
    return found


def _apply_simulator(tree: dict[str, Any], environment: Mapping[str, str]) -> None:
    for sensor in tree.get("sensors", []) if isinstance(tree.get("sensors"), list) else []:
        source = sensor.get("source") if isinstance(sensor, dict) else None
        if not isinstance(source, dict) or source.get("type") != "simulator":
            continue
        for variable, key in _SIMULATOR_VARIABLES.items():
            if environment.get(variable):
                source[key] = _number(variable, key, environment[variable])


def _number(variable: str, key: str, text: str) -> float:
    try:
        checked = SimulatorSource.model_validate({"type": "simulator", key: text})
    except ValidationError as error:
        raise ConfigError(f"the variable {variable} is {text!r}: {error.errors()[0]['msg']}") from None
    return float(getattr(checked, key))


def _telling(errors: list[ErrorDetails]) -> ErrorDetails:
    """Return the first error, or, where a key is missing, an unknown one beside it that may be meant for it."""
    first = errors[0]
    if first["type"] != "missing":
        return first
    beside = [each for each in errors if each["type"] == "extra_forbidden" and each["loc"][:-1] == first["loc"][:-1]]
    missing = str(first["loc"][-1])
    meant = [each for each in beside if _nearest(str(each["loc"][-1]), [missing])]
    return (meant or beside or [first])[0]


def _explain(error: ErrorDetails, tree: dict[str, Any]) -> str:
    steps = [step for place, step in enumerate(error["loc"]) if not (place and error["loc"][place - 1] == "source")]
    place = _place(steps, tree)
    if error["type"] == "extra_forbidden":
        key = str(steps[-1])
        known = _known_keys(error["loc"])
        return f"unknown key {key!r} in {_place(steps[:-1], tree)}{_nearest(key, known)}; valid are {', '.join(known)}"
    if error["type"] == "missing":
        return f"the key {str(steps[-1])!r} is missing in {_place(steps[:-1], tree)}"
    if error["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return _explain_type(error["input"], place)
    message = error["msg"].removeprefix("Value error, ")
    found = "" if not steps or isinstance(error["input"], dict) else f", found {error['input']!r}"
    return f"{place}: {message}{found}"


def _explain_type(source: dict[str, Any], place: str) -> str:
    if "type" in source:
        return f"{place} has type {source['type']!r}, expected {_SOURCE_TYPES}"
    meant = [key for key in source if _nearest(key, ["type"])]
    if meant:
        return f"unknown key {meant[0]!r} in {place}, did you mean 'type'? It is {_SOURCE_TYPES}"
    return f"the key 'type' is missing in {place}; it is {_SOURCE_TYPES}"


def _place(steps: list[int | str], tree: dict[str, Any]) -> str:
    """Say where a key stands in the user's terms: sensors by name, not by index."""
    if not steps:
        return "the top level"
    words = [str(step) for step in steps]
    if steps[0] == "sensors" and len(steps) > 1 and isinstance(steps[1], int):
        listed = tree["sensors"][steps[1]]
        name = listed.get("name") if isinstance(listed, dict) else None
        words = [f"sensor {name!r}" if name else f"sensor number {steps[1] + 1}", *words[2:]]
        return " ".join(words[:1] + [".".join(words[1:])] * bool(words[1:]))
    return ".".join(words)


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    sections: dict[str, type[Section]] = {
        "collector": CollectorSettings,
        "spool": SpoolSettings,
        "models": ModelSettings,
        "probes": ProbeSettings,
        "clips": ClipSettings,
        "metrics": MetricsSettings,
        "microphone": MicrophoneSource,
        "recording": RecordingSource,
        "simulator": SimulatorSource,
        "sensors": SensorSettings,
    }
    named = [sections[step] for step in location[:-1] if isinstance(step, str) and step in sections]
    return list((named[-1] if named else Settings).model_fields)


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f", did you mean {close[0]!r}?" if close else ""
