"""Notices a file system that became read-only under open files, before SQLite meets it."""

import contextlib
import ctypes
import errno
import os
import sqlite3
from pathlib import Path

from audiosense_agent.errors import SpoolError


def why_refused(handle: int) -> str:
    """Return why the file system of a file that is open for writing takes no writes, ``""`` if it does."""
    try:
        is_read_only = os.fstatvfs(handle).f_flag & os.ST_RDONLY
        # Since Linux 6.15 the flags no longer tell, but a write of no bytes does.
        os.pwrite(handle, b"", 0)
    except OSError as error:
        return error.strerror or str(error)
    return os.strerror(errno.EROFS) if is_read_only else ""


class Probe:
    """Asks the file system of a spool whether it still takes writes; it writes nothing.

    After an error ext4 turns read-only by itself. SQLite keeps the index of its log in shared memory that is mapped
    from a file there: the first write to it would be answered by SIGBUS, which ends the process.

    Args:
        path: a file on that file system, held open until ``close``; without it all is taken to be well.
    """

    def __init__(self, path: Path) -> None:
        self._handle: int | None = None
        with contextlib.suppress(OSError):
            self._handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)

    def check(self, spool: Path) -> None:
        """Raise unless writes are taken.

        Raises:
            SpoolError: they are not.
        """
        why = self.why_refused()
        if why:
            raise SpoolError(
                f"the spool {spool} cannot be written: its file system stopped taking writes ({why}), mostly after "
                "errors; check the disk (dmesg), mount it anew and start the agent again"
            )

    def why_refused(self) -> str:
        """Return why writes are refused, ``""`` if they are not."""
        return "" if self._handle is None else why_refused(self._handle)

    def close(self) -> None:
        """Let go of the file."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def leave_open(db: sqlite3.Connection) -> None:
    """Let a connection outlive its last name: closing it would write to the mapped index too."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(db))
