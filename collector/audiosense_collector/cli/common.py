"""What all commands share: the database for the time of a command, and how results are printed."""

import asyncio
import contextlib
import datetime as dt
import getpass
import itertools
import json
import os
import re
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, NoReturn, TypeVar

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from audiosense_collector.auth.trail import Trail, at_work
from audiosense_collector.db.embedded import EmbeddedServer
from audiosense_collector.db.engine import check_database
from audiosense_collector.db.migrate import migrate
from audiosense_collector.errors import DatabaseError
from audiosense_collector.jobs import make_jobs
from audiosense_collector.runtime import Runtime, open_runtime, prepare_data_dir
from audiosense_collector.settings import Settings

T = TypeVar("T")
_WORDS = 2
"""Of a group and its command."""


@contextlib.contextmanager
def database(settings: Settings, *, migrated: bool = True, local: bool = True) -> Iterator[str]:
    """Give the address of a checked and migrated database; the embedded server is stopped with its last user.

    With ``migrated`` False its schema is left as it is. Without ``local`` the data directory is only made where the
    database is the embedded one.

    Raises:
        DatabaseError: it cannot be started, reached or migrated.
        SettingsError: the data directory cannot be written.
    """
    if local or settings.database_url is None:
        prepare_data_dir(settings.data_dir)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _interrupt)
    with contextlib.ExitStack() as stack:
        url = settings.database_url
        if url is None:
            server = EmbeddedServer(settings.data_dir / "postgresql")
            stack.callback(server.release)
            url = server.start()
            stack.enter_context(server.kept_up())
        check_database(url)
        if migrated:
            _migrate(url, settings)
        yield url


def _migrate(url: str, settings: Settings) -> None:
    try:
        migrate(url, retention=settings.retention)
    except (SQLAlchemyError, psycopg.Error) as error:
        reason = " ".join(str(error).split())[:300]
        raise DatabaseError(f"the schema cannot be brought up to date: {reason}; check the user's rights") from None


def _interrupt(_signal: int, _frame: Any) -> NoReturn:
    raise KeyboardInterrupt


def run(work: Callable[[Runtime], Awaitable[T]]) -> T:
    """Run a command's work against the database."""
    settings = Settings.load()

    async def main(url: str) -> T:
        trail = Trail(f"cli:{_os_user()}", socket.gethostname(), _command())
        async with open_runtime(settings, url, make_jobs(url)) as runtime:
            with at_work(trail):
                return await work(runtime)

    with database(settings) as url:
        return asyncio.run(main(url))


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def _command() -> str:
    """Return the command as it is named, without what it is given."""
    words = itertools.takewhile(re.compile("[a-z][a-z-]*").fullmatch, sys.argv[1:])
    return " ".join(itertools.islice(words, _WORDS))


def print_json(value: Any) -> None:
    """Print JSON with sorted keys."""
    print(json.dumps(value, indent=2, sort_keys=True))


def print_table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a plain table."""
    cells = [list(heads), *([str(value) for value in row] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    for line in cells:
        print("  ".join(value.ljust(width) for value, width in zip(line, widths, strict=True)).rstrip())


def show_time(time_us: int) -> str:
    """Return a time for people."""
    return dt.datetime.fromtimestamp(time_us / 1e6, dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
