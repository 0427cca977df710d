"""The four machines of the demo and the agent's configuration that lets it hear them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.demo.processes import DemoError

SAMPLE_RATE_HZ = 16_000
WINDOW_S = 2.0
HELD_OUT_SPEEDS = ("1650", "1950")
"""Speed settings whose healthy clips are kept from the baseline, to listen for false events."""


@dataclass(frozen=True, slots=True)
class Recordings:
    """Which clips the replayed motor plays: for the baseline, as unseen healthy sound, and damaged."""

    baseline: list[Path]
    healthy: list[Path]
    damaged: list[Path]


@dataclass(frozen=True, slots=True)
class DemoMachine:
    """A machine of the demo with its single sensor and the fault that will be injected."""

    sensor: str
    machine: str
    source: dict[str, Any]
    fault: list[str]
    fault_words: str
    healthy: list[str] | None = None


def find_recordings(folder: str | None) -> Recordings | None:
    """Return the clips of one motor below ``folder``/bldc_motor, or None where no folder is named.

    Raises:
        DemoError: the folder does not hold the clips that the demo needs.
    """
    if not folder:
        return None
    root = Path(folder).resolve() / "bldc_motor"
    healthy = sorted((root / "Healthy" / "M1").glob("*.flac"))
    damaged = sorted((root / "Propeller" / "M1").glob("*.flac"))
    unseen = [clip for clip in healthy if clip.stem in HELD_OUT_SPEEDS]
    if not damaged or not unseen or len(healthy) == len(unseen):
        raise DemoError(
            f"AUDIOSENSE_RECORDINGS={folder}: found {len(healthy)} healthy and {len(damaged)} damaged clips below "
            f"{root}, expected Healthy/M1/*.flac and Propeller/M1/*.flac; unset it to simulate the motor instead"
        )
    return Recordings([clip for clip in healthy if clip not in unseen], unseen, damaged)


def _simulated(sensor: str, machine: str, kind: str, seed: int, pacing: dict[str, Any]) -> DemoMachine:
    fault = ["--fault", "bearing_outer", "--ramp", "60", "--severity", "1.0"]
    source = {"type": "simulator", "kind": kind, "seed": seed} | pacing
    return DemoMachine(sensor, machine, source, fault, "a growing bearing fault (outer race)")


def demo_machines(recordings: Recordings | None, pacing: dict[str, Any]) -> list[DemoMachine]:
    """Return pump, fan, gearbox and a motor, the last replayed where there are recordings, else simulated."""
    machines = [
        _simulated("pump-drive-end", "Pump 1", "pump", 11, pacing),
        _simulated("fan-housing", "Fan 1", "fan", 12, pacing),
        _simulated("gearbox-output", "Gearbox 1", "gearbox", 13, pacing),
    ]
    if recordings is None:
        return [*machines, _simulated("motor-bearing", "Motor 1", "motor", 14, pacing)]
    clips = [str(clip) for clip in recordings.baseline]
    source = {"type": "recording", "path": clips, "channel": 0, "loop": True} | pacing
    damaged = _paths(recordings.damaged)
    motor = DemoMachine("motor-mount", "Motor 1", source, damaged, "a damaged propeller", _paths(recordings.healthy))
    return [*machines, motor]


def _paths(clips: list[Path]) -> list[str]:
    return [argument for clip in clips for argument in ("--path", str(clip))]


def agent_configuration(machines: list[DemoMachine], state_dir: Path) -> str:
    """Return the agent's configuration file (TOML) for these machines."""
    lines = [
        'name = "demo-agent"',
        f"state_dir = {json.dumps(str(state_dir))}",
        "",
        "[collector]",
        "batch_interval_s = 1.0",
    ]
    for machine in machines:
        lines += [
            "",
            "[[sensors]]",
            f"name = {json.dumps(machine.sensor)}",
            f"machine = {json.dumps(machine.machine)}",
            'site = "Demo plant"',
            f"sample_rate_hz = {SAMPLE_RATE_HZ}",
            f"window_s = {WINDOW_S}",
            f"source = {_inline_table(machine.source)}",
        ]
    return "\n".join(lines) + "\n"


def _inline_table(values: dict[str, Any]) -> str:
    return "{ " + ", ".join(f"{key} = {json.dumps(value)}" for key, value in values.items()) + " }"
