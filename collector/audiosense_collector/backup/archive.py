"""The file of a backup: a plain tar archive, so that ``tar`` alone gets everything out of it.

Members: ``database.dump`` (pg_dump's custom format), ``clips/SHA256.flac``, ``keys/…`` and ``tls/…``, and at the end
``manifest.json`` with the length and SHA-256 of each, and ``manifest.sha256`` with the manifest's own.
"""

import contextlib
import hashlib
import json
import os
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from audiosense_collector.backup.errors import BackupError

DUMP = "database.dump"
MANIFEST, MANIFEST_SUM = "manifest.json", "manifest.sha256"
CHUNK = 2**20
_MOST_MANIFEST_BYTES = 2**30


class Member(BaseModel):
    """One file of the archive."""

    name: str
    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What a backup holds, and what it was made of; ``rows`` counts each table in the snapshot that was dumped."""

    model_config = ConfigDict(extra="forbid")
    format: Literal[1] = 1
    created: str
    release: str
    revision: str
    postgresql: int
    pg_dump: int
    rows: dict[str, int]
    clips: int
    clips_missing: list[str]
    keys: bool
    members: list[Member]


class Writer:
    """Writes members one after the other; their lengths need not be known beforehand."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.members: list[Member] = []

    def add(self, name: str, chunks: Iterable[bytes]) -> Member:
        """Write a member and return its record."""
        start, size, digest = self._file.tell(), 0, hashlib.sha256()
        self._file.write(_header(name, 0))
        try:
            for chunk in chunks:
                self._file.write(chunk)
                digest.update(chunk)
                size += len(chunk)
        except FileNotFoundError:
            self._cut(start)
            raise
        self._file.write(bytes(-size % tarfile.BLOCKSIZE))
        end = self._file.tell()
        self._file.seek(start)
        self._file.write(_header(name, size))
        self._file.seek(end)
        self.members.append(Member(name=name, bytes=size, sha256=digest.hexdigest()))
        return self.members[-1]

    def drop_last(self) -> None:
        """Take the member that was written last back."""
        gone = self.members.pop()
        self._cut(self._file.tell() - tarfile.BLOCKSIZE - gone.bytes - -gone.bytes % tarfile.BLOCKSIZE)

    def _cut(self, end: int) -> None:
        self._file.seek(end)
        self._file.truncate()

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest and the end of the archive."""
        content = manifest.model_dump_json(indent=1).encode()
        self.add(MANIFEST, [content])
        self.add(MANIFEST_SUM, [f"{hashlib.sha256(content).hexdigest()}  {MANIFEST}\n".encode()])
        self._file.write(bytes(2 * tarfile.BLOCKSIZE))


def _header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member.tobuf(tarfile.GNU_FORMAT)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """Write an archive that gets its name when all of it is on the disk, and is gone when anything fails.

    Raises:
        BackupError: there is one of that name, or the disk is full or cannot be written.
    """
    if path.exists():
        raise BackupError(f"there is a file {path} already; name another, or a folder")
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield Writer(file)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).rename(path)
            _sync(path.parent)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise BackupError(
            f"the backup {path} cannot be written: {error.strerror or error}; nothing of it was left behind"
        ) from None


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def reading(path: Path) -> Iterator["Reader"]:
    """Open an archive.

    Raises:
        BackupError: it is none, or its manifest is damaged.
    """
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
            yield Reader(path, archive)
    except OSError as error:
        raise BackupError(f"the backup {path} cannot be read: {error.strerror or error}") from None
    except tarfile.TarError as error:
        raise BackupError(f"{path} is no backup, or one that was cut short: {error}; take another") from None


class Reader:
    """Reads members by name."""

    def __init__(self, path: Path, archive: tarfile.TarFile) -> None:
        self.path = path
        self._archive = archive
        self._places = {member.name: member for member in archive}
        self.manifest = self._read_manifest()

    def _read_manifest(self) -> Manifest:
        found = {name: self._places.get(name) for name in (MANIFEST, MANIFEST_SUM)}
        missing = [name for name, place in found.items() if place is None or place.size > _MOST_MANIFEST_BYTES]
        if missing:
            last = next(reversed(self._places), "nothing")
            raise BackupError(
                f"{self.path} is no whole backup: {missing[0]} is missing, the last that can be read is {last}; "
                "it was cut short or is damaged there, take another"
            )
        content = b"".join(self.chunks(MANIFEST))
        said = b"".join(self.chunks(MANIFEST_SUM)).decode(errors="replace").split(maxsplit=1)
        if not said or hashlib.sha256(content).hexdigest() != said[0]:
            raise BackupError(
                f"{self.path}: {MANIFEST} is damaged (its SHA-256 is another than was noted); take another"
            )
        try:
            if (form := json.loads(content).get("format")) != 1:
                raise BackupError(f"{self.path} has format {form}, this release knows 1; use the release that made it")
            return Manifest.model_validate_json(content)
        except (ValidationError, ValueError, AttributeError) as error:
            raise BackupError(f"{self.path}: {MANIFEST} makes no sense: {' '.join(str(error).split())[:200]}") from None

    def chunks(self, name: str) -> Iterator[bytes]:
        """Give a member's content piece by piece."""
        file = self._archive.extractfile(self._places[name])
        assert file is not None
        while chunk := file.read(CHUNK):
            yield chunk

    def names(self, prefix: str) -> list[str]:
        """Return the members below a folder."""
        return [member.name for member in self.manifest.members if member.name.startswith(prefix)]

    def verify(self) -> None:
        """Read everything and compare it with the manifest.

        Raises:
            BackupError: something is damaged; it names each.
        """
        damaged = [said.name for said in self.manifest.members if not self._is_whole(said)]
        if damaged:
            more = f" and {len(damaged) - 5} more" if len(damaged) > 5 else ""  # noqa: PLR2004 - enough to see
            raise BackupError(f"the backup {self.path} is damaged: {', '.join(damaged[:5])}{more}; take another")

    def _is_whole(self, said: Member) -> bool:
        place = self._places.get(said.name)
        if place is None or place.size != said.bytes:
            return False
        digest = hashlib.sha256()
        for chunk in self.chunks(said.name):
            digest.update(chunk)
        return digest.hexdigest() == said.sha256
