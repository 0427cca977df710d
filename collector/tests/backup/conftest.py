"""A plant to back up, and a place to restore it to."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "clips"))

from clip_testing import event_of, flac, put

from audiosense_collector.runtime import prepare_data_dir


@pytest.fixture
async def plant(make_agent):
    """An agent with measurements, an event and its clip; also the clip's sound."""
    agent = await make_agent()
    (sensor,) = agent.sensors.values()
    event = event_of(sensor)
    await agent.send(agent.batch(agent.columns(30), events=[event]))
    sound = flac()
    assert (await put(agent, event.id, sound, sensor=sensor)).status_code in {200, 201}
    return agent, event, sound


@pytest.fixture
def elsewhere(settings, tmp_path):
    """Settings of another computer."""
    folder = tmp_path / "elsewhere"
    prepare_data_dir(folder)
    return settings.model_copy(update={"data_dir": folder})
