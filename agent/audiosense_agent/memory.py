"""Keeps a process that computes on large arrays for years small."""

import ctypes
import os
import re
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_ARENAS = 2
_MAPPED_BYTES = 2**20
_KEPT_BYTES = 16 * 2**20
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""Names of <malloc.h>."""
_MADV_DONTNEED = 4
"""Name of <sys/mman.h>."""
_FIRST_S, _SELDOM_S = 5.0, 600.0
_SMAPS = Path("/proc/self/smaps")
_PROGRAM = Path("/proc/self/exe")
_MAPPING = re.compile(r"(?P<first>[0-9a-f]+)-(?P<last>[0-9a-f]+) (?P<rights>\S+) \S+ \S+ \S+\s*(?P<path>.*)")


def keep_small() -> bool:
    """Tell glibc's allocator to give large arrays back at once, and to share its heap between threads.

    By itself it makes a heap for each thread and keeps the largest arrays that it ever saw: 11 MiB of an agent with
    one sensor at 48 kHz. Arrays below the threshold still come from the heap, so that no window costs more time.
    Returns whether the allocator took it; another C library than glibc has its own ways.
    """
    tune = getattr(ctypes.CDLL(None), "mallopt", None)
    if tune is None:
        return False
    values = {_M_ARENA_MAX: _ARENAS, _M_MMAP_THRESHOLD: _MAPPED_BYTES, _M_TRIM_THRESHOLD: _KEPT_BYTES}
    return all(tune(name, value) for name, value in values.items())


def give_back() -> None:
    """Give back what only the start needed: free pages of the heap, and program text, which the kernel has on disk.

    Text that is needed again comes back page by page from the kernel's cache. Only pages of loaded libraries that
    nothing in this process ever wrote to are let go, so nothing is lost. Where there is no /proc it does nothing.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    trim, advise = getattr(libc, "malloc_trim", None), getattr(libc, "madvise", None)
    if trim is not None:
        trim(0)
    if advise is None:
        return
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    with suppress(OSError):
        held = {path for path, _, _ in _unwritten_text() if _hold(path)}
        # Read again: what was read before a library was held may have gone meanwhile, and its addresses be another's.
        for path, first, last in _unwritten_text():
            if path in held:
                advise(first, last - first, _MADV_DONTNEED)


def _unwritten_text() -> list[tuple[str, int, int]]:
    with _SMAPS.open(encoding="utf-8", errors="replace") as lines:
        return unwritten_text(lines)


_held: set[str] = set()


def _hold(path: str) -> bool:
    """Keep a library where it is for as long as the process runs; False for what is none, or is not loaded.

    Other threads load and unload libraries (ALSA its plugins, with each device that is looked for): one that is being
    loaded shows as text where it is about to be written to. The loader answers once it is done with it.
    """
    if path not in _held:
        try:
            if path != str(_PROGRAM.readlink()):
                ctypes.CDLL(path, mode=os.RTLD_NOLOAD)
        except OSError:
            return False
        _held.add(path)
    return True


def unwritten_text(smaps: Iterable[str]) -> list[tuple[str, int, int]]:
    """Return the mappings of files that are read-only and hold no page of their own.

    Args:
        smaps: lines as in /proc/PID/smaps (proc(5)).

    Returns:
        Path, first address and last address + 1 of each.
    """
    found: list[tuple[str, int, int]] = []
    mapping: tuple[str, int, int] | None = None
    for line in smaps:
        head = _MAPPING.match(line)
        if head is not None:
            mapping = head["path"], int(head["first"], 16), int(head["last"], 16)
            if head["rights"] not in {"r-xp", "r--p"} or not head["path"].startswith("/"):
                mapping = None
        elif mapping is not None and line.split() == ["Anonymous:", "0", "kB"]:
            found.append(mapping)
    return found


class Tidy:
    """Gives back what the start took: soon after it, then more and more seldom, for a model may come at any time."""

    def __init__(self) -> None:
        self._pause_s = _FIRST_S
        self._due = time.monotonic() + _FIRST_S

    def tick(self) -> None:
        """Give back if it is time to; to be called every few seconds."""
        now = time.monotonic()
        if now < self._due:
            return
        give_back()
        self._pause_s = min(2.0 * self._pause_s, _SELDOM_S)
        self._due = now + self._pause_s
