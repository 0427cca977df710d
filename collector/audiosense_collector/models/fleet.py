"""Which sensor runs which model: pages of sensors, and what going back would push."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, and_, case, exists, func, literal, or_, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from audiosense_collector import paging
from audiosense_collector.machines.tables import Machine, Sensor, Site
from audiosense_collector.models import service
from audiosense_collector.models.schemas import (
    ModelNamed,
    Refusal,
    SensorLocation,
    SensorModels,
    SensorModelsPage,
    Standing,
)
from audiosense_collector.models.tables import Model, ModelRun
from audiosense_collector.settings import Settings

_STANDING: ColumnElement[str] = case(
    (and_(Sensor.refused_digest.is_not(None), Sensor.refused_digest == Sensor.desired_digest), Standing.REFUSED.value),
    (and_(Sensor.running_digest.is_(None), Sensor.desired_digest.is_(None)), Standing.LEARNING.value),
    (
        and_(Sensor.desired_digest.is_not(None), Sensor.running_digest.is_distinct_from(Sensor.desired_digest)),
        Standing.OFFERED.value,
    ),
    (Sensor.running_state == "probation", Standing.PROBATION.value),
    else_=Standing.RUNNING.value,
)
_ORDER = (Site.name, Machine.name, Sensor.name, Sensor.id)


@dataclass(frozen=True, slots=True)
class Choice:
    """Which sensors are meant: of a site or machine, with each word in one of their names, of some standings."""

    site: UUID | None = None
    machine: UUID | None = None
    words: str | None = None
    standings: Sequence[Standing] = ()


async def page(
    session: AsyncSession, settings: Settings, choice: Choice, *, limit: int, after: str | None
) -> SensorModelsPage:
    """Return a page of sensors with their models, by site, machine and name; the sandbox's are left out.

    Raises:
        InvalidError: ``after`` is not a ``next`` of another page.
    """
    chosen = _chosen(choice)
    found = select(_STANDING.label("standing")).select_from(Sensor).join(Machine).join(Site).where(*chosen).subquery()
    counted = await session.execute(select(found.c.standing, func.count()).group_by(found.c.standing))
    counts = {Standing(standing): count for standing, count in counted}
    query = select(Sensor, Machine, Site, _STANDING.label("standing")).select_from(Sensor).join(Machine).join(Site)
    query = query.where(*chosen).order_by(*_ORDER).limit(limit + 1)
    if choice.standings:
        query = query.where(_STANDING.in_([each.value for each in choice.standings]))
    if after is not None:
        site, machine, name, sensor = paging.decode(after, (str, str, str, UUID), loc="after")
        query = query.where(tuple_(*_ORDER) > tuple_(literal(site, Text()), literal(machine, Text()), name, sensor))
    rows = (await session.execute(query)).all()
    shown = rows[:limit]
    items = await _items(session, settings, [(row[0], place_of(*row[:3]), Standing(row[3])) for row in shown])
    last = items[-1] if len(rows) > limit else None
    following = last and paging.encode(last.site_name, last.machine_name, last.sensor_name, last.sensor_id)
    return SensorModelsPage(items=items, counts={each: counts.get(each, 0) for each in Standing}, next=following)


def place_of(sensor: Sensor, machine: Machine, site: Site) -> SensorLocation:
    """Say where a sensor is."""
    return SensorLocation(
        sensor_id=sensor.id,
        sensor_name=sensor.name,
        machine_id=machine.id,
        machine_name=machine.name,
        site_id=site.id,
        site_name=site.name,
    )


async def read_back(session: AsyncSession, sensors: Sequence[UUID]) -> dict[UUID, ModelNamed]:
    """Return what going back would push for some sensors; none for those that have nothing to go back to.

    It is the newest of another content than the wanted model's, made before it, that fits the sensor and that its
    agent has not refused last; one that ran stands before one that never did.
    """
    wanted = aliased(Model)
    ran = exists(select(1).where(ModelRun.digest == Model.digest))
    query = (
        select(Model.sensor_id, Model.digest, Model.version)
        .ext(distinct_on(Model.sensor_id))
        .join(Sensor, Sensor.id == Model.sensor_id)
        .join(wanted, wanted.digest == func.coalesce(Sensor.desired_digest, Sensor.running_digest))
        .where(
            Model.sensor_id.in_(sensors),
            Model.version < wanted.version,
            func.coalesce(Model.pushed_from, Model.digest) != func.coalesce(wanted.pushed_from, wanted.digest),
            Model.digest.is_distinct_from(Sensor.refused_digest),
            Model.manifest["sample_rate_hz"].as_integer() == Sensor.sample_rate_hz,
            Model.manifest["window_s"].as_float() == Sensor.window_s,
        )
        .order_by(Model.sensor_id, ran.desc(), Model.version.desc())
    )
    rows = await session.execute(query)
    return {sensor: ModelNamed(digest=digest, version=version) for sensor, digest, version in rows}


def _chosen(choice: Choice) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [Machine.sandbox.is_(False)]
    if choice.site is not None:
        conditions.append(Site.id == choice.site)
    if choice.machine is not None:
        conditions.append(Machine.id == choice.machine)
    names = (Site.name, Machine.name, Sensor.name)
    conditions.extend(
        or_(*(func.strpos(func.lower(name), func.lower(word)) > 0 for name in names))
        for word in (choice.words or "").split()
    )
    return conditions


async def _items(
    session: AsyncSession, settings: Settings, rows: Sequence[tuple[Sensor, SensorLocation, Standing]]
) -> list[SensorModels]:
    sensors = [sensor for sensor, _, _ in rows]
    shown = {digest for each in sensors for digest in (each.running_digest, each.desired_digest) if digest}
    query: Select[Model, Sensor] = select(Model, Sensor).join(Sensor, Sensor.id == Model.sensor_id)
    known = {each.digest: each for each in await service.summaries(session, query.where(Model.digest.in_(shown)))}
    ids = [each.id for each in sensors]
    backs = await read_back(session, ids)
    refused = [each.refused_digest for each in sensors if each.refused_digest]
    named = await session.execute(select(Model.digest, Model.version).where(Model.digest.in_(refused)))
    versions = dict(named.all())
    of_each = select(Model.sensor_id, func.count()).where(Model.sensor_id.in_(ids)).group_by(Model.sensor_id)
    made = dict((await session.execute(of_each)).all())
    return [
        SensorModels(
            **dict(place),
            standing=standing,
            running=known.get(sensor.running_digest or ""),
            wanted=known.get(sensor.desired_digest or ""),
            refused=_refusal(sensor, versions),
            back_to=backs.get(sensor.id),
            models=made.get(sensor.id, 0),
            learning_windows=sensor.learning_windows,
            **settings_of(sensor, settings),
            training_error=sensor.training_error,
        )
        for sensor, place, standing in rows
    ]


def settings_of(sensor: Sensor, settings: Settings) -> dict[str, Any]:
    """Return how long a sensor's first baseline is, and its budget of false alarms."""
    return {
        "baseline_windows": sensor.baseline_windows or settings.baseline_windows,
        "false_alarms_per_week": sensor.false_alarms_per_week or settings.false_alarms_per_week,
    }


def _refusal(sensor: Sensor, versions: dict[str, int]) -> Refusal | None:
    digest = sensor.refused_digest
    return (
        None if digest is None else Refusal(digest=digest, version=versions.get(digest), reason=sensor.refused_reason)
    )
