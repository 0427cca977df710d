"""Until when a model may be installed is judged by the agent's clock, and only while that is right."""

import threading
import time

import pytest
from agent_testing.bundles import KEY, make_bundle
from agent_testing.clocks import QUICK, YEARS_1970_NS, Wrong
from agent_testing.graphs import resign
from agent_testing.samples import simulated
from agent_testing.waiting import wait_for

from audiosense_agent.config import Settings
from audiosense_agent.sections import CollectorSettings
from audiosense_agent.service import Service
from audiosense_common.wire import DesiredModel

HOUR_US = 3_600_000_000
INTERVALS = CollectorSettings(batch_interval_s=0.1, heartbeat_s=0.3, timeout_s=5)


@pytest.mark.parametrize(
    ("shift_s", "refusal"), [(YEARS_1970_NS / 1e9, None), (0, "expired")], ids=["clock in 1970", "right clock"]
)
def test_a_models_date_is_judged_by_a_clock_that_is_right_only(collector, tmp_path, shift_s, refusal):
    collector.signing_keys = KEY.public_keys()
    identity = collector.identity("pump")
    identity.save(tmp_path)
    sensor = identity.sensors["pump"]
    passed = resign(make_bundle(sensor), install_before_us=time.time_ns() // 1_000 - HOUR_US)
    collector.bundles[passed.digest] = passed.pack()
    collector.desired = {sensor: DesiredModel(digest=passed.digest, version=1)}
    settings = Settings(state_dir=tmp_path, collector=INTERVALS, sensors=[simulated(history_s=0)])
    service = Service(settings, retry=QUICK, clock=Wrong(shift_s).clock)
    thread = threading.Thread(target=service.run)
    thread.start()

    def told():
        found = [batch.running.get(sensor) for batch in list(collector.batches)]
        return next((each for each in found if each and passed.digest in {each.digest, each.refused}), None)

    try:
        wait_for(lambda: told() is not None)
    finally:
        service.stop()
        thread.join(30)
    assert (told().digest, (told().reason or "").split(":")[0] or None) == (
        passed.digest if refusal is None else None,
        refusal,
    )
