"""Days of operation in minutes: memory, files, threads and spool stay flat."""

import json
import os
from pathlib import Path

import pytest
import soundfile
from demo_testing.plant import Plant
from soak_testing.vitals import Observer

from audiosense_common.synth import SyntheticMachine
from deploy.demo.processes import command, wait_for

DAYS = max(1, round(float(os.environ.get("AUDIOSENSE_SOAK_MINUTES", "4")) / 4))
WINDOW_S = 5.0
RATE_HZ = 8_000
SOUND_S = 61
CONFIGURATION = """
name = "long run"
state_dir = "{state}"
[collector]
batch_interval_s = 1.0
[[sensors]]
name = "pump"
machine = "pump"
sample_rate_hz = {rate}
window_s = {window_s}
source = {{ type = "recording", path = "{sound}", loop = true, history_s = {history_s} }}
"""


def plant_of_the_past(folder: Path) -> Plant:
    """An agent that hears ``DAYS`` of a looped recording as fast as it can: time is told by the samples' clock."""
    plant = Plant(folder)
    sound = SyntheticMachine("pump", RATE_HZ, seed=5).render(SOUND_S * RATE_HZ)
    soundfile.write(folder / "pump.wav", sound, RATE_HZ, subtype="PCM_16")
    plant.configuration.write_text(
        CONFIGURATION.format(
            state=plant.state,
            rate=RATE_HZ,
            window_s=WINDOW_S,
            sound=folder / "pump.wav",
            history_s=DAYS * 86_400,
        )
    )
    return plant


@pytest.mark.soak
def test_days_of_operation_leave_memory_files_threads_and_spool_as_they_were(tmp_path_factory):
    plant = plant_of_the_past(tmp_path_factory.mktemp("long"))
    expected = round(DAYS * 86_400 / WINDOW_S)
    collector = plant.collector()
    try:
        plant.enrol()
        with plant.agent() as agent, Observer(agent.pid, plant.state / "spool.db") as observer:
            wait_for(
                "all days are heard",
                lambda: observer.windows >= expected or None,
                seconds=400 * DAYS,
                processes=[collector, agent],
            )
        assert agent.stop() == 0
        show = ["audiosense_agent", "status", "--json", "--config", str(plant.configuration)]
        spool = json.loads(command(show, environment={}))["spool"]
        ((stored, model_scored),) = plant.select("SELECT count(*), count(model) FROM measurement")
    finally:
        collector.stop()
    early, late = observer.halves()
    growth = min(vitals.resident_mib for vitals in late) - min(vitals.resident_mib for vitals in early)
    figures = {
        "windows": stored,
        "resident_mib": max(vitals.resident_mib for vitals in late),
        "resident_growth_mib": growth,
        "files": (max(vitals.files for vitals in early), max(vitals.files for vitals in late)),
        "threads": (max(vitals.threads for vitals in early), max(vitals.threads for vitals in late)),
        "spool_mib": (max(vitals.spool_mib for vitals in early), max(vitals.spool_mib for vitals in late)),
    }
    print(figures)  # noqa: T201 - figures of the run, shown with -s
    assert spool["rows"] == spool["dropped"] == spool["dead_letters"] == spool["set_aside"] == 0
    assert stored >= expected
    assert model_scored > expected / 2, "with a model for most of the time"
    assert growth < 8, "half a kilobyte a window would be more"
    assert figures["files"][1] <= figures["files"][0] + 2
    assert figures["threads"][1] <= figures["threads"][0]
    assert figures["spool_mib"][1] < 16
