"""A process that changes its credential and is killed at one operation on its files, named by number.

Arguments: state directory, number of the operation (0: none), ``before``, ``half`` or ``after``. Prints the operations.
"""

import os
import signal
import sys
from pathlib import Path

from agent_testing.samples import measurement, simulated
from audiosense_agent import files
from audiosense_agent.enrolment import describe_sensor, load_identity
from audiosense_agent.sections import CollectorSettings
from audiosense_agent.spool import Spool
from audiosense_agent.uplink import Retry, Uplink

STEPS = 50


class NoModels:
    def running(self):
        return {}

    def take(self, *_):
        return False


class Cuts:
    """Counts what ``write_atomically`` does to the disk, and kills its own process at one of these operations."""

    def __init__(self, number, when):
        self._number, self._when = number, when
        self.done = []

    def operation(self, name, act, half=lambda: None):
        self.done.append(name)
        hit = len(self.done) == self._number
        if hit and self._when == "half":
            half()
        if hit and self._when != "after":
            os.kill(os.getpid(), signal.SIGKILL)
        result = act()
        if hit:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    def install(self):
        real = Path.replace
        files.os = _Os(self)
        Path.replace = lambda path, target: self.operation("rename", lambda: real(path, target))


class _Os:
    """The module ``os`` as ``files`` sees it."""

    def __init__(self, cuts):
        self._cuts = cuts

    def __getattr__(self, name):
        return getattr(os, name)

    def open(self, *arguments):
        return self._cuts.operation("open", lambda: os.open(*arguments))

    def fsync(self, handle):
        return self._cuts.operation("fsync", lambda: os.fsync(handle))

    def fdopen(self, *arguments):
        return _Written(self._cuts, os.fdopen(*arguments))


class _Written:
    """A file whose content is written whole, or half before the kill."""

    def __init__(self, cuts, file):
        self._cuts, self._file = cuts, file

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def __getattr__(self, name):
        return getattr(self._file, name)

    def write(self, content):
        self._cuts.operation("write", lambda: self._put(content), lambda: self._put(content[: len(content) // 2]))

    def _put(self, content):
        self._file.write(content)
        self._file.flush()


def main(folder, number, when):
    spool = Spool(folder / "spool.db")
    spool.note_sensor("pump", registration=describe_sensor(simulated()).model_dump_json(by_alias=True))
    before = load_identity(folder).credential
    cuts = Cuts(number, when)
    cuts.install()
    quick = Retry(first_s=0.001, cap_s=0.002, slow_s=0.003)
    settings = CollectorSettings(batch_interval_s=0.001, heartbeat_s=60, timeout_s=5)
    uplink = Uplink(spool, folder, settings, NoModels(), dict, retry=quick)
    spool.append([measurement(0)])
    for _ in range(STEPS):
        uplink.step()
        identity = load_identity(folder)
        if identity.next is None and identity.credential != before:
            sys.stdout.write(" ".join(cuts.done))
            return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
