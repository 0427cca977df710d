"""``backup`` and ``restore``."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from audiosense_collector.backup.archive import Manifest, reading
from audiosense_collector.backup.create import make_backup
from audiosense_collector.backup.errors import BackupError
from audiosense_collector.backup.restore import restore_backup
from audiosense_collector.cli.common import database
from audiosense_collector.settings import Settings

app = typer.Typer()
_KIB = 2**10


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="The file to write, or a folder: the name then holds the time.")],
    *,
    verify: Annotated[bool, typer.Option("--verify", help="Check a backup that was made instead.")] = False,
    without_keys: Annotated[
        bool, typer.Option("--without-keys", help="Leave out the keys that agents trust; keep those elsewhere.")
    ] = False,
) -> None:
    """Write database, clips and keys to one file; the collector may go on meanwhile."""
    if verify:
        with reading(target) as found:
            found.verify()
            _tell(target, found.manifest)
        return
    settings = Settings.load()
    with database(settings, migrated=False) as url:
        path, manifest = make_backup(settings, url, target, with_keys=not without_keys)
    _tell(path, manifest)


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="A backup.")],
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="In place of what is there, which is kept under another name.")
    ] = False,
) -> None:
    """Restore a backup, whole or not at all; the collector must be stopped."""
    settings = Settings.load()
    with database(settings, migrated=False) as url, _alone(settings.data_dir):
        manifest, kept = restore_backup(settings, url, source, replace=replace)
    _tell(source, manifest)
    print(f"restored into {settings.data_dir}; the next start brings the schema up to date")
    if kept:
        print(f"the database that was there is kept as {kept}; drop it once you are sure")


def _tell(path: Path, manifest: Manifest) -> None:
    size = path.stat().st_size / _KIB**2
    print(
        f"{path}: {size:,.1f} MiB of {manifest.created}, release {manifest.release}, schema {manifest.revision}\n"
        f"  {manifest.rows.get('measurement', 0):,} measurements, {sum(manifest.rows.values()):,} rows in all, "
        f"{manifest.clips:,} clips, {'with' if manifest.keys else 'WITHOUT'} keys"
    )
    if manifest.keys:
        print("  the keys in it let anybody sign models for your agents: keep it as you keep them")
    if manifest.clips_missing:
        print(f"  {len(manifest.clips_missing)} clips have a row but no sound: deleted meanwhile, or damaged before")


@contextlib.contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    with (data_dir / "run" / "serve.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"a collector runs on the data directory {data_dir}; stop it first") from None
        yield
