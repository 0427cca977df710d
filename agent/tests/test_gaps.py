"""Conservation: every window measured is stored, waits, or is in a gap that was told, whatever happened on its way."""

import random
import time
from collections import Counter

import pytest
from agent_testing.samples import measurement, simulated
from agent_testing.uplinks import QUICK, NoModels

from audiosense_agent.enrolment import describe_sensor
from audiosense_agent.sections import CollectorSettings
from audiosense_agent.spool import Spool
from audiosense_agent.spool.limits import DAY_US, Limits, Policy
from audiosense_agent.spool.repair import repair
from audiosense_agent.uplink import Uplink

PAGE = 4_096
NOW_US = time.time_ns() // 1_000


class Agent:
    """The half of an agent that writes, loses and sends, with a spool that fills up."""

    def __init__(self, collector, folder, policy, seed):
        self.collector, self.folder, self.policy = collector, folder, policy
        self.chance = random.Random(seed)
        self.measured, self.happened = 0, Counter()
        collector.identity("pump", "fan").save(folder)
        self.open()

    def open(self):
        self.spool = Spool(self.folder / "spool.db", Limits(250_000, self.policy, 30.0, 100))
        for name in ("pump", "fan"):
            registration = describe_sensor(simulated(name)).model_dump_json(by_alias=True)
            self.spool.note_sensor(name, registration=registration)
        settings = CollectorSettings(max_batch=40, timeout_s=5, batch_interval_s=0.001, heartbeat_s=60)
        self.uplink = Uplink(self.spool, self.folder, settings, NoModels(), dict, retry=QUICK)

    def close(self):
        self.uplink.close()
        self.spool.close()

    def measure(self, count=60):
        """Windows of the present, some of them with a time long ago."""
        age_us = [40 * DAY_US * (self.chance.random() < 0.05) for _ in range(count)]
        rows = [
            measurement(1, self.chance.choice(["pump", "fan"]), time_us=NOW_US - age + self.measured + place)
            for place, age in enumerate(age_us)
        ]
        self.measured += count
        self.spool._next_look_s = 0.0
        self.spool.append(rows, (), Counter(row.sensor for row in rows))

    def lose_in_memory(self):
        count = self.chance.randint(1, 9)
        self.measured += count
        self.spool.count_dropped("fan", count, NOW_US, NOW_US + count)
        self.happened["lost in memory"] += 1

    def send(self, steps):
        for _ in range(steps):
            self.uplink.step()
            time.sleep(0.001)

    def damage(self):
        """Destroy a page behind the agent's back, and repair what was set aside.

        Before, the gaps are told and the batch in flight is answered: what the page held of these nobody knows.
        """
        self.collector.faults.clear()
        self.until(lambda: self.spool.in_flight() is None and not self.spool.read_gaps(1))
        self.close()
        path = self.spool.path
        pages = path.stat().st_size // PAGE
        with path.open("r+b") as file:
            file.seek(self.chance.randrange(pages) * PAGE)
            file.write(self.chance.randbytes(PAGE))
        self.open()
        self.spool.read(10_000)
        self.close()
        for done in repair(path, 2**30):
            assert done.problem is None
            self.happened["repaired"] += 1
            self.happened["rescued"] += done.rescued.measurements
        self.open()

    def finish(self):
        self.collector.faults.clear()
        self.until(lambda: self.spool.in_flight() is None and not self.waiting())

    def waiting(self):
        status = self.spool.status()
        return status.rows or status.rescued or self.spool.read_gaps(1)

    def until(self, is_done):
        for _ in range(1_000):
            if is_done():
                return
            self.uplink.wake()
            self.send(1)
        raise AssertionError(f"not delivered: {self.uplink.state}, {self.spool.status()}")


@pytest.mark.parametrize("policy", list(Policy))
def test_measured_is_stored_and_told_as_lost(collector, tmp_path, policy):
    agent = Agent(collector, tmp_path / "state", policy, policy.value)
    collector.poison = lambda columns, row: columns.time_us[row] % 211 == 0
    try:
        for number in range(45):
            agent.measure()
            collector.faults.extend(agent.chance.choices([None, "drop", 500, "portal"], k=3))
            agent.send(agent.chance.randint(0, 6) if number % 20 > 9 else 0)
            if number % 5 == 4:
                agent.lose_in_memory()
            if number % 9 == 8:
                agent.damage()
        agent.finish()
        status = agent.spool.status()
    finally:
        agent.close()
    told = Counter()
    for gap in collector.gaps.values():
        assert gap.windows is not None
        told[gap.reason] += gap.windows
    back = told.pop("rescued")
    assert len(collector.stored) + sum(told.values()) - back == agent.measured
    assert status.rows == 0
    assert not collector.quarantined
    assert {"spool_full", "too_old", "not_stored", "set_aside", "refused"} <= set(told)
    assert back == agent.happened["rescued"] > 0
    assert agent.happened["repaired"] >= 2
    assert collector.fired["drop"] >= 5
