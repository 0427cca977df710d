"""Debouncing: k of n with hysteresis and a minimum gap, as properties over any sequence of scores."""

import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audiosense_agent.events import Debouncer, uuid7
from audiosense_common.bundle import Debouncing
from audiosense_common.wire import EventState, Reason

SCORES = st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=120)
RULES = st.integers(1, 6).flatmap(
    lambda n: st.builds(Debouncing, k=st.integers(1, n), n=st.just(n), hysteresis=st.floats(0, 0.3))
)
THRESHOLD = 0.6


def play(scores, rule):
    debouncer = Debouncer("pump", "ab" * 32, THRESHOLD, rule)
    return debouncer, [debouncer.push(i * 10, i * 10 + 10, score) for i, score in enumerate(scores)]


def reaching(scores, end, n, level):
    return sum(score is not None and score >= level for score in scores[max(0, end - n + 1) : end + 1])


@given(SCORES, RULES)
def test_events_open_and_close_exactly_by_the_rule(scores, rule):
    _, revisions = play(scores, rule)
    is_open = False
    for i, revision in enumerate(revisions):
        anomalous = reaching(scores, i, rule.n, THRESHOLD)
        lingering = reaching(scores, i, rule.n, THRESHOLD - rule.hysteresis)
        if is_open:
            assert (revision is not None and revision.state is EventState.CLOSE) == (lingering < rule.k)
            is_open = lingering >= rule.k
        else:
            assert (revision is not None) == (anomalous >= rule.k)
            is_open = revision is not None


@given(SCORES, RULES)
def test_revisions_count_up_and_peak_and_span_are_right(scores, rule):
    debouncer, found = play(scores, rule)
    found.append(debouncer.close())
    by_event = {}
    for revision in filter(None, found):
        by_event.setdefault(revision.id, []).append(revision)
    ends = []
    for revisions in by_event.values():
        assert [each.revision for each in revisions] == list(range(1, len(revisions) + 1))
        assert revisions[0].state is EventState.OPEN
        assert [each.state for each in revisions].count(EventState.CLOSE) == 1
        last = revisions[-1]
        assert last.state is EventState.CLOSE
        inside = [
            (score, i * 10)
            for i, score in enumerate(scores)
            if score is not None and last.start_us <= i * 10 < last.end_us
        ]
        assert last.peak_score == max(score for score, _ in inside)
        assert (last.peak_score, last.peak_us) in inside
        assert last.windows == sum(score >= THRESHOLD for score, _ in inside)
        assert last.start_us < last.end_us
        assert not ends or last.start_us >= ends[-1]
        ends.append(last.end_us)


SECOND_US = 1_000_000
BURSTS = st.lists(st.tuples(st.sampled_from([0.9, 0.65, 0.3, None]), st.integers(1, 8)), max_size=20).map(
    lambda bursts: [score for score, length in bursts for _ in range(length)]
)


def play_seconds(scores, rule):
    """Play windows of a second each."""
    debouncer = Debouncer("pump", "ab" * 32, THRESHOLD, rule)
    windows = [(i * SECOND_US, (i + 1) * SECOND_US, score) for i, score in enumerate(scores)]
    found = [debouncer.push(*window) for window in windows]
    return [revision for revision in [*found, debouncer.close()] if revision]


def last_of_each(revisions):
    return list({revision.id: revision for revision in revisions}.values())


@given(BURSTS, RULES, st.floats(0, 30))
def test_events_closer_than_the_minimum_gap_are_one_and_no_others(scores, rule, gap_s):
    apart = last_of_each(play_seconds(scores, rule))
    merged = last_of_each(play_seconds(scores, rule.model_copy(update={"min_gap_s": gap_s})))
    expected = []
    for each in apart:
        if expected and each.start_us - expected[-1][1] < gap_s * SECOND_US:
            expected[-1] = (expected[-1][0], each.end_us)
        else:
            expected.append((each.start_us, each.end_us))
    assert [(each.start_us, each.end_us) for each in merged] == expected


@given(BURSTS, RULES, st.floats(0, 30))
def test_an_event_that_goes_on_counts_every_window_once(scores, rule, gap_s):
    revisions = play_seconds(scores, rule.model_copy(update={"min_gap_s": gap_s}))
    by_event = {}
    for revision in revisions:
        by_event.setdefault(revision.id, []).append(revision)
    for told in by_event.values():
        assert [each.revision for each in told] == list(range(1, len(told) + 1))
        assert [each.state for each in told].count(EventState.OPEN) == 1
        assert told[0].state is EventState.OPEN
        last = told[-1]
        assert last.state is EventState.CLOSE
        inside = [
            score
            for i, score in enumerate(scores)
            if score is not None and last.start_us <= i * SECOND_US < last.end_us
        ]
        assert last.windows == sum(score >= THRESHOLD for score in inside)
        assert last.peak_score == max(inside)


