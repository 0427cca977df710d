"""Starts and stops the collector and the agent as processes of their own, as an installation would run them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

STOP_SECONDS = 20.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
T = TypeVar("T")


class DemoError(Exception):
    """A stage of the demo failed; the message says which and what to look at."""


class Process:
    """A child process whose output goes to a file, and which is gone when the ``with`` block ends."""

    def __init__(self, name: str, arguments: list[str], *, environment: dict[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches the demo alone, which then stops its children in order
            )

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._child.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def check(self) -> None:
        """Raise ``DemoError`` with the end of its output if the process has ended by itself."""
        code = self._child.poll()
        if code is not None:
            raise DemoError(f"the {self.name} ended with exit code {code}; the end of its output:\n{self.tail()}")

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of the process's output."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def wait(self, seconds: float) -> int:
        """Wait for the process to end by itself and return its exit code.

        Raises:
            DemoError: it still runs after so many seconds.
        """
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise DemoError(
                f"the {self.name} did not end within {seconds:.0f} s; the end of its output:\n{self.tail()}"
            ) from None

    def kill(self) -> int:
        """End the process at once, as a power cut would, and return its exit code."""
        self._child.kill()
        return self._child.wait()

    def stop(self) -> int:
        """Ask the process to end, wait for it, and return its exit code."""
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._child.pid, signal.SIGKILL)
                self._child.wait()
                raise DemoError(
                    f"the {self.name} did not stop within {STOP_SECONDS:.0f} s; the end of its output:\n{self.tail()}"
                ) from None
        return self._child.returncode


@contextmanager
def held_signals() -> Iterator[None]:
    """Hold back what stops the demo until the block has ended: a child that has just begun is then known already."""
    held: list[int] = []
    before = {number: signal.signal(number, lambda found, _frame: held.append(found)) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for found in held:
            signal.raise_signal(found)


def command(arguments: list[str], *, environment: dict[str, str]) -> str:
    """Run one of the product's commands and return what it printed.

    Raises:
        DemoError: the command failed; the message holds its error line.
    """
    result = subprocess.run(
        [sys.executable, "-m", *arguments],
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise DemoError(f"{' '.join(arguments)} failed: {result.stderr.strip() or result.stdout.strip()}")
    return result.stdout


def wait_for(
    what: str,
    probe: Callable[[], T | None],
    *,
    seconds: float,
    processes: list[Process],
    moved: Callable[[], object] | None = None,
) -> T:
    """Call ``probe`` until it returns something.

    With ``moved`` the limit follows progress: it counts from when what that returns was last another, so that a busy
    computer may take its time and only one on which nothing moves is given up.

    Raises:
        DemoError: ``seconds`` are over, or one of ``processes`` has ended.
    """
    deadline = time.monotonic() + seconds
    before: object = None
    while time.monotonic() < deadline:
        for process in processes:
            process.check()
        found = probe()
        if found is not None:
            return found
        if moved is not None and (now := moved()) != before:
            before, deadline = now, time.monotonic() + seconds
        time.sleep(0.1)
    within = f"not within {seconds:.0f} s" if moved is None else f"nothing has moved for {seconds:.0f} s"
    ends = "".join(f"\nthe end of the {process.name}'s output:\n{process.tail()}" for process in processes)
    raise DemoError(f"{what}: {within}{ends}")


def check_port(port: int) -> None:
    """Raise ``DemoError`` where nothing can listen on this port of 127.0.0.1; 0 stands for any free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError):
            raise DemoError(
                f"port {port} cannot be listened on; end the program that has it, or name another one: "
                f'make demo DEMO_ARGS="--port 8001"'
            ) from None


def read_json(path: Path) -> Any | None:
    """Return the JSON in ``path``, or None where it does not exist yet."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
