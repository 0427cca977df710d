"""``python -m deploy.demo``: see the whole product work, or check that it does."""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from deploy.demo.machines import find_recordings
from deploy.demo.processes import STOP_SIGNALS, DemoError
from deploy.demo.run import Demo, Result
from deploy.demo.terminal import Terminal

EXIT_INTERRUPTED = 130


def main() -> int:
    """Run the demo and return its exit code: 0, or 1 where a stage failed."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--check", action="store_true", help="no browser, faster than real time, then exit")
    parser.add_argument("--port", type=int, default=8000, help="the dashboard's port (with --check: any free one)")
    parser.add_argument("--keep", action="store_true", help="keep the demo's folder (database, logs) at the end")
    arguments = parser.parse_args()
    _end_in_order()
    terminal = Terminal()
    try:
        recordings = find_recordings(os.environ.get("AUDIOSENSE_RECORDINGS"))
        with _folder(keep=arguments.keep) as folder:
            demo = Demo(folder, terminal, recordings, check=arguments.check, port=arguments.port)
            result = demo.run()
    except DemoError as error:
        terminal.fail(str(error))
        return 1
    except KeyboardInterrupt:
        terminal.say("stopped")
        return EXIT_INTERRUPTED if arguments.check else 0
    return _report(result, terminal)


@contextmanager
def _folder(*, keep: bool) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="audiosense-demo-"))
    try:
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder)


def _report(result: Result, terminal: Terminal) -> int:
    faults = result.faults()
    for fault in faults:
        terminal.fail(fault)
    print(json.dumps(result.as_json()))
    return 1 if faults else 0


def _end_in_order() -> None:
    """Turn the signals that stop the demo into KeyboardInterrupt."""
    on_terminal = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]

    def interrupt(number: int, _frame: FrameType | None) -> None:
        """Stop in order; further signals are ignored meanwhile, so that no child is left behind."""
        for each in STOP_SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        if number == signal.SIGHUP:
            _write_nowhere(on_terminal)
        raise KeyboardInterrupt

    for number in STOP_SIGNALS:
        # SIGINT too: a shell starts background jobs with it ignored. SIGHUP not: ``nohup`` means it.
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, interrupt)


def _write_nowhere(descriptors: list[int]) -> None:
    """The terminal was closed: to write to it fails, which would cut the end short."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)


if __name__ == "__main__":
    sys.exit(main())
