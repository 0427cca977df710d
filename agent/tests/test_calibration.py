"""A sensor's calibration in its user's terms becomes what a sample of 1.0 stands for."""

import pytest

from audiosense_agent.config import SensorSettings
from audiosense_agent.enrolment import describe_sensor
from audiosense_common.wire import Quantity
from audiosense_common.wire_enrolment import SensorRegistration


def sensor(**calibration):
    return SensorSettings(name="a", machine="m", source={"type": "simulator"}, **calibration)


def test_94_db_is_a_pascal_on_the_calibrator():
    assert sensor(dbfs_at_94_db_spl=0.0).full_scale == pytest.approx(1.0024, abs=1e-4)
    assert sensor(dbfs_at_94_db_spl=-20.0).full_scale == pytest.approx(10.024, abs=1e-3)


def test_both_ways_to_say_it_agree():
    assert sensor(dbfs_at_94_db_spl=-26.0).full_scale == pytest.approx(sensor(db_spl_at_0_dbfs=120.0).full_scale)


def test_an_accelerometers_is_its_range():
    found = describe_sensor(sensor(quantity="acceleration", full_scale_g=16.0))
    assert (found.quantity, found.full_scale) == (Quantity.ACCELERATION, 16.0)


def test_without_calibration_nothing_is_said():
    found = describe_sensor(sensor())
    assert (found.quantity, found.full_scale) == (Quantity.SOUND_PRESSURE, None)


def test_a_registration_of_the_release_before_is_understood():
    message = {
        "name": "a",
        "machine": "m",
        "sample_rate_hz": 8_000,
        "window_s": 5,
        "schema": "x",
        "source": "simulator",
    }
    found = SensorRegistration.model_validate(message)
    assert (found.quantity, found.full_scale, found.running_level_dbfs) == (Quantity.SOUND_PRESSURE, None, None)
