"""Registering the sensors of an agent: sites and machines are made where they do not exist."""

from collections.abc import Collection, Sequence
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clips import permission
from audiosense_collector.clock import now_us
from audiosense_collector.errors import InvalidError
from audiosense_collector.machines.tables import Machine, Sensor, Site
from audiosense_collector.models import runs
from audiosense_common.features import SCHEMAS
from audiosense_common.wire import SensorRegistration


async def register(
    session: AsyncSession, agent_id: UUID, registrations: Sequence[SensorRegistration]
) -> dict[str, UUID]:
    """Make or update an agent's sensors; returns their identities by name.

    A sensor that hears in another way than before (sample rate, window, schema) learns again from now on. One that has
    a model keeps it where the new schema only adds features to the old one: its agent was upgraded.

    Raises:
        InvalidError: unknown feature schema, or a machine of the sandbox.
    """
    known = {sensor.name: sensor for sensor in await session.scalars(select(Sensor).where(Sensor.agent_id == agent_id))}
    for place, wanted in enumerate(registrations):
        if wanted.schema_id not in SCHEMAS:
            raise InvalidError(
                f"sensor {wanted.name!r} has feature schema {wanted.schema_id!r}, this collector knows "
                f"{sorted(SCHEMAS)}; upgrade the collector",
                loc=f"sensors.{place}.schema",
            )
        machine_id = await _machine(session, wanted, place)
        sensor = known.get(wanted.name)
        if sensor is None:
            sensor = known[wanted.name] = _new_sensor(agent_id, machine_id, wanted)
            session.add(sensor)
        else:
            permission.source_changed(session, sensor, wanted.source)
            _update(sensor, machine_id, wanted)
    await session.flush()
    return {wanted.name: known[wanted.name].id for wanted in registrations}


async def move(
    session: AsyncSession, from_agent: UUID, to_agent: UUID, names: Collection[str]
) -> tuple[list[Sensor], list[Sensor]]:
    """Give one agent's sensors of these names to another; returns those, and the ones that stay.

    What the old agent ran or refused says nothing of the new one.
    """
    sensors = list(await session.scalars(select(Sensor).where(Sensor.agent_id == from_agent).with_for_update()))
    moved = [sensor for sensor in sensors if sensor.name in names]
    for sensor in moved:
        sensor.agent_id = to_agent
        sensor.source_state = sensor.running_digest = sensor.refused_digest = sensor.refused_reason = None
    await runs.end(session, [sensor.id for sensor in moved], now_us())
    await session.flush()
    return moved, [sensor for sensor in sensors if sensor.name not in names]


async def _machine(session: AsyncSession, wanted: SensorRegistration, place: int) -> UUID:
    await session.execute(insert(Site).values(id=uuid4(), name=wanted.site).on_conflict_do_nothing())
    site_id = await session.scalar(select(Site.id).where(Site.name == wanted.site))
    values = {"id": uuid4(), "site_id": site_id, "name": wanted.machine}
    await session.execute(insert(Machine).values(values).on_conflict_do_nothing())
    machine = await session.scalar(select(Machine).where(Machine.site_id == site_id, Machine.name == wanted.machine))
    assert machine is not None
    if machine.sandbox:
        raise InvalidError(
            f"machine {wanted.machine!r} at site {wanted.site!r} is the sandbox; name a real machine",
            loc=f"sensors.{place}.machine",
        )
    return machine.id


def _new_sensor(agent_id: UUID, machine_id: UUID, wanted: SensorRegistration) -> Sensor:
    now = now_us()
    return Sensor(
        id=uuid4(),
        agent_id=agent_id,
        machine_id=machine_id,
        name=wanted.name,
        created=now,
        sample_rate_hz=wanted.sample_rate_hz,
        window_s=wanted.window_s,
        schema_id=wanted.schema_id,
        source=wanted.source,
        agent_running_level=wanted.running_level_dbfs,
        quantity=wanted.quantity.value,
        full_scale=wanted.full_scale,
        baseline_since=0,
        learning_windows=0,
        measurements=0,
        bundle_version=0,
    )


def _update(sensor: Sensor, machine_id: UUID, wanted: SensorRegistration) -> None:
    heard = (sensor.sample_rate_hz, sensor.window_s)
    hears = (wanted.sample_rate_hz, wanted.window_s)
    keeps_model = sensor.desired_digest is not None and _extends(wanted.schema_id, sensor.schema_id)
    if hears != heard or (wanted.schema_id != sensor.schema_id and not keeps_model):
        sensor.sample_rate_hz, sensor.window_s = hears
        sensor.baseline_since = now_us()
        sensor.learning_windows = 0
        sensor.training_requested = None
        sensor.desired_digest = None
    sensor.schema_id = wanted.schema_id
    sensor.machine_id = machine_id
    sensor.source = wanted.source
    sensor.agent_running_level = wanted.running_level_dbfs
    sensor.quantity, sensor.full_scale = wanted.quantity.value, wanted.full_scale


def _extends(schema_id: str, earlier_id: str) -> bool:
    return set(SCHEMAS[schema_id]) >= set(SCHEMAS.get(earlier_id, ()))
