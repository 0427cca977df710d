"""Self-checks: each names what it found, with figures and a remedy, and is told, kept and measured."""

import json
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from dataclasses import asdict
from pathlib import Path
from uuid import UUID

import pytest
from agent_testing.samples import simulated
from agent_testing.waiting import wait_for
from typer.testing import CliRunner

from audiosense_agent.cli import app
from audiosense_agent.config import Settings
from audiosense_agent.health import (
    clock,
    data_path,
    disk,
    link,
    model,
    overflow,
    sensor,
    source,
    spool_space,
    temperature,
    throttling,
)
from audiosense_agent.health.base import CheckState
from audiosense_agent.health.latest import FILE, describe, read_latest
from audiosense_agent.model_store import probation as unfit
from audiosense_agent.pulse import Pulse
from audiosense_agent.sections import CollectorSettings, MetricsSettings
from audiosense_agent.sensor_faults.fault import FaultKind, SensorFault
from audiosense_agent.service import Service
from audiosense_agent.spool.rows import SpoolStatus
from audiosense_agent.uplink import Retry
from audiosense_agent.watchdog import Watchdog
from audiosense_common.wire import Heartbeat

OK, WARNING, FAILED, UNKNOWN = CheckState.OK, CheckState.WARNING, CheckState.FAILED, CheckState.UNKNOWN
DAY_US = 86_400_000_000


def reached(state, *, is_enrolled=True, silent_s=None, running_s=90_000, **more):
    return link.check(state, is_enrolled=is_enrolled, silent_s=silent_s, running_s=running_s, **more)


@pytest.mark.parametrize(
    ("found", "state", "cause"),
    [
        (clock.check(None), UNKNOWN, None),
        (clock.check(None, is_right=False), FAILED, "skewed"),
        (clock.check(1_000_000), OK, None),
        (clock.check(-3_000_000), WARNING, "skewed"),
        (clock.check(3_600_000_000), FAILED, "skewed"),
        (reached("ok", silent_s=3), OK, None),
        (reached("starting", running_s=1), UNKNOWN, None),
        (reached("no route", silent_s=30), WARNING, "unreachable"),
        (reached("no route", silent_s=3_000), FAILED, "unreachable"),
        (reached("no route", silent_s=604_800, running_s=20), WARNING, "unreachable"),
        (reached("no route", running_s=299), WARNING, "unreachable"),
        (reached("no route", running_s=301), FAILED, "unreachable"),
        (reached("ok", is_enrolled=False), WARNING, "not_enrolled"),
        (reached("identity.json is damaged; enrol again", is_damaged=True), FAILED, "identity_damaged"),
        (reached("the collector refuses this agent (403): x", silent_s=9.0), FAILED, "refused"),
        (spool_space.check(SpoolStatus(bytes=10), 100, 0), OK, None),
        (spool_space.check(SpoolStatus(bytes=60), 100, 0), WARNING, "filling"),
        (spool_space.check(SpoolStatus(bytes=97), 100, 0), FAILED, "filling"),
        (spool_space.check(SpoolStatus(bytes=10), 100, 3), FAILED, "dropping"),
        (model.check("s", 0, 10 * DAY_US, 0), OK, None),
        (model.check("s", 0, 200 * DAY_US, 0), WARNING, "stale"),
        (model.check("s", None, 0, 3_600), OK, "learning"),
        (model.check("s", None, 0, 300_000), WARNING, "missing"),
        (model.check("s", 0, DAY_US, 0, progress=(12, 60)), OK, "probation"),
        (model.check("s", 0, DAY_US, 0, sent_back="probation:latency: it takes 9 s"), WARNING, "sent_back_latency"),
        (model.check("s", None, 0, 0, sent_back="scoring:error: it fails"), WARNING, "sent_back_error"),
        (overflow.check("s", recent=0, overflows=9, gaps=12), OK, None),
        (overflow.check("s", recent=1, overflows=9, gaps=12), WARNING, "overflow"),
        (overflow.check("s", recent=10, overflows=9, gaps=12), FAILED, "overflow"),
        (source.check("s", "ok"), OK, None),
        (source.check("s", "starting"), UNKNOWN, None),
        (source.check("s", "device 'x' is gone"), FAILED, "failed"),
        (data_path.check("s", is_alive=True, silent_s=3, limit_s=45), OK, None),
        (data_path.check("s", is_alive=False, silent_s=50, limit_s=45), FAILED, "hung"),
    ],
)
def test_each_check_has_a_state_a_cause_and_where_needed_a_remedy(found, state, cause):
    assert (found.state, found.cause) == (state, cause)
    assert bool(found.remedy) == (state in {WARNING, FAILED})
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", each.key) for each in found.evidence)


def test_every_sensor_fault_has_a_remedy():
    for kind, cause in sensor.REMEDIES:
        faulty = SensorFault(FaultKind(kind), cause, ())
        checks = {check.key: check for check in sensor.check("s", [faulty], -30.0)}
        assert set(checks) == {each.value for each in FaultKind}
        assert checks[kind].state is FAILED
        assert checks[kind].remedy.endswith(".")
        assert {check.state for key, check in checks.items() if key != kind} == {OK}
    assert {check.state for check in sensor.check("s", [], None)} == {UNKNOWN}
    suspicion = SensorFault(FaultKind.MOVED, "suspected", (), is_sure=False)
    assert {check.state for check in sensor.check("s", [suspicion], 0.0)} == {OK, WARNING}


