"""Exactly once: agents, collector, database and network hurt at random; then each window measured is stored once."""

import os
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest
from soak_testing.dying import AGENT_POINTS, COLLECTOR_POINTS
from soak_testing.network import Network
from soak_testing.plant import (
    SoakAgent,
    SoakCollector,
    deaths_and_restores,
    hurt_agent,
    hurt_collector,
    keep_trying,
    kills,
)

from deploy.demo.processes import wait_for

KINDS = 15
"""How often each kind of fault is injected; a longer soak injects each that many times more often."""
FACTOR = max(1, round(float(os.environ.get("AUDIOSENSE_SOAK_MINUTES", "4")) / 4))
SEED = 20261128


def run_under_faults(collector: SoakCollector, agents: list[SoakAgent]) -> None:
    """Hurt all at once: first agents and collector are killed, then agents die at write points or lose their disk.

    The network plays its tricks all the while. Agents are reloaded every few seconds, so that a run is not minutes of
    waiting after failures in a row.
    """
    chance, kinds = random.Random(SEED), KINDS * FACTOR
    collector.network.rate = 0.3
    done = threading.Event()
    with ThreadPoolExecutor() as pool:
        trying = pool.submit(keep_trying, agents, done)
        try:
            hurt(pool, agents, kills(len(agents), kinds), chance, pool.submit(hurt_collector, collector, kinds, chance))
            hurt(pool, agents, deaths_and_restores(len(agents), kinds, chance), chance)
            wait_for(
                "the network played each trick often enough",
                lambda: all(collector.network.seen[trick] >= kinds for trick in Network.TRICKS) or None,
                seconds=120 * FACTOR,
                processes=[],
            )
        finally:
            done.set()
        trying.result()
    collector.network.rate = 0.0


def hurt(pool, agents, shares, chance, *others):
    suffering = [pool.submit(hurt_agent, agent, share, chance) for agent, share in zip(agents, shares, strict=True)]
    for future in as_completed([*suffering, *others]):
        future.result()


def come_to_rest(collector: SoakCollector, agents: list[SoakAgent]) -> None:
    """Without faults windows flow again, each agent's spool drains, and nothing is in flight any more."""
    for agent in agents:
        agent.reload()
    before = collector.stored()
    processes = [collector.process, *(agent.process for agent in agents)]
    wait_for("windows flow again", lambda: collector.stored() > before + 200 or None, seconds=90, processes=processes)
    for agent in agents:
        wait_for(f"{agent.name} catches up", agent.is_sent, seconds=120, processes=[collector.process, agent.process])
        assert agent.process.stop() == 0
        assert agent.is_sent()
        agent.note_committed()


@pytest.mark.soak
def test_each_window_is_stored_once_whatever_happens_to_agents_collector_database_and_network(tmp_path_factory):
    collector = SoakCollector(tmp_path_factory.mktemp("soak"))
    agents: list[SoakAgent] = []
    try:
        agents += [SoakAgent(collector, name, seed) for seed, name in enumerate(("north", "south", "west"))]
        run_under_faults(collector, agents)
        come_to_rest(collector, agents)
        rows = collector.rows()
    finally:
        for agent in agents:
            agent.process.stop()
        collector.close()
    seen = sum((agent.hurt for agent in agents), Counter(collector.hurt))
    print(f"{len(rows)} windows; {dict(seen)}; network: {dict(collector.network.seen)}")  # noqa: T201 - figures of the run, shown with -s
    assert collector.network.refused == []
    assert all(seen[kind] == KINDS * FACTOR for kind in ("agent killed", "collector killed", "database restarted"))
    assert seen["snapshot restored"] == KINDS * FACTOR
    assert all(collector.network.seen[trick] >= KINDS * FACTOR for trick in Network.TRICKS)
    assert all(seen[f"agent {point}"] for point in AGENT_POINTS)
    assert all(seen[f"collector {point}"] for point in COLLECTOR_POINTS)
    check_conservation(rows, agents)


def check_conservation(rows, agents):
    measured = {key: features for agent in agents for key, features in agent.committed.items()}
    lost_with_disks = set().union(*(agent.unsent for agent in agents))
    stored = dict(rows)
    assert len(stored) == len(rows), "no window is stored twice"
    assert [key for key in stored if key not in measured] == [], "nothing is stored that was not measured"
    missing = [key for key in measured if key not in stored and key not in lost_with_disks]
    assert missing == [], f"{len(missing)} windows are missing"
    assert [key for key in stored if stored[key] != measured[key]] == [], "the bytes are those that were measured"
    assert len(rows) > 40 * KINDS * FACTOR
