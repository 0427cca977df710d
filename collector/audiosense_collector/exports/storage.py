"""Where the files of exports are: in a folder, or in any storage that fsspec opens."""

import os
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import PurePath
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from audiosense_collector.clips.location import open_location, sweep
from audiosense_collector.clips.storage import SPARE_BYTES
from audiosense_collector.errors import UnavailableError
from audiosense_collector.runtime import Runtime

CHUNK_BYTES = 2**20
_OWN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-\d+(-[0-9a-f]+)?\.(csv|parquet)")
"""How files are named here, by this release and the ones before."""


class ExportFiles:
    """Files by name; all methods wait for the storage: call them in a thread."""

    def __init__(self, system: Any, root: str) -> None:
        self._system = system
        self._root = root

    @classmethod
    def of(cls, runtime: Runtime) -> "ExportFiles":
        """Return those of a running collector."""
        return _open(runtime.settings.exports_location)

    def create(self, name: str) -> Any:
        """Open a new file to be written; the caller closes it.

        Raises:
            OSError: the storage cannot be written.
        """
        self._system.makedirs(self._root, exist_ok=True)
        return self._system.open(self._path(name), "wb")

    def check_room(self) -> None:
        """See that the disk has room for more; the database comes first.

        Raises:
            UnavailableError: it does not.
        """
        if isinstance(self._system, LocalFileSystem):
            disk = os.statvfs(self._root)
            if disk.f_bavail * disk.f_frsize < SPARE_BYTES:
                raise UnavailableError(
                    f"less than {SPARE_BYTES // 2**20} MiB of disk are free for exports; make room, or ask for less"
                )

    def read(self, name: str) -> Iterator[bytes]:
        """Yield a file's content in chunks; it is opened before this returns.

        Raises:
            FileNotFoundError: there is none.
            UnavailableError: the storage does not answer.
        """
        try:
            file = self._system.open(self._path(name), "rb")
        except FileNotFoundError:
            raise
        except OSError as error:
            raise UnavailableError(f"the storage of exports cannot be used: {error.strerror or error}") from None
        return _chunks(file)

    def delete(self, name: str) -> None:
        """Delete a file, if it is there."""
        try:
            self._system.rm_file(self._path(name))
        except FileNotFoundError:
            return

    def sweep(self, known: Collection[str], older_than_s: float) -> int:
        """Delete files that no export names and that were not written just now; returns how many."""
        folder = PurePath(self._root).name

        def is_stray(path: PurePath) -> bool:
            is_own = path.parent.name == folder and _OWN.fullmatch(path.name) is not None
            return is_own and path.name not in known

        return sweep(self._system, self._root, is_stray, older_than_s)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


def _chunks(file: Any) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


@lru_cache(maxsize=8)
def _open(location: str) -> ExportFiles:
    return ExportFiles(*open_location(location))
