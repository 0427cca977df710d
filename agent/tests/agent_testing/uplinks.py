"""An enrolled agent's uplink beside a collector that plays faults."""

import time

from agent_testing.samples import measurement, simulated
from audiosense_agent.enrolment import describe_sensor
from audiosense_agent.sections import CollectorSettings
from audiosense_agent.spool import Spool
from audiosense_agent.spool.limits import Limits
from audiosense_agent.uplink import Retry, Uplink

QUICK = Retry(first_s=0.001, cap_s=0.002, slow_s=0.003)


class NoModels:
    def __init__(self):
        self.desired = []

    def running(self):
        return {}

    def take(self, desired, identity, client):
        self.desired.append(desired)
        return False


class Setup:
    """An enrolled agent's uplink, its spool and the collector."""

    def __init__(self, collector, folder, *, retry=QUICK, **settings):
        self.collector, self.folder = collector, folder
        self.spool = Spool(folder / "spool.db", Limits(max_dead_letters=5))
        self.spool.note_sensor("pump", registration=describe_sensor(simulated()).model_dump_json(by_alias=True))
        self.models = NoModels()
        values = {"max_batch": 10, "timeout_s": 5, "batch_interval_s": 0.001, "heartbeat_s": 60} | settings
        self.uplink = Uplink(
            self.spool,
            folder,
            CollectorSettings(**values),
            self.models,
            lambda: {"pump": "ok"},
            retry=retry,
        )

    def enrol(self, **options):
        self.collector.identity("pump", **options).save(self.folder)
        return self

    def fill(self, count, start=0):
        return self.spool.append([measurement(start + i) for i in range(count)])

    def deliver_some(self, batches):
        while len(self.collector.batches) < batches:
            self.uplink.step()
            time.sleep(0.001)

    def deliver(self, steps=400):
        for _ in range(steps):
            status = self.spool.status()
            if status.rows == 0 and status.events == 0 and status.rescued == 0 and self.spool.in_flight() is None:
                return
            self.uplink.step()
            time.sleep(0.001)
        raise AssertionError(f"not delivered after {steps} steps: {self.uplink.state}")

    def check_exactly_once(self, numbers):
        stored = sorted(seq for _, _, seq in self.collector.stored)
        assert stored == sorted(numbers)
        assert self.collector.duplicates == 0
