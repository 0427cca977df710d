"""What the demo shows in the terminal: stages, a bar while learning, events as they are heard."""

import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn


class Terminal:
    """Writes progress for people to standard error, so that standard output holds only the result.

    Attributes:
        stages_s: seconds that each finished stage took, in order.
    """

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        self.stages_s: dict[str, float] = {}
        self._stage = ""
        self._started = time.monotonic()

    def stage(self, name: str, text: str) -> None:
        """End the running stage and begin the next."""
        self.end_stage()
        self._stage, self._started = name, time.monotonic()
        self.console.print(f"[bold cyan]●[/] {text}")

    def end_stage(self) -> None:
        """End the running stage and keep its time."""
        if self._stage:
            self.stages_s[self._stage] = round(time.monotonic() - self._started, 2)
        self._stage = ""

    def say(self, text: str) -> None:
        """Print a line below the stage."""
        self.console.print(f"  {text}")

    def alarm(self, text: str) -> None:
        """Print an event."""
        self.console.print(f"  [bold red]⬢ event[/] {text}")

    def fail(self, text: str) -> None:
        """Print why the demo failed."""
        self.end_stage()
        print(f"error: {text}", file=sys.stderr)

    def bar(self) -> Progress:
        """Return a progress bar for counted work."""
        return Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("windows"),
            TimeElapsedColumn(),
            console=self.console,
            transient=not self.console.is_terminal,
        )
