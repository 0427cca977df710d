"""What a sensor's store knows beside the bundles: one small file, replaced whole, that tells if it is damaged."""

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from audiosense_agent.files import write_atomically
from audiosense_common.wire import Digest

RECORD = "current.json"
FLOOR = "floor.json"
_MOST_REFUSED = 32
_MAX_REASON = 500
_LEGACY = frozenset({"current", "previous", "version"})

Version = Annotated[int, Field(ge=1)]


class DamagedRecordError(Exception):
    """The file is there but is not what was written."""


class _Stored(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    current: Digest | None = None
    previous: Digest | None = None
    version: Version | None = None
    on_probation: bool = False
    deaths: dict[Digest, int] = {}
    refused: dict[Digest, str] = {}
    told: Digest | None = None


class _Floor(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    version: Version


@dataclass(frozen=True, slots=True)
class Record:
    """Which bundle a sensor runs and which one it falls back on.

    Attributes:
        current: digest of what it runs, None while it learns.
        previous: digest of the last one that passed its probation, other than ``current``.
        version: the highest bundle version that it ever ran; never falls.
        on_probation: whether ``current`` has still to prove itself.
        deaths: of the process within a bundle, in a row, by digest.
        refused: why bundles were sent back, by digest, the latest last; they are never installed again.
        told: the one of ``refused`` that is to be told; None after another bundle was installed.
    """

    current: str | None = None
    previous: str | None = None
    version: int | None = None
    on_probation: bool = False
    deaths: dict[str, int] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    told: str | None = None

    def install(self, digest: str, version: int, *, on_probation: bool) -> Self:
        """Return what holds once a bundle was staged and tested.

        The one to fall back on is the last that passed; one that was itself still on probation only if none ever did.
        """
        if digest == self.current:
            passed, on_probation = self.previous, self.on_probation and on_probation
        else:
            passed = self.previous or self.current if self.on_probation else self.current
        return replace(
            self,
            current=digest,
            previous=None if passed == digest else passed,
            version=max(version, self.version or 0),
            on_probation=on_probation,
            told=None,
        )

    def commit(self) -> Self:
        """Return what holds once ``current`` has passed its probation."""
        deaths = {digest: count for digest, count in self.deaths.items() if digest != self.current}
        return replace(self, on_probation=False, deaths=deaths)

    def send_back(self, digest: str, reason: str) -> Self:
        """Return what holds once a bundle has failed: it is never run again, the one before is."""
        others = {key: why for key, why in self.refused.items() if key != digest}
        refused = dict([*others.items(), (digest, reason[:_MAX_REASON])][-_MOST_REFUSED:])
        deaths = {key: count for key, count in self.deaths.items() if key != digest}
        kept = replace(self, refused=refused, deaths=deaths, told=digest)
        if digest == self.current:
            return replace(kept, current=self.previous, previous=None, on_probation=False)
        return replace(kept, previous=None if digest == self.previous else self.previous)

    def count_death(self, digest: str) -> Self:
        """Return what holds once the process has died within a bundle."""
        return replace(self, deaths={**self.deaths, digest: self.deaths.get(digest, 0) + 1})

    def forget_deaths(self, digest: str) -> Self:
        """Return what holds once a bundle has scored windows after a start."""
        return replace(self, deaths={key: count for key, count in self.deaths.items() if key != digest})


def read_record(folder: Path) -> Record | None:
    """Read a sensor's record, of this release or the one before; None where there is none yet.

    Raises:
        DamagedRecordError: what is there was not written by an agent, or has changed since.
    """
    content = _read(folder / RECORD)
    if content is None:
        return None
    body = _check(content, legacy=_LEGACY)
    try:
        stored = _Stored.model_validate(body)
    except ValidationError as error:
        raise DamagedRecordError(str(error).splitlines()[0]) from None
    floor = read_floor(folder)
    version = max((each for each in (stored.version, floor) if each is not None), default=None)
    return Record(**stored.model_dump() | {"version": version})


def write_record(folder: Path, record: Record) -> None:
    """Replace a sensor's record; the highest version is then kept in a second place.

    Raises:
        OSError: the disk is full or failing; the record before stays.
    """
    body: dict[str, object] = {
        "current": record.current,
        "previous": record.previous,
        "version": record.version,
        "on_probation": record.on_probation,
        "deaths": record.deaths,
        "refused": record.refused,
        "told": record.told,
    }
    write_atomically(folder / RECORD, _sealed(body))
    if record.version is not None and record.version > (read_floor(folder) or 0):
        write_atomically(folder / FLOOR, _sealed({"version": record.version}))


def read_floor(folder: Path) -> int | None:
    """Read the highest version that the sensor ever ran from its second place; None where that says nothing."""
    try:
        content = _read(folder / FLOOR)
        return None if content is None else _Floor.model_validate(_check(content)).version
    except (DamagedRecordError, ValidationError):
        return None


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DamagedRecordError(f"{path.name} cannot be read: {error.strerror}") from None


def _sealed(body: dict[str, object]) -> bytes:
    return json.dumps({"body": body, "sha256": _sum(body)}).encode()


def _check(content: bytes, legacy: frozenset[str] = frozenset()) -> object:
    try:
        found = json.loads(content)
    except ValueError:
        raise DamagedRecordError("it is no JSON") from None
    if isinstance(found, dict) and legacy and set(found) == legacy:
        return found
    if not isinstance(found, dict) or set(found) != {"body", "sha256"} or found["sha256"] != _sum(found["body"]):
        raise DamagedRecordError("its checksum does not fit")
    return found["body"]


def _sum(body: object) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
