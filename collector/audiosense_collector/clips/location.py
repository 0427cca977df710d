"""Which folders and addresses the sound of clips may be in: what fsspec opens with the drivers that are installed."""

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
    """Check that clips can be kept somewhere.

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
