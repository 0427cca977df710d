"""``audiosense-agent devices``: the sound devices that can record."""

import json
from dataclasses import asdict

from audiosense_agent.cli.options import JsonOption
from audiosense_agent.errors import SourceError
from audiosense_agent.sources.devices import list_devices


def devices(*, as_json: JsonOption = False) -> None:
    """List the sound devices that can record, by the names that a configuration takes."""
    found = list_devices()
    if as_json:
        print(json.dumps([asdict(device) for device in found]))
        return
    if not found:
        raise SourceError("there is no device that can record; plug a microphone in, or check the user's group (audio)")
    width = max(len(device.name) for device in found)
    for device in found:
        print(
            f"{device.name:<{width}}  {device.channels:>3} channel(s)  {device.sample_rate_hz:>6} Hz  {device.system}"
        )
