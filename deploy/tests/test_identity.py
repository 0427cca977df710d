"""Identity end to end: copied and restored disks against a real collector over TLS, and an agent that is replaced."""

import collections
import json
import os
import random
import shutil
import signal
import time

import httpx
import pytest
from demo_testing.copies import SENSOR, Heard, Process, configuration
from demo_testing.plant import Plant

from audiosense_agent.enrolment import enrol
from audiosense_common.enrolment import EnrolmentKey
from deploy.demo.machines import agent_configuration
from deploy.demo.processes import Process as Child
from deploy.demo.processes import command, wait_for

COPIES = 15
RESTORES = 15
REVOCATIONS = 15


class Site:
    """A collector, its administrator, and the one agent whose disk is copied and set back."""

    def __init__(self, plant, folder):
        self.plant, self.folder = plant, folder
        self.chance = random.Random(20261128)
        self.seen = collections.Counter()
        self.foreign = set()
        create = ["audiosense_collector", "enrolment-key", "create", "--uses", "100", "--url", plant.agents, "--quiet"]
        self.key = command(create, environment=plant.environment).strip()
        identity, _ = enrol(configuration(folder / "agent", "copied"), self.key)
        self.agent_id, self.sensor = identity.agent, identity.sensors[SENSOR]
        self.agent = Process(folder / "agent")

    def ask(self, action="", **body):
        path = f"{self.plant.http}/api/v1/agents"
        if action:
            url = f"{path}/{self.agent_id}/{action}"
            answer = httpx.post(url, json=body, headers=self.plant.headers, trust_env=False, timeout=30)
            assert answer.status_code == 200, answer.text
            return answer.json()
        found = httpx.get(path, headers=self.plant.headers, trust_env=False, timeout=30).json()["items"]
        return next(each for each in found if each["id"] == str(self.agent_id))

    def stored(self, sensor):
        rows = self.plant.select("SELECT sensor_id, epoch, seq, to_us(time), features FROM measurement")
        return [Heard(row[1], row[2], row[3], bytes(row[4])) for row in rows if row[0] == sensor]

    def work(self):
        """Hear and deliver something; now and then the answer to a batch that is under way is lost."""
        self.agent.hear(self.chance.randint(1, 60))
        self.agent.deliver()
        if self.chance.random() < 0.5:
            self.agent.lose_next_answer()
            self.seen["lost answers"] += 1

    def until_refused(self, *processes):
        words = ("is quarantined", "was replaced by a newer one")
        deadline = time.monotonic() + 30
        while not all(any(word in each.uplink.state for word in words) for each in processes):
            assert time.monotonic() < deadline, [each.uplink.state for each in processes]
            for each in processes:
                each.hear(self.chance.randint(0, 3))
                each.uplink.wake()
                each.step()

    def accept(self, chosen):
        before = chosen.identity.credential
        self.ask("accept", copy=str(chosen.instance))
        chosen.deliver_and_rotate(before)

    def copy(self, number):
        """Copy the disk while the agent runs; both go on, both are stopped, one of them is accepted."""
        self.work()
        second = Process(self.agent.copied_to(self.folder / f"copy-{number}"), self.agent.heard)
        pair = [self.agent, second]
        self.until_refused(*pair)
        shown = self.ask()
        assert shown["state"] == "quarantined"
        assert {str(each.instance) for each in pair} <= {each["instance"] for each in shown["copies"]}
        assert shown["evidence"]["refused"]["instance"] in {str(each.instance) for each in pair}
        self.seen["copies"] += 1
        self.chance.shuffle(pair)
        chosen, other = pair
        self.accept(chosen)
        other.uplink.wake()
        other.step(5)
        assert "was replaced by a newer one" in other.uplink.state
        self.seen["refused for ever"] += 1
        assert other.heard <= other.held() | set(self.stored(self.sensor)), "the refused copy keeps all that it has"
        self.foreign |= other.heard
        self.settle(other)
        self.agent = chosen

    def settle(self, other):
        """The refused copy is enrolled as an agent of its own and delivers what it holds."""
        held = other.held()
        identity, _ = enrol(configuration(other.folder, "copied"), self.key)
        other.deliver()
        found = self.stored(identity.sensors[SENSOR])
        assert set(found) == held
        assert len(found) == len(held)
        other.close()
        shutil.rmtree(other.folder)

    def revoke(self, _number):
        """Revoke the agent: its very next request is refused, it keeps all and delivers when it is taken in again."""
        self.work()
        self.agent.deliver()
        self.ask("revoke")
        self.agent.hear(self.chance.randint(50, 150))
        self.agent.uplink.wake()
        self.agent.step()
        assert "is revoked" in self.agent.uplink.state
        self.agent.step(3)
        waiting = self.agent.held()
        assert len(waiting) >= 50
        assert not waiting & set(self.stored(self.sensor))
        self.ask("accept")
        self.agent.deliver()
        assert waiting <= set(self.stored(self.sensor))
        self.seen["revocations"] += 1

    def restore(self, number):
        """Set the disk back to an older state, of which the spool gives numbers again; the agent is accepted."""
        self.work()
        saved = self.agent.copied_to(self.folder / f"saved-{number}")
        for _ in range(self.chance.randint(1, 12)):
            self.agent.hear(self.chance.randint(1, 30))
            self.agent.deliver()
        if self.chance.random() < 0.4:
            before = self.agent.identity.credential
            self.ask("rotate")
            self.agent.hear(1)
            self.agent.deliver_and_rotate(before)
            self.seen["restored behind a rotation"] += 1
        self.agent.close()
        folder, heard = self.agent.folder, self.agent.heard
        shutil.rmtree(folder)
        saved.rename(folder)
        self.agent = Process(folder, heard)
        self.agent.hear(self.chance.randint(1, 30))
        self.until_refused(self.agent)
        shown = self.ask()
        self.seen["restores"] += 1
        self.seen[f"restored and {shown['state']}"] += 1
        assert str(self.agent.instance) in {each["instance"] for each in shown["copies"]}
        self.accept(self.agent)


