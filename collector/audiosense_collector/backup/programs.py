"""PostgreSQL's own programs for backups: those of the embedded server, or the system's, whichever fits the server."""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from sqlalchemy.engine import make_url

from audiosense_collector.backup.archive import CHUNK
from audiosense_collector.backup.errors import BackupError
from audiosense_collector.db.embedded import programs_folder
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.errors import DatabaseError

TIMEOUTS_SINCE = 17
"""From this release on pg_restore sets a time-out that older servers do not know."""
_DEBIAN = Path("/usr/lib/postgresql")


def find(program: str, fits: Iterable[int]) -> tuple[Path, int]:
    """Return a program and its major version, the first of ``fits`` that there is.

    Raises:
        BackupError: there is none.
    """
    found = {version: path for path in _candidates(program) if (version := _version(path))}
    wanted = list(fits)
    for version in wanted:
        if version in found:
            return found[version], version
    raise BackupError(
        f"{program} {wanted[0]} is needed for this server or backup, found {sorted(found) or 'none'}; install "
        f"PostgreSQL's client programs (Debian: postgresql-client-{wanted[0]})"
    )


def _candidates(program: str) -> Iterator[Path]:
    yield from sorted(_DEBIAN.glob(f"*/bin/{program}"))
    on_path = shutil.which(program)
    # Debian's is a wrapper that chooses one of those above.
    if on_path and not (_DEBIAN.is_dir() and Path(on_path).resolve().name == "pg_wrapper"):
        yield Path(on_path)
    with contextlib.suppress(DatabaseError):
        yield programs_folder() / program


def _version(path: Path) -> int | None:
    try:
        done = subprocess.run([str(path), "--version"], capture_output=True, text=True, check=False, timeout=20)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    said = re.search(r"\(PostgreSQL\) (\d+)", done.stdout)
    return int(said[1]) if said else None


def dump(url: str, program: Path, snapshot: str) -> Iterator[bytes]:
    """Give a dump of a snapshot as it is made.

    Raises:
        BackupError: pg_dump failed; with its words.
    """
    address, environment = _without_password(url)
    arguments = ["--format=custom", "--compress=gzip:1", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
    command = [str(program), *arguments, "--lock-wait-timeout=60s", f"--dbname={address}"]
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=words, env=environment)  # noqa: S603
        assert process.stdout is not None
        try:
            while chunk := process.stdout.read(CHUNK):
                yield chunk
        finally:
            process.stdout.close()
            code = _ended(process)
        if code:
            raise BackupError(f"pg_dump failed: {_said(words)}")


def load(url: str, program: Path, chunks: Iterable[bytes]) -> None:
    """Restore a dump into an empty database in one transaction: all or nothing.

    Raises:
        BackupError: pg_restore failed; with its words.
    """
    address, environment = _without_password(url)
    command = [str(program), "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    with tempfile.TemporaryFile() as words:
        process = subprocess.Popen(  # noqa: S603 - a program of PostgreSQL
            [*command, f"--dbname={address}"], stdin=subprocess.PIPE, stdout=words, stderr=words, env=environment
        )
        assert process.stdin is not None
        try:
            for chunk in chunks:
                process.stdin.write(chunk)
            process.stdin.close()
        except BrokenPipeError:
            pass  # it has ended, and says why
        finally:
            code = process.wait() if process.stdin.closed else _ended(process)
        if code:
            raise BackupError(f"pg_restore failed, nothing was changed: {_said(words)}")


def _ended(process: "subprocess.Popen[bytes]") -> int:
    """Wait for a program that has been told by a closed pipe that it is not needed any more."""
    try:
        return process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _without_password(url: str) -> tuple[str, dict[str, str]]:
    """Return the address for a command line, which every user of the computer can read, and the environment for it."""
    parts = make_url(libpq_url(url))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    if parts.password:
        environment["PGPASSWORD"] = str(parts.password)
    return parts.set(password=None).render_as_string(hide_password=False), environment | {"LC_ALL": "C.UTF-8"}


def _said(words: IO[bytes]) -> str:
    words.seek(0)
    return " ".join(words.read().decode(errors="replace").split())[-400:] or "no reason"