def test_the_disk_is_looked_at_for_real(tmp_path):
    found = disk.check(tmp_path)
    free = next(each for each in found.evidence if each.key == "free")
    assert free.unit == "MB"
    assert free.value > 0
    assert disk.check(tmp_path / "nowhere").state is UNKNOWN


def board(sysfs, celsius=None, throttled=None):
    if celsius is not None:
        for number, each in enumerate(celsius):
            zone = sysfs / f"class/thermal/thermal_zone{number}"
            zone.mkdir(parents=True)
            (zone / "temp").write_text(f"{each}\n")
    if throttled is not None:
        firmware = sysfs / "devices/platform/soc/soc:firmware"
        firmware.mkdir(parents=True)
        (firmware / "get_throttled").write_text(throttled)
    return sysfs


@pytest.mark.parametrize(
    ("celsius", "state"),
    [([], UNKNOWN), ([45_000, 61_500], OK), ([45_000, 82_000], WARNING), ([96_000], FAILED), (["", 999_000], UNKNOWN)],
)
def test_the_hottest_zone_counts(tmp_path, celsius, state):
    assert temperature.check(board(tmp_path, celsius)).state is state


@pytest.mark.parametrize(
    ("bits", "state", "cause"),
    [
        (None, UNKNOWN, None),
        ("0", OK, None),
        ("50005", FAILED, "under_voltage"),
        ("0x80008", WARNING, "slowed"),
        ("50000", WARNING, "under_voltage"),
        ("no number", UNKNOWN, None),
    ],
)
def test_a_raspberry_pi_tells_of_its_supply_and_heat(tmp_path, bits, state, cause):
    found = throttling.check(board(tmp_path, throttled=bits))
    assert (found.state, found.cause) == (state, cause)


class Running:
    def __init__(self, folder, **options):
        quick = CollectorSettings(batch_interval_s=0.05, heartbeat_s=0.5, timeout_s=5)
        self.settings = Settings(
            name="test", state_dir=folder, collector=quick, sensors=[simulated(history_s=5)], **options
        )
        self.service = Service(self.settings, retry=Retry(first_s=0.01, cap_s=0.05, slow_s=0.05))
        self._thread = threading.Thread(target=self.service.run)

    def __enter__(self):
        self._thread.start()
        return self.service

    def __exit__(self, *_):
        self.service.stop()
        self._thread.join(30)
        assert not self._thread.is_alive()


def test_the_checks_travel_in_the_heartbeat_and_a_change_at_once(collector, tmp_path):
    identity = collector.identity("pump")
    identity.save(tmp_path)
    with Running(tmp_path) as service:

        def told():
            return [batch.heartbeat.checks for batch in list(collector.batches) if batch.heartbeat.checks is not None]

        wait_for(lambda: told() and any(check.key == "sensor_silent" and check.state is OK for check in told()[-1]))
        service.workers["pump"].health.overflows += 1
        service.workers["pump"].health._recent.append(time.monotonic())
        wait_for(lambda: any(check.key == "sensor_overflow" and check.state is WARNING for check in told()[-1]))
    known = {check.sensor for check in told()[-1]}
    assert known == {None, identity.sensors["pump"]}
    assert {check.key for check in told()[-1] if check.sensor is None} == {
        *("clock", "collector", "disk", "registration", "spool", "temperature", "throttling")
    }
    silent = sum(batch.heartbeat.checks is None for batch in collector.batches)
    assert silent > len(told()), "most heartbeats say that nothing changed"


def test_status_reads_the_checks_beside_a_running_agent(tmp_path):
    config = tmp_path / "agent.toml"
    config.write_text(
        f'state_dir = "{tmp_path}"\n[[sensors]]\nname = "pump"\nmachine = "m"\nsource = {{type = "simulator"}}\n'
    )
    before = CliRunner().invoke(app, ["status", "-c", str(config)]).stdout
    assert "checks: none yet" in before
    with Running(tmp_path):
        wait_for((tmp_path / FILE).exists)
        text = CliRunner().invoke(app, ["status", "-c", str(config)]).stdout
        found = json.loads(CliRunner().invoke(app, ["status", "-c", str(config), "--json"]).stdout)
    assert re.search(r"checks: \d+ of 16 ok", text)
    assert "warning: collector (not_enrolled): Enrol the agent" in text
    assert {"key", "state", "evidence", "remedy", "sensor", "cause"} == set(found["checks"]["checks"][0])


