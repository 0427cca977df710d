"""Bringing a backup back: everything is verified first, and what is in use is replaced in one step or not at all."""

import contextlib
import datetime as dt
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from audiosense_collector.backup import programs
from audiosense_collector.backup.archive import DUMP, Manifest, Reader, reading
from audiosense_collector.backup.create import KEY_FILES, NEWER_PROGRAMS, count_rows, key_path
from audiosense_collector.backup.errors import BackupError
from audiosense_collector.clips.storage import ClipFiles
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.db.migrate import is_known, newest_revision
from audiosense_collector.settings import Settings

_IN_USE = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
_GO_ON = """
UPDATE agent SET token = NULL;
UPDATE sensor SET bundle_version = bundle_version + 1000;
"""
"""Agents have had answers since the backup: the token that they hold is unknown here, and a restored collector must not
take each of them for a copy of itself. They may also run newer models; the next one must be newer than those."""
_EMPTY_AGAIN = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"


def restore_backup(settings: Settings, url: str, path: Path, *, replace: bool = False) -> tuple[Manifest, str | None]:
    """Restore a backup into the database of ``url`` and the data directory; nobody else may use either meanwhile.

    Returns:
        The manifest, and the name under which a database that was replaced is kept.

    Raises:
        BackupError: the backup is damaged, of a newer release, or does not fit; something is there already and
            ``replace`` was not given; nothing is changed then.
    """
    with reading(path) as backup:
        backup.verify()
        if not is_known(backup.manifest.revision):
            raise BackupError(
                f"the backup {path} has schema {backup.manifest.revision} of release {backup.manifest.release}, this "
                f"release knows up to {newest_revision()}; install that release to restore it"
            )
        _check_keys(settings, backup, replace=replace)
        with _connect(url) as connection:
            server = connection.info.server_version // 10_000
            is_empty = not count_rows(connection)
            _check_free(connection)
        if not is_empty and not replace:
            raise BackupError(
                f"the database {_name(url)} is not empty; name an empty one in DATABASE_URL or AUDIOSENSE_DATA_DIR, or "
                "say --replace: it is then kept under another name"
            )
        program, _ = programs.find("pg_restore", _fitting(server, backup.manifest))
        _restore_clips(settings, backup)
        if is_empty:
            _fill(url, program, backup)
            kept = None
        else:
            kept = _fill_beside(url, program, backup)
        _restore_keys(settings, backup)
        return backup.manifest, kept


def _fitting(server: int, manifest: Manifest) -> list[int]:
    """Versions of pg_restore that read the dump and that the server understands, the closest first."""
    least = max(manifest.pg_dump, min(server, programs.TIMEOUTS_SINCE))
    found = [
        version
        for version in range(least, max(server, least) + NEWER_PROGRAMS)
        if server >= programs.TIMEOUTS_SINCE or version < programs.TIMEOUTS_SINCE
    ]
    if not found:
        raise BackupError(
            f"the dump was made by PostgreSQL {manifest.pg_dump}, whose pg_restore a server of release {server} does "
            f"not understand; restore into PostgreSQL {programs.TIMEOUTS_SINCE} or newer"
        )
    return found


def _check_keys(settings: Settings, backup: Reader, *, replace: bool) -> None:
    """Other keys than the backup's must not be lost unasked: agents trust them."""
    for name in _keys_in(backup):
        path = key_path(settings, name)
        if not replace and path.exists() and path.read_bytes() != b"".join(backup.chunks(name)):
            raise BackupError(
                f"{path} is another than the backup's; name an empty AUDIOSENSE_DATA_DIR, or say --replace: "
                "it is then kept beside the backup's"
            )


def _keys_in(backup: Reader) -> list[str]:
    names = {member.name for member in backup.manifest.members}
    return [name for name in KEY_FILES if name in names]


def _check_free(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    (others,) = connection.execute(_IN_USE).fetchone() or (0,)
    if others:
        raise BackupError(
            f"{others} other connection(s) use the database {connection.info.dbname}; stop the collector and its "
            "workers first"
        )


def _restore_clips(settings: Settings, backup: Reader) -> None:
    """Put clips to their place, which is named by their content: one that no row names is swept away later."""
    files = ClipFiles.at(settings.clips_location)
    for name in backup.names("clips/"):
        files.put(Path(name).stem, b"".join(backup.chunks(name)))


def _fill(url: str, program: Path, backup: Reader) -> None:
    """Restore into an empty database, in one transaction."""
    programs.load(url, program, backup.chunks(DUMP))
    try:
        _finish(url, backup.manifest)
    except (BackupError, psycopg.Error):
        with _connect(url) as connection:
            connection.execute(_EMPTY_AGAIN)
        raise


def _fill_beside(url: str, program: Path, backup: Reader) -> str:
    """Restore into a new database that then takes the name of the old one; return the name that is left to that."""
    name, fresh = _name(url), f"audiosense_restore_{secrets.token_hex(4)}"
    old = f"{name}_before_{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}"[:63]
    with _maintenance(url) as connection:
        try:
            connection.execute(_sql("CREATE DATABASE {} TEMPLATE template0", fresh))
        except psycopg.errors.InsufficientPrivilege:
            raise BackupError(
                "the database's user may not make databases, which --replace needs; allow it (ALTER ROLE … CREATEDB), "
                "or restore into an empty database"
            ) from None
        try:
            other = _at(url, fresh)
            programs.load(other, program, backup.chunks(DUMP))
            _finish(other, backup.manifest)
            with connection.transaction():
                connection.execute(_sql("ALTER DATABASE {} RENAME TO {}", name, old))
                connection.execute(_sql("ALTER DATABASE {} RENAME TO {}", fresh, name))
        except BaseException:
            connection.execute(_sql("DROP DATABASE IF EXISTS {}", fresh))
            raise
    return old


def _finish(url: str, manifest: Manifest) -> None:
    """Compare the number of rows with the manifest's, and let agents go on."""
    with _connect(url) as connection, connection.transaction():
        _compare(count_rows(connection), manifest)
        connection.execute(_GO_ON)


def _compare(found: dict[str, int], manifest: Manifest) -> None:
    differing = sorted(
        name for name in manifest.rows.keys() | found.keys() if manifest.rows.get(name) != found.get(name)
    )
    if differing:
        told = ", ".join(f"{name} {found.get(name)} of {manifest.rows.get(name)}" for name in differing[:5])
        raise BackupError(f"rows are missing after the restore: {told}; nothing was changed")


def _restore_keys(settings: Settings, backup: Reader) -> None:
    """Put keys to their place, for the owner only; others that are there stay beside them."""
    stamp = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}"
    for name in _keys_in(backup):
        path, content = key_path(settings, name), b"".join(backup.chunks(name))
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists():
            if path.read_bytes() == content:
                continue
            path.rename(path.with_name(f"{path.name}.before-{stamp}"))
        fresh = path.with_name(f".{path.name}.new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)


def _connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(libpq_url(url), autocommit=True, application_name="audiosense-restore")


@contextlib.contextmanager
def _maintenance(url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Connect to the same server beside the database that is to be renamed."""
    with _connect(_at(url, "postgres")) as connection:
        try:
            yield connection
        except psycopg.Error as error:
            words = " ".join(str(error).split())
            raise BackupError(f"the database cannot be replaced: {words}; nothing was changed") from None


def _at(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def _name(url: str) -> str:
    return make_url(url).database or "postgres"


def _sql(text: LiteralString, *names: str) -> sql.Composed:
    return sql.SQL(text).format(*map(sql.Identifier, names))
