"""Storing the measurements of several batches together: rows, roll-ups, counts, the latest one, what browsers hear."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import DAY_US
from audiosense_collector.db.driver import driver
from audiosense_collector.ingest.measured import Measured
from audiosense_collector.ingest.rows import Numbers, Part, Rows, copy_new, copying, gather, insert_new, number
from audiosense_collector.ingest.tables import STATUS_CODES
from audiosense_collector.live import notify
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.machines.units import LEVEL_A, VELOCITY, scale_of
from audiosense_collector.rollups import store as rollups
from audiosense_collector.rollups.delta import Windows, roll_up
from audiosense_common.features import SCHEMAS, column
from audiosense_common.wire import Reason, SensorColumns, Status

_AHEAD_US = 60_000_000
_LIVE_US = 600_000_000
"""A batch whose last window is older is of a backlog."""
_LEARNING = STATUS_CODES[Status.LEARNING]


@dataclass(frozen=True, slots=True)
class Stored:
    """How many measurements were new, and how many of these are for a baseline."""

    new: int = 0
    learning: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """What a batch tells of one locked sensor, as it came and as arrays."""

    sensor: Sensor
    columns: SensorColumns
    measured: Measured
    epoch: UUID


async def store(
    session: AsyncSession,
    told: Sequence[Told],
    known: Numbers,
    *,
    now: int,
    retention_us: int,
    is_watched: Callable[[UUID, UUID], bool],
    all_new: bool = True,
) -> list[Stored]:
    """Store what is new, and bring the sensors up to date; returns what was new of each part.

    The sensors must be locked: their row is what guards their roll-ups. Those that ``is_watched`` (sensor, machine)
    says are told to browsers. ``known`` are the numbers that were there when they were locked.

    Raises:
        StoredBeforeError: some was there already, and ``all_new`` said that nothing was.
    """
    if not told:
        return []
    digests = {digest for each in told for digest in each.measured.digests}
    numbers = await number(session, known, digests, {each.measured.windows.schema_id for each in told})
    connection = await driver(session)
    found = [Stored()] * len(told)
    deltas, copies = [], []
    sensors = [each.sensor.id for each in told]
    whose = _first_places(sensors)
    for schema_id in sorted({each.measured.windows.schema_id for each in told}):
        places = [place for place, each in enumerate(told) if each.measured.windows.schema_id == schema_id]
        rows = gather([_part(told[place], now, retention_us) for place in places], numbers.digests)
        if all_new:
            new = np.arange(len(rows))
            copies.append(copying(rows, numbers.schemas[schema_id]))
        else:
            new = await insert_new(connection, rows, numbers.schemas[schema_id])
        for place, stored in zip(places, _count(rows, new, len(places)), strict=True):
            found[place] = stored
        if len(new):
            windows = rows.windows if len(new) == len(rows) else rows.windows.pick(new)
            deltas.append(roll_up(replace(windows, sensor=whose[places][windows.sensor])))
    copies += await rollups.take_out(connection, sensors, deltas, numbers.schemas)
    await copy_new(connection, copies)
    for each, stored in zip(told, found, strict=True):
        _note(each, stored, now)
    news = [each for each, stored in zip(told, found, strict=True) if stored.new]
    watched = [each for each in news if is_watched(each.sensor.id, each.sensor.machine_id)]
    await notify.many(session, [_update(each, numbers, now) for each in watched])
    return found


def _first_places(sensors: Sequence[UUID]) -> NDArray[np.int64]:
    """Return of each part the first one that is of the same sensor: roll-ups know a sensor by that place."""
    first = {sensor: place for place, sensor in reversed(list(enumerate(sensors)))}
    return np.array([first[sensor] for sensor in sensors], np.int64)


def _part(told: Told, now: int, retention_us: int) -> Part:
    time_us = told.measured.windows.time_us
    suspect = told.measured.estimated | (time_us < now - retention_us) | (time_us > now + DAY_US)
    return Part(told.measured, told.epoch, suspect)


def _count(rows: Rows, new: NDArray[np.intp], parts: int) -> list[Stored]:
    part = rows.windows.sensor[new]
    counts = np.bincount(part, minlength=parts)
    learning = (rows.windows.status[new] == _LEARNING) & ~rows.suspect[new]
    learnt = np.bincount(part[learning], minlength=parts)
    return [Stored(*each) for each in zip(counts.tolist(), learnt.tolist(), strict=True)]


def _note(told: Told, stored: Stored, now: int) -> None:
    sensor = told.sensor
    sensor.last_heard = now
    if stored.new:
        _note_latest(told, now)
        sensor.measurements += stored.new
    # Windows of another schema than the sensor's present one are no part of its next baseline.
    if stored.learning and told.columns.features.schema_id == sensor.schema_id:
        sensor.learning_windows += stored.learning


def _note_latest(told: Told, now: int) -> None:
    """Keep the newest measurement beside the sensor; a time beyond tomorrow is no news.

    One that was kept from a clock that was ahead does not stand in the way of the present.
    """
    sensor, columns, windows = told.sensor, told.columns, told.measured.windows
    believed = np.flatnonzero(windows.time_us <= now + DAY_US)
    if not len(believed):
        return
    time_us = int(windows.time_us[believed].max())
    place = int(believed[np.flatnonzero(windows.time_us[believed] == time_us)[-1]])
    newest = 0 if sensor.last_time is None or sensor.last_time > now + _AHEAD_US >= time_us else sensor.last_time
    if time_us < newest:
        return
    vector, names = windows.features[place], SCHEMAS[windows.schema_id]
    sensor.last_time = time_us
    sensor.last_status = int(windows.status[place])
    sensor.last_score = None if np.isnan(windows.score[place]) else float(windows.score[place])
    sensor.last_level_dbfs = float(windows.level_dbfs[place])
    sensor.last_dominant_hz = float(windows.dominant_hz[place])
    sensor.last_flatness_db = float(vector[column(windows.schema_id, "flatness_db")])
    sensor.last_reasons = _dump(columns.reasons.get(place))
    sensor.last_level_a_dbfs = float(vector[names.index(LEVEL_A)]) if LEVEL_A in names else None
    sensor.last_velocity_db = float(vector[names.index(VELOCITY)]) if VELOCITY in names else None


def _dump(reasons: list[Reason] | None) -> list[dict[str, Any]] | None:
    return None if reasons is None else [reason.model_dump(exclude_none=True) for reason in reasons]


def _update(told: Told, numbers: Numbers, now: int) -> notify.SensorUpdate:
    """Make the news of a sensor's newest windows: of a backlog only the last one, which is no live picture anyway."""
    sensor, columns, windows = told.sensor, told.columns, told.measured.windows
    is_live = windows.time_us[-1] >= now - _LIVE_US
    newest = slice(-notify.MAX_ROWS if is_live else -1, None)
    return notify.SensorUpdate(
        sensor_id=sensor.id,
        machine_id=sensor.machine_id,
        threshold=numbers.thresholds.get(columns.models[-1]) if columns.models else None,
        reasons=_dump(columns.reasons.get(len(columns.seq) - 1)),
        columns={
            "time_us": columns.time_us[newest],
            "score": columns.score[newest],
            "status": [status.value for status in columns.status[newest]],
            "level_dbfs": columns.level_dbfs[newest],
            **_physical(sensor, windows, newest),
            "dominant_hz": columns.dominant_hz[newest],
        },
    )


def _physical(sensor: Sensor, windows: Windows, newest: slice) -> Mapping[str, Sequence[float | None]]:
    """Return the columns of levels in the sensor's unit, as its series has them."""
    scale, names = scale_of(sensor), SCHEMAS[windows.schema_id]
    levels = windows.level_dbfs[newest].tolist()
    second: list[float | None] = [None] * len(levels)
    if scale.second in names:
        second = windows.features[newest, names.index(scale.second)].tolist()
    return {
        "level": [scale.level(dbfs) for dbfs in levels],
        **({"level_a_db": [scale.level_a(value) for value in second]} if scale.second == LEVEL_A else {}),
        **({"velocity_mm_s": [scale.velocity(value) for value in second]} if scale.second == VELOCITY else {}),
    }
