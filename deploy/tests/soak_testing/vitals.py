"""What a process takes of its computer while it runs: memory, file descriptors, threads, and bytes of its spool."""

import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from audiosense_agent.spool.view import read_spool


@dataclass(frozen=True, slots=True)
class Vitals:
    """One look: windows heard so far, resident memory, open files, threads, and bytes of the spool with its log."""

    windows: int
    resident_mib: float
    files: int
    threads: int
    spool_mib: float


class Observer:
    """Looks at an agent (and only at memory and files of a process without a spool) every half second."""

    def __init__(self, pid: int, spool: Path) -> None:
        self.seen: list[Vitals] = []
        self._pid, self._spool = pid, spool
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    @property
    def windows(self) -> int:
        """Windows heard at the last look."""
        return self.seen[-1].windows if self.seen else 0

    def halves(self) -> tuple[list[Vitals], list[Vitals]]:
        """What was seen in the second and in the last quarter of the windows heard."""
        last = self.windows
        second = [vitals for vitals in self.seen if last / 4 <= vitals.windows < last / 2]
        return second, [vitals for vitals in self.seen if vitals.windows >= last * 3 / 4]

    def _run(self) -> None:
        while not self._done.wait(0.5):
            self.seen.append(self._look())

    def _look(self) -> Vitals:
        process = Path(f"/proc/{self._pid}")
        fields = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        files = [self._spool.with_name(self._spool.name + suffix) for suffix in ("", "-wal")]
        sensors = read_spool(self._spool).sensors.values()
        return Vitals(
            windows=sum(int(sensor["windows_measured"] or 0) for sensor in sensors),
            resident_mib=int(fields["VmRSS"].split()[0]) / 1024,
            files=len(list((process / "fd").iterdir())),
            threads=int(fields["Threads"]),
            spool_mib=sum(file.stat().st_size for file in files if file.exists()) / 2**20,
        )
