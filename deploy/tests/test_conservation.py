"""Conservation under kill -9: whatever agent or collector are doing, each window is stored once."""

import json
import random
import time

import numpy as np
import pytest
from demo_testing.plant import Plant

from audiosense_common.features import SCHEMA_ID, SCHEMAS
from deploy.demo.processes import command, wait_for

KILLS = 15


@pytest.mark.soak
def test_no_window_is_lost_or_stored_twice_when_either_side_is_killed_at_random(tmp_path_factory):
    plant = Plant(tmp_path_factory.mktemp("plant"))
    chance = random.Random(20261123)
    collector = plant.collector()
    agent = None
    try:
        plant.enrol()
        agent = plant.agent()
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.5, 2.5))
            plant.kill(agent)
            agent = plant.agent()
            time.sleep(chance.uniform(0.5, 2.5))
            plant.kill(collector)
            collector = plant.collector()
        before = plant.stored()
        wait_for("windows flow again", lambda: plant.stored() > before + 200 or None, seconds=60, processes=[collector])
        wait_for("each sensor has a model", plant.models_run, seconds=300, processes=[collector, agent])
        assert agent.stop() == 0
        status = json.loads(
            command(["audiosense_agent", "status", "--json", "--config", str(plant.configuration)], environment={})
        )
        rows = plant.select("SELECT sensor_id, epoch, seq, features FROM measurement")
    finally:
        if agent is not None:
            agent.stop()
        collector.stop()
    assert plant.kills == {"agent": KILLS, "collector": KILLS}
    assert status["spool"]["rows"] == status["spool"]["dropped"] == status["spool"]["dead_letters"] == 0
    measured = sum(sensor["windows_measured"] for sensor in status["sensors"].values())
    assert measured > KILLS * 20
    assert len(rows) == measured
    assert len({row[:3] for row in rows}) == measured
    # Sequence numbers are given out by the spool: with none missing they run from 1 to the number of windows.
    assert sorted(row[2] for row in rows) == list(range(1, measured + 1))
    width = 2 * len(SCHEMAS[SCHEMA_ID])
    assert all(len(row[3]) == width and np.isfinite(np.frombuffer(row[3], "<f2")).all() for row in rows)
