"""The uplink against a real HTTPS server: every fault is injected, counted and survived."""

import json
import re

import pytest
from agent_testing.collector import Collector
from agent_testing.samples import event, measurement, simulated
from agent_testing.spoiling import AFTER_COMMIT, LATER_S, SLOW_S
from agent_testing.trust import Authority
from agent_testing.uplinks import QUICK, Setup

from audiosense_agent.enrolment import describe_sensor
from audiosense_agent.isolation import Isolation, Remedy
from audiosense_agent.uplink import Retry
from audiosense_common.wire import EventState


def test_measurements_and_events_arrive_bit_for_bit(setup):
    setup.enrol()
    rows = [measurement(i, score=None if i % 3 else i / 100) for i in range(25)]
    setup.spool.append(rows, [event(1), event(2, EventState.CLOSE)])
    setup.deliver()
    setup.check_exactly_once(range(1, 26))
    pump, epoch = setup.collector.registered["pump"], setup.spool.epoch
    for number, row in enumerate(rows, 1):
        assert setup.collector.stored[pump, epoch, number] == (row.time_us, row.score, row.features.tobytes())
    assert len(setup.collector.events) == 2
    assert setup.collector.batches[0].heartbeat.sources == {pump: "ok"}
    assert setup.uplink.state == "ok"


def test_the_link_follows_an_enrolment_made_while_it_runs(setup):
    numbers = setup.fill(3)
    setup.uplink.step()
    assert "not enrolled" in setup.uplink.state
    setup.enrol()
    setup.deliver()
    setup.check_exactly_once(numbers)


@pytest.mark.parametrize("code", [400, 413, 422])
def test_a_refusal_after_a_lost_answer_does_not_look_like_a_copied_agent(setup, code):
    setup.enrol()
    numbers = setup.fill(25)
    setup.collector.faults.extend(["drop", code, code])
    setup.deliver()
    setup.check_exactly_once(numbers)
    assert setup.collector.fired[code] == 2
    assert not setup.collector.quarantined


@pytest.mark.parametrize("fault", ["drop", 500, 502, 503, "429", "portal", 401, 403, 404])
def test_a_passing_fault_loses_nothing_and_repeats_exactly(setup, fault):
    setup.enrol()
    numbers = setup.fill(25)
    setup.collector.faults.extend([fault, fault, None, fault])
    if fault == "429":
        assert setup.uplink.step() >= 7
    setup.deliver()
    setup.check_exactly_once(numbers)
    assert setup.collector.fired[fault] == 3
    if fault == "drop":
        assert setup.collector.fired["exact repeat"] == 3
    assert setup.spool.status().dead_letters == 0


def test_what_went_wrong_is_logged_with_the_requests_number_that_the_collector_was_given(setup, caplog):
    setup.enrol()
    setup.fill(3)
    setup.collector.faults.append(503)
    setup.uplink.step()
    (line,) = [message for message in caplog.messages if "answered with 503" in message]
    number = re.search(r"\(request ([0-9a-f]{16})\)", line)[1]
    assert setup.collector.request_ids[-1] == number
    assert "request" not in setup.uplink.state, "the state stays the same while the failure does"


@pytest.mark.parametrize("fault", sorted(AFTER_COMMIT))
def test_an_answer_that_does_not_arrive_whole_or_in_time_is_asked_for_again(collector, tmp_path, fault):
    setup = Setup(collector, tmp_path / "state", timeout_s=SLOW_S / 2).enrol()
    numbers = setup.fill(25)
    collector.faults.extend([fault, fault, None, fault])
    setup.deliver()
    setup.check_exactly_once(numbers)
    assert collector.fired[fault] == 3
    assert collector.fired["exact repeat"] == 3
    assert not collector.quarantined
    setup.uplink.close()
    setup.spool.close()


@pytest.mark.parametrize(("fault", "told"), [("portal", "portal"), ("login_page", "302"), ("foreign_json", "portal")])
def test_what_a_captive_portal_says_acknowledges_nothing(setup, fault, told):
    setup.enrol()
    numbers = setup.fill(7)
    setup.collector.faults.extend([fault] * 5)
    for _ in range(5):
        setup.uplink.step()
        assert told in setup.uplink.state
        assert setup.spool.status().rows == 7
    setup.deliver()
    setup.check_exactly_once(numbers)
    assert setup.collector.fired[fault] == 5
    assert setup.spool.status().dead_letters == 0


@pytest.mark.parametrize("fault", ["put_off_by_date", "put_off_by_seconds"])
def test_a_wait_that_the_collector_names_is_kept_and_jitter_comes_on_top(setup, fault):
    setup.enrol()
    numbers = setup.fill(3)
    setup.uplink._retry = Retry(first_s=4, cap_s=4)
    setup.collector.faults.extend([fault] * 12)
    waits = [setup.uplink.step() for _ in range(12)]
    assert all(LATER_S - 2 <= wait <= LATER_S + 4 for wait in waits)
    assert max(waits) - min(waits) > 0.5
    setup.deliver()
    setup.check_exactly_once(numbers)
    assert setup.collector.fired[fault] == 12


