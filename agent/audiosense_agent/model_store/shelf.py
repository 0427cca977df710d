"""The bundles of one sensor on disk."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from audiosense_agent.files import sync_folder, write_atomically
from audiosense_common.bundle import Bundle, open_bundle
from audiosense_common.errors import BundleError

_SUFFIX = ".zip"
_STAGED = ".staged"


class Shelf:
    """Bundles as ``DIGEST.zip`` in ``folder``; what is read is verified each time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, digest: str, keys: Mapping[str, str]) -> Bundle:
        """Read a bundle and check its signature and files.

        Raises:
            BundleError: it is not there, or is damaged.
        """
        return self._read(self._path(digest), digest, keys)

    def stage(self, digest: str, content: bytes, keys: Mapping[str, str]) -> Bundle:
        """Write a bundle durably beside those that may run, and read it back, verified.

        Raises:
            BundleError: the disk gave back something else.
            OSError: the disk is full or failing; nothing is left of it.
        """
        path = self._path(digest).with_suffix(_STAGED)
        write_atomically(path, content)
        return self._read(path, digest, keys)

    def accept(self, digest: str) -> None:
        """Let a staged bundle be one that may run.

        Raises:
            OSError: the disk is failing.
        """
        path = self._path(digest)
        path.with_suffix(_STAGED).replace(path)
        sync_folder(self.folder)

    def intact(self, keys: Mapping[str, str]) -> list[Bundle]:
        """Return the bundles that can be verified, the highest version first."""
        found = []
        for digest in self._digests():
            with contextlib.suppress(BundleError):
                found.append(self.read(digest, keys))
        return sorted(found, key=lambda bundle: bundle.manifest.bundle_version, reverse=True)

    def keep_only(self, digests: Iterable[str | None]) -> None:
        """Delete all other bundles that may run.

        Raises:
            OSError: the disk is failing.
        """
        kept = {self._path(digest).name for digest in digests if digest}
        self._delete(path for path in self._listed() if path.suffix == _SUFFIX and path.name not in kept)

    def sweep(self, files: Iterable[str]) -> None:
        """Delete what an installation that was cut off left behind: all but bundles and some other files.

        Raises:
            OSError: the disk is failing.
        """
        kept = set(files)
        self._delete(path for path in self._listed() if path.suffix != _SUFFIX and path.name not in kept)

    def _delete(self, paths: Iterable[Path]) -> None:
        gone = list(paths)
        for path in gone:
            path.unlink(missing_ok=True)
        if gone:
            sync_folder(self.folder)

    def _listed(self) -> list[Path]:
        return list(self.folder.iterdir()) if self.folder.is_dir() else []

    def _read(self, path: Path, digest: str, keys: Mapping[str, str]) -> Bundle:
        try:
            bundle = open_bundle(path.read_bytes(), keys)
        except OSError as error:
            raise BundleError("damaged", f"{path} cannot be read: {error.strerror}; it is fetched again") from None
        if bundle.digest != digest:
            raise BundleError("damaged", f"{path} holds another bundle than its name says; it is fetched again")
        return bundle

    def _digests(self) -> Iterator[str]:
        yield from sorted(path.stem for path in self._listed() if path.suffix == _SUFFIX)

    def _path(self, digest: str) -> Path:
        return self.folder / f"{digest}{_SUFFIX}"
