"""What systemd is told (ready, alive, stopping) and what it hands over (credentials); elsewhere this does nothing."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

from audiosense_collector.errors import SettingsError
from audiosense_common.notify import notify

DATABASE_CREDENTIAL = "audiosense.database-url"
_FEEDS_IN_LIMIT = 3


@contextlib.asynccontextmanager
async def supervised() -> AsyncIterator[None]:
    """Say that the process is ready, feed the watchdog while its event loop turns, and say that it stops."""
    notify("READY=1")
    limit_s = int(os.environ.get("WATCHDOG_USEC") or 0) / 1e6
    feeding = asyncio.create_task(_feed(limit_s / _FEEDS_IN_LIMIT)) if limit_s else None
    try:
        yield
    finally:
        notify("STOPPING=1")
        if feeding is not None:
            feeding.cancel()


async def _feed(every_s: float) -> None:
    while True:
        notify("WATCHDOG=1")
        await asyncio.sleep(every_s)


def database_credential() -> str | None:
    """Return the database's address from systemd's credential ``audiosense.database-url``, if the unit was given one.

    Raises:
        SettingsError: it cannot be read.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    path = Path(folder or "") / DATABASE_CREDENTIAL
    if not folder or not path.exists():
        return None
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the credential {path} cannot be read: {error}; make it one line of text") from None
