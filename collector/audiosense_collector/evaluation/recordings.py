"""Finding the machines of a folder and their clips, normal and abnormal."""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from audiosense_collector.evaluation.errors import EvaluationError

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".mp3"})
NORMAL, ABNORMAL = "normal", "abnormal"


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine's clips, sorted by path; ``name`` is its folder's path within the evaluated one."""

    name: str
    normal: tuple[Path, ...]
    abnormal: tuple[Path, ...]

    @property
    def clips(self) -> tuple[Path, ...]:
        """All of them, the normal ones first."""
        return self.normal + self.abnormal


def readable(name: str) -> str:
    """Return a file's name as it can be printed anywhere: names may hold line breaks or bytes that are no UTF-8."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name)


def find_machines(folder: Path) -> list[Machine]:
    """Return the machines of a folder tree: each folder that holds ``normal`` and ``abnormal``.

    Raises:
        EvaluationError: no such folder, no machine in it, or a machine without clips of either kind.
    """
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing"
        raise EvaluationError(f"there is no folder {folder} (found {found}); give one with normal/ and abnormal/")
    machines = [_machine(folder, parent, kinds) for parent, kinds in _leaves(folder, set())]
    if not machines:
        raise EvaluationError(
            f"no folder in {folder} holds both normal/ and abnormal/; lay the clips out as MACHINE/normal and "
            "MACHINE/abnormal, or name them by --normal and --abnormal"
        )
    return machines


def match_machine(normal: Sequence[str], abnormal: Sequence[str]) -> Machine:
    """Return the one machine whose clips match glob patterns; a folder stands for the clips in it.

    Raises:
        EvaluationError: patterns of one kind only, or without a clip, or a clip of both kinds.
    """
    found = {"--normal": _match("--normal", normal), "--abnormal": _match("--abnormal", abnormal)}
    both = sorted(set(found["--normal"]) & set(found["--abnormal"]))
    if both:
        raise EvaluationError(
            f"{len(both)} clips match both --normal and --abnormal, the first is {both[0]}; narrow the patterns"
        )
    common = Path(os.path.commonpath([path.parent for paths in found.values() for path in paths]))
    return Machine(readable(common.name) or "machine", found["--normal"], found["--abnormal"])


def _match(option: str, patterns: Sequence[str]) -> tuple[Path, ...]:
    if not patterns:
        raise EvaluationError(f"{option} is missing; give --normal and --abnormal, each with a pattern in quotes")
    paths = {Path(found).resolve() for pattern in patterns for found in glob.glob(pattern, recursive=True)}  # noqa: PTH207 - patterns may be absolute
    clips = {clip for path in paths for clip in (_clips(path) if path.is_dir() else [path])}
    if not clips:
        raise EvaluationError(
            f"no clip matches {option} {' '.join(patterns)!r}; check the path, and put the pattern in quotes"
        )
    return tuple(sorted(clips))


def _leaves(folder: Path, seen: set[Path]) -> Iterator[tuple[Path, dict[str, Path]]]:
    """Yield the folders that hold normal or abnormal clips, each real folder once: links may lead in circles."""
    real = folder.resolve()
    if real in seen:
        return
    seen.add(real)
    inner = _subfolders(folder)
    kinds = {path.name.casefold(): path for path in inner if path.name.casefold() in (NORMAL, ABNORMAL)}
    if kinds:
        yield folder, kinds
    for path in inner:
        if path not in kinds.values():
            yield from _leaves(path, seen)


def _subfolders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        reason = (error.strerror or "cannot be opened").lower()
        raise EvaluationError(f"the folder {folder} cannot be read: {reason}; check its permissions") from None


def _machine(root: Path, parent: Path, kinds: dict[str, Path]) -> Machine:
    name = root.resolve().name if parent == root else parent.relative_to(root).as_posix()
    for kind in (NORMAL, ABNORMAL):
        if kind not in kinds:
            raise EvaluationError(
                f"{parent} holds {', '.join(kinds)}/ but no {kind}/; add {kind} clips, or move the folder elsewhere"
            )
    normal, abnormal = (tuple(sorted(_clips(kinds[kind]))) for kind in (NORMAL, ABNORMAL))
    for kind, clips in ((NORMAL, normal), (ABNORMAL, abnormal)):
        if not clips:
            raise EvaluationError(f"{kinds[kind]} holds no WAV, FLAC, OGG or MP3 file; add {kind} clips")
    return Machine(readable(name), normal, abnormal)


def _clips(folder: Path) -> Iterator[Path]:
    """Yield the audio files below a folder; what is hidden is skipped, such as the ``._`` files of macOS."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            if not name.startswith(".") and Path(name).suffix.casefold() in SUFFIXES:
                yield Path(place, name)
