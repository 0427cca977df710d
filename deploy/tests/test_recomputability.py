"""Any score can be computed again, bit for bit, from what the collector holds: the stored row and the bundle."""

import numpy as np
import pytest
from demo_testing.plant import Plant

from audiosense_agent.enrolment import load_identity
from audiosense_agent.model_store import prepare_alone
from audiosense_common.bundle import open_bundle
from deploy.demo.processes import wait_for

SCORED = "SELECT d.digest, m.score, m.features FROM measurement m JOIN model_digest d ON d.id = m.model"
BUNDLES = "SELECT digest, bundle FROM model"
ENOUGH = 400


@pytest.mark.soak
def test_each_stored_score_is_that_of_its_stored_features_and_its_bundle_bit_for_bit(tmp_path_factory):
    plant = Plant(tmp_path_factory.mktemp("plant"))
    with plant.collector() as collector:
        plant.enrol()
        with plant.agent() as agent:
            both = [collector, agent]
            wait_for("each sensor has a model", plant.models_run, seconds=300, processes=both)
            before = plant.stored()
            wait_for("scores", lambda: plant.stored() > before + ENOUGH or None, seconds=120, processes=both)
        rows, bundles = plant.select(SCORED), plant.select(BUNDLES)
    identity = load_identity(plant.state)
    assert identity is not None
    keys = identity.trust.signing_keys
    detectors = {digest: prepare_alone(open_bundle(content, keys)) for digest, content in bundles}
    assert len(rows) > ENOUGH
    assert {row[0] for row in rows} == detectors.keys()
    again = [detectors[digest].judge(np.frombuffer(features, "<f2")).score for digest, _, features in rows]
    assert np.array_equal(np.float32(again), np.float32([score for _, score, _ in rows]))  # as stored: REAL
    assert len(set(again)) > ENOUGH // 2
