"""Writes out what a spool holds, a row at a time: measurements, event revisions and dead letters."""

import base64
import contextlib
import csv
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from audiosense_agent.errors import SpoolError
from audiosense_agent.spool.file import SQLITE_ERRORS
from audiosense_agent.spool.reading import measurements, rescued
from audiosense_agent.spool.remains import open_for_reading
from audiosense_agent.spool.rows import Measurement, dump_reasons

COLUMNS = (
    "kind",
    "epoch",
    "seq",
    "sensor",
    "time_us",
    "time",
    "score",
    "status",
    "model",
    "level_dbfs",
    "dominant_hz",
    "schema",
    "features",
    "reasons",
    "refused",
    "event",
)
"""``features`` is base64 of little-endian float16, ``refused`` why a dead letter was, ``event`` a revision as JSON."""


class Format(StrEnum):
    """How rows are written."""

    JSONL = "jsonl"
    CSV = "csv"


@dataclass(slots=True)
class Exported:
    """How many rows were written, and how many were left out because they are not as they were written."""

    rows: int = 0
    damaged: int = 0


def export(path: Path, to: TextIO, how: Format) -> Exported:
    """Write all rows; what is damaged is left out and counted.

    Raises:
        SpoolError: there is no spool, or it cannot be read to its end.
        OSError: the output cannot be written.
    """
    if not path.exists():
        raise SpoolError(f"there is no spool at {path}; the agent makes it at its first start")
    result = Exported()
    table = csv.DictWriter(to, COLUMNS, lineterminator="\n")
    if how is Format.CSV:
        table.writeheader()
    try:
        with open_for_reading(path) as db:
            for row in _rows(db, result):
                if how is Format.CSV:
                    table.writerow({name: _flat(value) for name, value in row.items()})
                else:
                    to.write(json.dumps(row, separators=(",", ":")) + "\n")
                result.rows += 1
    except SQLITE_ERRORS as error:
        raise SpoolError(
            f"the spool {path} cannot be read to its end, {result.rows} rows were written: {error}; "
            "see: audiosense-agent spool verify"
        ) from None
    return result


def _rows(db: sqlite3.Connection, result: Exported) -> Iterator[dict[str, Any]]:
    for row in chain(rescued(db), measurements(db)):
        if row.measurement is None:
            result.damaged += 1
        else:
            yield _measurement(row.epoch, row.measurement)
    for (content,) in db.execute("SELECT content FROM event ORDER BY id"):
        yield {"kind": "event", "event": _parsed(content)}
    names = dict(db.execute("SELECT id, name FROM sensor"))
    for kind, content, reason in db.execute("SELECT kind, content, reason FROM dead_letter ORDER BY id"):
        yield _dead_letter(kind, _parsed(content), reason, names)


def _measurement(epoch: str, row: Measurement) -> dict[str, Any]:
    return {
        "kind": "measurement",
        "epoch": epoch,
        "seq": row.seq,
        "sensor": row.sensor,
        "time_us": row.time_us,
        "time": _time(row.time_us),
        "score": row.score,
        "status": row.status.value,
        "model": row.model,
        "level_dbfs": row.level_dbfs,
        "dominant_hz": row.dominant_hz,
        "schema": row.schema_id,
        "features": base64.b64encode(row.features.astype("<f2").tobytes()).decode(),
        "reasons": None if row.reasons is None else json.loads(dump_reasons(row.reasons)),
    }


def _dead_letter(kind: str, content: Any, reason: str, names: dict[int, str]) -> dict[str, Any]:
    if kind != "measurement" or not isinstance(content, dict):
        return {"kind": f"refused {kind}", "refused": reason, "event": content}
    content = content | {"sensor": names.get(content.get("sensor", 0)), "time": _time(content.get("time_us"))}
    with contextlib.suppress(TypeError, ValueError):
        content["features"] = base64.b64encode(bytes.fromhex(content["features"])).decode()
    content["reasons"] = _parsed(content.get("reasons"))
    kept = {name: content.get(name) for name in COLUMNS if name not in ("kind", "epoch", "refused", "event")}
    return {"kind": "refused measurement", **kept, "refused": reason}


def _parsed(content: Any) -> Any:
    """Return what JSON holds, or the text itself where it is damaged."""
    try:
        return json.loads(content)
    except (TypeError, ValueError):
        return content


def _flat(value: Any) -> Any:
    return json.dumps(value, separators=(",", ":")) if isinstance(value, list | dict) else value


def _time(time_us: Any) -> str | None:
    """ISO 8601 in UTC, null for a time beyond the calendar."""
    try:
        return datetime.fromtimestamp(time_us // 1_000_000, UTC).replace(microsecond=time_us % 1_000_000).isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return None
