"""When the last backup was made, for whoever watches that there is one."""

import time
from pathlib import Path

_FILE = Path("run") / "last-backup"


def note_backup(data_dir: Path) -> None:
    """Note that one was made now."""
    path = data_dir / _FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(f"{time.time():.0f}\n")
    fresh.replace(path)  # one that another user made cannot be written, but replaced


def last_backup(data_dir: Path) -> float:
    """Return when, in seconds since 1970; 0 if none was made that is known of."""
    try:
        return float((data_dir / _FILE).read_text())
    except (OSError, ValueError):
        return 0.0
