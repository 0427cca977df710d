"""Fixtures of the agent's tests; what they are made of stands in ``agent_testing``."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from agent_testing.collector import Collector
from agent_testing.trust import Authority
from agent_testing.uplinks import Setup

from audiosense_agent.spool import Spool


@pytest.fixture(scope="session")
def authority():
    return Authority("AudioSense test CA")


@pytest.fixture
def collector(authority, tmp_path):
    with Collector(authority, tmp_path / "server") as running:
        yield running


@pytest.fixture
def setup(collector, tmp_path):
    """An agent's uplink and spool beside that collector."""
    made = Setup(collector, tmp_path / "state")
    yield made
    made.uplink.close()
    made.spool.close()


@pytest.fixture
def spool(tmp_path):
    opened = Spool(tmp_path / "spool.db")
    yield opened
    opened.close()
