"""What the fleet and machine pages show, and a sensor's settings."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.checks import service as checks
from audiosense_collector.checks.schemas import SensorHealthOut
from audiosense_collector.clock import SECOND_US, now_us, to_datetime
from audiosense_collector.errors import NotFoundError
from audiosense_collector.events.tables import EventRow
from audiosense_collector.ingest.tables import STATUS_CODES, STATUSES, ModelDigest
from audiosense_collector.machines import running
from audiosense_collector.machines.schemas import (
    Fleet,
    Learning,
    MachineCard,
    MachineDetail,
    SensorCard,
    SensorDetail,
    SensorSettings,
    ShownStatus,
    SiteOut,
    Sparkline,
)
from audiosense_collector.machines.tables import Machine, Sensor, Site
from audiosense_collector.machines.units import scale_of
from audiosense_collector.models import service as models
from audiosense_collector.models.schemas import ModelSummary
from audiosense_collector.settings import Settings
from audiosense_collector.signing import SigningKey
from audiosense_common.wire import EventState, Status
from audiosense_common.wire_checks import CheckState

OFFLINE_US = 60 * SECOND_US
OFFLINE_WINDOWS = 6
SPARKLINE_US = 3_600 * SECOND_US
_COLUMNS = {"running_level_dbfs": "running_level"}
_SEVERITY = {status: place for place, status in enumerate(ShownStatus)}

# Each sensor's last hour of sound in 60 points, or what there is of it: a model's first minutes are no three points.
# A machine at rest has no score there: it sounds unlike its running self, which is no finding.
# The outer bounds let PostgreSQL skip all other partitions; the millisecond keeps the oldest row out of a 61st point.
_SPARKLINES = text("""
SELECT id, to_us(max(time)) AS time_us, max(score) AS score, max(level_dbfs) AS level
FROM (
    SELECT s.id, s.last_time, m.time, m.level_dbfs, CASE WHEN m.status <> :stopped THEN m.score END AS score,
        min(m.time) FILTER (WHERE s.running_digest IS NULL OR m.score IS NOT NULL) OVER (PARTITION BY s.id) AS first
    FROM sensor s JOIN measurement m ON m.sensor_id = s.id
    WHERE s.id = ANY(:sensors) AND m.sensor_id = ANY(:sensors) AND m.time >= :low AND m.time <= :high
      AND m.time > s.last_time - interval '1 hour' AND m.time <= s.last_time
) AS heard
WHERE time >= first
GROUP BY id, floor(extract(epoch FROM last_time - time) / (extract(epoch FROM last_time - first) / 60 + 0.001))
ORDER BY id, time_us
""")


@dataclass(slots=True)
class _Points:
    time_us: list[int] = field(default_factory=list)
    score: list[float | None] = field(default_factory=list)
    level: list[float | None] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Found:
    sensor: Sensor
    machine: Machine
    site: Site
    threshold: float | None
    open_events: int
    event_reasons: list[dict[str, Any]] | None


async def read_fleet(session: AsyncSession, settings: Settings) -> Fleet:
    """Return all machines but the sandbox, by site and name."""
    found = await _find(session, Machine.sandbox.is_(False))
    now = now_us()
    cards = await _cards(session, found, settings, now)
    return Fleet(
        server_time_us=now,
        machines=[
            MachineCard(**_machine(group, [cards[item.sensor.id] for item in group])) for group in _by_machine(found)
        ],
    )


async def read_machine(session: AsyncSession, settings: Settings, machine_id: UUID) -> MachineDetail:
    """Return a machine with its sensors' settings and models.

    Raises:
        NotFoundError: no such machine.
    """
    found = await _find(session, Machine.id == machine_id)
    if not found:
        raise NotFoundError(f"there is no machine {machine_id} with a sensor")
    cards = await _cards(session, found, settings, now_us())
    of_sensors = {item.sensor.id: await models.list_models(session, item.sensor.id) for item in found}
    details = [_detail(cards[item.sensor.id], item.sensor, of_sensors[item.sensor.id], settings) for item in found]
    return MachineDetail(**_machine(found, details))


async def change_settings(
    session: AsyncSession, settings: Settings, key: SigningKey, sensor_id: UUID, changes: SensorSettings
) -> SensorCard:
    """Change a sensor's settings; those that an agent applies are pushed with its model.

    Raises:
        NotFoundError: no such sensor.
    """
    sensor = await session.get(Sensor, sensor_id, with_for_update=True)
    if sensor is None:
        raise NotFoundError(f"there is no sensor {sensor_id}")
    for name, value in changes.model_dump(exclude_unset=True).items():
        setattr(sensor, _COLUMNS.get(name, name), value)
    await session.flush()
    await models.apply_settings(session, key, sensor)
    found = await _find(session, Sensor.id == sensor_id)
    return (await _cards(session, found, settings, now_us()))[sensor_id]


async def count_measurements(session: AsyncSession) -> int:
    """Return how many measurements of real machines are stored."""
    query = select(func.coalesce(func.sum(Sensor.measurements), 0)).join(Machine).where(Machine.sandbox.is_(False))
    return int(await session.scalar(query) or 0)


async def _find(session: AsyncSession, condition: ColumnElement[bool]) -> list[_Found]:
    newest = func.array_agg(aggregate_order_by(EventRow.reasons, EventRow.start.desc()), type_=ARRAY(JSONB))[1]
    opened = (
        select(EventRow.sensor_id, func.count().label("events"), newest.label("reasons"))
        .where(EventRow.state != EventState.CLOSE.value)
        .group_by(EventRow.sensor_id)
        .subquery()
    )
    query = (
        select(Sensor, Machine, Site, ModelDigest.threshold, func.coalesce(opened.c.events, 0), opened.c.reasons)
        .join(Machine, Machine.id == Sensor.machine_id)
        .join(Site, Site.id == Machine.site_id)
        .outerjoin(ModelDigest, ModelDigest.digest == Sensor.running_digest)
        .outerjoin(opened, opened.c.sensor_id == Sensor.id)
        .where(condition)
        .order_by(Site.name, Machine.name, Machine.id, Sensor.name, Sensor.id)
    )
    return [_Found(*row) for row in (await session.execute(query))]


def _by_machine(found: Sequence[_Found]) -> list[list[_Found]]:
    groups: dict[UUID, list[_Found]] = {}
    for item in found:
        groups.setdefault(item.machine.id, []).append(item)
    return list(groups.values())


async def _cards(
    session: AsyncSession, found: Sequence[_Found], settings: Settings, now: int
) -> dict[UUID, SensorCard]:
    points = await _sparklines(session, [item.sensor for item in found])
    health = await checks.read_health(session, [item.sensor.id for item in found], now)
    unknown = SensorHealthOut(state=CheckState.UNKNOWN)
    return {
        item.sensor.id: _card(
            item, points.get(item.sensor.id, _Points()), health.get(item.sensor.id, unknown), settings, now
        )
        for item in found
    }


async def _sparklines(session: AsyncSession, sensors: Sequence[Sensor]) -> dict[UUID, _Points]:
    times = [sensor.last_time for sensor in sensors if sensor.last_time is not None]
    if not times:
        return {}
    parameters = {
        "sensors": [sensor.id for sensor in sensors],
        "low": to_datetime(max(0, min(times) - SPARKLINE_US)),
        "high": to_datetime(max(times)),
        "stopped": STATUS_CODES[Status.STOPPED],
    }
    found: dict[UUID, _Points] = {}
    for sensor_id, time_us, score, level in await session.execute(_SPARKLINES, parameters):
        points = found.setdefault(sensor_id, _Points())
        points.time_us.append(time_us)
        points.score.append(score)
        points.level.append(level)
    return found


def _card(item: _Found, points: _Points, health: SensorHealthOut, settings: Settings, now: int) -> SensorCard:
    sensor = item.sensor
    scale, level_dbfs = scale_of(sensor), sensor.last_level_dbfs
    is_learning = sensor.running_digest is None
    needed = sensor.baseline_windows or settings.baseline_windows
    return SensorCard(
        id=sensor.id,
        name=sensor.name,
        agent_id=sensor.agent_id,
        status=_status(sensor, now, open_event=item.open_events > 0),
        score=sensor.last_score,
        threshold=item.threshold,
        level_dbfs=level_dbfs,
        quantity=scale.quantity,
        unit=scale.unit,
        level=None if level_dbfs is None else scale.level(level_dbfs),
        level_a_db=scale.level_a(sensor.last_level_a_dbfs),
        velocity_mm_s=scale.velocity(sensor.last_velocity_db),
        dominant_hz=sensor.last_dominant_hz,
        last_heard_us=sensor.last_time,
        model_digest=sensor.running_digest,
        learning=Learning(windows=sensor.learning_windows, needed=needed) if is_learning else None,
        heuristic_flag=_heuristic_flag(sensor, settings) if is_learning else None,
        open_event=item.open_events > 0,
        health=health,
        reasons=item.event_reasons or sensor.last_reasons,
        sparkline=Sparkline(
            kind="level_dbfs" if is_learning else "score",
            time_us=points.time_us[-60:],
            value=(points.level if is_learning else points.score)[-60:],
        ),
    )


def _status(sensor: Sensor, now: int, *, open_event: bool) -> ShownStatus:
    if sensor.last_heard is None or sensor.last_status is None:
        return ShownStatus.WAITING
    if open_event:
        return ShownStatus.ALARM
    if now - sensor.last_heard > max(OFFLINE_US, OFFLINE_WINDOWS * sensor.window_s * SECOND_US):
        return ShownStatus.OFFLINE
    return ShownStatus(STATUSES[sensor.last_status].value)


def _heuristic_flag(sensor: Sensor, settings: Settings) -> bool | None:
    """Until there is a model: does the newest window hiss, or is its strongest tone too high?"""
    if sensor.last_dominant_hz is None or sensor.last_flatness_db is None:
        return None
    highest_hz = sensor.heuristic_dominant_hz or settings.heuristic_dominant_hz
    flattest = sensor.heuristic_flatness or settings.heuristic_flatness
    return sensor.last_dominant_hz > highest_hz or 10 ** (sensor.last_flatness_db / 10) > flattest


def _machine(found: Sequence[_Found], cards: Sequence[SensorCard]) -> dict[str, Any]:
    machine, site = found[0].machine, found[0].site
    worst = min(cards, key=lambda card: (_SEVERITY[card.status], -(card.score or 0)))
    return {
        "id": machine.id,
        "name": machine.name,
        "site": SiteOut(id=site.id, name=site.name),
        "status": worst.status,
        "score": worst.score,
        "threshold": worst.threshold,
        "last_heard_us": max((card.last_heard_us for card in cards if card.last_heard_us is not None), default=None),
        "open_events": sum(item.open_events for item in found),
        "sensors": cards,
    }


def _detail(card: SensorCard, sensor: Sensor, summaries: list[ModelSummary], settings: Settings) -> SensorDetail:
    model = next((each for each in summaries if each.digest == sensor.running_digest), None)
    return SensorDetail(
        **dict(card),
        sample_rate_hz=sensor.sample_rate_hz,
        window_s=sensor.window_s,
        full_scale=sensor.full_scale,
        source=sensor.source,
        schema_id=sensor.schema_id,
        source_state=sensor.source_state,
        heuristic_dominant_hz=sensor.heuristic_dominant_hz or settings.heuristic_dominant_hz,
        heuristic_flatness=sensor.heuristic_flatness or settings.heuristic_flatness,
        baseline_windows=sensor.baseline_windows or settings.baseline_windows,
        false_alarms_per_week=sensor.false_alarms_per_week or settings.false_alarms_per_week,
        running=running.describe(sensor, model),
        training_error=sensor.training_error,
        model=model,
        models=summaries,
    )
