"""The whole way of the probes: from sound that an agent keeps to what each machine's model would hear."""

import httpx
import pytest
from demo_testing.plant import Plant

from audiosense_common.synth.probes import PROBE_KINDS
from deploy.demo.processes import wait_for


def reports(plant):
    """Return what is known of all machines' models; None until all are known."""

    def read(path):
        url = f"{plant.http}/api/v1/{path}"
        return httpx.get(url, headers=plant.headers, trust_env=False, timeout=30).json()

    sensors = [sensor for machine in read("fleet")["machines"] for sensor in machine["sensors"]]
    found = [read(f"sensors/{sensor['id']}/detectability") for sensor in sensors]
    known = len(found) == len(plant.machines) and all(each["state"] == "known" for each in found)
    return found if known else None


@pytest.mark.soak
def test_each_simulated_machine_is_told_what_would_be_heard_and_keeps_its_one_model(tmp_path_factory):
    plant = Plant(tmp_path_factory.mktemp("plant"))
    plant.configuration.write_text(
        plant.configuration.read_text() + "\n[probes]\nmax_bytes = 1500000\ncpu_share = 1.0\n"
    )
    with plant.collector() as collector:
        plant.enrol()
        with plant.agent() as agent:
            found = wait_for("reports", lambda: reports(plant), seconds=600, processes=[collector, agent])
        models = plant.select("SELECT sensor_id FROM model")
    assert len(models) == len(plant.machines)
    for one in found:
        kinds = {kind["kind"]: kind["heard_from_db"] for kind in one["report"]["kinds"]}
        assert tuple(kinds) == PROBE_KINDS
        assert kinds["hiss_high"] is not None
        assert kinds["hiss_high"] < 0
    assert list((plant.state / "probes").rglob("window-*.npz"))
