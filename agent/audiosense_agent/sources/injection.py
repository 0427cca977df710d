"""Faults injected into simulated and replayed sensors, for demonstrations and drills."""

import json
from pathlib import Path
from typing import Annotated
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from audiosense_agent.errors import AgentError
from audiosense_agent.files import write_atomically
from audiosense_agent.windows import MICROSECONDS


class Injection(BaseModel):
    """What is done to a sensor's sound.

    A fault of a simulated sensor that grows over ``ramp_s`` of its own time, its machine at rest, which stops or starts
    within ``run_s``, or another path to replay.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: UUID = Field(default_factory=uuid4)
    fault: str | None = None
    severity: Annotated[float, Field(ge=0, le=1)] = 1.0
    ramp_s: Annotated[float, Field(ge=0)] = 0.0
    path: str | list[str] | None = None
    at_rest: bool = False
    run_s: Annotated[float, Field(ge=0)] = 0.0

    def severity_at(self, elapsed_us: int) -> float:
        """Severity this long after the injection was first heard."""
        ramp_us = self.ramp_s * MICROSECONDS
        return self.severity if elapsed_us >= ramp_us else self.severity * elapsed_us / ramp_us


class Injections:
    """Reads ``injections.json`` again whenever it was replaced."""

    def __init__(self, state_dir: Path) -> None:
        self._path = _path(state_dir)
        self._stamp: tuple[int, int] | None = None
        self._found: dict[str, Injection] = {}

    def of(self, sensor: str) -> Injection | None:
        """Return what is injected into a sensor now."""
        try:
            status = self._path.stat()
        except OSError:
            self._stamp, self._found = None, {}
            return None
        stamp = (status.st_mtime_ns, status.st_ino)
        if stamp != self._stamp:
            self._stamp = stamp
            self._found = _read(self._path)
        return self._found.get(sensor)


def injected(state_dir: Path, sensor: str) -> Injection | None:
    """Return what is injected into a sensor."""
    return _read(_path(state_dir)).get(sensor)


def inject(state_dir: Path, sensor: str, injection: Injection | None) -> None:
    """Inject into a sensor, or clear it with None; running agents notice at the next window.

    Raises:
        AgentError: the state directory cannot be written.
    """
    path = _path(state_dir)
    found = _read(path)
    found.pop(sensor, None)
    if injection is not None:
        found[sensor] = injection
    try:
        content = {name: each.model_dump(mode="json") for name, each in found.items()}
        write_atomically(path, json.dumps(content, indent=1).encode())
    except OSError as error:
        raise AgentError(f"{path} cannot be written: {error.strerror}; run as the agent's user") from None


def _path(state_dir: Path) -> Path:
    return state_dir / "injections.json"


def _read(path: Path) -> dict[str, Injection]:
    try:
        content = json.loads(path.read_bytes())
        return {name: Injection.model_validate(each) for name, each in content.items()}
    except (OSError, ValueError, AttributeError, ValidationError):
        return {}
