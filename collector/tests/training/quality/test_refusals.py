import numpy as np
import pytest

from audiosense_collector.training.errors import TrainingError
from audiosense_common.features import FEATURES, SCHEMA_ID, SCHEMAS, FeatureExtractor
from audiosense_common.synth import MACHINE_KINDS

pytestmark = pytest.mark.xdist_group("quality")  # the machines are heard once

NAMES = SCHEMAS[SCHEMA_ID]
DBFS = np.array([FEATURES[name].unit == "dBFS" for name in NAMES])
SHAPE = np.array([name.startswith("mel_max_shape_") for name in NAMES])


def changed(windows, columns, change):
    found = windows.astype(float)
    found[:, columns] += change
    return found.astype(np.float16)


def sounding(sounds):
    extractor = FeatureExtractor(8_000)
    return np.stack([extractor.extract(sound.astype(np.float32)) for sound in sounds])


def test_a_silent_baseline_is_refused(look):
    rng = np.random.default_rng(0)
    silent = sounding(1e-6 * rng.standard_normal(8_000) * (place % 3 > 0) for place in range(30))
    with pytest.raises(TrainingError, match=r"is silent: 100% of its 30 windows .* check that the sensor is connected"):
        look(silent).check(accept_drift=True)


def test_a_clipped_baseline_is_refused_and_says_what_to_do(look):
    rng = np.random.default_rng(0)
    clipped = sounding(
        np.clip((0.5 if place % 3 == 0 else 0.1) * rng.standard_normal(8_000), -1, 1) for place in range(60)
    )
    with pytest.raises(TrainingError, match=r"is clipped: 33% of its 60 windows reach full scale, .* lower the gain"):
        look(clipped).check(accept_drift=True)


def test_single_knocks_at_full_scale_are_not_clipping(machine, look):
    rng = np.random.default_rng(0)
    knocking = sounding(
        0.01 * rng.standard_normal(8_000) + (np.arange(8_000) == 4_000) * (1 if place % 2 else 0) for place in range(60)
    )
    assert look(knocking).defect is None


@pytest.mark.parametrize("windows", [60, 120])
@pytest.mark.parametrize("decibels", [-8, 8])
def test_a_level_that_still_moves_is_refused_unless_accepted(machine, look, windows, decibels):
    drifting = changed(machine("gearbox")[:windows], DBFS, np.linspace(0, decibels, windows)[:, np.newaxis])
    found = look(drifting)
    with pytest.raises(TrainingError, match=f"still drifts: its level {'rose' if decibels > 0 else 'fell'} by .* dB"):
        found.check()
    found.check(accept_drift=True)


def test_a_spectrum_that_still_moves_is_refused(machine, look):
    tilt = np.linspace(0, 1, 120)[:, np.newaxis] * np.linspace(-9, 9, SHAPE.sum())
    with pytest.raises(TrainingError, match="still drifts: the bands of its spectrum moved by"):
        look(changed(machine("motor"), SHAPE, tilt)).check()


def test_a_machine_that_has_settled_early_is_taken(machine, look):
    warming = 8 * np.exp(-np.arange(120) / 10)[:, np.newaxis]
    look(changed(machine("fan"), DBFS, warming)).check()


@pytest.mark.parametrize("kind", MACHINE_KINDS)
def test_the_ordinary_wander_of_a_healthy_machine_is_no_drift(machine, look, kind):
    for seed in range(2):
        for windows in (60, 120):
            look(machine(kind, seed=seed)[:windows]).check()


def test_a_change_of_mode_is_no_drift(machine, look):
    found = look(np.concatenate([machine("motor", gain=0.15)[:50], machine("pump")[:70]]))
    found.check()
    assert len(found.modes) == 2


def test_what_the_training_refuses_itself_is_left_to_it(look):
    short = np.zeros((5, len(NAMES)), np.float16)
    broken = np.full((40, len(NAMES)), np.nan, np.float16)
    for windows in (short, broken, np.zeros((40, len(NAMES)), np.float16)):
        found = look(windows)
        found.check()
        assert found.kept.all()
