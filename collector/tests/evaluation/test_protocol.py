import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosense_collector.evaluation import protocol
from audiosense_collector.evaluation.errors import EvaluationError
from audiosense_collector.evaluation.recordings import find_machines
from audiosense_collector.evaluation.run import count_steps, evaluate, survey_all


def run(folder, plan):
    surveys = survey_all(find_machines(folder), plan)
    steps = []
    found = evaluate(surveys, plan, lambda: steps.append(1))
    assert len(steps) == count_steps(surveys, plan)
    return found


@given(st.integers(2, 20), st.integers(1, 10), st.integers(0, 9), st.integers(0, 2**32))
def test_folds_hold_every_clip_once_and_are_equal_in_size(folds, each, more, seed):
    count = folds * each + more
    fold = protocol.assign_folds(count, folds, seed)
    sizes = np.bincount(fold, minlength=folds)
    assert sizes.sum() == count
    assert sizes.max() - sizes.min() <= 1
    assert np.array_equal(fold, protocol.assign_folds(count, folds, seed))


def test_no_clip_stands_on_both_sides(tmp_path, machine, quick_plan, monkeypatch):
    machine(tmp_path, normal=5)
    learnt = []
    train = protocol._train

    def spy(found, clips, channel, number, plan):
        learnt.append({clip.path for clip in clips})
        return train(found, clips, channel, number, plan)

    monkeypatch.setattr(protocol, "_train", spy)
    (heard,) = run(tmp_path, quick_plan()).single
    assert len(learnt) == 2
    for number, paths in enumerate(learnt):
        tested = [clip.path for clip in heard.trial.clips if clip.fold == number]
        assert not paths & set(tested)
        assert all(path.parent.name == "normal" for path in paths)
    normal = [clip.path for clip in heard.trial.clips if not clip.abnormal]
    assert len(normal) == len(set(normal)) == 5
    assert len([clip for clip in heard.trial.clips if clip.abnormal]) == 2 * 2


def test_an_obvious_fault_is_heard_and_the_same_seed_gives_the_same_bits(tmp_path, machine, quick_plan):
    machine(tmp_path, channels=2)
    first, again = (run(tmp_path, quick_plan(combine=True)) for _ in range(2))
    for heard in (*first.single, *first.combined):
        assert heard.figures.auc == heard.figures.pauc == 1.0
        assert heard.figures.clip_detection_rate == 1.0
    assert [one.trial.name for one in first.combined] == [f"{tmp_path.name} (combined)"]
    for one, other in zip((*first.single, *first.combined), (*again.single, *again.combined), strict=True):
        assert one.figures == other.figures
        for mine, its in zip(one.trial.clips, other.trial.clips, strict=True):
            assert np.array_equal(mine.windows, its.windows)
    other = run(tmp_path, quick_plan(seed=3, channel=0))
    assert [clip.path for clip in other.single[0].trial.clips] != [clip.path for clip in first.single[0].trial.clips]


def test_the_combined_score_is_the_mean_over_the_channels(tmp_path, machine, quick_plan):
    machine(tmp_path, channels=2)
    found = run(tmp_path, quick_plan(combine=True))
    channels, combined = [one.trial for one in found.single], found.combined[0].trial
    for left, right, both in zip(channels[0].clips, channels[1].clips, combined.clips, strict=True):
        assert left.path == right.path == both.path
        assert np.array_equal(both.windows, (left.windows + right.windows) / 2)
        assert both.threshold == (left.threshold + right.threshold) / 2


def test_features_and_percentile_reach_the_training(tmp_path, machine, quick_plan, monkeypatch):
    machine(tmp_path)
    bundles = []
    build = protocol.build_bundle
    monkeypatch.setattr(protocol, "build_bundle", lambda *a, **k: bundles.append(build(*a, **k)) or bundles[-1])
    run(tmp_path, quick_plan(feature_names=("rms_dbfs", "dominant_khz"), percentile=80.0))
    manifest = bundles[0].manifest
    assert [need.name for need in manifest.features] == ["rms_dbfs", "dominant_khz"]
    assert manifest.threshold.parameters["percentile"] == 80
    assert (manifest.window_s, manifest.sample_rate_hz) == (0.5, 8_000)


def test_too_few_or_equal_windows_are_told_with_machine_and_fold(tmp_path, machine, quick_plan):
    machine(tmp_path / "few")
    with pytest.raises(EvaluationError, match=r"few, channel 0, fold 1: the 2 clips .* 6 windows, at least 20"):
        run(tmp_path / "few", quick_plan(hop_s=0.5))
    machine(tmp_path / "equal")
    silence = (tmp_path / "equal" / "normal" / "0.wav").read_bytes()
    silence = silence[:44] + bytes(len(silence) - 44)
    for path in (tmp_path / "equal" / "normal").iterdir():
        path.write_bytes(silence)
    with pytest.raises(EvaluationError, match="equal, channel 0, fold 1: all 24 windows of the baseline are equal"):
        run(tmp_path / "equal", quick_plan())


def test_auto_chooses_a_detector_for_each_fold_by_its_own_normal_clips(tmp_path, machine, quick_plan, monkeypatch):
    machine(tmp_path, channels=2)
    seen = []
    choose = protocol.choose_detector

    def spy(baseline, probes, settings):
        seen.append((baseline, probes))
        return choose(baseline, probes, settings)

    monkeypatch.setattr(protocol, "choose_detector", spy)
    found = run(tmp_path, quick_plan(detector="auto"))
    assert len(seen) == 2 * 2
    for baseline, probes in seen:
        assert set(probes.time_us) <= set(baseline.times())
        assert len(np.unique(baseline.group)) == 2
        assert {*probes.kind} == set(range(len(probes.kinds)))
        clean = baseline.features[np.searchsorted(baseline.times(), probes.time_us)]
        weak = probes.level_db == probes.level_db.min()
        assert np.abs(probes.features[weak].astype(float) - clean[weak]).mean() < 0.5
    for heard in found.single:
        assert heard.figures.auc == 1.0
        assert sum(heard.trial.detectors.values()) == 2
    assert found.to_json()["machines"][0]["detectors"] == found.single[0].trial.detectors
