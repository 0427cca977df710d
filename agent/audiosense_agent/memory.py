"""Keeps a process that computes on large arrays for years small."""

import ctypes

_ARENAS = 2
_MAPPED_BYTES = 2**20
_KEPT_BYTES = 16 * 2**20
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""Names of <malloc.h>."""


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
