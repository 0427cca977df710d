"""The spool's file: opening and checking it, setting a damaged one aside, and a reserve for full disks."""

import contextlib
import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID, uuid4

from audiosense_agent.errors import SpoolError
from audiosense_agent.files import write_atomically
from audiosense_agent.spool.remains import Remains, inherit_remains, read_remains
from audiosense_agent.spool.rows import count_waiting
from audiosense_agent.spool.schema import ADDED_COLUMNS, ADDED_TABLES, SCHEMA, TABLES, VERSION
from audiosense_agent.spool.values import count, get, put

log = logging.getLogger(__name__)
_BUSY_S = 10.0
DAMAGED = ".damaged-"
REPAIRED = ".repaired-"
_KEPT_ASIDE = 3
_EPOCH = ".epoch"
_LOG_FILES = ("-wal", "-shm")
_SURROUNDING_FILES = (*_LOG_FILES, _EPOCH)
_RESERVE_BYTES = 4 * 2**20
_SLICE_BYTES = 2**18
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


SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite raises; the second where its message quotes a damaged schema."""


class DamagedSpoolError(SpoolError):
    """The file is no spool of this version."""


def is_damage(error: Exception) -> bool:
    """Whether the file is at fault, and not the disk or its permissions."""
    if isinstance(error, UnicodeDecodeError):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return False
    return code == sqlite3.SQLITE_IOERR_SHORT_READ or code & 0xFF not in _SURROUNDINGS


def open_spool_file(path: Path) -> sqlite3.Connection:
    """Open the spool; a damaged one, or one of a newer version, is set aside and a new one serves.

    Only what is cheap is checked, so that a long backlog opens at once. Damage further down is met when it is read:
    ``retire`` and ``open_fresh`` are for then.

    Raises:
        SpoolError: the disk or its permissions do not let it be opened.
    """
    try:
        _check_not_emptied(path)
        return _connect(path)
    except DamagedSpoolError as error:
        return open_fresh(path, retire(path, str(error)))


def retire(path: Path, reason: str) -> Remains:
    """Set a damaged spool aside and return what it still says it held."""
    remains = read_remains(path)
    set_aside(path)
    log.warning("the spool %s is damaged or of another version (%s); set aside, a new one serves", path, reason)
    return remains


def open_fresh(path: Path, remains: Remains) -> sqlite3.Connection:
    """Open a new spool, which knows what was lost with the one before.

    Raises:
        SpoolError: the disk or its permissions do not let it be made; to be tried again.
    """
    give_reserve(path)
    db = _connect(path)
    with db:
        db.execute("BEGIN")
        inherit_remains(db, remains)
    return db


def set_aside(path: Path) -> None:
    """Rename a damaged spool, keeping the newest few."""
    name = f"{path.name}{DAMAGED}{time.time_ns()}"
    with contextlib.suppress(OSError):
        shutil.copy2(_epoch_file(path), path.with_name(name + _EPOCH))
    _rename(path, path.with_name(name), _LOG_FILES)
    _prune(path, DAMAGED)


def mark_repaired(path: Path, aside: Path) -> Path:
    """Rename a file that was set aside and then repaired, so that it is not repaired again; return its new name."""
    repaired = aside.with_name(aside.name.replace(DAMAGED, REPAIRED))
    _rename(aside, repaired, _SURROUNDING_FILES)
    _prune(path, REPAIRED)
    return repaired


def files_aside(path: Path) -> list[Path]:
    """Files that were set aside beside a spool and not repaired yet, the oldest first."""
    return _files(path, DAMAGED)


def epoch_beside(path: Path) -> str:
    """Return the epoch that stands beside a spool's file, or ``""``; it is there for when the file cannot be read."""
    try:
        return _epoch_file(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def take_reserve(path: Path) -> None:
    """Hold some bytes of disk back, so that deleting works when all others are used."""
    reserve = _reserve(path)
    with contextlib.suppress(OSError):
        held = reserve.stat().st_size if reserve.exists() else 0
        if held < _RESERVE_BYTES and _free_bytes(path) > 2 * _RESERVE_BYTES:
            handle = os.open(reserve, os.O_CREAT | os.O_WRONLY, 0o600)
            try:
                os.posix_fallocate(handle, 0, _RESERVE_BYTES)
            finally:
                os.close(handle)


def slice_reserve(path: Path) -> None:
    """On a full disk let a slice of the reserve go, for the last words of what stops; half of it stays for deleting."""
    reserve = _reserve(path)
    with contextlib.suppress(OSError):
        held = reserve.stat().st_size
        if _free_bytes(path) < _SLICE_BYTES and held - _SLICE_BYTES >= _RESERVE_BYTES // 2:
            os.truncate(reserve, held - _SLICE_BYTES)


def give_reserve(path: Path, db: sqlite3.Connection | None = None) -> None:
    """Give the reserve up if the disk is nearly full, first of all to what waits in the write-ahead log."""
    with contextlib.suppress(OSError, sqlite3.Error):
        if _free_bytes(path) < _RESERVE_BYTES:
            _reserve(path).unlink(missing_ok=True)
            if db is not None:
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _connect(path: Path) -> sqlite3.Connection:
    db: sqlite3.Connection | None = None
    try:
        db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        db.text_factory = decode
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA temp_store = MEMORY")
        db.execute("PRAGMA synchronous = FULL")
        _check(db)
        if db.execute("PRAGMA user_version").fetchone()[0] == 0:
            _create(db, path)
        _upgrade(db, path)
    except SQLITE_ERRORS as error:
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


def _check_not_emptied(path: Path) -> None:
    """Tell a spool that lost all its bytes from one that was never made; SQLite takes either for a new one."""
    try:
        is_empty = path.stat().st_size == 0
    except FileNotFoundError:
        is_empty = path.with_name(path.name + "-wal").exists()
    except OSError:
        return
    if is_empty and _epoch_file(path).exists():
        raise DamagedSpoolError("the file is empty or gone")


def _check(db: sqlite3.Connection) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    tables = {row[0] for row in db.execute("SELECT name FROM sqlite_schema")}
    if version != VERSION and (version or tables):
        raise DamagedSpoolError(f"the spool has version {version}, this agent writes version {VERSION}")
    if not version:
        return
    missing = set(TABLES) - tables
    if missing:
        raise DamagedSpoolError(f"the spool has lost its table {min(missing)}")
    try:
        UUID(get(db, "epoch"))
    except ValueError:
        raise DamagedSpoolError("the spool has lost its epoch") from None


def _create(db: sqlite3.Connection, path: Path) -> None:
    """Make the tables with a new epoch; a file beside the spool knows the epoch before."""
    previous = epoch_beside(path)
    epoch = str(uuid4())
    with db:
        db.execute("BEGIN")
        for statement in SCHEMA.split(";"):
            db.execute(statement)
        put(db, {"epoch": epoch, "previous_epoch": previous, "token": "", "agent": ""})
        count(db, "rows", 0)
        db.execute(f"PRAGMA user_version = {VERSION}")
    write_atomically(_epoch_file(path), epoch.encode())


def _upgrade(db: sqlite3.Connection, path: Path) -> None:
    """Give a spool of an earlier release the tables and columns that it lacks; its rows stay as they are."""
    known = {row[0] for row in db.execute("SELECT name FROM sqlite_schema")}
    missing = [statement for name, statement in ADDED_TABLES.items() if name not in known]
    missing += [
        f"ALTER TABLE {table} ADD COLUMN {name} {kind}"
        for table, name, kind in ADDED_COLUMNS
        if not db.execute("SELECT 1 FROM pragma_table_info(?) WHERE name = ?", (table, name)).fetchone()
    ]
    if missing:
        give_reserve(path, db)
    with db:
        db.execute("BEGIN")
        for statement in missing:
            db.execute(statement)
        count_waiting(db)


def decode(text: bytes) -> str:
    """Read text that may be damaged: its row then fails its checksum, which is an answer that SQLite does not give."""
    return text.decode("utf-8", "replace")


def _files(path: Path, kind: str) -> list[Path]:
    names = {each.name for each in path.parent.glob(f"{path.name}{kind}*")}
    for suffix in _SURROUNDING_FILES:
        names = {name.removesuffix(suffix) for name in names}
    return [path.with_name(name) for name in sorted(names)]


def _rename(path: Path, to: Path, with_it: Sequence[str]) -> None:
    """Rename a file and what belongs to it; the file itself last, so that a crash between leaves it with its log."""
    for suffix in (*with_it, ""):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(to.with_name(to.name + suffix))


def _prune(path: Path, kind: str) -> None:
    for old in _files(path, kind)[:-_KEPT_ASIDE]:
        for suffix in ("", *_SURROUNDING_FILES):
            old.with_name(old.name + suffix).unlink(missing_ok=True)


def _epoch_file(path: Path) -> Path:
    return path.with_name(path.name + _EPOCH)


def _reserve(path: Path) -> Path:
    return path.with_name(path.name + ".reserve")


def _free_bytes(path: Path) -> int:
    disk = os.statvfs(path.parent)
    return disk.f_bavail * disk.f_frsize
