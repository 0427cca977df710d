"""Changing the credential: whatever is killed or lost on the way, the agent can always speak with its collector."""

import collections
import errno
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from agent_testing import rotating
from agent_testing.collector import CREDENTIAL, Collector
from agent_testing.samples import measurement, simulated

from audiosense_agent import enrolment
from audiosense_agent.enrolment import describe_sensor, load_identity
from audiosense_agent.sections import CollectorSettings
from audiosense_agent.spool import Spool
from audiosense_agent.uplink import Retry, Uplink

QUICK = Retry(first_s=0.001, cap_s=0.002, slow_s=0.003)


class Agent:
    """An enrolled agent's uplink and its spool."""

    def __init__(self, collector, folder):
        self.collector, self.folder = collector, folder
        self.spool = Spool(folder / "spool.db")
        self.spool.note_sensor("pump", registration=describe_sensor(simulated()).model_dump_json(by_alias=True))
        settings = CollectorSettings(batch_interval_s=0.001, heartbeat_s=60, timeout_s=5)
        self.uplink = Uplink(self.spool, folder, settings, rotating.NoModels(), dict, retry=QUICK)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.uplink.close()
        self.spool.close()

    @property
    def identity(self):
        return load_identity(self.folder)

    def until(self, done, steps=200):
        for _ in range(steps):
            if done():
                return
            self.uplink.step()
            time.sleep(0.001)
        raise AssertionError(f"not after {steps} steps: {self.uplink.state}")

    def deliver(self, count=3):
        self.spool.append([measurement(number) for number in range(count)])
        self.until(lambda: self.spool.status().rows == 0 and self.spool.in_flight() is None)

    def rotate(self):
        before = self.identity.credential
        self.collector.rotate = True
        self.uplink._link._rotates_from = 0.0
        self.deliver()
        self.until(lambda: self.identity.next is None and self.identity.credential != before)


@pytest.fixture
def agent(collector, tmp_path):
    folder = tmp_path / "state"
    collector.identity("pump").save(folder)
    with Agent(collector, folder) as made:
        yield made


def test_an_agent_changes_its_credential_when_it_is_told_to(agent):
    agent.deliver()
    agent.rotate()
    assert agent.identity.credential == agent.collector.credential != CREDENTIAL
    assert agent.collector.rotations == 1
    agent.deliver()
    agent.rotate()
    assert agent.collector.rotations == 2
    assert agent.collector.duplicates == 0


@pytest.mark.parametrize("fault", ["drop", "portal", 500, 429, 404, 409])
def test_a_lost_or_foreign_answer_leaves_the_present_credential_in_use(agent, fault):
    agent.collector.rotate = True
    for _ in range(5):
        agent.collector.credential_faults.append(fault)
        agent.uplink._link._rotates_from = 0.0
        agent.deliver()
        assert agent.identity.credential == CREDENTIAL
        assert agent.uplink.state == "ok"
    assert agent.collector.fired[f"credential {fault}"] == 5
    agent.rotate()


def test_a_failed_change_is_not_tried_with_every_batch(agent):
    agent.collector.rotate = True
    agent.collector.credential_faults.extend([500] * 9)
    for _ in range(5):
        agent.deliver()
    assert agent.collector.fired["credential 500"] == 1


@pytest.mark.parametrize("faults", [["drop"], ["drop", 500, "drop"], [503, 503], [401], [401, 401, 401], ["portal"]])
def test_what_meets_the_first_use_of_the_new_credential_loses_neither(agent, faults):
    """Among them refusals as unknown that are not the collector's: neither credential is given up for them."""
    agent.collector.rotate = True
    agent.deliver()
    assert agent.identity.next is not None
    agent.collector.faults.extend(faults)
    agent.deliver()
    agent.deliver()
    assert sum(agent.collector.fired[fault] for fault in set(faults)) == len(faults)
    assert agent.identity.next is None
    assert agent.identity.credential == agent.collector.credential


