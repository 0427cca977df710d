"""Telling all processes what happened, through PostgreSQL's NOTIFY: it arrives after the commit, or never."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

CHANNEL = "audiosense_live"
MAX_PAYLOAD_BYTES = 7_900
"""PostgreSQL takes payloads below 8,000 bytes."""
MAX_ROWS = 60
"""Measurements of one sensor in one message; of a backlog only the newest are live."""
_DIGITS = {"score": 6, "level_dbfs": 2, "level": 5, "level_a_db": 2, "velocity_mm_s": 5, "dominant_hz": 2}


async def measurements(
    session: AsyncSession,
    *,
    sensor_id: UUID,
    machine_id: UUID,
    threshold: float | None,
    reasons: Sequence[Mapping[str, Any]] | None,
    columns: Mapping[str, Sequence[Any]],
) -> None:
    """Announce new measurements of a sensor, as columns of equal length, and the reasons of the last one."""
    shown = {name: [_short(name, value) for value in values[-MAX_ROWS:]] for name, values in columns.items()}
    whose = {"sensor_id": str(sensor_id), "machine_id": str(machine_id)}
    await _send(session, "measurements", {**whose, "threshold": threshold, "reasons": reasons, **shown})


async def event(session: AsyncSession, data: Mapping[str, Any]) -> None:
    """Announce a revision of an event."""
    await _send(session, "event", data)


async def model(session: AsyncSession, sensor_id: UUID, digest: str, state: str) -> None:
    """Announce that a model was offered, runs, or was refused."""
    await _send(session, "model", {"sensor_id": str(sensor_id), "digest": digest, "state": state})


async def _send(session: AsyncSession, kind: str, data: Mapping[str, Any]) -> None:
    payload = json.dumps({"event": kind, "data": data}, separators=(",", ":"))
    if len(payload.encode()) > MAX_PAYLOAD_BYTES:
        payload = json.dumps({"event": "resync", "data": {}})
    query = text("SELECT pg_notify(:channel, :payload)")
    await session.execute(query, {"channel": CHANNEL, "payload": payload})


def _short(name: str, value: Any) -> Any:
    return round(value, _DIGITS[name]) if name in _DIGITS and value is not None else value
