"""Telling all processes what happened, through PostgreSQL's NOTIFY: it arrives after the commit, or never."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorUpdate:
    """New measurements of a sensor: columns of equal length in order of time, and the reasons of the last one."""

    sensor_id: UUID
    machine_id: UUID
    threshold: float | None
    reasons: Sequence[Mapping[str, Any]] | None
    columns: Mapping[str, Sequence[Any]]


async def many(session: AsyncSession, updates: Iterable[SensorUpdate]) -> int:
    """Announce new measurements of many sensors; returns how many notifications it took."""
    payloads = [_payload("measurements", _shown(update)) for update in updates]
    if payloads:
        # One text instead of an array: it needs no quoting of its parts.
        query = text("SELECT pg_notify(:channel, payload) FROM json_array_elements_text(CAST(:all AS json)) AS payload")
        await session.execute(query, {"channel": CHANNEL, "all": json.dumps(payloads)})
    return len(payloads)


def _shown(update: SensorUpdate) -> dict[str, Any]:
    shown = {name: [_short(name, value) for value in values[-MAX_ROWS:]] for name, values in update.columns.items()}
    whose = {"sensor_id": str(update.sensor_id), "machine_id": str(update.machine_id)}
    return {**whose, "threshold": update.threshold, "reasons": update.reasons, **shown}


async def event(session: AsyncSession, data: Mapping[str, Any]) -> None:
    """Announce a revision of an event."""
    await _send(session, "event", data)


async def model(session: AsyncSession, sensor_id: UUID, digest: str, state: str) -> None:
    """Announce that a model was offered, runs, or was refused."""
    await _send(session, "model", {"sensor_id": str(sensor_id), "digest": digest, "state": state})


async def _send(session: AsyncSession, kind: str, data: Mapping[str, Any]) -> None:
    query = text("SELECT pg_notify(:channel, :payload)")
    await session.execute(query, {"channel": CHANNEL, "payload": _payload(kind, data)})


def _payload(kind: str, data: Mapping[str, Any]) -> str:
    payload = json.dumps({"event": kind, "data": data}, separators=(",", ":"))
    return payload if len(payload.encode()) <= MAX_PAYLOAD_BYTES else json.dumps({"event": "resync", "data": {}})


def _short(name: str, value: Any) -> Any:
    return round(value, _DIGITS[name]) if name in _DIGITS and value is not None else value