@pytest.mark.parametrize("code", [401, 403])
def test_nothing_is_dropped_however_often_the_credential_is_refused(setup, code):
    setup.enrol()
    numbers = setup.fill(30)
    setup.collector.faults.extend([code] * 16)
    for _ in range(16):
        assert setup.uplink.step() == QUICK.slow_s
    assert setup.spool.status().rows == 30
    setup.deliver()
    setup.check_exactly_once(numbers)
    assert setup.collector.fired[code] == 16
    assert setup.spool.status().dead_letters == 0


@pytest.mark.parametrize("code", [400, 413, 422])
def test_a_poison_measurement_is_found_by_whatever_code_refuses_it(setup, code):
    setup.enrol()
    numbers = setup.fill(40)
    setup.collector.poison = lambda columns, place: columns.seq[place] == numbers[17]
    setup.collector.poison_code = code
    setup.deliver()
    setup.check_exactly_once(set(numbers) - {numbers[17]})
    letters = setup.spool.dead_letters()
    assert [json.loads(content)["seq"] for _, content, _ in letters] == [numbers[17]]
    assert str(code) in letters[0][2]
    assert setup.collector.fired["poison"] >= 4


def test_dead_letters_are_capped_and_all_are_counted(setup):
    setup.enrol()
    numbers = setup.fill(24)
    bad = set(numbers[::4])
    setup.collector.poison = lambda columns, place: columns.seq[place] in bad
    setup.deliver(1_000)
    setup.check_exactly_once(set(numbers) - bad)
    assert setup.spool.status().dead_letters == len(bad) == 6
    assert len(setup.spool.dead_letters()) == 5, "the newest as many as the setting says"


def test_all_faults_mixed_with_restarts_still_give_exactly_once(setup, collector):
    setup.enrol()
    numbers = []
    for life in range(6):
        numbers += setup.fill(15, start=life * 100)
        collector.faults.extend(["drop", 500, None, 413, "portal", "drop", 422, 401])
        for _ in range(7):
            setup.uplink.step()
        setup.uplink.close()
        setup.spool.close()
        successor = Setup(collector, setup.folder)
        setup.spool, setup.uplink = successor.spool, successor.uplink
    setup.deliver(1_000)
    setup.check_exactly_once(numbers)
    assert all(collector.fired[fault] > 2 for fault in ("drop", 500, 413, "portal", 422, 401))


def test_a_poison_measurement_alone_becomes_a_dead_letter(setup):
    setup.enrol()
    numbers = setup.fill(40)
    bad = {numbers[7], numbers[8], numbers[31]}
    setup.collector.poison = lambda columns, place: columns.seq[place] in bad
    setup.deliver()
    setup.check_exactly_once(set(numbers) - bad)
    assert setup.spool.status().dead_letters == 3
    assert all(kind == "measurement" and "poison" in reason for kind, _, reason in setup.spool.dead_letters())
    assert setup.collector.fired["poison"] > 3


def test_what_cannot_even_be_put_into_a_message_becomes_a_dead_letter(setup):
    setup.enrol()
    bad = {5: measurement(5, score=1.5), 9: measurement(9, level_dbfs=float("inf"))}
    numbers = setup.spool.append([bad.get(i, measurement(i)) for i in range(15)])
    setup.deliver()
    setup.check_exactly_once(set(numbers) - {numbers[5], numbers[9]})
    assert [kind for kind, _, _ in setup.spool.dead_letters()] == ["measurement"] * 2


def test_an_unexpected_failure_does_not_end_the_uplink(setup):
    setup.enrol()
    numbers = setup.fill(3)
    running = setup.models.running
    setup.models.running = lambda: 1 // 0
    setup.uplink.step()
    assert "unexpected failure" in setup.uplink.state
    setup.models.running = running
    setup.deliver()
    setup.check_exactly_once(numbers)


def test_a_poison_event_alone_becomes_a_dead_letter(setup):
    setup.enrol()
    events = [event() for _ in range(6)]
    numbers = setup.spool.append([measurement(i) for i in range(5)], events)
    setup.collector.poison_event = lambda each: each.id == events[2].id
    setup.deliver()
    setup.check_exactly_once(numbers)
    assert set(setup.collector.events) == {each.id for each in events} - {events[2].id}
    assert setup.spool.status().dead_letters == 1


def test_batches_that_are_too_large_are_halved(setup):
    setup.enrol()
    numbers = setup.fill(25)
    setup.collector.max_measurements = 3
    setup.deliver()
    setup.check_exactly_once(numbers)
    assert setup.collector.fired["too large"] >= 2
    assert setup.spool.status().dead_letters == 0


