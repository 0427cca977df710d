"""Recordings as they come: made by soundfile and the wave module, good and bad."""

import io
import struct
import wave

import numpy as np
import pytest
import soundfile

RATE = 16_000


def sine(seconds=6.0, rate=RATE, hz=1_000.0, level=0.5):
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def encode(samples, *, rate=RATE, container="WAV", subtype=None):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=container, subtype=subtype)
    return buffer.getvalue()


def eight_bit(samples, rate=RATE):
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 1, rate, len(samples), "NONE", ""))
        file.writeframes(np.round(128 + 127 * samples).astype(np.uint8).tobytes())
    return buffer.getvalue()


def declared_longer():
    """Return a WAV whose header promises four times the samples that follow."""
    content = bytearray(encode(sine(1), subtype="PCM_16"))
    at = content.index(b"data") + 4
    size = struct.unpack_from("<I", content, at)[0]
    struct.pack_into("<I", content, at, size * 4)
    struct.pack_into("<I", content, 4, len(content) - 8 + 3 * size)
    return bytes(content)


@pytest.fixture(scope="session")
def sounds():
    with_nan = sine()
    with_nan[100] = np.nan
    flac, ogg = encode(sine(), container="FLAC"), encode(sine(), container="OGG")
    return {
        "tone.wav": encode(sine(), subtype="PCM_16"),
        "tone.flac": flac,
        "tone.ogg": ogg,
        "tone.mp3": encode(sine(), container="MP3"),
        "text.wav": b"this is no sound at all, but a text of some length",
        "empty.wav": b"",
        "truncated.wav": declared_longer(),
        "truncated.flac": flac[: len(flac) // 2],
        "truncated.ogg": ogg[: len(ogg) // 2],
        "no-samples.wav": encode(np.zeros(0, np.float32)),
        "8-bit.wav": eight_bit(sine()),
        "96-khz.wav": encode(sine(rate=96_000), rate=96_000, subtype="PCM_24"),
        "nan.wav": encode(with_nan, subtype="FLOAT"),
        "silent.wav": encode(np.zeros(RATE * 6, np.float32), subtype="PCM_16"),
        "clipped.wav": encode(np.clip(3 * sine(), -1, 1), subtype="PCM_16"),
        "short.wav": encode(sine(1), subtype="PCM_16"),
    }


@pytest.fixture
def tone():
    return sine


@pytest.fixture
def as_file():
    return encode