def test_a_closed_event_is_told_as_open_again_when_it_goes_on():
    scores = [0.9] * 3 + [0.1] * 5 + [0.9] * 3 + [0.1] * 3
    revisions = play_seconds(scores, Debouncing(k=3, n=5, min_gap_s=10))
    assert [(each.state, each.windows) for each in revisions] == [
        (EventState.OPEN, 3),
        (EventState.CLOSE, 3),
        (EventState.UPDATE, 6),
        (EventState.CLOSE, 6),
    ]
    assert len({each.id for each in revisions}) == 1
    assert len(last_of_each(play_seconds(scores, Debouncing(k=3, n=5)))) == 2


def test_a_new_model_begins_a_new_event_however_soon():
    debouncer = Debouncer("pump", "ab" * 32, THRESHOLD, Debouncing(k=1, n=1, min_gap_s=1_000))
    first = debouncer.push(0, 1, 0.9)
    debouncer.close()
    assert debouncer.push(1, 2, 0.9).id != first.id


def test_a_bundle_without_a_minimum_gap_has_none():
    assert Debouncing.model_validate({"k": 3, "n": 5, "hysteresis": 0.01}).min_gap_s == 0


@given(SCORES, RULES)
def test_the_sound_of_whatever_the_next_window_could_open_is_known(scores, rule):
    debouncer = Debouncer("pump", "ab" * 32, THRESHOLD, rule)
    for i, score in enumerate(scores):
        pending_us = debouncer.pending_us
        revision = debouncer.push(i * 10, i * 10 + 10, score)
        if revision is not None and revision.state is EventState.OPEN:
            assert revision.start_us >= (i * 10 if pending_us is None else pending_us)


def test_a_sensor_fault_never_keeps_an_event_open():
    debouncer, revisions = play([0.9, 0.9, 0.9, None, None, None], Debouncing(k=3, n=5))
    assert [revision.state for revision in revisions if revision] == [EventState.OPEN, EventState.CLOSE]
    assert not debouncer.is_open


def test_a_long_event_is_updated_now_and_then():
    _, revisions = play([0.9] * 40, Debouncing())
    assert [revision.windows for revision in revisions if revision] == [3, 15, 27, 39]


def test_a_change_of_model_closes_the_event_and_forgets_its_windows():
    debouncer, _ = play([0.9] * 4, Debouncing())
    assert debouncer.close().state is EventState.CLOSE
    assert debouncer.close() is None
    assert debouncer.push(40, 50, 0.9) is None


def explain_plainly(vector):
    return [Reason(key="level", value=vector[0], normal=0, unit="dBFS", deviation=vector[1])]


def test_reasons_are_those_of_the_median_over_the_anomalous_windows():
    debouncer = Debouncer("pump", "ab" * 32, THRESHOLD, Debouncing(k=3, n=5, hysteresis=0.2), explain_plainly)
    windows = [(0.9, 2), (0.5, 100), (0.7, 4), (0.9, 9), (0.8, 5), (0.7, 8), (0.1, 60), (0.1, 70), (0.1, 80)]
    found = [
        debouncer.push(i * 10, i * 10 + 10, score, np.array([value, i], np.float16))
        for i, (score, value) in enumerate(windows)
    ]
    opened, closed = [revision for revision in found if revision]
    assert (opened.windows, opened.reasons[0].value, opened.reasons[0].deviation) == (3, 4.0, 2.0)
    assert (closed.windows, closed.reasons[0].value, closed.reasons[0].deviation) == (5, 5.0, 3.0)


def test_a_long_event_tells_its_whole_length_and_keeps_few_windows():
    debouncer = Debouncer("pump", "ab" * 32, THRESHOLD, Debouncing(), explain_plainly)
    for i in range(1_000):
        debouncer.push(i * 10, i * 10 + 10, 0.9, np.array([i, 0], np.float16))
    assert len(debouncer._open.typical.kept) < 64
    assert abs(debouncer.close().reasons[0].value - 500) < 20


def test_windows_without_features_give_no_reasons():
    _, revisions = play([0.9] * 4, Debouncing())
    assert [revision.reasons for revision in revisions if revision] == [()]


def test_uuid7_has_version_variant_and_time():
    now_ms = time.time_ns() // 1_000_000
    made = [uuid7(now_ms + i) for i in range(100)]
    assert {each.version for each in made} == {7}
    assert {each.variant for each in made} == {"specified in RFC 4122"}
    assert made[0].int >> 80 == now_ms
    assert made == sorted(made)
