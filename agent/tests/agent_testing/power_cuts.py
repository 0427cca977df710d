"""What would be on the disk if the power went at any moment of something that writes files.

Each write, fsync, rename and deletion in a folder is a moment before and after which the power may go. What is on the
disk then is one of several images, since a file system writes data and names when it likes until it is told to:

- ``seen``: all that was written, as after a kill of the process;
- ``durable``: only what was synced, files and names;
- ``names first``: all names as they were, files empty but for what was synced;
- ``torn``: all names as they were, of what was not synced the first half.
"""

import contextlib
import os
from collections import Counter
from pathlib import Path

IMAGES = ("seen", "durable", "names first", "torn")


class PowerCuts:
    """Watches a flat folder; ``moments`` are (what happens, {image: {file name: content}}), ``seen`` counts them."""

    def __init__(self, folder):
        self._folder = Path(folder)
        self._synced = {}
        self._names = {}
        self._place()
        self.moments = []
        self.counts = Counter()

    @contextlib.contextmanager
    def watch(self):
        """Record while the block runs; the folder is durable at its beginning."""
        self._place()
        whole = {name: getattr(os, name) for name in ("fsync", "replace", "rename", "unlink", "pwrite", "fdopen")}
        os.fsync = lambda handle: self._around("fsync", whole["fsync"], handle, then=self._sync)
        os.fdopen = lambda *given, **options: _Watched(whole["fdopen"](*given, **options), self)
        for name in ("replace", "rename", "unlink", "pwrite"):
            setattr(os, name, lambda *given, n=name, **options: self._around(n, whole[n], *given, **options))
        try:
            yield self
        finally:
            for name, function in whole.items():
                setattr(os, name, function)

    def write_image(self, image, folder):
        """Make a folder of an image."""
        folder.mkdir(parents=True)
        for name, content in image.items():
            (folder / name).write_bytes(content)

    def _around(self, what, function, *given, then=None, **options):
        self._note(f"before {what}")
        result = function(*given, **options)
        if then is not None:
            then(*given)
        self._note(f"after {what}")
        return result

    def _place(self):
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                self._synced[path.stat().st_ino] = path.read_bytes()
                self._names[path.name] = path.stat().st_ino

    def _sync(self, handle):
        status = os.fstat(handle)
        if self._folder.is_dir() and status.st_ino == self._folder.stat().st_ino:
            self._names = {path.name: path.stat().st_ino for path in self._folder.iterdir()}
            return
        for path in self._folder.iterdir() if self._folder.is_dir() else ():
            if path.stat().st_ino == status.st_ino:
                self._synced[status.st_ino] = path.read_bytes()

    def _note(self, what):
        paths = list(self._folder.iterdir()) if self._folder.is_dir() else []
        seen = {path.name: path.read_bytes() for path in paths}
        nodes = {path.name: path.stat().st_ino for path in paths}
        torn = {
            name: content if self._synced.get(nodes[name]) == content else content[: len(content) // 2]
            for name, content in seen.items()
        }
        images = (
            seen,
            {name: self._synced.get(node, b"") for name, node in self._names.items()},
            {name: self._synced.get(node, b"") for name, node in nodes.items()},
            torn,
        )
        self.counts[what] += 1
        self.moments.append((what, dict(zip(IMAGES, images, strict=True))))


class _Watched:
    """A file each of whose writes is a moment."""

    def __init__(self, file, cuts):
        self._file = file
        self._cuts = cuts

    def __enter__(self):
        self._file.__enter__()
        return self

    def __exit__(self, *given):
        return self._file.__exit__(*given)

    def __getattr__(self, name):
        return getattr(self._file, name)

    def write(self, content):
        """Write in two halves, for the power may go between them."""
        self._cuts._note("before write")
        half = len(content) // 2
        for part in (content[:half], content[half:]):
            self._file.write(part)
            self._file.flush()
            self._cuts._note("after write")
