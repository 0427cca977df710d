import os
from pathlib import Path

import pytest

from audiosense_collector.evaluation import protocol
from audiosense_collector.evaluation.plan import Plan
from audiosense_collector.evaluation.recordings import find_machines, match_machine
from audiosense_collector.evaluation.run import evaluate, survey_all
from audiosense_collector.training.settings import FitSettings

FOLDER = Path(os.environ.get("AUDIOSENSE_RECORDINGS", ""))

needs_recordings = pytest.mark.skipif(
    not os.environ.get("AUDIOSENSE_RECORDINGS")
    or not (FOLDER / "mimii").is_dir()
    or not (FOLDER / "bldc_motor").is_dir(),
    reason="AUDIOSENSE_RECORDINGS names no folder with mimii/ and bldc_motor/",
)


@pytest.fixture(autouse=True)
def _the_products_forests(_small_forests, monkeypatch):
    monkeypatch.setattr(protocol, "FitSettings", FitSettings)


@needs_recordings
def test_a_damaged_propeller_is_heard_on_a_motor_whose_speeds_are_not_all_known():
    plan = Plan(folds=4, channel=0)
    motor = match_machine([f"{FOLDER}/bldc_motor/Healthy/M2"], [f"{FOLDER}/bldc_motor/Propeller/M2"])
    found = evaluate(survey_all([motor], plan), plan)
    assert found.single[0].figures.auc > 0.8
    assert found.single[0].figures.window_false_alarm_rate < 0.1


@needs_recordings
def test_the_excerpt_of_mimii_has_eight_machines_and_a_valve_is_heard():
    machines = find_machines(FOLDER / "mimii")
    assert [machine.name for machine in machines] == [
        f"{kind}/{number}" for kind in ("fan", "pump", "slider", "valve") for number in ("id_00", "id_02")
    ]
    assert all((len(machine.normal), len(machine.abnormal)) == (10, 5) for machine in machines)
    plan = Plan(channel=0)
    found = evaluate(survey_all(machines[6:7], plan), plan)
    assert found.single[0].figures.auc > 0.8
