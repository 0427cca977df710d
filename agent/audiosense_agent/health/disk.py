"""Has the disk of the state directory room, and can it be written?"""

import errno
import os
from pathlib import Path

from audiosense_agent.health.base import Check, CheckState, Figure
from audiosense_agent.spool.read_only import why_refused
from audiosense_agent.state_lock import lock_path

_WARNING_MB, _FAILED_MB = 500.0, 100.0
_FULL = "The disk is nearly full: delete what is not needed on it; measurements are kept in memory once it is full."
_READ_ONLY = "The disk is mounted read-only, mostly after errors: check it (dmesg) and replace the card if it is worn."


def check(folder: Path) -> Check:
    """Check by the free space of a state directory's disk, and by whether it still takes writes."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return Check("disk", CheckState.UNKNOWN)
    free_mb, size_mb = disk.f_bavail * disk.f_frsize / 1e6, disk.f_blocks * disk.f_frsize / 1e6
    evidence = (
        Figure("free", round(free_mb), "MB"),
        Figure("size", round(size_mb), "MB"),
        Figure("limit", _WARNING_MB, "MB"),
    )
    if disk.f_flag & os.ST_RDONLY or _refuses(lock_path(folder)):
        return Check("disk", CheckState.FAILED, evidence, "read_only", _READ_ONLY)
    if free_mb >= _WARNING_MB:
        return Check("disk", CheckState.OK, evidence)
    state = CheckState.FAILED if free_mb < _FAILED_MB else CheckState.WARNING
    return Check("disk", state, evidence, "full", _FULL)


def _refuses(file: Path) -> bool:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    except OSError as error:
        return error.errno == errno.EROFS
    try:
        return bool(why_refused(handle))
    finally:
        os.close(handle)