def test_status_says_how_far_a_model_on_probation_is(tmp_path):
    found = model.check("pump", 0, DAY_US, 0, progress=(12, 60))
    (tmp_path / FILE).write_text(json.dumps({"time_us": time.time_ns() // 1_000, "checks": [asdict(found)]}))
    config = tmp_path / "agent.toml"
    config.write_text(
        f'state_dir = "{tmp_path}"\n[[sensors]]\nname = "pump"\nmachine = "m"\nsource = {{type = "simulator"}}\n'
    )
    text = CliRunner().invoke(app, ["status", "-c", str(config)]).stdout
    assert "no model yet, on probation, 12 of 60 windows, " in text


def test_each_reason_for_sending_a_model_back_has_a_remedy():
    source = Path(unfit.__file__).parent
    text = "".join(path.read_text() for path in source.glob("*.py"))
    words = set(re.findall(r'UnfitModelError\(\s*"([a-z_]+)"', text)) | set(re.findall(r"probation:([a-z]+): ", text))
    assert words == set(model.SENT_BACK)


def test_old_or_damaged_checks_are_told_or_left_out(tmp_path):
    assert read_latest(tmp_path) is None
    (tmp_path / FILE).write_text("{")
    assert read_latest(tmp_path) is None
    (tmp_path / FILE).write_text(json.dumps({"time_us": 1, "checks": []}))
    assert "does the agent run?" in next(describe(read_latest(tmp_path)))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_prometheus_reads_checks_and_counters_on_the_loopback(tmp_path):
    port = free_port()

    def read(path="/metrics"):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
            assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
            return answer.read().decode()

    with Running(tmp_path, metrics=MetricsSettings(port=port)) as service:
        wait_for(lambda: service.workers["pump"].health.windows > 2 and (tmp_path / FILE).exists())
        text = read()
        with pytest.raises(urllib.error.HTTPError):
            read("/else")
    lines = text.splitlines()
    assert text.endswith("\n")
    sample = re.compile(r'audiosense_agent_[a-z_]+(\{([a-z_]+="[^"]*",?)*\})? -?[0-9.e+-]+')
    assert [line for line in lines if not line.startswith("#") and not sample.fullmatch(line)] == []
    (windows,) = [line for line in lines if line.startswith('audiosense_agent_windows_total{sensor="pump"}')]
    assert float(windows.split()[-1]) > 2
    assert 'audiosense_agent_check_state{check="disk",sensor="",state="ok"} 1' in lines
    assert any(line.startswith("audiosense_agent_scoring_seconds_sum") for line in lines)


def test_a_metrics_port_that_is_taken_does_not_stop_the_agent(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with Running(tmp_path, metrics=MetricsSettings(port=taken.getsockname()[1])) as service:
            wait_for(lambda: service.workers["pump"].health.windows > 2)


def test_a_heartbeat_without_checks_is_still_taken():
    assert Heartbeat.model_validate({"version": "0.1.0"}).checks is None


class Clock(Pulse):
    """A pulse whose silence the test sets."""

    seconds = 0.0

    @property
    def silent_s(self):
        return self.seconds


def test_the_watchdog_is_fed_while_every_pulse_beats_and_ready_waits_for_the_first_window(monkeypatch):
    told, now = [], [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    pulses = {"a": Clock(5.0), "b": Clock(5.0)}
    watchdog = Watchdog(pulses, told.append)

    def at(second):
        now[0] = second
        told.clear()
        watchdog.tick()
        return list(told)

    assert at(1) == ["WATCHDOG=1"]
    pulses["a"].commit()
    assert at(3) == ["READY=1", "WATCHDOG=1"]
    assert at(3.2) == []
    pulses["b"].seconds = 44.0
    assert at(5) == ["WATCHDOG=1"]
    pulses["b"].seconds = 46.0
    assert at(7) == []
    pulses["b"].seconds = 0.0
    assert at(9) == ["WATCHDOG=1"]


def test_ready_is_said_without_a_window_after_a_bounded_wait(monkeypatch):
    told, now = [], [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    watchdog = Watchdog({"a": Clock(5.0)}, told.append)
    now[0] = 21.0
    watchdog.tick()
    assert told == ["READY=1", "WATCHDOG=1"]


def test_wire_checks_of_sensors_without_identity_are_left_out(tmp_path):
    with Running(tmp_path) as service:
        wait_for(lambda: service._examiner._latest)
        told = service._examiner.tell({})
        assert {check.sensor for check in told} == {None}
        assert service._examiner.tell({}) is None
        service._examiner._told = None
        told = service._examiner.tell({"pump": UUID(int=3)})
        assert UUID(int=3) in {check.sensor for check in told}


def test_a_key_that_could_not_be_used_stands_before_what_else_can_be_done():
    spent = reached("with the key of the credential: used up (1 of 1 uses)", is_enrolled=False)
    waits = reached("not enrolled: measurements are kept", is_enrolled=False)
    assert spent.remedy == f"with the key of the credential: used up (1 of 1 uses). {waits.remedy}"
    assert waits.remedy.startswith("Enrol the agent")


def test_a_running_agent_tells_that_its_identity_is_damaged(tmp_path):
    (tmp_path / "identity.json").write_text("{}")
    with Running(tmp_path) as service:
        wait_for(lambda: "is damaged" in service.uplink.state)
        found = {check.key: check for check in service._examiner.examine()}["collector"]
    assert (found.state, found.cause) == (FAILED, "identity_damaged")
    assert found.remedy.startswith("The identity is damaged: enrol the agent again")
