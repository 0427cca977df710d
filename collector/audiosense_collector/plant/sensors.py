"""The rules of a sensor's name, place and calibration."""

import math
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.errors import ConflictError, InvalidError, NotFoundError
from audiosense_collector.machines import naming, registration
from audiosense_collector.machines.tables import Machine, Sensor, Site
from audiosense_collector.plant import calibration
from audiosense_collector.plant.schemas import (
    Calibration,
    FullScaleGiven,
    Sensitivity,
    SensorChange,
    SensorPlace,
    SoundCalibrator,
    VibrationCalibrator,
)
from audiosense_common.wire import Quantity


def place_of(sensor: Sensor) -> SensorPlace:
    """Show a sensor."""
    level = sensor.last_level_dbfs
    return SensorPlace(
        id=sensor.id,
        name=sensor.name,
        told_name=naming.told_name(sensor),
        agent_id=sensor.agent_id,
        quantity=Quantity(sensor.quantity),
        full_scale=sensor.full_scale,
        told_quantity=Quantity(sensor.told_quantity or sensor.quantity),
        told_full_scale=sensor.told_full_scale,
        level_dbfs=level if level is not None and math.isfinite(level) else None,
    )


async def change(session: AsyncSession, sensor_id: UUID, changes: SensorChange) -> SensorPlace:
    """Rename a sensor or move it to another machine; what its agent calls it stays.

    Raises:
        NotFoundError: no such sensor or machine.
        ConflictError: another sensor of the machine or of its agent has that name.
    """
    sensor = await session.get(Sensor, sensor_id)
    # The machine comes before the sensor, see ``plant.service``.
    machine_id = changes.machine_id or (None if sensor is None else sensor.machine_id)
    if machine_id is not None:
        machine = await session.get(Machine, machine_id, with_for_update={"key_share": True, "read": True})
        if machine is None or machine.sandbox:
            raise NotFoundError(f"there is no machine {machine_id}; it may have been deleted meanwhile")
    sensor = await _locked(session, sensor_id)
    name = changes.name or sensor.name
    if name != sensor.name or changes.machine_id not in (None, sensor.machine_id):
        place = changes.machine_id or sensor.machine_id
        others = select(Sensor.id).where(Sensor.machine_id == place, Sensor.name == name, Sensor.id != sensor_id)
        if await session.scalar(others.limit(1)) is not None:
            raise _taken(name)
        sensor.told_name = naming.told_name(sensor)
        sensor.name, sensor.machine_id = name, place
    if changes.learn_again:
        registration.learn_again(sensor)
    try:
        await session.flush()
    except IntegrityError:
        raise _taken(name) from None
    return place_of(sensor)


async def calibrate(session: AsyncSession, sensor_id: UUID, given: Calibration) -> SensorPlace:
    """Say what a sample of 1.0 stands for; it holds until the agent's configuration says something else than it does.

    Raises:
        NotFoundError: no such sensor.
        InvalidError: what was given cannot be true.
    """
    sensor = await _locked(session, sensor_id)
    quantity, full_scale = full_scale_from(given)
    if not calibration.LEAST <= full_scale <= calibration.MOST:
        raise InvalidError(
            f"this makes a full scale of {full_scale:.3g}, expected {calibration.LEAST:g} to {calibration.MOST:g} "
            f"{'Pa' if quantity is Quantity.SOUND_PRESSURE else 'g'}; look over the levels and units",
            loc="body",
        )
    sensor.quantity, sensor.full_scale = quantity.value, full_scale
    await session.flush()
    return place_of(sensor)


async def forget_calibration(session: AsyncSession, sensor_id: UUID) -> SensorPlace:
    """Return to what the agent's configuration says.

    Raises:
        NotFoundError: no such sensor.
    """
    sensor = await _locked(session, sensor_id)
    sensor.quantity, sensor.full_scale = sensor.told_quantity or sensor.quantity, sensor.told_full_scale
    await session.flush()
    return place_of(sensor)


def full_scale_from(given: Calibration) -> tuple[Quantity, float]:
    """Return what a sensor measures, and what a sample of 1.0 stands for, in pascal or g."""
    match given:
        case SoundCalibrator():
            return Quantity.SOUND_PRESSURE, calibration.full_scale_pa(given.level_db, given.reads_dbfs)
        case VibrationCalibrator():
            return Quantity.ACCELERATION, calibration.full_scale_g(given.rms_g, given.reads_dbfs)
        case Sensitivity():
            return given.quantity, calibration.full_scale_of(given.sensitivity_mv, given.gain_db, given.full_scale_v)
        case FullScaleGiven():
            return given.quantity, given.full_scale


async def _locked(session: AsyncSession, sensor_id: UUID) -> Sensor:
    sensor = await session.get(Sensor, sensor_id, with_for_update={"key_share": True}, populate_existing=True)
    if sensor is None:
        raise NotFoundError(f"there is no sensor {sensor_id}")
    if sensor.told_machine is None:
        await _note_what_was_told(session, sensor)
    return sensor


async def _note_what_was_told(session: AsyncSession, sensor: Sensor) -> None:
    """A process of the previous release made the sensor, beside this one: what it shows is what its agent told."""
    query = select(Site.name, Machine.name).join(Machine).where(Machine.id == sensor.machine_id)
    sensor.told_site, sensor.told_machine = (await session.execute(query)).one()
    sensor.told_quantity, sensor.told_full_scale = sensor.quantity, sensor.full_scale


def _taken(name: str) -> ConflictError:
    return ConflictError(
        f"another sensor of the machine or of the same agent is called {name!r}; choose another name", kind="name_taken"
    )
