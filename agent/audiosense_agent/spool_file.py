"""The spool's file: opening and checking it, setting a damaged one aside, and a reserve for full disks."""

import contextlib
import logging
import os
import sqlite3
import time
from pathlib import Path
from uuid import uuid4

from audiosense_agent.errors import SpoolError
from audiosense_agent.files import write_atomically
from audiosense_agent.spool_clock import BOOT_TABLE
from audiosense_agent.spool_rows import ADDED_COLUMNS, SCHEMA, VERSION, count, put

log = logging.getLogger(__name__)
_BUSY_S = 10.0
_KEPT_ASIDE = 3
_RESERVE_BYTES = 4 * 2**20
_SURROUNDINGS = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_NOMEM,
    }
)


class DamagedSpoolError(SpoolError):
    """The file is no spool of this version."""


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file is at fault, and not the disk or its permissions."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return False
    return code == sqlite3.SQLITE_IOERR_SHORT_READ or code & 0xFF not in _SURROUNDINGS


def open_spool_file(path: Path) -> sqlite3.Connection:
    """Open the spool; a damaged one, or one of a newer version, is set aside and a new one serves.

    Raises:
        SpoolError: the disk or its permissions do not let it be opened.
    """
    try:
        return _connect(path)
    except DamagedSpoolError as error:
        lost = set_aside(path)
        log.warning("the spool %s is damaged or of another version (%s); set aside, a new one serves", path, error)
    db = _connect(path)
    with db:
        db.execute("BEGIN")
        count(db, "set_aside", 1)
        count(db, "dropped", lost)
    return db


def set_aside(path: Path) -> int:
    """Rename a damaged spool, keeping the newest few; return how many measurements it says it held."""
    lost = _count_readable(path)
    name = f"{path.name}.damaged-{time.time_ns()}"
    for suffix in ("-wal", "-shm", ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(path.with_name(name + suffix))
    kept = sorted(found for found in path.parent.glob(f"{path.name}.damaged-*") if found.suffix.find("-wal") < 0)
    bases = sorted({found.name.removesuffix("-wal").removesuffix("-shm") for found in kept})
    for base in bases[:-_KEPT_ASIDE]:
        for suffix in ("", "-wal", "-shm"):
            path.with_name(base + suffix).unlink(missing_ok=True)
    return lost


def take_reserve(path: Path) -> None:
    """Hold some bytes of disk back, so that deleting works when all others are used."""
    reserve = _reserve(path)
    with contextlib.suppress(OSError):
        if not reserve.exists() and _free_bytes(path) > 2 * _RESERVE_BYTES:
            handle = os.open(reserve, os.O_CREAT | os.O_WRONLY, 0o600)
            try:
                os.posix_fallocate(handle, 0, _RESERVE_BYTES)
            finally:
                os.close(handle)


def give_reserve(path: Path, db: sqlite3.Connection) -> None:
    """Give the reserve up if the disk is nearly full, first of all to what waits in the write-ahead log."""
    with contextlib.suppress(OSError, sqlite3.Error):
        if _free_bytes(path) < _RESERVE_BYTES:
            _reserve(path).unlink(missing_ok=True)
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _connect(path: Path) -> sqlite3.Connection:
    db: sqlite3.Connection | None = None
    try:
        db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        _check(db)
        if db.execute("PRAGMA user_version").fetchone()[0] == 0:
            _create(db, path)
        _add_columns(db, path)
    except sqlite3.Error as error:
        if db is not None:
            db.close()
        if is_damage(error):
            raise DamagedSpoolError(str(error)) from None
        raise SpoolError(
            f"the spool {path} cannot be opened: {error}; check the disk's free space and the folder's permissions"
        ) from None
    except DamagedSpoolError:
        assert db is not None
        db.close()
        raise
    take_reserve(path)
    return db


def _check(db: sqlite3.Connection) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    tables = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    if version != VERSION and (version or tables):
        raise DamagedSpoolError(f"the spool has version {version}, this agent writes version {VERSION}")
    found = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise DamagedSpoolError(str(found))
    if version and not db.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone():
        raise DamagedSpoolError("the spool has lost its epoch")


def _create(db: sqlite3.Connection, path: Path) -> None:
    """Make the tables with a new epoch; a file beside the spool knows the epoch before."""
    beside = path.with_name(path.name + ".epoch")
    try:
        previous = beside.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        previous = ""
    epoch = str(uuid4())
    with db:
        db.execute("BEGIN")
        for statement in SCHEMA.split(";"):
            db.execute(statement)
        put(db, {"epoch": epoch, "previous_epoch": previous, "token": "", "agent": ""})
        db.execute(f"PRAGMA user_version = {VERSION}")
    write_atomically(beside, epoch.encode())


def _add_columns(db: sqlite3.Connection, path: Path) -> None:
    """Give a spool of an earlier release the columns that it lacks; its rows stay as they are."""
    missing = [
        (table, name, kind)
        for table, name, kind in ADDED_COLUMNS
        if not db.execute("SELECT 1 FROM pragma_table_info(?) WHERE name = ?", (table, name)).fetchone()
    ]
    if not missing:
        return
    give_reserve(path, db)
    with db:
        db.execute("BEGIN")
        db.execute(BOOT_TABLE)
        for table, name, kind in missing:
            db.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")


def _count_readable(path: Path) -> int:
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=_BUSY_S)) as db:
            return int(db.execute("SELECT value FROM counter WHERE name = 'rows'").fetchone()[0])
    except (sqlite3.Error, TypeError, ValueError):
        return 0


def _reserve(path: Path) -> Path:
    return path.with_name(path.name + ".reserve")


def _free_bytes(path: Path) -> int:
    disk = os.statvfs(path.parent)
    return disk.f_bavail * disk.f_frsize
