"""Reading recordings: decoding, checks, choice of a channel, resampling."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from audiosense_common.containers import missing_share
from audiosense_common.errors import AudioError, ChannelError

MAX_DECODED_BYTES = 2**30
"""Most memory that a decoded recording may take: 1 GiB of float32, about 93 minutes of one channel at 48 kHz."""
COMMON_RATES_HZ = frozenset({8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000})
CLIPPED_RUN = 3
"""Consecutive samples at full scale from which sound counts as clipped."""
SILENT_DBFS = -90.0
_BLOCK_FRAMES = 4_096  # as a FLAC block: what stands before a damaged one is decoded
_FULL_SCALE = {"PCM_S8": 127 / 128, "PCM_U8": 127 / 128}
_FULL_SCALE_16_BIT = 32_767 / 32_768
_READABLE = "WAV, FLAC, OGG or MP3"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a recording that a user should know and that does not keep it from being used.

    ``code`` is one of ``silent``, ``clipped``, ``short``, ``8-bit``, ``rate``.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Recording:
    """A decoded recording.

    Attributes:
        samples: float32, shape (frames, channels), full scale is 1.0, all finite.
        sample_rate_hz: as recorded.
        format: container as libsndfile names it, for example ``WAV``.
        subtype: encoding as libsndfile names it, for example ``PCM_16``.
        name: what messages call it.
    """

    samples: NDArray[np.float32]
    sample_rate_hz: int
    format: str
    subtype: str
    name: str = "the recording"

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate_hz

    def channel(self, index: int) -> NDArray[np.float32]:
        """Return one channel, shape (frames,), contiguous; the first is 0.

        Raises:
            ChannelError: there is no such channel.
        """
        if not 0 <= index < self.channels:
            raise ChannelError(
                f"{self.name} has {self.channels} channel(s), numbered from 0; channel {index} does not exist, "
                f"choose one from 0 to {self.channels - 1}"
            )
        return np.ascontiguousarray(self.samples[:, index])


def read_recording(
    source: str | os.PathLike[str] | BinaryIO, *, name: str | None = None, max_decoded_bytes: int = MAX_DECODED_BYTES
) -> Recording:
    """Decode a WAV, FLAC, OGG or MP3 file.

    Args:
        source: path, or a binary file that can seek.
        name: what messages call it; default: the path, or "the recording".
        max_decoded_bytes: most bytes of float32 samples that are decoded.

    Raises:
        AudioError: missing, empty, no audio, truncated, without samples, too long, or with NaN or infinite samples.
    """
    if isinstance(source, str | os.PathLike):
        label = name or os.fspath(source)
        with _open_path(Path(source), label) as file:
            return _read(file, label, max_decoded_bytes)
    return _read(source, name or "the recording", max_decoded_bytes)


@dataclass(frozen=True, slots=True)
class Header:
    """What a recording's header says, without its sound having been decoded."""

    sample_rate_hz: int
    channels: int


def read_header(path: Path) -> Header:
    """Read sample rate and channels of a WAV, FLAC, OGG or MP3 file.

    Raises:
        AudioError: missing, empty or no audio. Damage further on shows only in ``read_recording``.
    """
    label = os.fspath(path)
    with _open_path(path, label) as file, _open_sound(file, label) as sound:
        return Header(int(sound.samplerate), int(sound.channels))


@contextmanager
def _open_path(path: Path, label: str) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except OSError as error:
        reason = (error.strerror or "cannot be opened").lower()
        raise AudioError(f"{label} cannot be read: {reason}; give the path of a {_READABLE} file") from None
    with file:
        yield file


def _open_sound(file: BinaryIO, label: str) -> soundfile.SoundFile:
    if not file.read(1):
        raise AudioError(f"{label} is empty (0 bytes); record or copy it again", kind="audio_empty")
    file.seek(0)
    try:
        return soundfile.SoundFile(file)
    except soundfile.LibsndfileError:
        raise AudioError(f"{label} is no audio that can be read; expected {_READABLE}") from None


def _read(file: BinaryIO, label: str, max_decoded_bytes: int) -> Recording:
    missing = missing_share(file)
    file.seek(0)
    with _open_sound(file, label) as sound:
        samples = _decode(sound, label, max_decoded_bytes)
        _check_whole(sound, samples, missing, label)
        _check_finite(samples, label)
        return Recording(samples, int(sound.samplerate), str(sound.format), str(sound.subtype), label)


