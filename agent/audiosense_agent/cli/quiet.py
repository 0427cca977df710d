"""Keeps what decoders' C libraries print out of a command's one-line errors."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Send the process's stderr to nowhere meanwhile: libmpg123 prints a warning for each damaged MP3 frame.

    The descriptor is the whole process's, so this is for commands that run one thread and print afterwards: ``run`` and
    the collector would lose other threads' lines.
    """
    if sys.stderr is None:  # it was closed by the caller, and its number may be another file's
        yield
        return
    sys.stderr.flush()
    kept = os.dup(_STDERR)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, _STDERR)
    os.close(nowhere)
    try:
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
