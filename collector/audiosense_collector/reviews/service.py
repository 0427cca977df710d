"""The rules of reviews: what holds of an event, taking it back, and which windows that leaves out of a baseline."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import now_us
from audiosense_collector.errors import ConflictError, NotFoundError
from audiosense_collector.events import service as events
from audiosense_collector.events.tables import EventRow
from audiosense_collector.paging import page_by_id
from audiosense_collector.reviews.schemas import History, HistoryEntry, ReviewRequest, Verdict, VerdictCause
from audiosense_collector.reviews.spans import ReviewedSpans, merged
from audiosense_collector.reviews.tables import EventVerdict

_SPANS = text("""
SELECT held.kept, to_us(held.start) AS from_us, to_us(held."end") AS to_us
FROM (
    SELECT DISTINCT ON (e.id) e.start, e."end", v.kept
    FROM event e JOIN event_verdict v ON v.event_id = e.id
    WHERE e.sensor_id = :sensor AND v.at <= from_us(:as_of)
    ORDER BY e.id, v.id DESC
) AS held
WHERE held.kept IS NOT NULL
""")


async def judge(session: AsyncSession, said: ReviewRequest, actor: str) -> list[HistoryEntry]:
    """Say what events were; all of them, or none if one is not known.

    Raises:
        NotFoundError: one of the events is not known.
    """
    rows = await _lock(session, said.events)
    made = [
        EventVerdict(
            event_id=event_id,
            at=now_us(),
            actor=actor,
            verdict=said.verdict.value,
            cause=said.cause.value,
            comment=said.comment.strip(),
            kept=said.is_kept,
        )
        for event_id in rows
    ]
    session.add_all(made)
    await session.flush()
    for entry in made:
        rows[entry.event_id].verdict_id = entry.id
    await events.announce(session, list(rows))
    return [_show(entry) for entry in made]


async def undo(session: AsyncSession, verdicts: Sequence[int], actor: str) -> list[HistoryEntry]:
    """Take back what was said of events: what held before it holds again.

    Raises:
        NotFoundError: one of the verdicts is not known.
        ConflictError: something else holds by now, or it was taken back already.
    """
    wanted = list(dict.fromkeys(verdicts))
    said = {each.id: each for each in await session.scalars(select(EventVerdict).where(EventVerdict.id.in_(wanted)))}
    for number in wanted:
        if number not in said:
            raise NotFoundError(f"there is no verdict {number}")
    rows = await _lock(session, [said[number].event_id for number in wanted])
    made = []
    for number in wanted:
        taken_back = said[number]
        event = rows[taken_back.event_id]
        if event.verdict_id != number:
            raise ConflictError(
                f"verdict {number} does not hold of event {event.id} any more: somebody has judged it again or taken "
                "that back; look at its history",
                kind="judged_meanwhile",
            )
        before = await _held_before(session, taken_back)
        entry = EventVerdict(
            event_id=event.id,
            at=now_us(),
            actor=actor,
            verdict=before and before.verdict,
            cause=before and before.cause,
            comment=before.comment if before else "",
            kept=before.kept if before else None,
            undoes=number,
            restores=before and before.id,
        )
        event.verdict_id = before.id if before else None
        made.append(entry)
    session.add_all(made)
    await session.flush()
    await events.announce(session, list(rows))
    return [_show(entry) for entry in made]


async def history(session: AsyncSession, event_id: UUID, *, limit: int, before: int | None) -> History:
    """Return a page of what was said of an event, the newest first.

    Raises:
        NotFoundError: no such event.
    """
    await events.get(session, event_id)
    said = [EventVerdict.event_id == event_id]
    entries, following = await page_by_id(session, EventVerdict, said, limit=limit, before=before)
    return History(items=[_show(entry) for entry in entries], next=following)


async def reviewed_spans(
    session: AsyncSession, sensor_id: UUID, window_us: int, *, as_of_us: int | None = None
) -> ReviewedSpans:
    """Return the spans in which a window of a sensor begins that people want left out of baselines, or kept in.

    Args:
        session: in whose transaction they are read.
        sensor_id: whose.
        window_us: length of a window: one that touches an event is of it.
        as_of_us: what held then; by default what holds now.
    """
    found = await session.execute(_SPANS, {"sensor": sensor_id, "as_of": now_us() if as_of_us is None else as_of_us})
    left_out: list[tuple[int, int]] = []
    kept: list[tuple[int, int]] = []
    for row in found:
        (kept if row.kept else left_out).append((row.from_us - window_us + 1, row.to_us))
    return ReviewedSpans(merged(left_out), merged(kept))


async def _lock(session: AsyncSession, wanted: Sequence[UUID]) -> dict[UUID, EventRow]:
    """Return events in the order that they were asked for; always locked in the same one, so none waits for another."""
    query = select(EventRow).where(EventRow.id.in_(wanted)).order_by(EventRow.id).with_for_update()
    found = {row.id: row for row in await session.scalars(query)}
    for event_id in wanted:
        if event_id not in found:
            raise NotFoundError(f"there is no event {event_id}")
    return {event_id: found[event_id] for event_id in wanted}


async def _held_before(session: AsyncSession, said: EventVerdict) -> EventVerdict | None:
    """Return what held of an event before something was said of it, in the row where it was said."""
    query = (
        select(EventVerdict)
        .where(EventVerdict.event_id == said.event_id, EventVerdict.id < said.id)
        .order_by(EventVerdict.id.desc())
        .limit(1)
    )
    newest = await session.scalar(query)
    if newest is None or newest.undoes is None:
        return newest
    return None if newest.restores is None else await session.get(EventVerdict, newest.restores)


def _show(entry: EventVerdict) -> HistoryEntry:
    return HistoryEntry(
        id=entry.id,
        event_id=entry.event_id,
        at_us=entry.at,
        actor=entry.actor,
        verdict=None if entry.verdict is None else Verdict(entry.verdict),
        cause=None if entry.cause is None else VerdictCause(entry.cause),
        comment=entry.comment,
        kept=entry.kept,
        undoes=entry.undoes,
    )
