"""Reads a spool beside the agent that writes it."""

from dataclasses import dataclass, field
from pathlib import Path

from audiosense_agent.errors import SpoolError
from audiosense_agent.spool.file import SQLITE_ERRORS
from audiosense_agent.spool.remains import open_for_reading
from audiosense_agent.spool.rows import SpoolStatus, read_status


@dataclass(frozen=True, slots=True)
class SpoolView:
    """What a spool knows at one moment; ``sensors`` by name, each with the JSON of its last window's reasons."""

    status: SpoolStatus = field(default_factory=SpoolStatus)
    last_answer_us: int | None = None
    clock_offset_us: int | None = None
    sensors: dict[str, dict[str, int | float | str | None]] = field(default_factory=dict)


def read_spool(path: Path) -> SpoolView:
    """Read without writing; an agent that never ran, or is just making its spool, gives an empty view.

    Raises:
        SpoolError: the file cannot be read.
    """
    if not path.exists():
        return SpoolView()
    try:
        with open_for_reading(path) as db:
            db.execute("BEGIN")
            if db.execute("PRAGMA user_version").fetchone()[0] == 0:
                return SpoolView()
            meta = dict(db.execute("SELECT key, value FROM meta"))
            columns = {row[1] for row in db.execute("PRAGMA table_info(sensor)")}
            reasons = "last_reasons" if "last_reasons" in columns else "NULL"
            sensors = db.execute(
                f"SELECT name, last_time_us, last_score, last_status, model, source, measured, {reasons} FROM sensor"
            )
            keys = ("time_us", "score", "status", "model", "source", "windows_measured", "reasons")
            return SpoolView(
                status=read_status(db),
                last_answer_us=int(meta["last_answer_us"]) if "last_answer_us" in meta else None,
                clock_offset_us=int(meta["clock_offset_us"]) if "clock_offset_us" in meta else None,
                sensors={row[0]: dict(zip(keys, row[1:], strict=True)) for row in sensors},
            )
    except SQLITE_ERRORS as error:
        raise SpoolError(f"the spool {path} cannot be read: {error}; run as the agent's user") from None