@pytest.mark.soak
def test_copied_and_restored_disks_are_found_one_is_accepted_and_each_window_is_stored_once(tmp_path_factory):
    folder = tmp_path_factory.mktemp("identity")
    plant = Plant(folder)
    plant.environment["AUDIOSENSE_BASELINE_WINDOWS"] = "1000000"
    collector = plant.collector()
    try:
        site = Site(plant, folder)
        turns = [site.copy] * COPIES + [site.restore] * RESTORES + [site.revoke] * REVOCATIONS
        site.chance.shuffle(turns)
        for number, turn in enumerate(turns):
            turn(number)
        site.agent.hear(50)
        site.agent.deliver()
        rows = site.stored(site.sensor)
        shown = site.ask()
    finally:
        site.agent.close()
        collector.stop()
    assert (site.seen["copies"], site.seen["refused for ever"], site.seen["restores"]) == (COPIES, COPIES, RESTORES)
    assert site.seen["revocations"] == REVOCATIONS
    assert site.seen["restored and quarantined"] > 3
    assert site.seen["restored behind a rotation"] == site.seen["restored and active"] > 3
    assert site.seen["lost answers"] > 10
    assert shown["state"] == "active"
    assert len(rows) == len({(row.epoch, row.seq, row.time_us) for row in rows}), "nothing is stored twice"
    assert site.agent.heard <= set(rows), "nothing that the accepted agents heard is missing, bytes equal"
    assert set(rows) <= site.agent.heard | site.foreign, "nothing else is stored"
    assert len({(row.epoch, row.seq) for row in rows}) < len(rows), "numbers were given twice, and told apart by time"


LISTENING = """
name = "press"
state_dir = "{state}"
[collector]
batch_interval_s = 0.5
heartbeat_s = 1.0
[[sensors]]
name = "press"
machine = "Press"
window_s = 0.25
source = {{type = "simulator"}}
"""


