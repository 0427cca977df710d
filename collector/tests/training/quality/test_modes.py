import numpy as np
import pytest

from audiosense_common.features import FEATURES, SCHEMA_ID, SCHEMAS
from audiosense_common.synth import MACHINE_KINDS

pytestmark = pytest.mark.xdist_group("quality")  # the machines are heard once

DBFS = np.array([FEATURES[name].unit == "dBFS" for name in SCHEMAS[SCHEMA_ID]])


def shifted(windows, decibels):
    """The same sound at another level, in course of time."""
    found = windows.astype(float)
    found[:, DBFS] += np.broadcast_to(decibels, len(windows))[:, np.newaxis]
    return found.astype(np.float16)


def test_idle_run_and_load_are_found_with_their_shares(machine, look):
    idle, run = machine("motor", gain=0.15), machine("pump")
    load = shifted(machine("pump", seed=1), 5)
    cycles = [part for start in (0, 30, 60) for part in (idle[start:][:9], run[start:][:21], load[start:][:10])]
    for order in (cycles, [idle[:27], run[:63], load[:30]]):
        modes = look(np.concatenate(order)).modes
        assert [mode.share for mode in modes] == pytest.approx([0.225, 0.525, 0.25], abs=0.02)
        assert modes[0].level_dbfs < modes[1].level_dbfs < modes[2].level_dbfs
        assert {mode.stretches for mode in modes} == {3 if order is cycles else 1}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", MACHINE_KINDS)
def test_a_machine_that_only_runs_has_one_mode(machine, look, kind, seed):
    found = look(machine(kind, seed=seed))
    [mode] = found.modes
    assert mode.share == 1
    assert mode.stretches == 1
    assert found.drift is None


@pytest.mark.parametrize("windows", [60, 120])
@pytest.mark.parametrize("course", [np.linspace(0, 8, 120), 6 * np.sin(np.linspace(0, 6, 120))])
def test_drift_and_slow_swings_are_no_modes(machine, look, windows, course):
    assert len(look(shifted(machine("fan")[:windows], course[:windows])).modes) == 1


def test_a_mode_is_described_by_its_level_and_tone(machine, look):
    mode = look(machine("pump")).modes[0]
    names = SCHEMAS[SCHEMA_ID]
    assert mode.level_dbfs == pytest.approx(np.median(machine("pump")[:, names.index("rms_dbfs")]))
    assert 100 < mode.dominant_hz < 300
    assert mode.centroid_hz > mode.dominant_hz
