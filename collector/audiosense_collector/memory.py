"""Memory of the server: where glibc takes large buffers from, and how often Python looks for garbage.

Each TLS connection has a buffer of 256 KiB, of which it uses a few. From the heap it would get pages that were in use
before: they are in memory, and stay there as long as the connection. From pages of its own it costs only what it uses.
What a batch needs comes and goes all the time, and there it is the other way round: with pages of its own for each
buffer a third of the time of ingest would go into fetching pages and giving them back.
"""

import asyncio
import ctypes
import gc
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_MALLOPT = getattr(ctypes.CDLL(None), "mallopt", None)
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_GC_THRESHOLDS = (20_000, 20, 20)
_APART_BYTES = 128 * 1024
_TOGETHER_BYTES = 32 * 2**20
"""The most that glibc takes. No buffer of a batch is larger."""
_KEPT_BYTES = 32 * 2**20
"""Free memory at the heap's end that is kept: what one group needs."""


def settle() -> None:
    """Leave what is there now, modules and routes above all, to no more search for garbage, and search less often.

    Batches make many objects and hardly any cycle of them: searching as often as by default takes a tenth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GC_THRESHOLDS)


def keep_heap() -> None:
    """Take large buffers from the heap, and keep its end; elsewhere than with glibc nothing happens."""
    _tune(_M_MMAP_THRESHOLD, _TOGETHER_BYTES)
    _tune(_M_TRIM_THRESHOLD, _KEPT_BYTES)


class ConnectionApart(HttpToolsProtocol):
    """A connection whose TLS buffer has pages of its own: the loop makes that right after this object."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        _tune(_M_MMAP_THRESHOLD, _APART_BYTES)
        asyncio.get_running_loop().call_soon(_tune, _M_MMAP_THRESHOLD, _TOGETHER_BYTES)


def _tune(option: int, value: int) -> None:
    if _MALLOPT is not None:
        _MALLOPT(option, value)
