"""A whole agent in this process, and what a collector stored of it."""

import threading

from audiosense_agent.config import Settings
from audiosense_agent.sections import ClipSettings, CollectorSettings, ProbeSettings
from audiosense_agent.service import Service
from audiosense_agent.uplink import Retry

QUICK = Retry(first_s=0.01, cap_s=0.05, slow_s=0.05)
INTERVALS = CollectorSettings(batch_interval_s=0.05, heartbeat_s=0.5, timeout_s=5)


class Running:
    """A service in a thread of its own."""

    def __init__(self, folder, *sensors, probes=None, clips=None, **options):
        parts = {"probes": probes or ProbeSettings(), "clips": clips or ClipSettings()}
        settings = Settings(name="test", state_dir=folder, collector=INTERVALS, sensors=sensors, **parts)
        self.service = Service(settings, retry=QUICK, **options)
        self.thread = threading.Thread(target=self.service.run)

    def __enter__(self):
        self.thread.start()
        return self.service

    def __exit__(self, *_):
        self.service.stop()
        self.thread.join(30)
        assert not self.thread.is_alive()


def rows(collector, name):
    sensor = collector.registered[name]
    columns = [each for batch in list(collector.batches) for each in batch.sensors if each.sensor == sensor]
    return [
        (time_us, score, status, each.models[model] if model is not None else None)
        for each in columns
        for time_us, score, status, model in zip(each.time_us, each.score, each.status, each.model, strict=True)
    ]
