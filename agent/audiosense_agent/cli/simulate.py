"""``audiosense-agent simulate``: faults for drills, and synthetic sound as a file."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import soundfile
import typer

from audiosense_agent.cli.options import ConfigOption
from audiosense_agent.config import MicrophoneSource, RecordingSource, SimulatorSource, load_settings
from audiosense_agent.errors import AgentError
from audiosense_agent.sources.injection import Injection, injected
from audiosense_agent.sources.injection import inject as write_injection
from audiosense_agent.sources.recording import find_recordings
from audiosense_common.synth import FAULT_KINDS, MACHINE_KINDS, Fault, SyntheticMachine

app = typer.Typer(
    help="Inject faults into simulated and replayed sensors, or render synthetic sound.", no_args_is_help=True
)
_FAULTS = ", ".join(sorted(FAULT_KINDS))


@app.command("inject")
def inject(
    sensor: Annotated[str, typer.Option(help="The sensor's name.")],
    config: ConfigOption = None,
    *,
    fault: Annotated[str | None, typer.Option(help=f"One of {_FAULTS}; default: bearing_outer.")] = None,
    ramp: Annotated[float | None, typer.Option(min=0, help="Seconds until the full severity; default: 0.")] = None,
    severity: Annotated[float | None, typer.Option(min=0, max=1, help="0 healthy, 1 failed; default: 1.")] = None,
    path: Annotated[
        list[str] | None, typer.Option(help="What a recording sensor replays from now on; may be given more than once.")
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="End the injection.")] = False,
) -> None:
    """Inject a fault into a simulated sensor, or have a recording sensor replay something else."""
    settings = load_settings(config)
    source = settings.sensor(sensor).source
    if clear:
        write_injection(settings.state_dir, sensor, None)
        print(f"{sensor}: injection ended")
        return
    if isinstance(source, MicrophoneSource):
        raise AgentError(f"sensor {sensor!r} is a microphone; faults go into simulated and recorded sound only")
    given = {"fault": fault, "ramp_s": ramp, "severity": severity}
    chosen = {name: value for name, value in given.items() if value is not None}
    if isinstance(source, RecordingSource):
        injection, words = _replayed(sensor, path or [], chosen)
    else:
        before = injected(settings.state_dir, sensor) or Injection()
        injection, words = _simulated(sensor, path or [], {"at_rest": before.at_rest, "run_s": before.run_s, **chosen})
    write_injection(settings.state_dir, sensor, injection)
    print(f"{sensor}: {words}")


@app.command("stop")
def stop(
    sensor: Annotated[str, typer.Option(help="The sensor's name.")],
    config: ConfigOption = None,
    *,
    ramp: Annotated[float, typer.Option(min=0, help="Seconds until it stands still.")] = 10.0,
) -> None:
    """Stop the machine of a simulated sensor; a fault that is injected stays for its next start."""
    _operate(config, sensor, at_rest=True, ramp_s=ramp)
    print(f"{sensor}: the machine stops within {ramp:g} s")


@app.command("start")
def start(
    sensor: Annotated[str, typer.Option(help="The sensor's name.")],
    config: ConfigOption = None,
    *,
    ramp: Annotated[float, typer.Option(min=0, help="Seconds until it runs at its speed.")] = 5.0,
) -> None:
    """Start the machine of a simulated sensor again."""
    _operate(config, sensor, at_rest=False, ramp_s=ramp)
    print(f"{sensor}: the machine runs within {ramp:g} s")


def _operate(config: Path | None, sensor: str, *, at_rest: bool, ramp_s: float) -> None:
    settings = load_settings(config)
    if not isinstance(settings.sensor(sensor).source, SimulatorSource):
        raise AgentError(
            f"sensor {sensor!r} is not simulated, so its machine cannot be stopped from here; "
            "a recording sensor replays a machine at rest with: simulate inject --path"
        )
    before = injected(settings.state_dir, sensor) or Injection()
    changes = {"at_rest": at_rest, "run_s": ramp_s}
    write_injection(settings.state_dir, sensor, before.model_copy(update=changes))


def _replayed(sensor: str, path: list[str], chosen: dict[str, Any]) -> tuple[Injection, str]:
    if chosen:
        option = next(iter(chosen)).removesuffix("_s")
        raise AgentError(
            f"sensor {sensor!r} replays recordings, --{option} is for simulated ones; "
            "leave it out and say with --path what to replay now"
        )
    if not path:
        raise AgentError(f"sensor {sensor!r} replays recordings; say which to replay now with --path")
    absolute = [str(Path(each).absolute()) for each in path]
    for each in absolute:
        find_recordings(each)
    return Injection(path=absolute), f"replays {', '.join(path)}"


def _simulated(sensor: str, path: list[str], chosen: dict[str, Any]) -> tuple[Injection, str]:
    if path:
        raise AgentError(
            f"sensor {sensor!r} is simulated, --path {path[0]} is for sensors that replay recordings; "
            "leave it out and name a fault with --fault"
        )
    injection = Injection(**{"fault": "bearing_outer", **chosen})
    _check_fault(injection.fault)
    return injection, f"{injection.fault} grows to severity {injection.severity:g} within {injection.ramp_s:g} s"


@app.command("render")
def render(
    output: Annotated[Path, typer.Option("--output", "-o", help="WAV file to write.")],
    *,
    kind: Annotated[str, typer.Option(help=f"One of {', '.join(MACHINE_KINDS)}.")] = "pump",
    seconds: Annotated[float, typer.Option(min=0.01, max=3_600)] = 10.0,
    sample_rate_hz: Annotated[int, typer.Option("--sample-rate", min=4_000, max=192_000)] = 16_000,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    fault: Annotated[str | None, typer.Option(help=f"One of {_FAULTS}; default: healthy.")] = None,
    severity: Annotated[float, typer.Option(min=0, max=1)] = 1.0,
) -> None:
    """Write the sound of a synthetic machine as a WAV file (16 bits)."""
    if fault is not None:
        _check_fault(fault)
    machine = SyntheticMachine(kind, sample_rate_hz, seed)
    samples = machine.render(round(seconds * sample_rate_hz), None if fault is None else Fault(fault, severity))
    try:
        soundfile.write(output, np.clip(samples, -1, 1), sample_rate_hz, subtype="PCM_16", format="WAV")
    except (OSError, soundfile.LibsndfileError) as error:
        raise AgentError(f"{output} cannot be written: {error}") from None
    print(f"{output}: {seconds:g} s of a {kind}" + (f" with {fault} at {severity:g}" if fault else ", healthy"))


def _check_fault(fault: str | None) -> None:
    if fault not in FAULT_KINDS:
        raise AgentError(f"there is no fault {fault!r}; choose one of {_FAULTS}")
