"""Making a backup while the collector runs: one snapshot of the database, then the clips that it names, then keys."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import IsolationLevel, sql

from audiosense_collector.backup import programs
from audiosense_collector.backup.archive import CHUNK, DUMP, Manifest, Writer, writing
from audiosense_collector.backup.errors import BackupError
from audiosense_collector.backup.stamp import note_backup
from audiosense_collector.clips.storage import ClipFiles
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.settings import Settings
from audiosense_collector.system import release

KEY_FILES = ("keys/signing.pem", "tls/ca.pem", "tls/ca.key", "tls/server.pem", "tls/server.key")
NEWER_PROGRAMS = 5
"""A pg_dump so many releases newer than the server is still looked for; it must not be older."""
_TABLES = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname
"""


def make_backup(settings: Settings, url: str, target: Path, *, with_keys: bool = True) -> tuple[Path, Manifest]:
    """Write a backup to a file, or into a folder under a name that holds the time.

    The clips are copied after the dump. One that is deleted in between is missing in the backup although the dump has
    its row; the manifest names it.

    Raises:
        BackupError: it cannot be written, or PostgreSQL's programs are missing or failed; nothing is left behind.
    """
    created = dt.datetime.now(dt.UTC)
    path = target / f"audiosense-{created:%Y%m%dT%H%M%SZ}.tar" if target.is_dir() else target
    try:
        with psycopg.connect(libpq_url(url), application_name="audiosense-backup") as connection:
            connection.isolation_level, connection.read_only = IsolationLevel.REPEATABLE_READ, True
            with writing(path) as writer:
                manifest = _write(settings, url, connection, writer, created, with_keys=with_keys)
    except psycopg.Error as error:
        raise BackupError(f"the database failed during the backup: {' '.join(str(error).split())}") from None
    note_backup(settings.data_dir)
    return path, manifest


def _write(
    settings: Settings,
    url: str,
    connection: psycopg.Connection[tuple[object, ...]],
    writer: Writer,
    created: dt.datetime,
    *,
    with_keys: bool,
) -> Manifest:
    server = connection.info.server_version // 10_000
    program, version = programs.find("pg_dump", range(server, server + NEWER_PROGRAMS))
    (snapshot,) = connection.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
    rows = count_rows(connection)
    if "alembic_version" not in rows:
        raise BackupError("the database is no collector's: it has no table alembic_version; check DATABASE_URL")
    (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone() or ("",)
    clips = [str(row[0]) for row in connection.execute("SELECT DISTINCT sha256 FROM clip ORDER BY 1")]
    writer.add(DUMP, programs.dump(url, program, str(snapshot)))
    missing = [sha256 for sha256 in clips if not _add_clip(settings, writer, sha256)]
    if with_keys:
        for name in KEY_FILES:
            if key_path(settings, name).exists():
                writer.add(name, _file(key_path(settings, name)))
    manifest = Manifest(
        created=created.isoformat(timespec="seconds"),
        release=release(),
        revision=str(revision),
        postgresql=server,
        pg_dump=version,
        rows=rows,
        clips=len(clips) - len(missing),
        clips_missing=missing,
        keys=with_keys,
        members=writer.members,
    )
    writer.finish(manifest)
    return manifest


def count_rows(connection: psycopg.Connection[tuple[object, ...]]) -> dict[str, int]:
    """Count the rows of each table, partitions with their parents."""
    found = {}
    for (name,) in connection.execute(_TABLES).fetchall():
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("public", str(name)))
        (count,) = connection.execute(query).fetchone() or (0,)
        found[str(name)] = int(str(count))
    return found


def _add_clip(settings: Settings, writer: Writer, sha256: str) -> bool:
    """Copy a clip's sound; one that is gone, or not what its name says, is left out."""
    try:
        path, temporary = ClipFiles.at(settings.clips_location).fetch(sha256)
        try:
            member = writer.add(f"clips/{sha256}.flac", _file(path))
        finally:
            if temporary:
                path.unlink()
    except FileNotFoundError:
        return False
    if member.sha256 != sha256:
        writer.drop_last()
        return False
    return True


def key_path(settings: Settings, name: str) -> Path:
    """Return where a key file is: this host's certificate in the data directory, the others where hosts share them."""
    return (settings.data_dir if name.startswith("tls/server.") else settings.trust_dir) / name


def _file(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
