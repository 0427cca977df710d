"""Tells, after a start, whether the process before died inside a model."""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from audiosense_agent.boot import read_boot_id

LOADING, SCORING = "loading.mark", "scoring.mark"
_DIGEST = re.compile("[0-9a-f]{64}")
_IDLE = b" "
_INSIDE = b"x"


class Guard:
    """A mark on disk that stands while ONNX Runtime has the processor.

    The mark is written without fsync: it outlives the process, however that ends, but need not outlive the computer. A
    mark of another boot counts for nothing: a power cut is not the model's fault. Nor does any where boots cannot be
    told apart. What the disk does not take is left out; a full disk takes away the guard, not the model.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._boot = read_boot_id()
        self._file: int | None = None
        self._digest: str | None = None

    def dead_within(self) -> str | None:
        """Return the digest of the model that the process before died in, in this boot of the computer."""
        try:
            mark, boot, digest = self._path.read_text(encoding="ascii").split("\n")
        except (OSError, ValueError):
            return None
        is_whole = _DIGEST.fullmatch(digest) is not None and self._boot is not None and boot == self._boot
        return digest if is_whole and mark.encode() == _INSIDE else None

    def forget(self) -> None:
        """Take away what the process before has left, so that it is counted once."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def inside(self, digest: str) -> Iterator[None]:
        """Let the mark stand for a model."""
        self.enter(digest)
        try:
            yield
        finally:
            self.leave()

    def enter(self, digest: str) -> None:
        """Set the mark: a system call, no more, where it was last set for the same model."""
        with contextlib.suppress(OSError):
            if self._file is None or digest != self._digest:
                self.close()
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                content = b"\n".join((_IDLE, (self._boot or "").encode(), digest.encode()))
                os.ftruncate(self._file, len(content))
                os.pwrite(self._file, content, 0)
                self._digest = digest
            os.pwrite(self._file, _INSIDE, 0)

    def leave(self) -> None:
        """Take the mark away."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.pwrite(self._file, _IDLE, 0)

    def close(self) -> None:
        """Let go of the file; the mark can be set again."""
        if self._file is not None:
            os.close(self._file)
            self._file = self._digest = None
