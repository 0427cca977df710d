"""What the fleet and machine pages show, and a sensor's settings."""

from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import now_us
from audiosense_collector.errors import NotFoundError
from audiosense_collector.machines import cards, running
from audiosense_collector.machines.schemas import (
    MachineCard,
    MachineDetail,
    SensorCard,
    SensorDetail,
    SensorSettings,
    ShownStatus,
)
from audiosense_collector.machines.standing import Choice, read_standing
from audiosense_collector.machines.tables import Machine, Sensor
from audiosense_collector.models import service as models
from audiosense_collector.models.schemas import ModelSummary
from audiosense_collector.settings import Settings
from audiosense_collector.signing import SigningKey

_COLUMNS = {"running_level_dbfs": "running_level"}


async def read_fleet(session: AsyncSession, settings: Settings, choice: Choice, *, sparklines: bool | None) -> bytes:
    """Return machines but the sandbox, all of them or those of a choice, as JSON (``schemas.Fleet``).

    Raises:
        InvalidError: ``after`` is not a ``next`` of another page of this order.
    """
    now = now_us()
    if choice.is_all:
        shown = await cards.read_cards(session, settings, now, lines=sparklines)
        following, counts = None, {status: shown.statuses.count(status.value) for status in ShownStatus}
    else:
        standing = await read_standing(session, now, choice)
        if sparklines is None:
            sparklines = standing.sensors <= cards.MOST_LINES
        shown = await cards.read_cards(session, settings, now, standing.machines, lines=sparklines)
        following, counts = standing.following, standing.counts
    pieces = [piece if place == 0 else b"," + piece for place, piece in enumerate(shown.pieces)]
    rest = to_json({"next": following, "counts": counts})
    return b"".join([b'{"server_time_us":%d,"machines":[' % now, *pieces, b"],", rest[1:]])


async def read_machine(session: AsyncSession, settings: Settings, machine_id: UUID) -> MachineDetail:
    """Return a machine with its sensors' settings and models.

    Raises:
        NotFoundError: no such machine.
    """
    card = await _card_of(session, settings, machine_id)
    if card is None:
        raise NotFoundError(f"there is no machine {machine_id} with a sensor")
    sensors = {each.id: each for each in await session.scalars(select(Sensor).where(Sensor.machine_id == machine_id))}
    details = [
        _detail(each, sensors[each.id], await models.list_models(session, each.id), settings) for each in card.sensors
    ]
    return MachineDetail(**dict(card) | {"sensors": details})


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
    await session.flush()
    card = await _card_of(session, settings, sensor.machine_id)
    assert card is not None
    return next(each for each in card.sensors if each.id == sensor_id)


async def count_measurements(session: AsyncSession) -> int:
    """Return how many measurements of real machines are stored."""
    query = select(func.coalesce(func.sum(Sensor.measurements), 0)).join(Machine).where(Machine.sandbox.is_(False))
    return int(await session.scalar(query) or 0)


async def _card_of(session: AsyncSession, settings: Settings, machine_id: UUID) -> MachineCard | None:
    found = await cards.read_cards(session, settings, now_us(), [machine_id], lines=True)
    return MachineCard.model_validate_json(found.pieces[0]) if found.pieces else None


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
