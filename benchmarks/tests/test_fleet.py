"""The benchmark of a fleet, small: it counts what it should, and its agents keep their connections."""

import psycopg
import pytest

from audiosense_collector.db.engine import libpq_url
from benchmarks.fleet import WINDOWS, Fleet
from benchmarks.fleet_agents import register

AGENTS = 12


@pytest.mark.soak
async def test_a_small_fleet_survives_the_kill_with_everything_stored_once(tmp_path):
    fleet = Fleet(tmp_path, AGENTS, 2.0)
    figures = await fleet.measure(12.0, 6.0)
    assert (figures["lost"], figures["duplicated"]) == (0, 0)
    assert figures["recovery_s"] > 0
    assert len(fleet._record.answered) * WINDOWS == sum(agent.sent for agent in fleet._agents)
    assert AGENTS <= fleet._record.connections < len(fleet._record.answered), "connections are used again"


def test_what_is_missing_and_what_is_there_twice_is_counted(tmp_path, database_url):
    fleet = Fleet(tmp_path, 3, 2.0)
    with psycopg.connect(libpq_url(database_url)) as connection:
        register(connection, fleet._agents)
        for agent, seqs in zip(fleet._agents, ([0, 1, 2], [0, 0, 5], []), strict=True):
            agent.sent = 3
            for place, seq in enumerate(seqs):
                # One window at two times is what must never be: the key of the table does not hinder it.
                connection.execute(
                    "INSERT INTO measurement (sensor_id, time, epoch, seq, level_dbfs, dominant_hz, status, schema,"
                    " features) VALUES (%s, now() + %s * interval '1 s', %s, %s, -30, 100, 2, 1, '')",
                    [agent.sensor, place, agent.sensor, seq],
                )
        assert fleet._conserve(connection) == (2 + 3, 1)
