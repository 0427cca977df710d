"""Registering the sensors of an agent: sites and machines are made where they do not exist.

An agent says at each start what its configuration says. What people have changed since on the dashboard (names, the
machine of a sensor, its calibration) stands until that configuration itself is changed.
"""

from collections.abc import Collection, Sequence
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clips import permission
from audiosense_collector.clock import now_us
from audiosense_collector.errors import InvalidError
from audiosense_collector.machines import naming
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.models import runs
from audiosense_common.features import SCHEMAS
from audiosense_common.wire_enrolment import SensorRegistration


async def register(
    session: AsyncSession, agent_id: UUID, registrations: Sequence[SensorRegistration]
) -> dict[str, UUID]:
    """Make or update an agent's sensors; returns their identities by name.

    A sensor that hears in another way than before (sample rate, window, schema) learns again from now on. One that has
    a model keeps it where the new schema only adds features to the old one: its agent was upgraded.

    Raises:
        InvalidError: unknown feature schema, or a machine of the sandbox.
    """
    own = list(await session.scalars(select(Sensor).where(Sensor.agent_id == agent_id)))
    known = {naming.told_name(sensor): sensor for sensor in own}
    shown = {sensor.name for sensor in own}
    for place, wanted in enumerate(registrations):
        if wanted.schema_id not in SCHEMAS:
            raise InvalidError(
                f"sensor {wanted.name!r} has feature schema {wanted.schema_id!r}, this collector knows "
                f"{sorted(SCHEMAS)}; upgrade the collector",
                loc=f"sensors.{place}.schema",
            )
        sensor = known.get(wanted.name)
        if sensor is None:
            machine_id = await _machine(session, wanted, place)
            sensor = known[wanted.name] = _new_sensor(agent_id, machine_id, wanted, naming.free(wanted.name, shown))
            shown.add(sensor.name)
            session.add(sensor)
            continue
        if (sensor.told_site, sensor.told_machine) != (wanted.site, wanted.machine):
            sensor.machine_id = await _machine(session, wanted, place)
        permission.source_changed(session, sensor, wanted.source)
        _update(sensor, wanted)
    await session.flush()
    return {wanted.name: known[wanted.name].id for wanted in registrations}


async def move(
    session: AsyncSession, from_agent: UUID, to_agent: UUID, names: Collection[str]
) -> tuple[list[Sensor], list[Sensor]]:
    """Give one agent's sensors of these names to another; returns those, and the ones that stay.

    What the old agent ran or refused says nothing of the new one.
    """
    sensors = list(await session.scalars(select(Sensor).where(Sensor.agent_id == from_agent).with_for_update()))
    moved = [sensor for sensor in sensors if naming.told_name(sensor) in names]
    for sensor in moved:
        sensor.agent_id = to_agent
        sensor.source_state = sensor.running_digest = sensor.refused_digest = sensor.refused_reason = None
    await runs.end(session, [sensor.id for sensor in moved], now_us())
    await session.flush()
    return moved, [sensor for sensor in sensors if naming.told_name(sensor) not in names]


async def _machine(session: AsyncSession, wanted: SensorRegistration, place: int) -> UUID:
    machine = await naming.machine_called(session, wanted.site, wanted.machine)
    if machine.sandbox:
        raise InvalidError(
            f"machine {wanted.machine!r} at site {wanted.site!r} is the sandbox; name a real machine",
            loc=f"sensors.{place}.machine",
        )
    return machine.id


def _new_sensor(agent_id: UUID, machine_id: UUID, wanted: SensorRegistration, name: str) -> Sensor:
    now = now_us()
    return Sensor(
        id=uuid4(),
        agent_id=agent_id,
        machine_id=machine_id,
        name=name,
        told_name=None if name == wanted.name else wanted.name,
        told_site=wanted.site,
        told_machine=wanted.machine,
        told_quantity=wanted.quantity.value,
        told_full_scale=wanted.full_scale,
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


def _update(sensor: Sensor, wanted: SensorRegistration) -> None:
    heard = (sensor.sample_rate_hz, sensor.window_s)
    hears = (wanted.sample_rate_hz, wanted.window_s)
    keeps_model = sensor.desired_digest is not None and _extends(wanted.schema_id, sensor.schema_id)
    if hears != heard or (wanted.schema_id != sensor.schema_id and not keeps_model):
        sensor.sample_rate_hz, sensor.window_s = hears
        learn_again(sensor)
    sensor.schema_id = wanted.schema_id
    sensor.told_site, sensor.told_machine = wanted.site, wanted.machine
    sensor.source = wanted.source
    sensor.agent_running_level = wanted.running_level_dbfs
    told = (wanted.quantity.value, wanted.full_scale)
    if (sensor.told_quantity, sensor.told_full_scale) != told:
        sensor.quantity, sensor.full_scale = sensor.told_quantity, sensor.told_full_scale = told


def learn_again(sensor: Sensor) -> None:
    """Let a sensor make a new baseline of what it hears from now on, with no model meanwhile."""
    sensor.baseline_since = now_us()
    sensor.learning_windows = 0
    sensor.training_requested = None
    sensor.desired_digest = None


def _extends(schema_id: str, earlier_id: str) -> bool:
    return set(SCHEMAS[schema_id]) >= set(SCHEMAS.get(earlier_id, ()))
