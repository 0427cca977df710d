"""Enrolment by itself with a key that systemd passes: it never gives up, and says what is wrong."""

import json
import os
import sys

import pytest
from agent_testing.collector import SECRET
from agent_testing.rotating import NoModels
from agent_testing.samples import measurement, simulated

from audiosense_agent.config import Settings
from audiosense_agent.enrolment import describe_sensor, identity_path, load_identity
from audiosense_agent.sections import CollectorSettings
from audiosense_agent.self_enrolment import KEY_CREDENTIAL, SelfEnrolment
from audiosense_agent.spool import Spool
from audiosense_agent.uplink import Retry, Uplink
from audiosense_common.enrolment import EnrolmentKey
from deploy.testing import warm

QUICK = Retry(first_s=0.001, cap_s=0.002, slow_s=7.0)
LOST = 15


class Agent:
    """An agent that is not enrolled, with a folder of credentials."""

    def __init__(self, folder):
        self.state, self.credentials = folder / "state", folder / "credentials"
        self.credentials.mkdir()
        settings = Settings(name="alone", state_dir=self.state, sensors=[simulated()])
        self.spool = Spool(self.state / "spool.db")
        self.spool.note_sensor("pump", registration=describe_sensor(simulated()).model_dump_json(by_alias=True))
        self.uplink = Uplink(
            self.spool,
            self.state,
            CollectorSettings(batch_interval_s=0.001, timeout_s=5),
            NoModels(),
            dict,
            retry=QUICK,
            enrol=SelfEnrolment(settings, self.credentials),
        )

    def give(self, key):
        (self.credentials / KEY_CREDENTIAL).write_text(f"{key}\n")

    def deliver(self):
        self.spool.append([measurement(1)])
        for _ in range(20):
            self.uplink.step()
            if self.spool.status().rows == 0:
                return
        raise AssertionError(self.uplink.state)


@pytest.fixture
def agent(tmp_path):
    made = Agent(tmp_path)
    yield made
    made.uplink.close()
    made.spool.close()


def test_an_agent_with_a_key_enrols_and_delivers_what_it_kept(agent, collector):
    agent.give(collector.key())
    agent.deliver()
    assert load_identity(agent.state).agent == collector.agent
    assert len(collector.stored) == 1
    agent.give("a key that is looked at no more")
    agent.deliver()
    assert len(collector.attempts) == 1


def test_an_agent_with_a_key_replaces_a_damaged_identity(agent, collector):
    identity_path(agent.state).write_bytes(b"\xff" * 9)
    assert agent.uplink.step() == QUICK.slow_s
    assert "is damaged; enrol the agent again" in agent.uplink.state
    agent.give(collector.key())
    agent.deliver()
    assert load_identity(agent.state).agent == collector.agent
    assert len(collector.stored) == 1


def test_an_agent_without_a_key_waits_to_be_enrolled(agent, collector):
    assert agent.uplink.step() == QUICK.slow_s
    assert "not enrolled" in agent.uplink.state
    assert collector.requests == []


@pytest.mark.parametrize("reason", ["used up (1 of 1 uses)", "expired", "revoked"])
def test_a_key_that_is_refused_is_told_and_tried_again_slowly(agent, collector, reason):
    collector.refuse_enrolment = reason
    agent.give(collector.key())
    for _ in range(3):
        assert agent.uplink.step() == QUICK.slow_s
    assert f"with the key of the credential {KEY_CREDENTIAL}" in agent.uplink.state
    assert reason in agent.uplink.state
    assert len(collector.attempts) == 3
    collector.refuse_enrolment = None
    agent.deliver()


@pytest.mark.parametrize("text", ["", "hello", "é", "asek1." + "x" * 40])
def test_a_key_that_is_none_is_told(agent, collector, text):
    agent.give(text)
    assert agent.uplink.step() == QUICK.slow_s
    assert KEY_CREDENTIAL in agent.uplink.state
    assert collector.requests == []


def test_a_collector_that_is_not_there_is_tried_again_until_it_is(agent, collector):
    agent.give(EnrolmentKey("https://127.0.0.1:9", collector.authority.fingerprint, SECRET).encode())
    for _ in range(5):
        assert agent.uplink.step() <= QUICK.cap_s
        assert "127.0.0.1:9 cannot be reached" in agent.uplink.state
    agent.give(collector.key())
    agent.deliver()


def test_answers_that_are_lost_spend_one_attempt_only(agent, collector):
    agent.give(collector.key())
    collector.enrolment_faults.extend(["drop"] * LOST)
    agent.deliver()
    assert collector.fired["enrolment drop"] == LOST
    assert len(collector.attempts) == LOST + 1
    assert len(set(collector.attempts)) == 1
    assert None not in collector.attempts
    assert not (agent.state / "enrolling.json").exists()


def test_the_service_finds_the_key_where_systemd_puts_it(tmp_path, collector):
    credentials, state = tmp_path / "credentials", tmp_path / "state"
    credentials.mkdir()
    (credentials / KEY_CREDENTIAL).write_text(collector.key())
    configuration = tmp_path / "agent.toml"
    configuration.write_text(
        f'name = "alone"\nstate_dir = "{state}"\n[collector]\nbatch_interval_s = 0.1\n[[sensors]]\nname = "pump"\n'
        'machine = "Pump"\nwindow_s = 0.5\nsource = {type = "simulator"}\n'
    )
    environment = os.environ | {"CREDENTIALS_DIRECTORY": str(credentials), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "audiosense_agent", "run", "--config", str(configuration), "--stop-after", "6"]
    done = warm.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads((state / "identity.json").read_text())["agent"] == str(collector.agent)
    assert len(collector.stored) == 6
