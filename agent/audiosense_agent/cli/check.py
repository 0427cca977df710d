"""``audiosense-agent check``: the configuration and its sources, before the start."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import typer

from audiosense_agent.cli.options import ConfigOption, JsonOption
from audiosense_agent.cli.quiet import quiet_libraries
from audiosense_agent.config import RecordingSource, default_config_path, load_settings
from audiosense_agent.enrolment import Identity, load_identity
from audiosense_agent.errors import EnrolmentError
from audiosense_agent.sources import DeviceHub, Injections, make_source
from audiosense_common.errors import AudioSenseError


def check(config: ConfigOption = None, *, as_json: JsonOption = False) -> None:
    """Read the configuration and open each source for real; exit code 1 if one fails, a note where sound is odd."""
    settings = load_settings(config)
    hub, injections = DeviceHub(settings), Injections(settings.state_dir)
    found: dict[str, dict[str, Any]] = {}
    for sensor in settings.sensors:
        try:
            with quiet_libraries() if isinstance(sensor.source, RecordingSource) else nullcontext():
                probe = make_source(sensor, injections, hub).probe()
            found[sensor.name] = {"ok": True, "detail": probe.detail, "notes": probe.notes}
        except AudioSenseError as error:
            found[sensor.name] = {"ok": False, "detail": str(error), "notes": []}
    identity, problem = _read_identity(settings.state_dir)
    is_fine = problem is None and bool(found) and all(each["ok"] for each in found.values())
    if as_json:
        print(json.dumps({"ok": is_fine, "enrolled": identity is not None, "sensors": found}))
    else:
        print(f"configuration: ok ({config or default_config_path()})")
        enrolment = f"ok ({identity.url})" if identity else problem or "none yet (audiosense-agent enroll KEY)"
        print(f"enrolment: {enrolment}")
        for name, each in found.items():
            print(f"sensor {name}: {'ok' if each['ok'] else 'failed'}: {each['detail']}")
            for note in each["notes"]:
                print(f"note: {note}")
        if not found:
            print("sensors: none; add a [[sensors]] table")
    if not is_fine:
        raise typer.Exit(1)


def _read_identity(state_dir: Path) -> tuple[Identity | None, str | None]:
    try:
        return load_identity(state_dir), None
    except EnrolmentError as error:
        return None, str(error)
