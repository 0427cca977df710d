"""Clips that wait to be sent, in a folder of their own, and which sensors may have any."""

import contextlib
import hashlib
import json
import logging
import os
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from audiosense_agent.files import sync_folder, write_atomically
from audiosense_common.wire import Digest, TimeUs
from audiosense_common.wire_clips import ClipKind

log = logging.getLogger(__name__)
FOLDER = "clips"
_SPARE_BYTES = 64 * 2**20
"""The measurements come first: with less free disk no clip is kept."""
_NOTE_BYTES = 1_024
"""What a clip's note is counted with, beside its sound."""


class ClipNote(BaseModel):
    """What a clip is; kept as ``ID.json`` beside ``ID.flac``. A clip is there once its note is."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    sensor: str
    kind: ClipKind
    start_us: TimeUs
    opening_us: TimeUs
    sample_rate_hz: int
    frames: int
    bytes: Annotated[int, Field(ge=1)]
    sha256: Digest


@dataclass(frozen=True, slots=True)
class ClipStatus:
    """How many clips wait, how many bytes they take, and how many were lost: not kept, damaged or refused."""

    waiting: int = 0
    bytes: int = 0
    dropped: int = 0


class ClipSpool:
    """Keeps clips until the collector has them; safe for use by several threads.

    Files are of mode 0600 and either wholly there or not at all: the sound is written first, then its note, so that
    what a kill -9 leaves behind is a whole clip or one that is swept away at the next start. Beyond the cap
    references go first, then the oldest events' clips. No method raises where the disk is full or failing: the clip is
    counted as lost, and the sensor is measured on.

    Permission is what the collector said last, kept over restarts together with the kind of source that it was given
    for: a sensor that became a microphone needs a new one. Without permission no clip is kept, and those that wait
    are deleted.

    Args:
        folder: of clips alone.
        sources: kind of source of each sensor that there is, by name.
        max_bytes: of all clips together.
    """

    def __init__(self, folder: Path, sources: Mapping[str, str], max_bytes: int) -> None:
        self._folder = folder
        self._sources = dict(sources)
        self._max_bytes = max_bytes
        self._lock = threading.RLock()
        self._complaint = ""
        state = _read(folder / "state.json")
        self._dropped = _count(state.get("dropped"))
        self._references = {name: day for name, day in _table(state.get("references")).items() if isinstance(day, int)}
        permitted = _table(_read(folder / "allowed.json").get("allowed"))
        self._allowed = frozenset(name for name, source in self._sources.items() if permitted.get(name) == source)
        self._notes = self._find()
        self._delete_forbidden()

    def allows(self, sensor: str) -> bool:
        """Whether clips of this sensor may be kept and sent."""
        return sensor in self._allowed

    def allow(self, sensors: Collection[str]) -> None:
        """Note which sensors may have clips from now on; waiting ones of all others are deleted."""
        with self._lock:
            allowed = frozenset(sensors) & self._sources.keys()
            if allowed == self._allowed:
                return
            for name in sorted(allowed ^ self._allowed):
                log.info("%s: sound clips are %s now", name, "kept" if name in allowed else "no longer kept")
            self._allowed = allowed
            path = self._folder / "allowed.json"
            content = json.dumps({"allowed": {name: self._sources[name] for name in sorted(allowed)}})
            try:
                write_atomically(path, content.encode())
            except OSError as error:
                # No permission is remembered rather than one that was withdrawn: deleting works on a full disk.
                self._say(f"the permission for clips cannot be kept: {error.strerror or error}")
                _unlink(path)
            self._delete_forbidden()

    def forbid(self, sensor: str) -> None:
        """Take the permission of one sensor back, and delete its clips."""
        with self._lock:
            self.allow(self._allowed - {sensor})

    def put(self, note: ClipNote, content: bytes) -> bool:
        """Keep a clip; say whether it is kept."""
        with self._lock:
            if not self.allows(note.sensor):
                return False
            try:
                self._make_room(note)
                write_atomically(self._sound(note.id), content)
                write_atomically(self._note(note.id), note.model_dump_json().encode())
            except OSError as error:
                _unlink(self._sound(note.id))
                self.count_dropped(note.sensor, error.strerror or str(error))
                return False
            self._notes[note.id] = note
            self._complaint = ""
            return True

    def waiting(self) -> list[ClipNote]:
        """Return what waits: clips of events before references, the newest first."""
        with self._lock:
            return sorted(self._notes.values(), key=lambda note: (note.kind is ClipKind.REFERENCE, -note.start_us))

    def read(self, note: ClipNote) -> bytes | None:
        """Return a waiting clip's file; None if it is gone, or was damaged and is counted and deleted."""
        with self._lock:
            if note.id not in self._notes:
                return None
            try:
                content = self._sound(note.id).read_bytes()
            except OSError as error:
                content = b""
                self._say(f"the clip {self._sound(note.id)} cannot be read: {error.strerror}")
            if hashlib.sha256(content).hexdigest() == note.sha256:
                return content
            self.delete(note)
            self.count_dropped(note.sensor, "its file was damaged")
            return None

    def delete(self, note: ClipNote) -> None:
        """Delete a clip: the collector has it, or does not want it."""
        with self._lock:
            self._notes.pop(note.id, None)
            _unlink(self._note(note.id))
            _unlink(self._sound(note.id))

    def status(self) -> ClipStatus:
        """Count what waits and what was lost."""
        with self._lock:
            return ClipStatus(len(self._notes), self._used(), self._dropped)

    def count_dropped(self, sensor: str, why: str, clips: int = 1) -> None:
        """Count clips that were lost, and say why, once until the reason changes."""
        with self._lock:
            self._dropped += clips
            self._say(f"{sensor}: a clip is not kept: {why}")
            self._write_state()

    def reference_day(self, sensor: str) -> int | None:
        """Return the day, counted from 1970, of a sensor's last reference."""
        return self._references.get(sensor)

    def note_reference(self, sensor: str, day: int) -> None:
        """Note that a sensor has its reference of a day."""
        with self._lock:
            self._references[sensor] = day
            self._write_state()

    def _make_room(self, note: ClipNote) -> None:
        wanted = note.bytes + _NOTE_BYTES
        spent = sorted(self._notes.values(), key=lambda each: (each.kind is ClipKind.EVENT, each.start_us))
        if note.kind is ClipKind.REFERENCE:
            spent = [each for each in spent if each.kind is ClipKind.REFERENCE]
        while self._used() + wanted > self._max_bytes and spent:
            oldest = spent.pop(0)
            self.delete(oldest)
            self.count_dropped(oldest.sensor, f"the clips that wait take more than {self._max_bytes} bytes")
        if self._used() + wanted > self._max_bytes:
            raise OSError(f"the clips that wait take more than {self._max_bytes} bytes")
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        disk = os.statvfs(self._folder)
        if disk.f_bavail * disk.f_frsize < _SPARE_BYTES + wanted:
            raise OSError(f"less than {_SPARE_BYTES // 2**20} MiB of disk are free")

    def _used(self) -> int:
        return sum(note.bytes + _NOTE_BYTES for note in self._notes.values())

    def _find(self) -> dict[UUID, ClipNote]:
        """Find the whole clips and delete what else lies there."""
        found: dict[UUID, ClipNote] = {}
        if not self._folder.is_dir():
            return found
        for path in sorted(self._folder.glob("*.json")):
            if path.name in {"state.json", "allowed.json"}:
                continue
            try:
                note = ClipNote.model_validate_json(path.read_bytes())
                if self._note(note.id) == path and self._sound(note.id).stat().st_size == note.bytes:
                    found[note.id] = note
            except (OSError, ValidationError):
                continue
        whole = {path for each in found for path in (self._note(each), self._sound(each))}
        kept = whole | {self._folder / "state.json", self._folder / "allowed.json"}
        damaged = 0
        for path in self._folder.iterdir():
            if path not in kept:
                damaged += path.suffix == ".json"
                _unlink(path)
        if damaged:
            self.count_dropped("clips", "its file was damaged", damaged)
        return found

    def _delete_forbidden(self) -> None:
        forbidden = [note for note in self._notes.values() if not self.allows(note.sensor)]
        for note in forbidden:
            self.delete(note)
        if forbidden:
            with contextlib.suppress(OSError):
                sync_folder(self._folder)

    def _write_state(self) -> None:
        content = json.dumps({"dropped": self._dropped, "references": self._references})
        try:
            write_atomically(self._folder / "state.json", content.encode())
        except OSError as error:
            self._say(f"the count of clips cannot be kept: {error.strerror or error}")

    def _sound(self, clip_id: UUID) -> Path:
        return self._folder / f"{clip_id}.flac"

    def _note(self, clip_id: UUID) -> Path:
        return self._folder / f"{clip_id}.json"

    def _say(self, text: str) -> None:
        if text != self._complaint:
            log.warning("%s", text)
            self._complaint = text


def read_clip_status(folder: Path) -> ClipStatus:
    """Count a folder's clips beside the agent that writes it and deletes in it."""
    sizes = []
    for path in folder.glob("*.flac") if folder.is_dir() else ():
        with contextlib.suppress(OSError):
            sizes.append(path.stat().st_size + _NOTE_BYTES)
    return ClipStatus(len(sizes), sum(sizes), _count(_read(folder / "state.json").get("dropped")))


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _table(found: object) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def _count(found: object) -> int:
    return found if isinstance(found, int) and found >= 0 else 0


def _unlink(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s cannot be deleted: %s", path, error.strerror)
