"""Lists of events: which, in what order, page by page, with what people say of them."""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Select, cast, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector import paging
from audiosense_collector.db.base import MicrosecondTime
from audiosense_collector.errors import InvalidError
from audiosense_collector.events.schemas import EventOut, EventPage
from audiosense_collector.events.tables import EventRow
from audiosense_collector.machines.tables import Machine, Sensor
from audiosense_collector.reviews.schemas import Verdict, VerdictOut
from audiosense_collector.reviews.tables import EventVerdict
from audiosense_common.wire import EventState

Order = Literal["newest", "worst"]
_MILLION = 1_000_000
# How far the peak goes beyond the threshold, as a share of what lies beyond it: models' scores are on scales of their
# own. Whole millionths, so that a cursor tells the place exactly.
_WORSE = cast(
    func.round(
        _MILLION * (EventRow.peak_score - EventRow.threshold) / func.greatest(1.0 - EventRow.threshold, 1 / _MILLION)
    ),
    BigInteger,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which events: each condition narrows the list, null ones do not."""

    site: UUID | None = None
    machine: UUID | None = None
    sensor: UUID | None = None
    since_us: int | None = None
    state: Literal["open", "closed"] | None = None
    reviewed: bool | None = None
    verdict: Verdict | None = None

    def places(self) -> list[ColumnElement[bool]]:
        """Return the conditions on where and when; the developer interface's sandbox only if it is named."""
        conditions: list[tuple[ColumnElement[bool], object]] = [
            (Machine.site_id == self.site, self.site),
            (Sensor.machine_id == self.machine, self.machine),
            (EventRow.sensor_id == self.sensor, self.sensor),
            (EventRow.end >= literal(self.since_us, MicrosecondTime()), self.since_us),
            (~Machine.sandbox, (self.machine is None and self.sensor is None) or None),
        ]
        return [condition for condition, wanted in conditions if wanted is not None]

    def all(self) -> list[ColumnElement[bool]]:
        """Return every condition."""
        closed = EventRow.state == EventState.CLOSE.value
        unreviewed = EventRow.verdict_id.is_(None)
        conditions = self.places()
        if self.state is not None:
            conditions.append(closed if self.state == "closed" else ~closed)
        if self.reviewed is not None:
            conditions.append(~unreviewed if self.reviewed else unreviewed)
        if self.verdict is not None:
            conditions.append(EventVerdict.verdict == self.verdict.value)
        return conditions


async def list_events(
    session: AsyncSession, wanted: Wanted, *, order: Order, limit: int, before: str | None
) -> EventPage:
    """Return a page of events, the newest or the worst first.

    Raises:
        InvalidError: ``before`` is not a ``next`` of another page of this order.
    """
    place, kinds = _place(order)
    query = select_events().add_columns(place[0].label("place")).where(*wanted.all())
    query = query.order_by(*(column.desc() for column in place)).limit(limit + 1)
    if before is not None:
        named, *at = paging.decode(before, (str, *kinds))
        if named != order:
            raise InvalidError(
                f"before: it is of a list of another order, this one has the {order} first", loc="before"
            )
        bound = literal(at[0], MicrosecondTime()) if order == "newest" else literal(at[0], BigInteger)
        query = query.where(tuple_(*place) < tuple_(bound, at[1]))
    rows: Any = (await session.execute(query)).all()
    items = [show(*row[:4]) for row in rows[:limit]]
    counted = select(func.count()).select_from(EventRow).join(Sensor, Sensor.id == EventRow.sensor_id).join(Machine)
    unreviewed = await session.scalar(counted.where(EventRow.verdict_id.is_(None), *wanted.places()))
    follows = paging.encode(order, rows[limit - 1].place, items[-1].id) if len(rows) > limit else None
    return EventPage(items=items, next=follows, unreviewed=int(unreviewed or 0))


def _place(order: Order) -> tuple[tuple[ColumnElement[Any], ColumnElement[Any]], tuple[type[int], type[UUID]]]:
    first: ColumnElement[Any] = EventRow.start if order == "newest" else _WORSE  # type: ignore[assignment]
    return (first, EventRow.id), (int, UUID)  # type: ignore[return-value]


def select_events() -> Select[EventRow, Sensor, Machine, EventVerdict]:
    """Select events with where they were heard and what people say of them."""
    return (
        select(EventRow, Sensor, Machine, EventVerdict)
        .join(Sensor, Sensor.id == EventRow.sensor_id)
        .join(Machine, Machine.id == Sensor.machine_id)
        .outerjoin(EventVerdict, EventVerdict.id == EventRow.verdict_id)
    )


def show(event: EventRow, sensor: Sensor, machine: Machine, said: EventVerdict | None) -> EventOut:
    """Return an event as the interface shows it."""
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
        verdict=None if said is None else _show_verdict(said),
    )


def _show_verdict(said: EventVerdict) -> VerdictOut:
    return VerdictOut.model_validate(
        {
            "id": said.id,
            "at_us": said.at,
            "actor": said.actor,
            "verdict": said.verdict,
            "cause": said.cause,
            "comment": said.comment,
            "kept": said.kept,
        }
    )
