"""The spool's file: opening and checking it, setting a damaged one aside, and a reserve for full disks."""

import contextlib
import logging
import os
import shutil
import sqlite3
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
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
_NO_ROOM = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
"""How a full disk shows at opening."""
_NUMBERS_TWICE = frozenset(
    {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID}
)
"""The file hands out all numbers itself; other constraints fail where a caller gives what cannot be stored."""
_SMALL_TABLES = ("meta", "counter", "sensor", "boot", "in_flight")
SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite raises; the second where its message quotes a damaged schema."""


class DamagedSpoolError(SpoolError):
    """The file is no spool of this version."""


class _NoRoomError(SpoolError):
    """The disk took nothing, perhaps because it is full."""


def is_damage(error: Exception) -> bool:
    """Whether the file is at fault, and not the disk or its permissions."""
    if isinstance(error, UnicodeDecodeError):
        return True
    if isinstance(error, sqlite3.IntegrityError):
        return error.sqlite_errorcode in _NUMBERS_TWICE
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return False
    return code == sqlite3.SQLITE_IOERR_SHORT_READ or code & 0xFF not in _SURROUNDINGS


def has_damaged_values(db: sqlite3.Connection) -> bool:
    """Whether a small table holds a null that it cannot have been given, which an update then meets."""
    try:
        return any(db.execute(f"PRAGMA integrity_check({table})").fetchone()[0] != "ok" for table in _SMALL_TABLES)
    except SQLITE_ERRORS as error:
        return is_damage(error)


def open_spool_file(path: Path) -> sqlite3.Connection:
    """Open the spool; a damaged one, or one of a newer version, is set aside and a new one serves.

    Only what is cheap is checked, so that a long backlog opens at once. Damage further down is met when it is read:
    ``retire`` and ``open_fresh`` are for then.

    Raises:
        SpoolError: the disk or its permissions do not let it be opened, or its name is another thing's than a file's.
    """
    check_kind(path)
    try:
        _check_not_emptied(path)
        try:
            return _connect(path)
        except _NoRoomError:
            # Opening makes files too: the reserve serves a start on a full disk as it serves deleting.
            give_reserve(path)
            return _connect(path)
    except DamagedSpoolError as error:
        return open_fresh(path, retire(path, Retirement(str(error))))


def check_kind(path: Path) -> None:
    """Make sure that what has the spool's name, if anything, is a file.

    Raises:
        SpoolError: it is a directory, a device or a pipe.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if not stat.S_ISREG(mode):
        what = "a directory" if stat.S_ISDIR(mode) else "neither file nor directory"
        raise SpoolError(f"the spool {path} is {what}; expected a file, which the agent makes itself: move it away")


@dataclass(slots=True)
class Retirement:
    """A damaged file on its way aside, which takes several tries where the disk is read-only.

    Attributes:
        reason: what is wrong with it.
        name: what it is called aside; its log gets there first, and must be found under the same name.
        remains: what it told of itself when it was tried first.
        is_done: it is aside, and a new file may be made.
    """

    reason: str
    name: str = field(default_factory=lambda: f"{DAMAGED}{time.time_ns()}")
    remains: Remains = field(default_factory=Remains)
    is_done: bool = False


def retire(path: Path, retirement: Retirement) -> Remains:
    """Set a damaged spool aside and return what it still says it held; done before, it is not done again.

    Raises:
        SpoolError: the disk or its permissions do not let it be renamed; to be tried again.
    """
    if retirement.is_done:
        return retirement.remains
    if retirement.remains == Remains():
        retirement.remains = read_remains(path)
    try:
        _set_aside(path, path.name + retirement.name)
    except OSError as error:
        raise SpoolError(
            f"the spool {path} is damaged ({retirement.reason}) and cannot be set aside: {error}; make its folder"
            " writable"
        ) from None
    retirement.is_done = True
    _prune(path, DAMAGED)
    log.warning(
        "the spool %s is damaged or of another version (%s); set aside, a new one serves", path, retirement.reason
    )
    return retirement.remains


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


def _set_aside(path: Path, name: str) -> None:
    with contextlib.suppress(OSError):
        shutil.copy2(epoch_file(path), path.with_name(name + _EPOCH))
    _rename(path, path.with_name(name), _LOG_FILES)


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
    """Return the epoch that stands beside a spool's file, for when that cannot be read; ``""`` if there is none."""
    try:
        return str(UUID(epoch_file(path).read_text(encoding="ascii").strip()))
    except (OSError, ValueError):
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
        _note_epoch(db, path)
    except SQLITE_ERRORS as error:
        if db is not None:
            db.close()
        if isinstance(error, sqlite3.IntegrityError) or is_damage(error):  # nobody gave a value yet
            raise DamagedSpoolError(str(error)) from None
        kind = _NoRoomError if getattr(error, "sqlite_errorcode", 0) & 0xFF in _NO_ROOM else SpoolError
        raise kind(
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
    if is_empty and epoch_file(path).exists():
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


def _note_epoch(db: sqlite3.Connection, path: Path) -> None:
    """Keep the epoch beside the file too; what a full disk did not take is written at the next opening."""
    epoch = get(db, "epoch")
    if epoch_beside(path) != epoch:
        try:
            write_atomically(epoch_file(path), epoch.encode())
        except OSError as error:
            log.warning("the spool's epoch cannot be kept in %s: %s; free space on its disk", epoch_file(path), error)


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
    """Keep the newest few, and of those that were not repaired the largest too: small ones must not push it out."""
    files = _files(path, kind)
    largest = max(reversed(files), key=_size, default=None) if kind == DAMAGED else None
    for old in files[:-_KEPT_ASIDE]:
        for suffix in ("", *_SURROUNDING_FILES) if old != largest else ():
            with contextlib.suppress(OSError):
                old.with_name(old.name + suffix).unlink(missing_ok=True)


def _size(file: Path) -> int:
    """Bytes of a file and its log, where what was written last may be all there is."""
    names = [file, file.with_name(file.name + "-wal")]
    return sum(each.stat().st_size for each in names if each.exists())


def epoch_file(path: Path) -> Path:
    """The file beside a spool that keeps its epoch too."""
    return path.with_name(path.name + _EPOCH)


def _reserve(path: Path) -> Path:
    return path.with_name(path.name + ".reserve")


def _free_bytes(path: Path) -> int:
    disk = os.statvfs(path.parent)
    return disk.f_bavail * disk.f_frsize
