import contextlib
import io

import numpy as np
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st

from audiosense_common.audio import Header, clipped_runs, inspect, read_header, read_recording, resample
from audiosense_common.errors import AudioError

RATE = 16_000
TONE = (0.5 * np.sin(np.arange(2 * RATE) / 20)).astype(np.float32)


def encoded(samples=TONE, file_format="WAV", subtype="PCM_16", rate=RATE):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=file_format, subtype=subtype)
    return buffer.getvalue()


def read(content, **options):
    return read_recording(io.BytesIO(content), **options)


@pytest.mark.parametrize(
    ("file_format", "subtype", "tolerance"),
    [
        ("WAV", "PCM_16", 1e-4),
        ("WAV", "FLOAT", 0.0),
        ("FLAC", "PCM_24", 1e-6),
        ("OGG", "VORBIS", 0.1),
        ("MP3", "MPEG_LAYER_III", 0.1),
    ],
)
def test_each_format_is_decoded(file_format, subtype, tolerance):
    recording = read(encoded(file_format=file_format, subtype=subtype))
    assert (recording.format, recording.subtype, recording.sample_rate_hz) == (file_format, subtype, RATE)
    assert recording.samples.dtype == np.float32
    assert recording.samples.shape == (len(TONE), 1)
    np.testing.assert_allclose(recording.channel(0)[500:-500], TONE[500:-500], atol=tolerance)


def test_a_path_is_read_and_named_in_messages(tmp_path):
    path = tmp_path / "pump.wav"
    path.write_bytes(encoded())
    recording = read_recording(path)
    assert recording.name == str(path)
    assert recording.duration_s == 2.0


def test_a_header_tells_rate_and_channels_or_why_not(tmp_path):
    soundfile.write(tmp_path / "stereo.flac", np.zeros((100, 2)), 22_050)
    assert read_header(tmp_path / "stereo.flac") == Header(22_050, 2)
    (tmp_path / "text.wav").write_text("no sound")
    (tmp_path / "empty.wav").touch()
    for name, message in (("text.wav", "is no audio"), ("empty.wav", "is empty"), ("missing.wav", "cannot be read")):
        with pytest.raises(AudioError, match=f"{name} {message}"):
            read_header(tmp_path / name)


def test_a_channel_is_chosen_by_its_number():
    recording = read(encoded(np.stack((TONE, -TONE), axis=1)))
    assert recording.channels == 2
    np.testing.assert_allclose(recording.channel(0), -recording.channel(1), atol=1e-4)
    for absent in (2, -1):
        with pytest.raises(AudioError, match=r"has 2 channel\(s\).*choose one from 0 to 1"):
            recording.channel(absent)


def truncations():
    for file_format, subtype in (("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("MP3", "MPEG_LAYER_III")):
        yield pytest.param(
            file_format, subtype, r"truncated or damaged: [01]\.?\d* s of 2 s can be decoded", id=file_format
        )
    yield pytest.param("OGG", "OPUS", "truncated or damaged", id="OGG")


@pytest.mark.parametrize(("file_format", "subtype", "message"), list(truncations()))
def test_a_truncated_file_is_refused_with_what_is_usable(file_format, subtype, message):
    noise = np.random.default_rng(0).normal(0, 0.1, 2 * RATE).astype(np.float32)
    content = encoded(noise, file_format, subtype)
    assert len(read(content).samples) == 2 * RATE
    with pytest.raises(AudioError, match=message):
        read(content[: len(content) * 6 // 10])


def test_a_streamed_wav_of_unknown_length_is_no_truncated_one():
    content = bytearray(encoded())
    place = content.index(b"data") + 4
    content[place : place + 4] = b"\xff\xff\xff\xff"
    assert len(read(bytes(content)).samples) == len(TONE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"no sound at all, only text" * 20, "is no audio that can be read; expected WAV, FLAC, OGG or MP3"),
        (encoded(TONE[:0]), "holds 0 samples"),
        (encoded(np.array([0.1, np.nan, np.inf], np.float32), subtype="FLOAT"), "2 NaN or infinite samples of 3"),
    ],
    ids=["empty", "text", "no samples", "not finite"],
)
def test_what_is_no_sound_is_refused_in_one_line(content, message):
    with pytest.raises(AudioError, match=message) as caught:
        read(content)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    for path in (tmp_path / "absent.wav", tmp_path):
        with pytest.raises(AudioError, match=str(path)):
            read_recording(path)


def test_a_recording_beyond_the_limit_is_refused_before_it_fills_the_memory():
    with pytest.raises(AudioError, match=r"lasts 2 s, at most 1 s are decoded.*cut it into parts"):
        read(encoded(), max_decoded_bytes=4 * RATE)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 300), st.sampled_from(["WAV", "FLAC"]))
@example(b"", 0, "WAV")
def test_damaged_bytes_give_a_recording_or_a_named_error(noise, place, file_format):
    content = bytearray(encoded(TONE[:2000], file_format))
    content[place : place + len(noise)] = noise
    with contextlib.suppress(AudioError):
        assert np.isfinite(read(bytes(content)).samples).all()


def codes(content, **options):
    return [finding.code for finding in inspect(read(content), **options)]


def test_ordinary_sound_gives_no_finding():
    assert codes(encoded(), window_s=2.0) == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (encoded(subtype="PCM_U8"), ["8-bit"]),
        (encoded(rate=15_999), ["rate"]),
        (encoded(rate=96_000), []),
        (encoded(0 * TONE), ["silent"]),
        (encoded(0 * TONE + 0.25), ["silent"]),
        (encoded(np.clip(4 * TONE, -1, 1)), ["clipped"]),
        (encoded(np.clip(4 * TONE, -1, 1), subtype="PCM_U8"), ["8-bit", "clipped"]),
    ],
    ids=["8-bit", "odd rate", "96 kHz", "silence", "stuck at DC", "clipped", "8-bit clipped"],
)
def test_unusual_sound_is_found_but_usable(content, expected):
    assert codes(content) == expected


def test_a_recording_shorter_than_a_window_is_found():
    assert codes(encoded(), window_s=5.0) == ["short"]


def test_only_the_chosen_channel_is_inspected():
    content = encoded(np.stack((TONE, np.zeros_like(TONE)), axis=1))
    assert codes(content, channel=0) == []
    assert codes(content, channel=1) == ["silent"]


def test_runs_at_full_scale_are_counted_one_by_one():
    samples = np.zeros((20, 1), np.float32)
    samples[[0, 1, 2, 5, 6, 10, 11, 12, 13]] = 1.0
    assert clipped_runs(samples) == 2
    assert clipped_runs(samples[:2]) == 0


def test_resampling_keeps_a_tone_and_its_level():
    tone = np.sin(2 * np.pi * 1_000 * np.arange(96_000) / 96_000).astype(np.float32)
    there = resample(tone, 96_000, 16_000)
    assert there.dtype == np.float32
    assert len(there) == 16_000
    expected = np.sin(2 * np.pi * 1_000 * np.arange(16_000) / 16_000)
    np.testing.assert_allclose(there[500:-500], expected[500:-500], atol=1e-3)
    assert resample(tone, 96_000, 96_000) is tone
    with pytest.raises(AudioError, match="both rates must be positive"):
        resample(tone, 0, 16_000)
