"""Who is stored next: each agent in turn, the present before a backlog, and a backlog all the same."""

import uuid
from collections import Counter

import pytest

from audiosense_collector.ingest import queue as queues
from audiosense_collector.ingest.queue import BACKLOG_SHARE, MAX_BATCHES, MAX_ROWS, Queue

HOG, OTHER, THIRD = (uuid.UUID(int=number) for number in range(1, 4))


def put(queue, agent, count, rows=10, *, is_backlog=False):
    for number in range(count):
        queue.put((agent, number), agent, rows, is_backlog=is_backlog)


def drain(queue, groups=10_000):
    """Take groups one after the other, each done before the next."""
    taken = []
    while (group := queue.take()) and len(taken) < groups:
        taken.append(group)
        queue.done(agent for agent, _ in group)
    return taken


def test_of_an_agent_one_batch_is_in_work_at_a_time_and_they_keep_their_order():
    queue = Queue()
    put(queue, HOG, 3)
    put(queue, OTHER, 1)
    assert queue.take() == [(HOG, 0), (OTHER, 0)]
    assert queue.take() == []
    put(queue, OTHER, 1)
    assert queue.take() == []
    queue.done([OTHER])
    assert queue.take() == [(OTHER, 0)]
    queue.done([HOG, OTHER])
    assert [group for (group,) in drain(queue)] == [(HOG, 1), (HOG, 2)]
    assert queue.length == 0


def test_an_agent_that_sends_much_waits_for_itself_only():
    queue = Queue()
    put(queue, HOG, 100, rows=500, is_backlog=True)
    put(queue, OTHER, 2)
    put(queue, THIRD, 2)
    first, second = drain(queue, groups=2)
    assert set(first) == {(HOG, 0), (OTHER, 0), (THIRD, 0)}
    assert set(second) == {(HOG, 1), (OTHER, 1), (THIRD, 1)}


def test_a_smaller_group_has_its_quarter_of_a_backlog_too():
    queue = Queue()
    for number in range(100):
        put(queue, uuid.UUID(int=100 + number), 1, is_backlog=True)
        put(queue, uuid.UUID(int=300 + number), 1)
    group = queue.take(16)
    assert len(group) == 16
    assert sum(agent.int < 300 for agent, _ in group) == 16 // BACKLOG_SHARE


@pytest.mark.parametrize("rows", [600, MAX_ROWS, 10_000])
def test_a_backlog_goes_on_while_fresh_batches_fill_every_group(rows):
    queue = Queue()
    put(queue, HOG, 5, rows=rows, is_backlog=True)
    for number in range(100):
        put(queue, uuid.UUID(int=100 + number), 5, rows=600)
    for place, group in enumerate(drain(queue, groups=5)):
        kinds = Counter(agent == HOG for agent, _ in group)
        assert kinds[True] == 1, place
        assert kinds[False] >= MAX_ROWS * (BACKLOG_SHARE - 1) // BACKLOG_SHARE // 600


def test_fresh_batches_go_before_backlogs_that_came_first():
    queue = Queue()
    for number in range(50):
        put(queue, uuid.UUID(int=100 + number), 1, rows=600, is_backlog=True)
    put(queue, OTHER, 1, rows=600)
    assert (OTHER, 0) in queue.take()


def test_groups_are_bounded_and_a_batch_larger_than_a_group_is_stored_by_itself(monkeypatch):
    queue = Queue()
    for number in range(MAX_BATCHES + 1):
        put(queue, uuid.UUID(int=100 + number), 1, rows=1)
    assert [len(group) for group in drain(queue)] == [MAX_BATCHES, 1]
    monkeypatch.setattr(queues, "MAX_ROWS", 100)
    put(queue, HOG, 1, rows=1_000)
    put(queue, OTHER, 1, rows=1)
    assert [group for (group,) in drain(queue)] == [(HOG, 0), (OTHER, 0)]
