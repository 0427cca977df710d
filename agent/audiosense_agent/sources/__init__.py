"""Sources of sound: microphone, recording, simulator."""

from audiosense_agent.clock import Clock
from audiosense_agent.config import MicrophoneSource, RecordingSource, SensorSettings
from audiosense_agent.sources.base import Context, Source
from audiosense_agent.sources.hub import DeviceHub, HungDeviceError
from audiosense_agent.sources.injection import Injections
from audiosense_agent.sources.microphone import Microphone
from audiosense_agent.sources.recording import Replay
from audiosense_agent.sources.simulator import Simulator

__all__ = ["Context", "DeviceHub", "HungDeviceError", "Injections", "Source", "make_source"]


def make_source(sensor: SensorSettings, injections: Injections, hub: DeviceHub, clock: Clock | None = None) -> Source:
    """Build the source that a sensor's configuration describes; nothing is opened yet."""
    clock = clock or Clock()
    if isinstance(sensor.source, MicrophoneSource):
        return Microphone(sensor, sensor.source, hub, clock)
    if isinstance(sensor.source, RecordingSource):
        return Replay(sensor, sensor.source, injections, clock)
    return Simulator(sensor, sensor.source, injections, clock)
