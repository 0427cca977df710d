"""The rules of events: revisions replace each other, the highest wins."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from sqlalchemy import Select, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector import paging
from audiosense_collector.db.base import MicrosecondTime
from audiosense_collector.events.schemas import EventOut, EventPage
from audiosense_collector.events.tables import EventRow
from audiosense_collector.live import notify
from audiosense_collector.machines.tables import Machine, Sensor
from audiosense_collector.notifications import outbox as notifications
from audiosense_common.wire import Event, EventState

SCORE_DECIMALS = 9
"""More than single precision tells apart, and no number so small that PostgreSQL calls it an underflow."""
_CHANGING = (
    "revision",
    "state",
    "start",
    "end",
    "peak",
    "peak_score",
    "threshold",
    "windows",
    "model_digest",
    "reasons",
)


async def upsert(session: AsyncSession, revisions: Sequence[Event]) -> None:
    """Store revisions of events and announce those that were news."""
    newest: dict[UUID, Event] = {}
    for revision in revisions:
        known = newest.get(revision.id)
        if known is None or known.revision < revision.revision:
            newest[revision.id] = revision
    if not newest:
        return
    statement = insert(EventRow).values([_values(event) for event in newest.values()])
    statement = statement.on_conflict_do_update(
        index_elements=[EventRow.id],
        set_={name: statement.excluded[name] for name in _CHANGING},
        where=(EventRow.revision < statement.excluded.revision) & (EventRow.sensor_id == statement.excluded.sensor_id),
    )
    changed = list(await session.scalars(statement.returning(EventRow.id)))
    rows = await session.execute(_query().where(EventRow.id.in_(changed)).order_by(EventRow.start))
    shown = [(_show(event, sensor, machine), machine.sandbox) for event, sensor, machine in rows]
    for news, _sandbox in shown:
        await notify.event(session, news.model_dump(mode="json"))
    await notifications.note_events(session, [news for news, sandbox in shown if not sandbox])


def _values(event: Event) -> dict[str, object]:
    return {
        "id": event.id,
        "sensor_id": event.sensor,
        "revision": event.revision,
        "state": event.state.value,
        "start": event.start_us,
        "end": event.end_us,
        "peak": event.peak_us,
        "peak_score": round(event.peak_score, SCORE_DECIMALS),
        "threshold": round(event.threshold, SCORE_DECIMALS),
        "windows": event.windows,
        "model_digest": event.model,
        "reasons": [reason.model_dump(exclude_none=True) for reason in event.reasons],
    }


async def list_events(
    session: AsyncSession,
    *,
    machine: UUID | None,
    sensor: UUID | None,
    state: Literal["open", "closed"] | None,
    limit: int,
    before: str | None,
) -> EventPage:
    """Return a page of events, the newest first.

    Raises:
        InvalidError: ``before`` is not a ``next`` of another page.
    """
    query = _query().order_by(EventRow.start.desc(), EventRow.id.desc()).limit(limit + 1)
    if machine is not None:
        query = query.where(Sensor.machine_id == machine)
    if sensor is not None:
        query = query.where(EventRow.sensor_id == sensor)
    if state is not None:
        closed = EventRow.state == EventState.CLOSE.value
        query = query.where(closed if state == "closed" else ~closed)
    if before is not None:
        start, event_id = paging.decode(before, (int, UUID))
        query = query.where(tuple_(EventRow.start, EventRow.id) < tuple_(literal(start, MicrosecondTime()), event_id))
    rows = (await session.execute(query)).all()
    items = [_show(event, of_sensor, of_machine) for event, of_sensor, of_machine in rows[:limit]]
    more = len(rows) > limit
    return EventPage(items=items, next=paging.encode(items[-1].start_us, items[-1].id) if more else None)


def _query() -> Select[EventRow, Sensor, Machine]:
    return select(EventRow, Sensor, Machine).join(Sensor, Sensor.id == EventRow.sensor_id).join(Machine)


def _show(event: EventRow, sensor: Sensor, machine: Machine) -> EventOut:
    return EventOut(
        id=event.id,
        machine_id=machine.id,
        machine_name=machine.name,
        sensor_id=sensor.id,
        sensor_name=sensor.name,
        state="closed" if event.state == EventState.CLOSE else "open",
        start_us=event.start,
        end_us=event.end,
        peak_us=event.peak,
        peak_score=event.peak_score,
        threshold=event.threshold,
        windows=event.windows,
        model_digest=event.model_digest,
        reasons=event.reasons,
    )