def test_nothing_is_buried_while_even_empty_batches_are_refused(setup):
    setup.enrol()
    numbers = setup.fill(12)
    setup.collector.faults.extend([422] * 40)
    for _ in range(38):
        setup.uplink.step()
    assert setup.spool.status().dead_letters == 0
    assert setup.spool.status().rows == 12
    setup.deliver()
    setup.check_exactly_once(numbers)


def test_a_refused_credential_keeps_everything_and_retries_slowly(setup):
    setup.enrol()
    setup.fill(5)
    setup.collector.quarantined = True
    setup.uplink._retry = Retry(slow_s=77)
    assert setup.uplink.step() == 77
    assert "quarantined" in setup.uplink.state
    assert setup.spool.status().rows == 5


def test_a_collector_with_another_ca_gets_nothing(setup, collector, tmp_path):
    setup.enrol()
    setup.fill(2)
    with Collector(Authority("another CA"), tmp_path / "other") as other:
        identity = collector.identity("pump").model_copy(update={"url": other.url})
        identity.save(setup.folder)
        setup.uplink.step()
        assert "not signed by the enrolled CA" in setup.uplink.state
        assert other.requests == []
    assert setup.spool.status().rows == 2


def test_an_unreachable_collector_backs_off_with_full_jitter(setup, collector):
    identity = collector.identity("pump")
    identity.model_copy(update={"url": "https://127.0.0.1:9"}).save(setup.folder)
    setup.uplink._retry = Retry(first_s=1, cap_s=300)
    delays = [setup.uplink.step() for _ in range(14)]
    assert all(0 <= delay <= min(300, 2**failures) for failures, delay in enumerate(delays))
    assert max(delays[9:]) > 10
    assert "cannot be reached" in setup.uplink.state


def test_retries_are_spread_evenly():
    delays = [Retry(first_s=1, cap_s=8).delay(10) for _ in range(400)]
    assert 0 <= min(delays) < 1
    assert 7 < max(delays) <= 8


def test_an_empty_batch_is_the_heartbeat_and_not_more(setup):
    setup.enrol()
    for _ in range(5):
        setup.uplink.step()
    assert len(setup.collector.batches) == 1
    assert setup.collector.batches[0].sensors == []
    assert setup.collector.batches[0].heartbeat.spool_rows == 0
    setup.uplink.wake()
    setup.uplink.step()
    assert len(setup.collector.batches) == 2


def test_fresh_measurements_do_not_wait_behind_a_backlog(setup):
    setup.enrol()
    numbers = setup.fill(100)
    setup.uplink.step()
    setup.uplink.step()
    assert numbers[-1] in {seq for _, _, seq in setup.collector.stored}
    assert setup.spool.status().rows == 80
    setup.deliver()
    setup.check_exactly_once(numbers)


def test_the_clock_offset_is_kept(setup):
    setup.enrol()
    setup.uplink.step()
    assert abs(int(setup.spool.get("clock_offset_us"))) < 5_000_000
    assert int(setup.spool.get("last_answer_us")) > 0


def test_a_lost_spool_starts_a_new_life_that_names_the_one_before(setup, collector):
    setup.enrol()
    setup.fill(3)
    setup.deliver()
    before = setup.spool.epoch
    setup.uplink.close()
    setup.spool.close()
    setup.spool.path.write_bytes(b"nonsense" * 500)
    successor = Setup(collector, setup.folder)
    setup.spool, setup.uplink = successor.spool, successor.uplink
    setup.fill(2)
    setup.deliver()
    assert collector.batches[-1].previous_epoch == before
    assert len(collector.stored) == 5


def test_sensors_that_left_the_configuration_are_registered_still(setup):
    setup.enrol()
    gone = describe_sensor(simulated("gone")).model_dump_json(by_alias=True)
    setup.spool.note_sensor("gone", registration=gone)
    setup.spool.append([measurement(1, sensor="gone")])
    setup.deliver()
    assert setup.collector.stored.keys() == {(setup.collector.registered["gone"], setup.spool.epoch, 1)}


def test_isolation_halves_to_one_then_proves_then_buries():
    isolation = Isolation(8)
    assert [isolation.refused(n) for n in (8, 4, 2)] == [Remedy.RETRY] * 3
    assert isolation.limit == 1
    assert isolation.refused(1) is Remedy.RETRY
    assert isolation.probing
    isolation.accepted(0)
    assert isolation.refused(1) is Remedy.BURY
    isolation.accepted(1)
    isolation.accepted(2)
    isolation.accepted(4)
    assert not isolation.is_active
    assert isolation.refused(0) is Remedy.RETRY
    assert isolation.bare
    assert isolation.refused(0) is Remedy.WAIT
