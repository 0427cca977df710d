from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import soundfile

from audiosense_collector.evaluation.recordings import find_machines
from audiosense_common.features import FEATURES
from audiosense_common.synth import Fault, SyntheticMachine
from benchmarks import ablation
from benchmarks.candidates import CANDIDATES, Frames, spectral_kurtosis_db
from benchmarks.detection import Dataset
from benchmarks.mixing import FAULTS_DB, mix

RATE = 16_000


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    machine = SyntheticMachine("pump", RATE, seed=3)
    for kind, count, fault in (("normal", 4, None), ("abnormal", 2, Fault("bearing_outer", 0.9))):
        folder = tmp_path / "pump" / kind
        folder.mkdir(parents=True)
        for number in range(count):
            stereo = np.repeat(machine.render(7 * RATE, fault)[:, np.newaxis], 2, axis=1)
            soundfile.write(folder / f"{number}.flac", stereo, RATE)
    return tmp_path


def test_every_group_is_told_alone_and_beside_the_default(recordings: Path) -> None:
    options = {"folds": 2, "channel": 0, "window_s": 3.0}
    tally = ablation.measure(Dataset("made", find_machines(recordings), options), None, 0)
    table = ablation.tell({"made": tally})
    groups = [*ablation.schema_groups(), *CANDIDATES]
    assert set(table) == {"default", *groups, *(f"default and {group}" for group in groups)}
    assert table["regular pulses"]["bytes"] == 42
    assert all(0 <= value <= 1 for row in table.values() for name, value in row.items() if name != "bytes")
    assert table["regular pulses"]["made recorded"] == 1.0


def test_groups_of_the_schema_name_its_features() -> None:
    assert all(name in FEATURES for group in ablation.schema_groups().values() for name in group)


def test_faults_are_mixed_at_their_level() -> None:
    clip = SyntheticMachine("fan", RATE, seed=1).render(5 * RATE)
    for name, mixed in mix(clip, RATE, np.random.default_rng(0)).items():
        fault = mixed.astype(float) - clip
        level = 20 * np.log10(np.sqrt(np.mean(fault**2)) / clip.std())
        assert level == pytest.approx(FAULTS_DB[name], abs=0.05)


def test_spectral_kurtosis_is_none_for_noise_and_large_for_impacts() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 60 * RATE).astype(np.float32)
    assert np.abs(spectral_kurtosis_db(Frames.of(noise, RATE))).max() < 0.5
    impacts = noise[: 5 * RATE].copy()
    impacts[::RATE] += 20.0
    assert spectral_kurtosis_db(Frames.of(impacts, RATE)).min() > 3.0


def test_spectral_kurtosis_is_the_fourth_moment_of_the_bins() -> None:
    sound = SyntheticMachine("gearbox", RATE, seed=2).render(5 * RATE)
    frames = Frames.of(sound, RATE)
    inside = frames.filters[4:8].sum(axis=0) > 0
    amplitudes = np.sqrt(frames.power[:, inside])
    squares = scipy.stats.moment(amplitudes, order=2, center=0)
    expected = (scipy.stats.moment(amplitudes, order=4, center=0) / squares**2).mean()
    assert spectral_kurtosis_db(frames)[1] == pytest.approx(10 * np.log10(expected / 2), abs=1e-9)


@pytest.mark.parametrize("group", CANDIDATES)
def test_candidates_do_not_hear_gain(group: str) -> None:
    sound = SyntheticMachine("motor", RATE, seed=2).render(2 * RATE)
    plain, louder = (CANDIDATES[group](Frames.of(gain * sound, RATE)) for gain in (np.float32(1), np.float32(8)))
    np.testing.assert_allclose(plain, louder, atol=1e-3)
