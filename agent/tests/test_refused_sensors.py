"""A sensor that the collector refuses to register holds up no other, and loses nothing: against a real collector."""

from dataclasses import replace

import pytest
from agent_testing.real_collector import RealCollector
from agent_testing.samples import event, measurement, simulated
from agent_testing.uplinks import QUICK, NoModels
from agent_testing.waiting import wait_for

from audiosense_agent.batches import now_us
from audiosense_agent.config import Settings
from audiosense_agent.enrolment import describe_sensor
from audiosense_agent.health import registration
from audiosense_agent.health.base import CheckState
from audiosense_agent.spool import Spool
from audiosense_agent.spool.flight import InFlight
from audiosense_agent.uplink import Uplink

GOOD, BAD = ("one", "two", "three"), ("bad", "worse")


@pytest.fixture(scope="module")
def collector(tmp_path_factory, database_url):
    made = RealCollector(tmp_path_factory.mktemp("collector"), database_url)
    made.start()
    yield made
    made.stop()


def sensor(name, machine):
    return simulated(name).model_copy(update={"machine": machine})


class Agent:
    """Three sensors on machines of their own, and two on the sandbox, which is refused."""

    def __init__(self, folder, collector):
        self.collector = collector
        collector.query("UPDATE machine SET sandbox = false WHERE name = 'refused' RETURNING 1")
        sensors = [sensor(name, f"Machine {name}") for name in GOOD]
        self.settings = Settings(
            state_dir=folder,
            sensors=[*sensors, sensor("neighbour", "refused")],
            collector={"batch_interval_s": 0.001, "max_batch": 20, "timeout_s": 30},
        )
        collector.enrol(self.settings)
        collector.query("UPDATE machine SET sandbox = true WHERE name = 'refused' RETURNING 1")
        self.spool = Spool(folder / "spool.db")
        for each in (*sensors[:1], sensor("bad", "refused"), *sensors[1:], sensor("worse", "refused")):
            self.describe(each)
        self.open()

    def describe(self, each):
        self.spool.note_sensor(each.name, registration=describe_sensor(each).model_dump_json(by_alias=True))

    def open(self):
        settings = self.settings
        self.uplink = Uplink(self.spool, settings.state_dir, settings.collector, NoModels(), dict, retry=QUICK)

    def hear(self, rounds):
        """Spool so many windows of each sensor, one after the other, and an event of the first of either kind."""
        rows = [
            replace(
                measurement(0, sensor=name, score=None, model=None), time_us=now_us() - (rounds - place) * 5_000_000
            )
            for place in range(rounds)
            for name in (*GOOD, *BAD)
        ]
        events = [replace(event(), sensor=name, start_us=now_us(), end_us=now_us()) for name in (GOOD[0], BAD[0])]
        numbers = self.spool.append(rows, events)
        return {(row.sensor, number) for row, number in zip(rows, numbers, strict=True)}

    def stored(self):
        query = "SELECT s.name, m.seq FROM measurement m JOIN sensor s ON s.id = m.sensor_id WHERE m.epoch = %s"
        return self.collector.query(query, self.spool.epoch)

    def events(self):
        return {
            name for (name,) in self.collector.query("SELECT s.name FROM event e JOIN sensor s ON s.id = e.sensor_id")
        }

    def deliver(self, left):
        def is_delivered():
            self.uplink.step()
            status = self.spool.status()
            return (status.rows, self.spool.in_flight()) == (left, None)

        wait_for(is_delivered, 60)

    def close(self):
        self.uplink.close()
        self.spool.close()


@pytest.fixture
def agent(tmp_path, collector):
    made = Agent(tmp_path, collector)
    yield made
    made.close()


def of(numbers, names):
    return sorted(each for each in numbers if each[0] in names)


def test_the_others_go_on_and_what_was_refused_is_delivered_once_it_is_corrected(agent):
    numbers = agent.hear(50)
    agent.deliver(left=50 * len(BAD))
    assert sorted(agent.stored()) == of(numbers, GOOD)
    assert agent.spool.status().withheld == 50 * len(BAD)
    assert set(agent.uplink.refused_sensors) == set(BAD)
    assert all("sandbox" in reason for reason in agent.uplink.refused_sensors.values())
    assert agent.spool.status().dead_letters == agent.spool.status().dropped == 0
    assert agent.uplink.drain(float("inf")), "a stop does not wait for what cannot be sent"
    assert agent.spool.status().events == 1

    numbers |= agent.hear(30)
    agent.deliver(left=80 * len(BAD))
    assert sorted(agent.stored()) == of(numbers, GOOD)

    agent.uplink.close()
    agent.describe(sensor("bad", "Machine bad"))
    agent.open()
    agent.deliver(left=80)
    assert set(agent.uplink.refused_sensors) == {"worse"}
    assert sorted(agent.stored()) == of(numbers, (*GOOD, "bad"))
    assert agent.events() == {GOOD[0], BAD[0]}

    agent.collector.query("UPDATE machine SET sandbox = false WHERE name = 'refused' RETURNING 1")
    agent.uplink._link._register_refused_from = 0.0
    agent.deliver(left=0)
    assert agent.uplink.refused_sensors == {}
    assert sorted(agent.stored()) == sorted(numbers)


def test_an_answer_to_a_batch_that_skipped_rows_deletes_none_of_them_after_a_restart(spool, tmp_path):
    spool.append([measurement(place, sensor=("one", "bad")[place % 2]) for place in range(10)])
    spool.withhold({"bad"})
    rows = spool.read(100)
    assert [row.seq for row in rows] == [1, 3, 5, 7, 9]
    made = InFlight(b"a batch", 1, 9, (), withheld=spool.withheld(), life=spool.epoch)
    assert spool.put_in_flight(made, len(rows))
    spool.close()
    again = Spool(tmp_path / "spool.db")
    assert again.in_flight() == made
    again.acknowledge(again.in_flight())
    assert [row.seq for row in again.read(100)] == [2, 4, 6, 8, 10]
    assert (again.status().rows, again.status().withheld, again.status().dropped) == (5, 0, 0)
    again.close()


def test_a_batch_that_counts_withheld_rows_is_not_kept(spool):
    spool.append([measurement(place, sensor=("one", "bad")[place % 2]) for place in range(10)])
    spool.withhold({"bad"})
    made = InFlight(b"a batch", 1, 9, (), withheld=spool.withheld(), life=spool.epoch)
    assert not spool.put_in_flight(made, 9)


@pytest.mark.parametrize(
    ("refused", "is_linked", "state", "told"),
    [
        ({}, True, CheckState.OK, ""),
        ({}, False, CheckState.UNKNOWN, ""),
        ({"bad": "machine 'x' is the sandbox"}, True, CheckState.FAILED, "'bad': machine 'x' is the sandbox."),
        ({"b": "y" * 900, "a": "x" * 900, "c": ""}, True, CheckState.FAILED, "with 2 more sensors"),
    ],
    ids=["all registered", "not asked yet", "one", "many with long reasons"],
)
def test_the_check_names_the_sensor_and_what_to_do(refused, is_linked, state, told):
    found = registration.check(refused, 7, is_linked=is_linked)
    assert found.state is state
    assert told in found.remedy
    assert len(found.remedy) <= 500
    assert ("Correct" in found.remedy) is bool(refused)
