"""The rules of events: revisions replace each other, the highest wins."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.errors import NotFoundError
from audiosense_collector.events.listing import select_events, show
from audiosense_collector.events.schemas import EventOut
from audiosense_collector.events.tables import EventRow
from audiosense_collector.live import notify
from audiosense_collector.notifications import outbox as notifications
from audiosense_common.wire import Event

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
    """Store revisions of events, always in the same order, and announce those that were news."""
    newest: dict[UUID, Event] = {}
    for revision in revisions:
        known = newest.get(revision.id)
        if known is None or known.revision < revision.revision:
            newest[revision.id] = revision
    if not newest:
        return
    statement = insert(EventRow).values([_values(newest[event]) for event in sorted(newest)])
    statement = statement.on_conflict_do_update(
        index_elements=[EventRow.id],
        set_={name: statement.excluded[name] for name in _CHANGING},
        where=(EventRow.revision < statement.excluded.revision) & (EventRow.sensor_id == statement.excluded.sensor_id),
    )
    changed = list(await session.scalars(statement.returning(EventRow.id)))
    shown = await _read(session, changed)
    for news, _sandbox in shown:
        await notify.event(session, _short(news))
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


async def announce(session: AsyncSession, changed: Sequence[UUID]) -> None:
    """Tell browsers that something was said of events."""
    for news, _sandbox in await _read(session, changed):
        await notify.event(session, _short(news))


def _short(news: EventOut) -> dict[str, Any]:
    """Return an event as it is announced: a notification has no room for a long comment."""
    return news.model_dump(mode="json", exclude={"verdict": {"comment"}})


async def get(session: AsyncSession, event_id: UUID) -> EventOut:
    """Return an event.

    Raises:
        NotFoundError: no such event.
    """
    found = await _read(session, [event_id])
    if not found:
        raise NotFoundError(f"there is no event {event_id}")
    return found[0][0]


async def _read(session: AsyncSession, events: Sequence[UUID]) -> list[tuple[EventOut, bool]]:
    """Return events in order of time, and whether each is of the developer interface's sandbox."""
    rows = await session.execute(select_events().where(EventRow.id.in_(events)).order_by(EventRow.start))
    return [(show(event, sensor, machine, said), machine.sandbox) for event, sensor, machine, said in rows]
