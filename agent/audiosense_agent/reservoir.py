"""A uniform random sample of one sensor's normal windows, kept on this computer; no sound of it is ever sent."""

import contextlib
import hashlib
import json
import logging
import os
import shutil
import threading
import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audiosense_agent.windows import Window
from audiosense_common.wire import Status

log = logging.getLogger(__name__)
MAX_WINDOWS = 120
LEAST_WINDOWS = 20
"""With fewer windows of the learning phase normal ones are taken too."""
_FULL_SCALE = 32_767
_SPARE_BYTES = 64 * 2**20
"""The spool comes first: with less free disk no sound is kept."""
_NOTE_EVERY = 50
_DAMAGE = (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile)


def reservoir_folder(folder: Path, sensor: str) -> Path:
    """Return where a sensor's sample is: names may hold what no file's name may."""
    return folder / hashlib.sha256(sensor.encode()).hexdigest()[:16]


def drop_others(folder: Path, kept: Collection[str]) -> None:
    """Delete the samples of all sensors but ``kept``: sound that nobody asks for any more is not left lying about."""
    wanted = {reservoir_folder(folder, name) for name in kept}
    with contextlib.suppress(FileNotFoundError):
        for path in folder.iterdir():
            if path not in wanted:
                shutil.rmtree(path, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class KeptWindow:
    """A window of the sample: its place in it, its start in UTC microseconds, and its samples (n,) float32."""

    place: int
    start_us: int
    samples: NDArray[np.float32]


class Reservoir:
    """Keeps ``capacity`` windows so that each one heard has had the same chance (algorithm R, Vitter 1985).

    Windows are taken while the sensor learns. One that got its model elsewhere, or learnt too little here, takes
    normal windows. Files are of mode 0600 in a folder of their own; what is damaged is set aside, and a disk that is
    full costs the sample and nothing else. ``offer`` is for one thread, ``read`` for any.

    Args:
        folder: of this sensor alone.
        sample_rate_hz: of the windows; a sample of another rate or length is dropped.
        length: samples in a window.
        max_bytes: of all files together.
        seed: of the draws.
    """

    def __init__(
        self, folder: Path, sample_rate_hz: int, length: int, *, max_bytes: int, seed: int | None = None
    ) -> None:
        self._folder = folder
        self._kind = {"sample_rate_hz": sample_rate_hz, "length": length}
        self.capacity = min(MAX_WINDOWS, max_bytes // (2 * length + 1_024))
        self._random = np.random.default_rng(seed)
        self._lock = threading.Lock()
        self._troubled = False
        self._seen, self._learnt = self._read_note()
        self._places = self._find()

    @property
    def count(self) -> int:
        """How many windows are kept."""
        return len(self._places)

    @property
    def is_ready(self) -> bool:
        """Whether it is a fair sample by now: of the learning phase, or of enough normal windows."""
        return self.count > 0 and (self.count >= self.capacity or (self._learnt and self.count >= LEAST_WINDOWS))

    def offer(self, window: Window, status: Status) -> None:
        """Take a window into the sample, or leave it, as chance has it; never fails."""
        if self.capacity < 1 or not self._counts(status):
            return
        self._learnt = self._learnt or status is Status.LEARNING
        self._seen += 1
        place = self._seen - 1 if self._seen <= self.capacity else int(self._random.integers(self._seen))
        try:
            if place < self.capacity:
                self._keep(place, window)
            if place < self.capacity or self._seen % _NOTE_EVERY == 0:
                self._write_note()
        except OSError as error:
            self._say(f"a window for the probes is not kept: {error.strerror or error}; the disk may be full")
        else:
            self._troubled = False

    def read(self, place: int) -> KeptWindow | None:
        """Return a window of the sample; None where there is none, or where it was damaged and is set aside."""
        path = self._path(place)
        with self._lock:
            if place not in self._places:
                return None
            try:
                with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                    samples, scale = arrays["samples"], float(arrays["scale"])
                    start_us = int(arrays["start_us"])
                if samples.shape != (self._kind["length"],) or samples.dtype != np.int16 or not np.isfinite(scale):
                    raise ValueError("of another form")
            except _DAMAGE as error:
                self._set_aside(path, error)
                return None
        return KeptWindow(place, start_us, samples.astype(np.float32) * np.float32(scale / _FULL_SCALE))

    def places(self) -> list[int]:
        """Return the places that hold a window, in ascending order."""
        with self._lock:
            return sorted(self._places)

    def _counts(self, status: Status) -> bool:
        if status is Status.LEARNING:
            return True
        return status is Status.NORMAL and not (self._learnt and self.count >= LEAST_WINDOWS)

    def _keep(self, place: int, window: Window) -> None:
        disk = os.statvfs(self._existing())
        if disk.f_bavail * disk.f_frsize < _SPARE_BYTES:
            raise OSError(f"less than {_SPARE_BYTES // 2**20} MiB are free")
        peak = float(np.abs(window.samples).max(initial=0.0)) or 1.0
        rounded = np.rint(window.samples.astype(np.float64) * (_FULL_SCALE / peak)).astype(np.int16)
        path = self._path(place)
        staged = path.with_name(f".{path.name}.new")
        try:
            handle = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                np.savez(file, samples=rounded, scale=np.float64(peak), start_us=np.int64(window.start_us))
            with self._lock:
                staged.replace(path)
                self._places.add(place)
        except OSError:
            staged.unlink(missing_ok=True)
            raise

    def _existing(self) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._folder

    def _path(self, place: int) -> Path:
        return self._folder / f"window-{place:03d}.npz"

    def _find(self) -> set[int]:
        names = {path.name for path in self._folder.glob("window-*.npz")}
        found = {place for place in range(MAX_WINDOWS) if self._path(place).name in names}
        keep = {place for place in found if place < self.capacity} if self._seen else set()
        for place in found - keep:
            with contextlib.suppress(OSError):
                self._path(place).unlink()
        return keep

    def _read_note(self) -> tuple[int, bool]:
        try:
            note: dict[str, Any] = json.loads((self._folder / "sample.json").read_bytes())
            if {name: note[name] for name in self._kind} == self._kind:
                return max(0, int(note["seen"])), bool(note["learnt"])
        except _DAMAGE:
            return 0, False
        return 0, False

    def _write_note(self) -> None:
        note = json.dumps(self._kind | {"seen": self._seen, "learnt": self._learnt}).encode()
        staged = self._existing() / ".sample.json.new"
        handle = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(note)
        staged.replace(self._folder / "sample.json")

    def _set_aside(self, path: Path, error: Exception) -> None:
        log.warning("the window %s for the probes is damaged (%s); set aside", path, error)
        self._places.discard(int(path.stem.removeprefix("window-")))
        with contextlib.suppress(OSError):
            # One name for all: what is kept for a look stays one window in size.
            path.replace(path.with_name("damaged.npz"))

    def _say(self, text: str) -> None:
        if not self._troubled:
            log.warning("%s", text)
        self._troubled = True
