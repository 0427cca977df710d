import numpy as np
import pytest

from audiosense_collector.evaluation.clips import read_clips, survey
from audiosense_collector.evaluation.errors import EvaluationError
from audiosense_collector.evaluation.plan import Plan
from audiosense_collector.evaluation.recordings import find_machines
from audiosense_common.audio import read_recording
from audiosense_common.features import FeatureExtractor


def read(folder, plan):
    (machine,) = find_machines(folder)
    found = survey(machine, plan)
    steps = []
    clips = read_clips(found, plan, lambda: steps.append(1))
    assert len(steps) == len(found.clips)
    return found, clips


def test_every_channel_is_described_by_the_products_own_vectors(tmp_path, machine, quick_plan):
    machine(tmp_path, channels=2)
    found, clips = read(tmp_path, quick_plan())
    assert found.channels == (0, 1)
    assert [clip.abnormal for clip in clips] == [False] * 4 + [True] * 2
    samples = read_recording(clips[3].path).channel(1)
    expected = FeatureExtractor(8_000).extract(samples[800:4_800])
    assert clips[3].channels[1].dtype == np.float16
    assert np.array_equal(clips[3].channels[1][1], expected)
    assert clips[3].channels[1].shape == (12, len(expected))


def test_mixed_rates_are_brought_to_the_most_common_one_and_told(tmp_path, machine, clip, quick_plan):
    machine(tmp_path)
    clip(tmp_path / "normal" / "0.wav", rate_hz=16_000)
    found, _ = read(tmp_path, quick_plan())
    assert found.sample_rate_hz == 8_000
    assert "5 at 8000 Hz, 1 at 16000 Hz" in found.warnings[0]
    assert read(tmp_path, quick_plan(sample_rate_hz=4_000))[0].sample_rate_hz == 4_000


def test_clips_that_cannot_be_used_are_left_out_counted_and_named(tmp_path, machine, clip, quick_plan):
    machine(tmp_path, normal=5, channels=2)
    (tmp_path / "normal" / "noise.wav").write_bytes(b"this is no sound")
    (tmp_path / "normal" / "void.flac").touch()
    clip(tmp_path / "abnormal" / "brief.wav", seconds=0.3, channels=2)
    clip(tmp_path / "abnormal" / "mono.wav", seconds=2)
    whole = (tmp_path / "normal" / "4.wav").read_bytes()
    (tmp_path / "normal" / "4.wav").write_bytes(whole[: len(whole) // 2])
    found, clips = read(tmp_path, quick_plan())
    assert (len(clips), found.left_out) == (6, 5)
    for name, reason in (
        ("noise.wav", "is no audio"),
        ("void.flac", "is empty"),
        ("mono.wav", "lack channel 1"),
        ("brief.wav", "shorter than a window of 0.5 s"),
        ("4.wav", "is truncated"),
    ):
        assert any(name in warning and reason in warning for warning in found.warnings), found.warnings


@pytest.mark.parametrize(
    ("clips", "message"),
    [
        ({"normal": 3}, r"has 3 normal clips, 2 folds need at least 4, 2 in each; add clips or lower --folds"),
        ({"seconds": 0.3}, r"has 0 normal clips \(6 clips cannot be used\)"),
    ],
)
def test_too_few_clips_are_told_with_what_is_needed(tmp_path, machine, quick_plan, clips, message):
    machine(tmp_path, **clips)
    with pytest.raises(EvaluationError, match=message):
        read(tmp_path, quick_plan())


def test_no_readable_abnormal_clip_is_told(tmp_path, machine, quick_plan):
    machine(tmp_path, abnormal=1)
    (tmp_path / "abnormal" / "0.wav").write_bytes(b"?")
    with pytest.raises(EvaluationError, match=r"has no abnormal clip \(1 clips cannot be used\)"):
        read(tmp_path, quick_plan())


def test_a_channel_or_rate_that_cannot_be_is_told(tmp_path, machine, quick_plan):
    machine(tmp_path)
    with pytest.raises(EvaluationError, match="has 0 normal clips"):
        read(tmp_path, quick_plan(channel=3))
    with pytest.raises(EvaluationError, match="sample rate is 500 Hz"):
        read(tmp_path, quick_plan(sample_rate_hz=500))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hop_s": 6.0}, "the hop is 6 s for windows of 5 s"),
        ({"folds": 1}, "at least 2 folds"),
        ({"detector": "oracle"}, "no detector 'oracle', expected one of"),
        ({"combine": True, "channel": 1}, "--combine averages all channels"),
    ],
)
def test_options_that_make_no_sense_are_told(options, message):
    with pytest.raises(EvaluationError, match=message):
        Plan(**options)
