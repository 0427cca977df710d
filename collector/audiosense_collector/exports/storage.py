"""Where the files of exports are: in a folder, or in any storage that fsspec opens."""

import contextlib
import errno
import os
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from pathlib import PurePath
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from audiosense_collector.clips.location import open_location, sweep
from audiosense_collector.clips.storage import SPARE_BYTES
from audiosense_collector.errors import STORAGE_AWAY, UnavailableError
from audiosense_collector.runtime import Runtime

CHUNK_BYTES = 2**20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
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

    def create(self, name: str) -> "NewFile":
        """Return a new file to be written, which is there from its first bytes on."""
        return NewFile(self._system, self._root, name)

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
            raise UnavailableError(
                f"the storage of exports cannot be used: {error.strerror or error}", kind=STORAGE_AWAY
            ) from None
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


class NewFile:
    """A file that is being written, under the name that it will have; all methods wait for the storage."""

    def __init__(self, system: Any, root: str, name: str) -> None:
        self._system = system
        self._root = root
        self._path = f"{root}/{name}"
        self._file: Any = None

    def write(self, content: bytes) -> None:
        """Add bytes.

        Raises:
            UnavailableError: the disk has no room for them.
            OSError: the storage cannot be written.
        """
        with _naming_full_disks():
            if self._file is None:
                self._system.makedirs(self._root, exist_ok=True)
                self._check_room()
                self._file = self._system.open(self._path, "wb")
            self._check_room()
            self._file.write(content)

    def close(self) -> None:
        """End the file; raises as ``write`` does."""
        with _naming_full_disks():
            if self._file is not None:
                self._file.close()

    def discard(self) -> None:
        """Leave nothing of it, whatever state it is in."""
        if self._file is None:
            return
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(FileNotFoundError):
            self._system.rm_file(self._path)

    def _check_room(self) -> None:
        """See that the disk has room for more; the database comes first."""
        if isinstance(self._system, LocalFileSystem):
            disk = os.statvfs(self._root)
            if disk.f_bavail * disk.f_frsize < SPARE_BYTES:
                raise UnavailableError(
                    f"less than {SPARE_BYTES // 2**20} MiB of disk are free for exports; make room, or ask for less"
                )


@contextlib.contextmanager
def _naming_full_disks() -> Iterator[None]:
    """To try a write again where nothing is free helps nobody: say what is to be done."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise UnavailableError(
            f"the storage of exports takes no more: {error.strerror}; make room where AUDIOSENSE_EXPORTS_URL says, or "
            "in the data directory, or ask for less"
        ) from None


def _chunks(file: Any) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


@lru_cache(maxsize=8)
def _open(location: str) -> ExportFiles:
    return ExportFiles(*open_location(location))
