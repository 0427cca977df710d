"""A computer whose clock is not right: in this process, and as a process of its own that can be killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from audiosense_agent.clock import Clock
from audiosense_agent.config import Settings
from audiosense_agent.service import Service
from audiosense_agent.uplink import Retry

YEARS_1970_NS = -1_790_000_000 * 10**9
QUICK = Retry(first_s=0.01, cap_s=0.05, slow_s=0.05)


class Wrong:
    """A clock that is ``shift_s`` off the real one, and counts how often it was set."""

    def __init__(self, shift_s=0.0, boot="boot"):
        self.shift_s = shift_s
        self.steps = 0
        self.began_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self.clock = Clock(wall=self.wall_ns, steady=self.steady_ns, boot=boot)

    def wall_ns(self):
        return time.time_ns() + round(self.shift_s * 1e9)

    def steady_ns(self):
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - self.began_ns

    def step(self, seconds):
        self.shift_s += seconds
        self.steps += 1


class Computer:
    """An agent on a computer without a battery: each boot starts in 1970, the process can be killed at any time."""

    def __init__(self, settings):
        self._path = settings.state_dir / "agent.json"
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        self._path.write_text(settings.model_dump_json())
        self._log = (settings.state_dir / "agent.log").open("ab")
        self._boot, self._process = None, None
        self.kills = 0

    def boot(self, name):
        self._boot = (name, str(time.clock_gettime_ns(time.CLOCK_BOOTTIME)))

    def start(self):
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(self._path), *self._boot],
            stdout=self._log,
            stderr=self._log,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        )

    def kill(self):
        self._process.kill()
        assert self._process.wait() == -signal.SIGKILL
        self.kills += 1

    def stop(self):
        self._process.terminate()
        assert self._process.wait(30) == 0
        self._log.close()


def main(path, boot, began_ns):
    clock = Clock(
        wall=lambda: time.time_ns() + YEARS_1970_NS,
        steady=lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME) - int(began_ns),
        boot=boot,
    )
    service = Service(Settings.model_validate_json(Path(path).read_text()), retry=QUICK, clock=clock)
    signal.signal(signal.SIGTERM, lambda *_: service.stop())
    service.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
