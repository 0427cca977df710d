"""How a sensor's running windows stand to the baseline of its model."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from audiosense_collector.clock import DAY_US, SECOND_US, now_us, to_datetime, to_us
from audiosense_collector.drift.schemas import DayDrift, DriftOut
from audiosense_collector.drift.stability import Reference
from audiosense_collector.drift.verdict import describe_day, describe_groups, judge
from audiosense_collector.errors import NotFoundError
from audiosense_collector.events.tables import EventRow
from audiosense_collector.ingest.tables import STATUS_CODES
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.models.tables import Model
from audiosense_collector.notes import service as notes
from audiosense_collector.runtime import Runtime
from audiosense_collector.training.maintenance import touching
from audiosense_common.features import SCHEMAS
from audiosense_common.wire import Status

HOUR_US = 3_600 * SECOND_US
MOST_WINDOWS = 2_000
MOST_DAYS = 30
WINDOWS_A_DAY = 100
NEEDED_WINDOWS, NEEDED_A_DAY = 50, 20
"""Fewer say nothing of a distribution in ten bins; a day's need only show which way it goes."""
RUNNING = [STATUS_CODES[status] for status in (Status.NORMAL, Status.ANOMALOUS)]

# One probe of the index a slot: the cost depends on the number of slots and not on the length of the span.
_SAMPLE = text("""
SELECT m.time, m.features
FROM generate_series(CAST(:low AS timestamptz), CAST(:high AS timestamptz), CAST(:step AS interval)) AS slot (start)
CROSS JOIN LATERAL (
    SELECT time, features FROM measurement
    WHERE sensor_id = :sensor AND time >= slot.start AND time < slot.start + CAST(:step AS interval)
      AND time < :high AND status = ANY(:running) AND NOT clock_suspect
      AND schema = (SELECT id FROM feature_schema WHERE name = :schema)
    ORDER BY time LIMIT 1
) AS m
ORDER BY m.time
""")
# A machine that runs for minutes a day falls into few slots; all that it ran is then little enough.
_NEWEST = text("""
SELECT time, features FROM measurement
WHERE sensor_id = :sensor AND time >= :low AND time < :high AND status = ANY(:running) AND NOT clock_suspect
  AND schema = (SELECT id FROM feature_schema WHERE name = :schema)
ORDER BY time DESC LIMIT :most
""")


@dataclass(frozen=True, slots=True)
class _Sample:
    times_us: NDArray[np.int64]
    features: NDArray[np.float16]


@dataclass(slots=True)
class _Days:
    told: list[DayDrift] = field(default_factory=list)
    moved: list[dict[str, float]] = field(default_factory=list)


async def read_drift(runtime: Runtime, sensor_id: UUID, hours: float) -> DriftOut:
    """Compare the running windows of the last hours, and of each day since, with the model's baseline.

    What was heard while the machine was worked on says nothing of it, and is left out.
    At most ``MOST_WINDOWS`` are read, evenly over the time, and ``WINDOWS_A_DAY`` of each day.

    Raises:
        NotFoundError: no such sensor.
        UnavailableError: too many are compared.
    """
    async with runtime.sessions() as session:
        answer, compare = await _read(session, sensor_id, hours)
    return answer if compare is None else await runtime.drawing.do(compare)


