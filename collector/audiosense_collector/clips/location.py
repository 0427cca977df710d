"""Which folders and addresses files may be kept in: what fsspec opens with the drivers that are installed."""

import datetime as dt
import time
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from fsspec.core import url_to_fs


def open_location(location: str) -> tuple[Any, str]:
    """Return the file system (``fsspec.AbstractFileSystem``) and the path in it that a folder or address stands for.

    Raises:
        ValueError: an unknown kind of address, or one whose driver is not installed.
        ImportError: the driver of the kind is not installed.
    """
    system, path = url_to_fs(location)
    return system, str(path).rstrip("/")


def check_location(location: str) -> None:
    """Check that files can be kept somewhere.

    Raises:
        ValueError: they cannot; the message says what was found and what to do.
    """
    kind = location.partition("://")[0]
    try:
        open_location(location)
    except ImportError as error:
        raise ValueError(
            f"names {kind}://, whose driver is not installed: {error}; install it beside the collector"
        ) from None
    except ValueError as error:
        raise ValueError(
            f"is {location!r}: {error}; expected a folder, file:///FOLDER, or an address that fsspec knows"
        ) from None


def sweep(system: Any, root: str, is_stray: Callable[[PurePath], bool], older_than_s: float) -> int:
    """Delete files below ``root`` that are ours and nothing names, unless they were written just now; returns how many.

    ``is_stray`` says so of a path; it must not say it of others' files, for folders are shared.
    """
    limit = dt.datetime.fromtimestamp(time.time() - older_than_s, dt.UTC)
    stray = []
    for name in system.find(root):
        if not is_stray(PurePath(name)):
            continue
        try:
            if _in_utc(system.modified(name)) < limit:
                stray.append(name)
        except (FileNotFoundError, NotImplementedError):
            # Gone meanwhile, or a storage that does not tell ages: better one too many is kept.
            continue
    for name in stray:
        system.rm_file(name)
    return len(stray)


def _in_utc(moment: dt.datetime) -> dt.datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
