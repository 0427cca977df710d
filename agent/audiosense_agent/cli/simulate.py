"""``audiosense-agent simulate``: faults for drills, and synthetic sound as a file."""

from pathlib import Path
from typing import Annotated

import numpy as np
import soundfile
import typer

from audiosense_agent.cli.options import ConfigOption
from audiosense_agent.config import MicrophoneSource, RecordingSource, SimulatorSource, load_settings
from audiosense_agent.errors import AgentError
from audiosense_agent.sources.injection import Injection
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
    fault: Annotated[str, typer.Option(help=f"One of {_FAULTS}.")] = "bearing_outer",
    ramp: Annotated[float, typer.Option(min=0, help="Seconds until the full severity is reached.")] = 0.0,
    severity: Annotated[float, typer.Option(min=0, max=1, help="0 is healthy, 1 is failed.")] = 1.0,
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
    if isinstance(source, RecordingSource):
        if not path:
            raise AgentError(f"sensor {sensor!r} replays recordings; say which to replay now with --path")
        absolute = [str(Path(each).absolute()) for each in path]
        for each in absolute:
            find_recordings(each)
        write_injection(settings.state_dir, sensor, Injection(path=absolute))
        print(f"{sensor}: replays {', '.join(path)}")
        return
    assert isinstance(source, SimulatorSource)
    _check_fault(fault)
    write_injection(settings.state_dir, sensor, Injection(fault=fault, severity=severity, ramp_s=ramp))
    print(f"{sensor}: {fault} grows to severity {severity:g} within {ramp:g} s")


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


def _check_fault(fault: str) -> None:
    if fault not in FAULT_KINDS:
        raise AgentError(f"there is no fault {fault!r}; choose one of {_FAULTS}")
