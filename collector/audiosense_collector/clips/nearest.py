"""The piece of normal sound to compare an event with: the same machine at the level and speed from right before it."""

from dataclasses import dataclass
from math import log2
from uuid import UUID

from sqlalchemy import exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clips.schemas import NormalClip, NormalClipOut
from audiosense_collector.clips.tables import Clip
from audiosense_collector.clock import DAY_US, SECOND_US
from audiosense_collector.errors import NotFoundError
from audiosense_collector.events.tables import EventRow
from audiosense_collector.reviews.tables import EventVerdict
from audiosense_collector.rollups.tables import MinuteRollup
from audiosense_common.wire_clips import ClipKind

CANDIDATES = 60
"""Pieces looked at, those nearest in time: two months at one a day."""
BEFORE_MINUTES = 10
"""How long before an event the machine is looked at: before the fault was in its level."""
LIKE_DB, LIKE_OCTAVES, LIKE_US = 3.0, 0.25, 7 * DAY_US
"""Differences that count alike: in level, in dominant frequency, in time."""
UNKNOWN = 2.0
"""What a figure counts that is not known any more."""
_MINUTE_US = 60 * SECOND_US


@dataclass(frozen=True, slots=True)
class _Running:
    """How a machine ran: level in dBFS, dominant frequency in Hz."""

    level: float
    hz: float


async def find(session: AsyncSession, event_id: UUID) -> NormalClip:
    """Return the reference to compare an event with; none that lies in an event that was no false alarm.

    Raises:
        NotFoundError: no such event.
    """
    event = await session.get(EventRow, event_id)
    if event is None:
        raise NotFoundError(f"there is no event {event_id}")
    references = await _references(session, event)
    opening = event.start // _MINUTE_US * _MINUTE_US
    minutes = [opening - back * _MINUTE_US for back in range(1, BEFORE_MINUTES + 1)]
    heard = await _minutes(session, event.sensor_id, [*minutes, *(_minute(each.start) for each in references)])
    before = _mean([heard[minute] for minute in minutes if minute in heard])
    nearest = min(
        references,
        key=lambda each: (_difference(before, heard.get(_minute(each.start))) + _apart(event, each), each.id),
        default=None,
    )
    return NormalClip(
        clip=None if nearest is None else _show(event, nearest, before, heard.get(_minute(nearest.start)))
    )


async def _references(session: AsyncSession, event: EventRow) -> list[Clip]:
    """Return the sensor's references that are nearest in time and were heard while it was all right."""
    apart = func.abs(func.extract("epoch", Clip.start - func.from_us(event.start)))
    doubtful = (
        select(EventRow.id)
        .outerjoin(EventVerdict, EventVerdict.id == EventRow.verdict_id)
        .where(EventRow.sensor_id == Clip.sensor_id, EventRow.start <= Clip.start, EventRow.end >= Clip.start)
        .where(or_(EventVerdict.kept.is_(None), EventVerdict.kept.is_(False)))
    )
    query = (
        select(Clip)
        .where(Clip.sensor_id == event.sensor_id, Clip.kind == ClipKind.REFERENCE.value, ~exists(doubtful))
        .order_by(apart)
        .limit(CANDIDATES)
    )
    return list(await session.scalars(query))


async def _minutes(session: AsyncSession, sensor_id: UUID, minutes: list[int]) -> dict[int, _Running]:
    """Return how the machine ran in some minutes, as far as it was heard and runs."""
    heard = MinuteRollup.windows - MinuteRollup.invalid
    query = select(
        MinuteRollup.time,
        (MinuteRollup.level_dbfs_sum / heard).label("level"),
        (MinuteRollup.dominant_hz_sum / heard).label("hz"),
    ).where(
        MinuteRollup.sensor_id == sensor_id,
        MinuteRollup.time.in_(sorted(set(minutes))),
        heard > 0,
        MinuteRollup.stopped == 0,
    )
    return {row.time: _Running(row.level, row.hz) for row in await session.execute(query)}


def _minute(time_us: int) -> int:
    return time_us // _MINUTE_US * _MINUTE_US


def _mean(heard: list[_Running]) -> _Running | None:
    if not heard:
        return None
    count = len(heard)
    return _Running(sum(each.level for each in heard) / count, sum(each.hz for each in heard) / count)


def _difference(before: _Running | None, then: _Running | None) -> float:
    if before is None or then is None:
        return UNKNOWN
    octaves = abs(log2(then.hz / before.hz)) if then.hz > 0 and before.hz > 0 else 0.0
    return abs(then.level - before.level) / LIKE_DB + octaves / LIKE_OCTAVES


def _apart(event: EventRow, reference: Clip) -> float:
    return abs(reference.start - event.start) / LIKE_US


def _show(event: EventRow, clip: Clip, before: _Running | None, then: _Running | None) -> NormalClipOut:
    return NormalClipOut(
        id=clip.id,
        sensor_id=clip.sensor_id,
        start_us=clip.start,
        duration_s=clip.frames / clip.sample_rate_hz,
        apart_us=event.start - clip.start,
        level_difference_db=round(then.level - before.level, 2) if before and then else None,
        speed_ratio=round(then.hz / before.hz, 4) if before and then and before.hz > 0 else None,
    )
