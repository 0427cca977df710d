"""Recordings as source: a file, a folder or patterns, replayed once or again and again."""

import glob
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from audiosense_agent.clock import Clock, Follower
from audiosense_agent.config import RecordingSource, SensorSettings
from audiosense_agent.errors import SourceError
from audiosense_agent.sources.base import Context, Probe
from audiosense_agent.sources.injection import Injections
from audiosense_agent.sources.pacing import Pace
from audiosense_agent.windows import Window
from audiosense_common.audio import inspect, read_recording, resample
from audiosense_common.errors import AudioError
from audiosense_common.windows import split

LOOP_SHIFT_S = 0.37
"""Each loop cuts its windows this much later, so that a short recording does not give the same windows every time."""
SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".oga", ".mp3"})


def find_recordings(path: str | list[str]) -> list[Path]:
    """Return the files that a path names: itself, a folder's recordings (sub-folders too) or a pattern's matches.

    Raises:
        SourceError: nothing is there; of several paths, each must name something.
    """
    found: list[Path] = []
    for each in [path] if isinstance(path, str) else path:
        matches = [Path(each)] if Path(each).exists() else [Path(name) for name in glob.glob(each, recursive=True)]  # noqa: PTH207
        before = len(found)
        for match in matches:
            if match.is_dir():
                found += sorted(file for file in match.rglob("*") if file.suffix.lower() in SUFFIXES)
            else:
                found.append(match)
        if len(found) == before:
            raise SourceError(
                f"there is no recording at {each!r}; give a WAV, FLAC, OGG or MP3 file, a folder or a pattern"
            )
    return sorted(found) if isinstance(path, str) else found


@dataclass(frozen=True, slots=True)
class _Sound:
    """A decoded file: its channel (n,) at the sensor's rate, its own rate, and what is unusual about it."""

    samples: NDArray[np.float32]
    sample_rate_hz: int
    notes: list[str]


class Replay:
    """Replays files as if they followed each other; no window spans two of them."""

    def __init__(self, sensor: SensorSettings, source: RecordingSource, injections: Injections, clock: Clock) -> None:
        self._clock = clock
        self._sensor = sensor
        self._source = source
        self._injections = injections
        self._warned: set[str] = set()
        self._kept: tuple[object, _Sound] | None = None

    def probe(self) -> Probe:
        """Decode every file."""
        files = find_recordings(self._source.path)
        warnings: list[str] = []
        notes: list[str] = []
        rates: set[int] = set()
        windows = 0
        for file in files:
            try:
                sound = self._decode(file)
            except AudioError as error:
                warnings.append(str(error))
                continue
            windows += len(self._cut(sound.samples, 0.0))
            rates.add(sound.sample_rate_hz)
            notes += sound.notes
        if not windows:
            raise _nothing(files, warnings)
        skipped = f", {len(warnings)} left out ({warnings[0]})" if warnings else ""
        return Probe(f"{len(files)} file(s), {windows} windows{self._resampled(rates)}{skipped}", tuple(notes))

    def _resampled(self, rates: set[int]) -> str:
        wanted = self._sensor.sample_rate_hz
        others = " and ".join(_khz(rate) for rate in sorted(rates - {wanted}))
        return f", {others}, resampled to {_khz(wanted)}" if others else ""

    def windows(self, context: Context) -> Iterator[Window]:
        """Yield windows; unreadable files are left out with a warning that names them, odd ones get one too."""
        fast = self._source.speed == "fast"
        history_s = self._source.history_s
        if fast and not self._source.loop and not history_s:
            history_s = _duration_s(find_recordings(self._source.path))
        follower = Follower(self._clock)
        pace = Pace(history_s, self._source.max_speed, follower, fast=fast, resume_us=context.resume_us)
        time_us = pace.start_us
        for samples in self._endless(context):
            if not pace.wait(time_us + self._sensor.window_us, context):
                return
            yield follower.stamp(Window(time_us, samples))
            time_us += self._sensor.window_us

    def _endless(self, context: Context) -> Iterator[NDArray[np.float32]]:
        for loop in itertools.count():
            path = self._path()
            for samples in self._once(path, context, loop * LOOP_SHIFT_S % self._sensor.window_s):
                yield samples
                if self._path() != path:
                    break
            else:
                if not self._source.loop:
                    return

    def _once(self, path: str | list[str], context: Context, skip_s: float) -> Iterator[NDArray[np.float32]]:
        files = find_recordings(path)
        failures: list[str] = []
        windows = 0
        for file in files:
            try:
                sound = self._play(file, is_only=len(files) == 1)
            except AudioError as error:
                failures.append(str(error))
                self._warn(context, f"left out: {error}")
                continue
            for note in sound.notes:
                self._warn(context, note)
            cut = self._cut(sound.samples, skip_s)
            windows += len(cut)
            yield from cut
        if not windows:
            raise _nothing(files, failures)

    def _warn(self, context: Context, text: str) -> None:
        """Say it once, however often a file is played."""
        if text not in self._warned:
            self._warned.add(text)
            context.warn(text)

    def _path(self) -> str | list[str]:
        injection = self._injections.of(self._sensor.name)
        return self._source.path if injection is None or injection.path is None else injection.path

    def _play(self, file: Path, *, is_only: bool) -> _Sound:
        """Decode a file; the only one of a loop is in memory anyway, and decoded again only after it changed."""
        key = _version(file)
        if self._kept is not None and key is not None and self._kept[0] == key:
            return self._kept[1]
        self._kept = None
        sound = self._decode(file)
        if is_only and self._source.loop:
            self._kept = key, sound
        return sound

    def _decode(self, file: Path) -> _Sound:
        recording = read_recording(file)
        samples = recording.channel(self._source.channel)
        samples = resample(samples, recording.sample_rate_hz, self._sensor.sample_rate_hz)
        if len(samples) < self._sensor.window_samples:
            raise AudioError(
                f"{file} lasts {recording.duration_s:.3g} s, shorter than one window of {self._sensor.window_s:g} s; "
                "set a shorter window_s or give a longer recording"
            )
        notes = [finding.message for finding in inspect(recording, channel=self._source.channel)]
        samples.flags.writeable = False
        return _Sound(samples, recording.sample_rate_hz, notes)

    def _cut(self, samples: NDArray[np.float32], skip_s: float) -> list[NDArray[np.float32]]:
        skip = round(skip_s * self._sensor.sample_rate_hz)
        if len(samples) - skip < self._sensor.window_samples:
            skip = 0
        return list(split(samples[skip:], self._sensor.window_samples))


def _version(file: Path) -> object:
    """Return what differs once a file is another one or was written again; None where it cannot be told."""
    try:
        found = file.stat()
    except OSError:
        return None
    return file, found.st_ino, found.st_size, found.st_mtime_ns


def _khz(rate_hz: int) -> str:
    return f"{rate_hz / 1_000:g} kHz"


def _nothing(files: list[Path], failures: list[str]) -> SourceError:
    return SourceError(f"none of {len(files)} recording(s) gives sound, the first because: {failures[0]}")


def _duration_s(files: list[Path]) -> float:
    total = 0.0
    for file in files:
        try:
            total += float(soundfile.info(file).duration)
        except soundfile.LibsndfileError:
            continue
    return total
