"""The command ``audiosense-collector sandbox-simulator``."""

import signal
import threading

import typer

from audiosense_collector.cli.common import database
from audiosense_collector.developer.settings import DeveloperSettings
from audiosense_collector.developer.simulator import simulate
from audiosense_collector.settings import Settings

app = typer.Typer()


@app.command()
def sandbox_simulator() -> None:
    """Write a measurement into the developer interface's sandbox every SIM_INTERVAL_SECONDS."""
    settings, stop = DeveloperSettings.load(), threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with database(Settings.load()) as url:
        print(
            f"writing a measurement into the sandbox every {settings.interval_s:g} s, "
            f"{100 * settings.anomaly_rate:g} % anomalous; Ctrl-C stops",
            flush=True,
        )
        written = simulate(url, settings, stop, lambda line: print(line, flush=True))
    print(f"sandbox simulator stopped after {written} measurements")
