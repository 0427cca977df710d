"""Full scale from a calibrator or a data sheet: what is computed is measured back from samples."""

import numpy as np
import pytest

from audiosense_collector.machines.units import Scale
from audiosense_collector.plant import calibration
from audiosense_common.wire import Quantity

RATE = 48_000
TIME = np.arange(RATE) / RATE


def level_dbfs(samples):
    return 20 * np.log10(np.sqrt(np.mean(samples**2)))


@pytest.mark.parametrize("level_db", [94.0, 114.0])
def test_a_microphone_on_a_calibrator_shows_its_level(level_db):
    pascal_at_one = 2.83
    rms = 20e-6 * 10 ** (level_db / 20)
    samples = rms * np.sqrt(2) * np.sin(2 * np.pi * 1_000 * TIME) / pascal_at_one
    reads = level_dbfs(samples)
    found = calibration.full_scale_pa(level_db, reads)
    assert found == pytest.approx(pascal_at_one, rel=1e-9)
    assert Scale(Quantity.SOUND_PRESSURE, found).level(reads) == pytest.approx(level_db, abs=1e-9)


def test_94_db_that_reads_31_2_below_is_a_full_scale_of_36_pascal():
    # 94 dB are 1.0024 Pa, and 31.2 dB a factor of 36.3.
    assert calibration.full_scale_pa(94.0, -31.2) == pytest.approx(1.0024 * 36.308, rel=1e-4)


def test_an_accelerometer_on_a_shaker_shows_its_acceleration():
    g_at_one, rms = 49.0, 10 / 9.80665
    samples = rms * np.sqrt(2) * np.sin(2 * np.pi * 159 * TIME) / g_at_one
    reads = level_dbfs(samples)
    found = calibration.full_scale_g(rms, reads)
    assert found == pytest.approx(g_at_one, rel=1e-9)
    assert Scale(Quantity.ACCELERATION, found).level(reads) == pytest.approx(rms, rel=1e-9)


@pytest.mark.parametrize(("sensitivity_mv", "gain_db", "full_scale_v"), [(50.0, 0.0, 1.0), (12.6, 34.0, 2.0)])
def test_a_data_sheet_is_what_comes_out_of_the_converter(sensitivity_mv, gain_db, full_scale_v):
    found = calibration.full_scale_of(sensitivity_mv, gain_db, full_scale_v)
    volts = found * sensitivity_mv / 1_000 * 10 ** (gain_db / 20)
    assert volts / full_scale_v == pytest.approx(1.0)
