"""How the way of an agent's batches is told: late ones, repeats, clocks that are off or set."""

import itertools

import pytest

from audiosense_collector.agents import link_quality
from audiosense_collector.agents.tables import Agent
from audiosense_collector.clock import DAY_US, HOUR_US, SECOND_US

START_US = 1_800_000_000 * SECOND_US


def come(delays_s, *, every_us=10 * SECOND_US, ahead_s=0.0, agent=None):
    """Let batches come that need so long; the agent's clock is ahead. Returns the agent and which came at once."""
    agent = Agent() if agent is None else agent
    start = START_US if agent.last_seen is None else agent.last_seen + every_us
    found = []
    for now, delay_s in zip(itertools.count(start, every_us), delays_s, strict=False):
        found.append(link_quality.note(agent, now - round((delay_s - ahead_s) * SECOND_US), now))
        agent.last_seen = now
    return agent, found


def test_too_few_batches_tell_nothing():
    assert link_quality.describe(Agent()) is None
    agent, _ = come([0.1] * (link_quality.LEAST_BATCHES - 1))
    assert link_quality.describe(agent) is None


@pytest.mark.parametrize("ahead_s", [0.0, 86_400.0 * 300, -7_200.0])
def test_late_batches_are_counted_whatever_the_agents_clock_says(ahead_s):
    agent, found = come([0.1, 0.3] * 20 + [40.0] + [0.2] * 19 + [90.0, 12.0, 0.1], ahead_s=ahead_s)
    assert found.count(False) == 3
    assert not found[40]
    assert found[-3:] == [False, False, True]
    told = link_quality.describe(agent)
    assert told.batches == pytest.approx(63, abs=2)
    assert told.at_once == pytest.approx(60 / 63, abs=0.01)
    assert told.delay_ms == pytest.approx(100, abs=20)


def test_a_clock_that_was_set_costs_one_batch():
    agent, _ = come([0.1] * 20)
    _, found = come([0.1] * 20, ahead_s=-300.0, agent=agent)
    assert found == [False] + [True] * 19
    _, found = come([0.1] * 20, ahead_s=300.0, agent=agent)
    assert all(found)


def test_clocks_that_drift_apart_make_no_batch_late():
    agent = None
    for hour in range(48):
        agent, found = come([0.1] * 6, ahead_s=-0.36 * hour, every_us=HOUR_US // 6, agent=agent)
        assert all(found), hour


def test_what_was_long_ago_fades():
    agent, _ = come([0.1, 30.0] * 50)
    assert link_quality.describe(agent).at_once < 0.6
    come([0.1], every_us=2 * DAY_US, agent=agent)
    come([0.1] * 10, agent=agent)
    assert link_quality.describe(agent).at_once > 0.98


async def test_a_batch_whose_answer_was_lost_and_one_that_waited_are_told(make_agent, browser):
    agent = await make_agent()
    for _ in range(6):
        await agent.send(agent.batch())
    body = agent.batch().model_dump_json(by_alias=True).encode()
    answers = [await agent.post(body) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    agent.token = answers[0].json()["token"]
    shown = (await browser.get(f"/api/v1/agents/{agent.id}")).json()
    assert (shown["link"]["repeats"], shown["link"]["batches"], shown["link"]["at_once"]) == (2, 7, 1.0)
    offset_us = shown["clock_offset_us"]
    waited = agent.batch()
    waited = waited.model_copy(update={"sent_us": waited.sent_us - HOUR_US})
    await agent.send(waited)
    shown = (await browser.get(f"/api/v1/agents/{agent.id}")).json()
    assert shown["link"]["at_once"] == pytest.approx(7 / 8, abs=0.01)
    assert shown["clock_offset_us"] == offset_us, "a batch that waited for an hour says nothing of the clock"