async def _read(session: AsyncSession, sensor_id: UUID, hours: float) -> tuple[DriftOut, Callable[[], DriftOut] | None]:
    """Return the answer without a comparison, and what compares, where there is something to compare with."""
    sensor = await session.get(Sensor, sensor_id)
    if sensor is None:
        raise NotFoundError(f"there is no sensor {sensor_id}")
    model = await _model_of(session, sensor)
    until = now_us()
    since = until - round(hours * HOUR_US)
    answer = DriftOut(
        sensor_id=sensor_id,
        model_digest=None if model is None else model.digest,
        missing="no_model" if model is None else None,
        from_us=since,
        to_us=until,
        windows=0,
        needed_windows=NEEDED_WINDOWS,
        baseline_windows=None,
        degree=None,
        verdict=None,
        since_us=None,
        events=await _count_events(session, sensor_id, since),
        groups=[],
        days=[],
    )
    if model is None or model.reference_bins is None:
        return answer.model_copy(update={"missing": answer.missing or "no_reference"}), None
    schema_id, learnt_us = model.manifest["schema_id"], model.manifest["baseline"]["to_us"]
    reference = Reference.unpack(model.reference_bins)
    recent = await _sample(session, sensor, schema_id, max(since, learnt_us), until, MOST_WINDOWS)
    days = min(MOST_DAYS, max(1, -(-(until - learnt_us) // DAY_US)))
    begin = max(learnt_us, until - days * DAY_US)
    daily = await _sample(session, sensor, schema_id, begin, until, days * WINDOWS_A_DAY)
    names = SCHEMAS[schema_id]
    return answer, partial(_compare, answer, reference, names, recent, daily, sensor.window_s)


def _compare(  # noqa: PLR0917 - called by way of a thread
    answer: DriftOut,
    reference: Reference,
    names: tuple[str, ...],
    recent: _Sample,
    daily: _Sample,
    window_s: float,
) -> DriftOut:
    days = _describe_days(reference, names, daily, answer.to_us)
    told = {"windows": len(recent.features), "baseline_windows": reference.windows, "days": days.told}
    if len(recent.features) < NEEDED_WINDOWS:
        return answer.model_copy(update=told | {"missing": "too_few_windows"})
    apart = float(np.median(np.diff(recent.times_us))) / (window_s * SECOND_US)
    groups = describe_groups(reference, names, recent.features, apart)
    degree, verdict, day = judge(groups, days.moved) if groups else ("stable", "steady", None)
    since_us = None if day is None else days.told[day].start_us
    return answer.model_copy(
        update=told | {"groups": groups, "degree": degree, "verdict": verdict, "since_us": since_us}
    )


def _describe_days(reference: Reference, names: tuple[str, ...], daily: _Sample, until_us: int) -> _Days:
    """Describe spans of 24 hours, counted back from now so that the newest is a whole one."""
    days = _Days()
    of_day = (daily.times_us - until_us) // DAY_US
    for number in np.unique(of_day):
        windows = daily.features[of_day == number]
        if len(windows) >= NEEDED_A_DAY:
            told, moved = describe_day(reference, names, windows, until_us + int(number) * DAY_US)
            days.told.append(told)
            days.moved.append(moved)
    return days


async def _model_of(session: AsyncSession, sensor: Sensor) -> Model | None:
    digest = sensor.running_digest or sensor.desired_digest
    return None if digest is None else await session.get(Model, digest, options=[undefer(Model.reference_bins)])


async def _count_events(session: AsyncSession, sensor_id: UUID, since_us: int) -> int:
    query = select(func.count()).select_from(EventRow).where(EventRow.sensor_id == sensor_id, EventRow.end >= since_us)
    return int(await session.scalar(query) or 0)


async def _sample(  # noqa: PLR0917 - an order in time
    session: AsyncSession, sensor: Sensor, schema_id: str, low_us: int, high_us: int, most: int
) -> _Sample:
    """Return at most ``most`` running windows, evenly over a span."""
    width = len(SCHEMAS[schema_id])
    step_us = max(round(sensor.window_s * SECOND_US), -(-(high_us - low_us) // most))
    if high_us <= low_us:
        return _Sample(np.empty(0, np.int64), np.empty((0, width), np.float16))
    parameters = {
        "sensor": sensor.id,
        "schema": schema_id,
        "low": to_datetime(low_us),
        "high": to_datetime(high_us),
        "step": to_datetime(step_us) - to_datetime(0),
        "running": RUNNING,
    }
    rows = (await session.execute(_SAMPLE, parameters)).all()
    if len(rows) < NEEDED_WINDOWS:
        rows = (await session.execute(_NEWEST, parameters | {"most": most})).all()[::-1]
    times_us = np.array([to_us(row.time) for row in rows], np.int64)
    features = np.frombuffer(b"".join(row.features for row in rows), dtype="<f2").reshape(len(rows), width)
    kept = ~touching(await notes.maintenance_of(session, sensor), times_us, sensor.window_s)
    return _Sample(times_us[kept], features[kept])
