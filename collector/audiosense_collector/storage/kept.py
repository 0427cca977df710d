"""Measurements that outlive retention: what is still to be learnt from, and the sound around what was locked."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clips.tables import Clip
from audiosense_collector.clock import SECOND_US, to_datetime
from audiosense_collector.events.tables import EventRow
from audiosense_collector.ingest.tables import STATUS_CODES
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.settings import Settings
from audiosense_common.wire import Status

AROUND_US = 600 * SECOND_US
"""Kept before and after an event whose clip is locked."""

MOST_BASELINES = 2
"""A sensor whose baselines are refused again and again keeps no more than so many of them."""


class KeptSpan(NamedTuple):
    """A span of a sensor, UTC microseconds; with a status, of it only the windows that have it."""

    sensor_id: UUID
    low_us: int
    high_us: int
    status: int | None


@dataclass(frozen=True, slots=True)
class Kept:
    """Spans whose old measurements are kept: sensors that still learn, and events whose clip is locked."""

    spans: list[KeptSpan] = field(default_factory=list)

    @property
    def parameters(self) -> dict[str, Any]:
        """As columns for a query."""
        return {
            "sensors": [span.sensor_id for span in self.spans],
            "lows": [to_datetime(span.low_us) for span in self.spans],
            "highs": [to_datetime(span.high_us) for span in self.spans],
            "statuses": [span.status for span in self.spans],
        }

    def of(self, sensor_id: UUID) -> "Kept":
        """Return what is kept of one sensor."""
        return Kept([span for span in self.spans if span.sensor_id == sensor_id])

    @property
    def learning(self) -> int:
        """How many of them are of sensors that still learn."""
        return sum(span.status is not None for span in self.spans)


async def read_kept(session: AsyncSession, settings: Settings, before_us: int) -> Kept:
    """Return what is kept of the measurements before a time.

    A sensor keeps the windows of its baseline until its first model is made, however long its machine stands still:
    else it would never learn. A clip is locked for the sake of its event, so the event's chart stays.
    """
    spans = []
    needed = func.coalesce(Sensor.baseline_windows, settings.baseline_windows)
    learning = select(Sensor.id, Sensor.baseline_since).where(
        Sensor.running_digest.is_(None),
        Sensor.desired_digest.is_(None),
        Sensor.learning_windows.between(1, MOST_BASELINES * needed),
        Sensor.baseline_since < before_us,
    )
    for sensor_id, since in await session.execute(learning):
        spans.append(KeptSpan(sensor_id, since, before_us, STATUS_CODES[Status.LEARNING]))
    locked = (
        select(EventRow.sensor_id, EventRow.start, EventRow.end)
        .join(Clip, Clip.event_id == EventRow.id)
        .where(Clip.locked, EventRow.start < before_us + AROUND_US)
    )
    for sensor_id, start, end in await session.execute(locked):
        spans.append(KeptSpan(sensor_id, max(0, start - AROUND_US), end + AROUND_US, None))
    return Kept(spans)