def _decode(sound: soundfile.SoundFile, label: str, max_decoded_bytes: int) -> NDArray[np.float32]:
    limit = max_decoded_bytes // (4 * sound.channels)
    if sound.frames > limit:
        raise AudioError(
            f"{label} lasts {sound.frames / sound.samplerate:.0f} s, at most {limit / sound.samplerate:.0f} s are "
            f"decoded at once at {sound.channels} channel(s) and {sound.samplerate} Hz; cut it into parts",
            kind="audio_too_long",
        )
    try:
        # In one go: soundfile seeks after every read, and MP3 loses its bit reservoir, hence its sound, at a seek.
        samples: NDArray[np.float32] = sound.read(sound.frames, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        return _decode_until_damage(sound)
    return samples


def _decode_until_damage(sound: soundfile.SoundFile) -> NDArray[np.float32]:
    blocks = [np.empty((0, sound.channels), np.float32)]
    with suppress(soundfile.LibsndfileError):
        sound.seek(0)
        while len(block := sound.read(_BLOCK_FRAMES, dtype="float32", always_2d=True)):
            blocks.append(block)
    return np.concatenate(blocks)


def _check_whole(sound: soundfile.SoundFile, samples: NDArray[np.float32], missing: float | None, label: str) -> None:
    usable_s, declared_s = len(samples) / sound.samplerate, sound.frames / sound.samplerate
    if missing is not None and 0.0 < missing < 1.0:
        declared_s = usable_s / (1.0 - missing)
    if missing is not None or len(samples) < sound.frames:
        of = f" of {declared_s:.3g} s" if declared_s > usable_s else ""
        raise AudioError(
            f"{label} is truncated or damaged: {usable_s:.3g} s{of} can be decoded; copy it again or cut it there",
            kind="audio_damaged",
        )
    if not len(samples):
        raise AudioError(f"{label} holds 0 samples; record or copy it again", kind="audio_empty")


def _check_finite(samples: NDArray[np.float32], label: str) -> None:
    finite = np.isfinite(samples)
    if not finite.all():
        bad = int(samples.size - np.count_nonzero(finite))
        message = f"{label} holds {bad} NaN or infinite samples of {samples.size}; export it again"
        raise AudioError(message, kind="audio_not_finite")


def resample(samples: NDArray[np.float32], from_hz: int, to_hz: int) -> NDArray[np.float32]:
    """Return the sound at another sample rate (soxr, high quality); unchanged where the rates are equal.

    Args:
        samples: float32, shape (n,) or (n, channels).
        from_hz: its sample rate.
        to_hz: the wanted one.

    Raises:
        AudioError: a rate is not positive.
    """
    if from_hz <= 0 or to_hz <= 0:
        raise AudioError(f"cannot resample from {from_hz} to {to_hz} Hz; both rates must be positive")
    if from_hz == to_hz:
        return samples
    resampled: NDArray[np.float32] = np.asarray(soxr.resample(samples, from_hz, to_hz, quality="HQ"), np.float32)
    return resampled


def inspect(recording: Recording, *, channel: int | None = None, window_s: float | None = None) -> list[Finding]:
    """Say what is unusual about a recording: none of it is an error.

    Args:
        recording: what was read.
        channel: look at this one only; default: at all of them.
        window_s: the window that it will be cut into, to tell whether it is shorter.

    Raises:
        ChannelError: there is no such channel.
    """
    samples = recording.samples if channel is None else recording.channel(channel)[:, np.newaxis]
    findings = _format_findings(recording)
    if window_s is not None and recording.duration_s < window_s:
        findings.append(
            Finding(
                "short",
                f"{recording.name} lasts {recording.duration_s:.3g} s, shorter than one window of {window_s:g} s; "
                "record longer or use shorter windows",
            )
        )
    rms_dbfs = 20.0 * np.log10(max(float(samples.std(axis=0, dtype=np.float64).max()), 1e-6))
    if rms_dbfs <= SILENT_DBFS:
        findings.append(
            Finding("silent", f"{recording.name} is silent ({rms_dbfs:.0f} dBFS); check gain, channel and cable")
        )
    clipped = clipped_runs(samples, _FULL_SCALE.get(recording.subtype, _FULL_SCALE_16_BIT))
    if clipped:
        findings.append(
            Finding("clipped", f"{recording.name} is clipped in {clipped} places; lower the gain by some decibels")
        )
    return findings


def _format_findings(recording: Recording) -> list[Finding]:
    findings = []
    if recording.subtype in _FULL_SCALE:
        findings.append(
            Finding("8-bit", f"{recording.name} has 8 bits per sample: its noise hides faint faults; record 16 or more")
        )
    if recording.sample_rate_hz not in COMMON_RATES_HZ:
        findings.append(
            Finding("rate", f"{recording.name} has an unusual sample rate, {recording.sample_rate_hz} Hz; is it right?")
        )
    return findings


def clipped_runs(samples: NDArray[np.float32], full_scale: float = _FULL_SCALE_16_BIT) -> int:
    """Count runs of at least three consecutive samples at full scale; ``samples`` has shape (frames, channels)."""
    loud = np.abs(samples) >= full_scale
    if not loud.any():
        return 0
    inside = loud[: 1 - CLIPPED_RUN] & loud[1 : 2 - CLIPPED_RUN] & loud[CLIPPED_RUN - 1 :]
    starts = np.count_nonzero(inside[1:] & ~inside[:-1]) + np.count_nonzero(inside[:1])
    return int(starts)