def test_a_new_credential_that_has_lapsed_is_dropped_for_the_old_one(agent):
    agent.collector.rotate = True
    agent.deliver()
    agent.collector.pending, agent.collector.rotate = None, False
    agent.deliver()
    assert (agent.identity.credential, agent.identity.next) == (CREDENTIAL, None)
    agent.rotate()


def test_a_full_disk_keeps_the_present_credential_in_use(agent, monkeypatch):
    real, refused = enrolment.write_atomically, []

    def full(path, *_, **__):
        refused.append(path.name)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(enrolment, "write_atomically", full)
    agent.collector.rotate = True
    agent.deliver()
    agent.deliver()
    assert refused == ["identity.json"]
    assert agent.uplink.state == "ok"
    monkeypatch.setattr(enrolment, "write_atomically", real)
    agent.rotate()


def test_an_enrolment_made_meanwhile_is_not_overwritten(agent):
    agent.deliver()
    link, known = agent.uplink._link, agent.identity
    anew = known.model_copy(update={"credential": "of-the-new-enrolment"})
    real = link._client.request

    def enrolled_meanwhile(*arguments, **options):
        anew.save(agent.folder)
        return real(*arguments, **options)

    link._client.request = enrolled_meanwhile
    agent.collector.rotate = True
    agent.spool.append([measurement(9)])
    agent.uplink.step()
    assert agent.identity == anew


def kill(folder, number, when):
    """Run a process that changes its credential; returns its exit code and what it did to its files."""
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, rotating.__file__, str(folder), str(number), when]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False)
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return done.returncode, done.stdout.split()


@pytest.mark.soak
def test_killed_at_each_operation_on_the_identity_the_agent_still_speaks_with_its_collector(authority, tmp_path):
    names = itertools.count()
    killed, found = collections.Counter(), collections.Counter()

    def cut(number, when):
        folder = tmp_path / str(next(names))
        with Collector(authority, folder / "server") as collector:
            state = folder / "state"
            collector.identity("pump").save(state)
            collector.rotate = True
            code, operations = kill(state, number, when)
            identity = load_identity(state)
            found[identity.next is not None, identity.credential != CREDENTIAL] += 1
            with Agent(collector, state) as agent:
                agent.deliver()
                assert agent.uplink.state == "ok"
                agent.until(lambda: not collector.rotate and agent.identity.next is None)
                assert agent.identity.credential == collector.credential != CREDENTIAL
                agent.rotate()
                left = [path.name for path in state.iterdir() if path.name.endswith(".new")]
            assert left == [], "what a kill left of a half-written credential is gone"
            assert collector.duplicates == 0
        return code, operations

    code, operations = cut(0, "before")
    assert code == 0
    # Twice: the new credential beside the old one, then alone. Content is durable before it is renamed, so that a power
    # cut leaves what a kill at the same place leaves.
    assert operations == ["open", "write", "fsync", "rename", "open", "fsync"] * 2
    for number, name in enumerate(operations, 1):
        for when in ("before", "half", "after") if name == "write" else ("before", "after"):
            code, _ = cut(number, when)
            assert code == -signal.SIGKILL
            killed[name] += 1
    assert killed.total() == 26
    assert all(found[state] > 3 for state in ((False, False), (True, False), (False, True)))


def test_the_other_credential_is_tried_at_once_and_both_again_only_after_a_while(agent):
    agent.collector.rotate = True
    agent.deliver()
    assert agent.identity.next is not None
    agent.collector.faults.extend([401] * 2)
    agent.spool.append([measurement(7)])
    time.sleep(0.01)
    assert [agent.uplink.step() for _ in range(4)] == [0.0, QUICK.slow_s, 0.0, QUICK.slow_s]
    assert agent.collector.fired[401] == 2, "the other two were the collector's own: the new one had been used"
    agent.deliver()
    assert agent.identity.credential == agent.collector.credential