@pytest.mark.soak
def test_two_processes_on_one_copied_disk_are_stopped_and_the_accepted_one_misses_nothing(tmp_path_factory):
    plant = Plant(tmp_path_factory.mktemp("clones"))
    plant.configuration.write_text(LISTENING.format(state=plant.state))
    twin = plant.folder / "twin.toml"
    twin.write_text(LISTENING.format(state=plant.folder / "twin"))
    collector = plant.collector()
    running = []

    def credential(state):
        return json.loads((state / "identity.json").read_text())["credential"]

    def agent():
        url = f"{plant.http}/api/v1/agents"
        return httpx.get(url, headers=plant.headers, trust_env=False, timeout=30).json()["items"][0]

    def wait(what, probe, seconds=60):
        return wait_for(what, lambda: probe() or None, seconds=seconds, processes=[collector, *running])

    try:
        plant.enrol()
        running.append(plant.agent())
        wait("windows are stored", lambda: plant.stored() > 20)
        shutil.copytree(plant.state, plant.folder / "twin")
        before = credential(plant.state)
        arguments = ["audiosense_agent", "run", "--config", str(twin)]
        running.append(Child("twin", arguments, environment={}, log=plant.folder / "twin.log"))
        wait("the copy is found", lambda: agent()["state"] == "quarantined")
        copies = wait("both are refused", lambda: len(agent()["copies"]) > 1 and agent()["copies"])
        time.sleep(3)
        name = ["audiosense_collector", "agents", "accept", "press", "--copy", copies[-1]["instance"][:8]]
        command(name, environment=plant.environment)
        for each in running:
            # The configuration is read again: the same processes ask at once, not a minute later.
            os.kill(each.pid, signal.SIGHUP)
        states = {plant.state: running[0], plant.folder / "twin": running[1]}
        accepted = wait(
            "one has a credential of its own", lambda: [each for each in states if credential(each) != before]
        )
        stored = plant.stored()
        wait("its windows are stored", lambda: plant.stored() > stored + 20)
        shown = agent()
        codes = [each.stop() for each in running]
        (state,) = accepted
        (other,) = set(states) - {state}
        found = {}
        for each, toml in ((plant.state, plant.configuration), (plant.folder / "twin", twin)):
            status = command(["audiosense_agent", "status", "--json", "--config", str(toml)], environment={})
            found[each] = json.loads(status)
        rows = plant.select("SELECT epoch, seq, time FROM measurement")
    finally:
        for each in running:
            each.stop()
        collector.stop()
    assert (codes, shown["state"], shown["accepted_copy"]) == ([0, 0], "active", None)
    assert credential(other) == before
    assert found[state]["spool"]["rows"] == found[state]["spool"]["dropped"] == 0
    assert found[other]["spool"]["rows"] > 20, "the refused copy keeps what it hears"
    measured = found[state]["sensors"]["press"]["windows_measured"]
    assert len(rows) == len(set(rows)) >= measured > 60
    if not found[state]["spool"]["set_aside"]:
        assert {row[1] for row in rows} >= set(range(1, measured + 1))


@pytest.mark.soak
def test_a_replaced_agents_history_goes_on_and_its_model_runs_on_the_new_one(tmp_path_factory):
    plant = Plant(tmp_path_factory.mktemp("replaced"))
    plant.machines = plant.machines[:2]
    plant.configuration.write_text(agent_configuration(plant.machines, plant.state))
    collector = plant.collector()
    agent = None
    try:
        plant.enrol()
        agent = plant.agent()
        wait_for("each sensor has a model", plant.models_run, seconds=300, processes=[collector, agent])
        plant.kill(agent)
        old = json.loads((plant.state / "identity.json").read_text())
        dead = plant.state.rename(plant.folder / "dead")
        before = plant.select("SELECT sensor_id, count(*) FROM measurement GROUP BY 1")
        key = ["audiosense_collector", "enrolment-key", "create", "--url", plant.agents, "--quiet"]
        enroll = ["audiosense_agent", "enroll", "--config", str(plant.configuration), "--replace", old["agent"]]
        plain = command(key, environment=plant.environment).strip()
        with pytest.raises(Exception, match="may not replace an agent"):
            command([*enroll, plain], environment={})
        may = command([*key, "--may-replace"], environment=plant.environment).strip()
        assert EnrolmentKey.decode(may).url == plant.agents
        said = command([*enroll, may], environment={})
        assert f"took over from {old['agent']}: {', '.join(sorted(old['sensors']))}" in said
        new = json.loads((plant.state / "identity.json").read_text())
        assert (new["sensors"], new["agent"] != old["agent"]) == (old["sensors"], True)
        agent = plant.agent()
        wait_for("the models run on the new agent", plant.models_run, seconds=120, processes=[collector, agent])
        grown = dict(before)
        wait_for(
            "the history of each sensor goes on",
            lambda: (
                all(
                    count > grown[sensor] + 20
                    for sensor, count in plant.select("SELECT sensor_id, count(*) FROM measurement GROUP BY 1")
                )
                or None
            ),
            seconds=60,
            processes=[collector, agent],
        )
        credential = {"Authorization": f"Bearer {json.loads((dead / 'identity.json').read_text())['credential']}"}
        refused = httpx.post(
            f"{plant.agents}/api/v1/batches", content=b"{}", headers=credential, verify=False, trust_env=False
        )
    finally:
        if agent is not None:
            agent.stop()
        collector.stop()
    assert (refused.status_code, refused.json()["type"]) == (403, "revoked")
    assert "replaced by" in refused.json()["detail"]
