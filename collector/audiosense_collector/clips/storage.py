"""Where the sound of clips is: files named by their SHA-256, written whole or not at all."""

import os
import time
from collections.abc import Collection
from pathlib import Path
from tempfile import NamedTemporaryFile

from audiosense_collector.errors import UnavailableError
from audiosense_collector.runtime import Runtime

SPARE_BYTES = 256 * 2**20
"""The database comes first: with less free disk no clip is taken."""


class ClipFiles:
    """Content-addressed files in a folder; a content that is there already is not written again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of(cls, runtime: Runtime) -> "ClipFiles":
        """Return those of a running collector, in its data directory."""
        return cls(runtime.settings.data_dir / "clips")

    def path(self, sha256: str) -> Path:
        """Where a content is, or would be."""
        return self._folder / sha256[:2] / f"{sha256}.flac"

    def put(self, sha256: str, content: bytes) -> None:
        """Keep a content, durably.

        Raises:
            UnavailableError: the disk is full or cannot be written.
        """
        path = self.path(sha256)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            disk = os.statvfs(path.parent)
            if disk.f_bavail * disk.f_frsize < SPARE_BYTES + len(content):
                raise UnavailableError(f"less than {SPARE_BYTES // 2**20} MiB of disk are free; no clip is taken")
            if path.exists():
                os.utime(path)
                return
            with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".new", delete=False) as file:
                try:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                    Path(file.name).replace(path)
                except BaseException:
                    Path(file.name).unlink(missing_ok=True)
                    raise
            _sync(path.parent)
        except OSError as error:
            raise UnavailableError(f"the clip cannot be written: {error.strerror or error}") from None

    def delete(self, sha256: str) -> None:
        """Delete a content, if it is there."""
        self.path(sha256).unlink(missing_ok=True)

    def sweep(self, known: Collection[str], older_than_s: float) -> int:
        """Delete contents that no clip names and that were not written just now; returns how many."""
        if not self._folder.is_dir():
            return 0
        limit = time.time() - older_than_s
        stray = [
            path
            for path in self._folder.glob("??/*")
            if (path.stem not in known or path.suffix != ".flac") and path.stat().st_mtime < limit
        ]
        for path in stray:
            path.unlink(missing_ok=True)
        return len(stray)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
