"""Telling all processes what happened, through PostgreSQL's NOTIFY: it arrives after the commit, or never.

A notification is ``{"id", "event", "data"}``. Its id is drawn by the sender, so that it is the same in each process
that hears it; PostgreSQL hands notifications to all of them in the order of the commits. Updates of many sensors travel
together, as one notification with the event ``batch``.
"""

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from procrastinate.jobs import Job
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

CHANNEL = "audiosense_live"
BATCH = "batch"
MAX_PAYLOAD_BYTES = 7_900
"""PostgreSQL takes payloads below 8,000 bytes."""
MAX_ROWS = 60
"""Measurements of one sensor in one message; of a backlog only the newest are live."""
ID_BYTES = 6
_DIGITS = {"score": 6, "level_dbfs": 2, "level": 5, "level_a_db": 2, "velocity_mm_s": 5, "dominant_hz": 2}
_BATCH_OVERHEAD = len(json.dumps({"id": "0" * 2 * ID_BYTES, "event": BATCH, "data": {"messages": []}}))
NOTIFY_ALL = "SELECT pg_notify(:channel, payload) FROM unnest(CAST(:payloads AS text[])) AS payload"
"""Sends what ``pack`` gives; with psycopg alone write ``%(channel)s`` and ``%(payloads)s``."""
JOB_STATES = {"todo": "waiting", "doing": "running", "succeeded": "done"}
"""The queue's words in plain ones; all others are ``failed``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorUpdate:
    """New measurements of a sensor: columns of equal length in order of time, and the reasons of the last one."""

    sensor_id: UUID
    machine_id: UUID
    threshold: float | None
    reasons: Sequence[Mapping[str, Any]] | None
    columns: Mapping[str, Sequence[Any]]

    def data(self) -> dict[str, Any]:
        """Return what the browser is sent."""
        shown = {name: [_short(name, value) for value in values[-MAX_ROWS:]] for name, values in self.columns.items()}
        whose = {"sensor_id": str(self.sensor_id), "machine_id": str(self.machine_id)}
        return {**whose, "threshold": self.threshold, "reasons": self.reasons, **shown}


def pack(updates: Iterable[SensorUpdate]) -> list[str]:
    """Return the payloads that tell of many sensors' measurements, as few as hold them.

    One that is too long by itself is told by its newest half, and so on.
    """
    payloads: list[str] = []
    waiting: list[str] = []
    size = _BATCH_OVERHEAD
    for update in updates:
        message = _fitting(update)
        more = len(message.encode()) + 1
        if waiting and size + more > MAX_PAYLOAD_BYTES:
            payloads.append(_batch(waiting))
            waiting, size = [], _BATCH_OVERHEAD
        waiting.append(message)
        size += more
    return [*payloads, _batch(waiting)] if waiting else payloads


async def many(session: AsyncSession, updates: Iterable[SensorUpdate]) -> int:
    """Announce new measurements of many sensors; returns how many notifications it took."""
    payloads = pack(updates)
    if payloads:
        await session.execute(text(NOTIFY_ALL), {"channel": CHANNEL, "payloads": payloads})
    return len(payloads)


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
    update = SensorUpdate(
        sensor_id=sensor_id, machine_id=machine_id, threshold=threshold, reasons=reasons, columns=columns
    )
    await many(session, [update])


async def event(session: AsyncSession, data: Mapping[str, Any]) -> None:
    """Announce a revision of an event."""
    await _send(session, _payload("event", data))


async def model(session: AsyncSession, sensor_id: UUID, digest: str, state: str) -> None:
    """Announce that a model was offered, runs, or was refused."""
    await _send(session, _payload("model", {"sensor_id": str(sensor_id), "digest": digest, "state": state}))


async def job(
    session: AsyncSession, changed: Job, status: str, *, step: str | None = None, fraction: float | None = None
) -> None:
    """Announce how a job stands, unless it is upkeep."""
    if not is_upkeep(changed):
        await _send(session, job_payload(changed, status, step=step, fraction=fraction))


def is_upkeep(job: Job) -> bool:
    """Whether a job came by the clock, which the queue tells such a job; nobody waits for it."""
    return "timestamp" in job.task_kwargs


def job_payload(changed: Job, status: str, *, step: str | None = None, fraction: float | None = None) -> str:
    """Return the notification of how a job stands; ``fraction`` is null where it is as it was."""
    sensor = changed.task_kwargs.get("sensor_id")
    state = JOB_STATES.get(status, "failed")
    done = 1.0 if state == "done" else fraction
    about = {"job_id": changed.id, "kind": changed.task_name, "state": state, "step": step, "progress": done}
    return _payload("job", about if sensor is None else about | {"sensor_id": sensor})


async def _send(session: AsyncSession, payload: str) -> None:
    await session.execute(text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": payload})


def _payload(kind: str, data: Mapping[str, Any]) -> str:
    payload = _dump({"id": secrets.token_hex(ID_BYTES), "event": kind, "data": data})
    return payload if len(payload.encode()) <= MAX_PAYLOAD_BYTES else _payload("resync", {})


def _batch(messages: list[str]) -> str:
    return f'{{"id":"{secrets.token_hex(ID_BYTES)}","event":"{BATCH}","data":{{"messages":[{",".join(messages)}]}}}}'


def _fitting(update: SensorUpdate) -> str:
    data = update.data()
    message = _dump(["measurements", data])
    while len(message.encode()) + _BATCH_OVERHEAD > MAX_PAYLOAD_BYTES:
        rows = len(data["time_us"])
        if rows <= 1:
            return _dump(["resync", {}])
        data |= {name: values[-(rows // 2) :] for name, values in data.items() if name in update.columns}
        message = _dump(["measurements", data])
    return message


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _short(name: str, value: Any) -> Any:
    return round(value, _DIGITS[name]) if name in _DIGITS and value is not None else value
