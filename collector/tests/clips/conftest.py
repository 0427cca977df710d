"""Puts ``clip_testing`` on the path; an agent that may send a clip."""

import sys
from pathlib import Path
from uuid import UUID

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from clip_testing import event_of


@pytest.fixture
async def known(make_agent):
    """An agent whose sensor, a simulator, has an open event."""
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    event = event_of(sensor)
    await agent.send(agent.batch(events=[event]))
    return agent, UUID(sensor), event
