"""What the spool takes: processor time to write a window, opening a long backlog, draining it.

One spool is filled with group commits as the agent makes them, opened by a fresh process as at a restart, and drained
in batches as the uplink takes them, each read, kept as in flight and acknowledged.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from audiosense_agent.spool import Spool
from audiosense_agent.spool.flight import InFlight
from audiosense_agent.spool.limits import Limits
from audiosense_agent.spool.rows import Measurement
from audiosense_common.features import SCHEMA_ID, SCHEMAS
from audiosense_common.wire import Status

GROUP = 64
BATCH = 2_000
MEASURED = 20_000
"""Windows whose writing is measured; the others are written in larger groups to save the bench's time."""
FILL = 5_000
_OPEN = """
import json, resource, sys, time
from pathlib import Path
from audiosense_agent.spool import Spool
from audiosense_agent.spool.limits import Limits
def resident_mib():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
before, began = resident_mib(), time.perf_counter()
spool = Spool(Path(sys.argv[1]), Limits(max_bytes=2**40))
status, rows, batch = spool.status(), spool.read(2000), spool.in_flight()
taken = time.perf_counter() - began
print(json.dumps({"rows": status.rows, "open_s": taken, "open_rss_mib": resident_mib() - before}))
"""


def main() -> None:
    """Measure and print; the last line is JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="windows in the backlog (default: %(default)s)")
    parser.add_argument("--folder", type=Path, help="on the disk to be measured (default: the temporary folder)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        path = Path(name) / "spool.db"
        result = {"rows": arguments.rows, "write_ms": fill(path, arguments.rows)}
        result |= open_again(path, arguments.rows)
        result["drain_rows_per_s"] = drain(path)
    print(json.dumps(result))


def fill(path: Path, rows: int) -> float:
    """Write the backlog; return processor milliseconds a window, in group commits of ``GROUP``."""
    made = windows(FILL)
    spool = Spool(path, Limits(max_bytes=2**40))
    measured = min(MEASURED, rows)
    began, wall = time.process_time(), time.monotonic()
    for start in range(0, measured, GROUP):
        spool.append([made[(start + place) % FILL] for place in range(min(GROUP, measured - start))])
    milliseconds = 1e3 * (time.process_time() - began) / measured
    each = 1e3 * (time.monotonic() - wall) / measured
    print(f"writing {measured} windows, {GROUP} a commit: {milliseconds:.3f} ms CPU, {each:.3f} ms each on this disk")
    for start in range(measured, rows, FILL):
        spool.append(made[: min(FILL, rows - start)])
    spool.close()
    print(f"backlog of {rows} windows: {path.stat().st_size / 2**20:.0f} MiB")
    return round(milliseconds, 4)


def open_again(path: Path, rows: int) -> dict[str, float]:
    """Open the backlog in a process of its own, as after a restart, and read the first batch."""
    command = [sys.executable, "-c", _OPEN, str(path)]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert found["rows"] == rows
    print(f"opened with its first batch read in {found['open_s']:.3f} s, {found['open_rss_mib']:.1f} MiB more resident")
    return {"open_s": round(found["open_s"], 4), "open_rss_mib": round(found["open_rss_mib"], 1)}


def drain(path: Path) -> float:
    """Read, keep and acknowledge all in batches; return windows a second."""
    spool = Spool(path, Limits(max_bytes=2**40))
    drained, began = 0, time.perf_counter()
    body = b"0" * 100_000
    while rows := spool.read(BATCH):
        made = InFlight(body, rows[0].seq, rows[-1].seq, (), life=spool.epoch)
        assert spool.put_in_flight(made, len(rows))
        spool.acknowledge(made, token="t")  # noqa: S106 - no secret
        drained += len(rows)
    rate = drained / (time.perf_counter() - began)
    spool.close()
    print(f"drained {drained} windows: {rate:.0f} a second")
    return round(rate)


def windows(count: int) -> list[Measurement]:
    """Return windows with vectors that differ, as real ones do."""
    vectors = np.random.default_rng(1).normal(-40, 10, (count, len(SCHEMAS[SCHEMA_ID]))).astype(np.float16)
    start_us = time.time_ns() // 1_000 - count * 5_000_000
    return [
        Measurement(
            "pump", start_us + i * 5_000_000, 0.5, Status.NORMAL, "ab" * 32, -30.0, 440.0, SCHEMA_ID, vectors[i]
        )
        for i in range(count)
    ]


if __name__ == "__main__":
    main()
