"""From kept windows to probes at the collector, over HTTPS, beside an agent that goes on listening."""

import threading
from contextlib import closing

import numpy as np
from agent_testing.running import Running, rows
from agent_testing.samples import simulated
from agent_testing.waiting import wait_for

from audiosense_agent.config import Settings
from audiosense_agent.errors import LinkError
from audiosense_agent.probes import Microphone, Prober
from audiosense_agent.reservoir import Reservoir, reservoir_folder
from audiosense_agent.sections import CollectorSettings, ProbeSettings
from audiosense_agent.service import Service
from audiosense_agent.windows import Window
from audiosense_common.features import SCHEMA_ID, FeatureExtractor
from audiosense_common.synth import SyntheticMachine
from audiosense_common.synth.probes import PROBE_KINDS, mix
from audiosense_common.wire import Status

RATE = 4_000
LENGTH = 1_000


def reservoir(folder, windows=20):
    kept = Reservoir(folder, RATE, LENGTH, max_bytes=windows * (2 * LENGTH + 1_024), seed=0)
    machine = SyntheticMachine("pump", RATE, 1)
    for number in range(windows):
        kept.offer(Window(1_000 * number, machine.render(LENGTH)), Status.LEARNING)
    return kept


class Mixing:
    """A prober at work in its thread."""

    def __init__(self, folder, *names, share=1.0):
        self.kept = {name: reservoir(folder / name) for name in names}
        self.prober = Prober({name: Microphone(its, RATE) for name, its in self.kept.items()}, share)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.prober.run, args=(self.stop,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(60)
        assert not self.thread.is_alive()


def exchange_until(mixing, wanted, identity, client, done):
    def step():
        mixing.prober.exchange(wanted, identity, client)
        return done()

    wait_for(step, 120)


def test_probes_are_the_kept_windows_with_each_fault_mixed_in(collector, tmp_path):
    identity = collector.identity("pump", "fan")
    sensor = identity.sensors["pump"]
    with closing(identity.client(5)) as client, Mixing(tmp_path, "pump") as mixing:
        exchange_until(mixing, [sensor], identity, client, lambda: collector.probes)
    message = collector.probes[sensor]
    matrix = message.features.unpack()
    assert tuple(message.kinds) == PROBE_KINDS
    assert set(message.window_us) == {1_000 * number for number in range(20)}
    kept = mixing.kept["pump"].read(7)
    expected = [
        (PROBE_KINDS.index(probe.kind), probe.level_db, FeatureExtractor(RATE).extract(mixed).tobytes())
        for probe, mixed in mix(kept.samples, RATE, message.seed, 7)
    ]
    found = [
        (kind, level, row.tobytes())
        for kind, level, start, row in zip(message.kind, message.level_db, message.window_us, matrix, strict=True)
        if start == 7_000
    ]
    assert found == expected
    assert message.features.schema_id == SCHEMA_ID


def test_what_the_collector_puts_off_is_sent_again_and_what_it_refuses_is_not(collector, tmp_path):
    identity = collector.identity("pump", "fan")
    pump, fan = identity.sensors["pump"], identity.sensors["fan"]
    sent = []

    def exchange(wanted):
        try:
            mixing.prober.exchange(wanted, identity, client)
        except LinkError as error:
            sent.append(str(error))

    with closing(identity.client(5)) as client, Mixing(tmp_path, "pump", "fan") as mixing:
        collector.probe_faults.append(503)
        wait_for(lambda: exchange([pump]) or pump in collector.probes, 120)
        assert sent == ["the collector puts probes off (503): injected"]
        collector.probe_faults.append(422)
        wait_for(lambda: exchange([fan]) or not collector.probe_faults, 120)
        count = [path for _, path in collector.requests].count("/api/v1/probes")
        for _ in range(20):
            exchange([fan])
        assert [path for _, path in collector.requests].count("/api/v1/probes") == count
    assert fan not in collector.probes


def test_unknown_sensors_and_samples_that_are_too_small_are_left(collector, tmp_path):
    identity = collector.identity("pump")
    reservoir(tmp_path / "few", 1)
    few = Reservoir(tmp_path / "few", RATE, LENGTH, max_bytes=10**9)
    assert not few.is_ready
    prober = Prober({"pump": Microphone(few, RATE)}, 1.0)
    stop = threading.Event()
    thread = threading.Thread(target=prober.run, args=(stop,))
    thread.start()
    with closing(identity.client(5)) as client:
        for _ in range(3):
            prober.exchange([identity.sensors["pump"], collector.agent], identity, client)
    stop.set()
    thread.join(60)
    assert not collector.probes


def test_a_stop_interrupts_the_mixing(collector, tmp_path):
    identity = collector.identity("pump")
    with closing(identity.client(5)) as client, Mixing(tmp_path, "pump", share=1e-6) as mixing:
        mixing.prober.exchange([identity.sensors["pump"]], identity, client)
        wait_for(mixing.thread.is_alive)
    assert not collector.probes


def test_a_listening_agent_sends_probes_when_it_is_asked_and_goes_on(collector, tmp_path):
    identity = collector.identity("pump")
    identity.save(tmp_path)
    sensor = identity.sensors["pump"]
    quick = ProbeSettings(max_bytes=25 * (2 * 2_000 + 1_024), cpu_share=1.0)
    with Running(tmp_path, simulated(history_s=100_000, max_speed=20, rate=4_000), probes=quick) as service:
        wait_for(lambda: len(rows(collector, "pump")) > 40)
        assert sensor not in collector.probes
        collector.probes_wanted = [sensor]
        wait_for(lambda: sensor in collector.probes, 120)
        count = len(rows(collector, "pump"))
        wait_for(lambda: len(rows(collector, "pump")) > count)
        assert service.uplink.state == "ok"
    message = collector.probes[sensor]
    heard = {row[0] for row in rows(collector, "pump")}
    assert set(message.window_us) <= heard
    assert len(message.kind) > 20 * 40
    sound = list((tmp_path / "probes").rglob("window-*.npz"))
    assert len(sound) >= 20
    assert not np.isnan(message.features.unpack().astype(float)).any()


def test_switched_off_it_keeps_no_sound_and_deletes_what_was_kept(collector, tmp_path):
    identity = collector.identity("pump")
    identity.save(tmp_path)
    folder = reservoir_folder(tmp_path / "probes", "pump")
    with Running(tmp_path, simulated(), stop_after=3):
        wait_for(lambda: len(rows(collector, "pump")) == 3)
    assert len(list(folder.glob("window-*.npz"))) == 3
    off = Settings(
        name="test",
        state_dir=tmp_path,
        collector=CollectorSettings(batch_interval_s=0.05),
        probes=ProbeSettings(enabled=False),
        sensors=[simulated()],
    )
    Service(off, stop_after=2).run()
    assert not folder.exists()
