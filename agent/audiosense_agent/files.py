"""Files that are either wholly there or not at all: write beside, fsync, rename."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make renames and deletions in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace ``path`` by ``content``, durably; a crash leaves the old content or the new, never a mixture.

    What root writes belongs to the folder's owner: the service that an administrator enrols must read it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    staged = path.with_name(f".{path.name}.{os.getpid()}.new")
    handle = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            owner = path.parent.stat()
            if os.geteuid() == 0 != owner.st_uid:
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def give_to_owner(folder: Path, files: Iterable[Path]) -> None:
    """Give what root made to the folder's owner: the service must be able to write it."""
    owner = folder.stat()
    if os.geteuid() == 0 != owner.st_uid:
        for file in files:
            with contextlib.suppress(FileNotFoundError):
                os.chown(file, owner.st_uid, owner.st_gid)
