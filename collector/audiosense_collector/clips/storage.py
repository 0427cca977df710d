"""Where the sound of clips is: files named by their SHA-256, in a folder or in any storage that fsspec opens."""

import os
import re
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path, PurePath
from tempfile import NamedTemporaryFile
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from audiosense_collector.clips.location import open_location, sweep
from audiosense_collector.errors import STORAGE_AWAY, UnavailableError
from audiosense_collector.runtime import Runtime

SPARE_BYTES = 256 * 2**20
"""The database comes first: with less free disk no clip is taken."""
SUFFIX = ".flac"
_OWN = re.compile(r"([0-9a-f]{2})/(\1[0-9a-f]{62}\.flac|\.\w+\.new)")
"""How files are named here: a content, or one that is being written."""


class ClipFiles:
    """Content-addressed files; a storage whose writes are whole or not at all, as those of object stores are.

    All methods wait for the storage; call them in a thread.
    """

    def __init__(self, system: Any, root: str) -> None:
        self._system = system
        self._root = root

    @classmethod
    def of(cls, runtime: Runtime) -> "ClipFiles":
        """Return those of a running collector."""
        return cls.at(runtime.settings.clips_location)

    @classmethod
    def at(cls, location: str) -> "ClipFiles":
        """Return those of a folder or an address."""
        return _open(location)

    def has(self, sha256: str, size: int) -> bool:
        """Whether a content of ``size`` bytes is there, whole.

        Raises:
            UnavailableError: the storage does not answer.
        """
        try:
            return int(self._system.info(self._name(sha256))["size"]) == size
        except FileNotFoundError:
            return False
        except OSError as error:
            raise _away(error) from None

    def put(self, sha256: str, content: bytes) -> None:
        """Keep a content, durably; one that is there already counts as new for ``sweep``.

        Raises:
            UnavailableError: the storage is full, cannot be written, or does not answer.
        """
        try:
            self._system.pipe_file(self._name(sha256), content)
        except OSError as error:
            raise _away(error) from None

    def fetch(self, sha256: str) -> tuple[Path, bool]:
        """Return a local file with a content, and whether the caller must delete it.

        Raises:
            FileNotFoundError: there is no such content.
            UnavailableError: the storage does not answer.
        """
        with NamedTemporaryFile(prefix="audiosense-", suffix=SUFFIX, delete=False) as file:
            path = Path(file.name)
        try:
            self._system.get_file(self._name(sha256), str(path))
        except BaseException as error:
            path.unlink()
            if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
                raise _away(error) from None
            raise
        return path, True

    def delete(self, sha256: str) -> None:
        """Delete a content, if it is there."""
        try:
            self._system.rm_file(self._name(sha256))
        except FileNotFoundError:
            return

    def sweep(self, known: Collection[str], older_than_s: float) -> int:
        """Delete contents that no clip names and that were not written just now; returns how many."""

        def is_stray(path: PurePath) -> bool:
            own = _OWN.fullmatch(f"{path.parent.name}/{path.name}")
            return own is not None and path.stem not in known

        return sweep(self._system, self._root, is_stray, older_than_s)

    def _name(self, sha256: str) -> str:
        return f"{self._root}/{sha256[:2]}/{sha256}{SUFFIX}"


class LocalClipFiles(ClipFiles):
    """Files in a folder of this computer, or one that several share; each is synced and then named."""

    def path(self, sha256: str) -> Path:
        """Where a content is, or would be."""
        return Path(self._name(sha256))

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

    def fetch(self, sha256: str) -> tuple[Path, bool]:
        """Return the file itself.

        Raises:
            FileNotFoundError: there is no such content.
        """
        path = self.path(sha256)
        if not path.is_file():
            raise FileNotFoundError(path)
        return path, False


@lru_cache(maxsize=8)
def _open(location: str) -> ClipFiles:
    system, root = open_location(location)
    return LocalClipFiles(system, root) if isinstance(system, LocalFileSystem) else ClipFiles(system, root)


def _away(error: OSError) -> UnavailableError:
    return UnavailableError(f"the storage of clips cannot be used: {error.strerror or error}", kind=STORAGE_AWAY)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
