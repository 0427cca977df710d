"""Training many sensors: one job for each, so that as many workers as there are share them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import Job
from sqlalchemy import ColumnElement, Text, cast, exists, literal, or_, select, table, true
from sqlalchemy import column as sql_column
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.errors import NotFoundError
from audiosense_collector.machines.tables import Machine, Sensor
from audiosense_collector.training.service import TASK, Request

TRIES = 3
PER_CALL = 1_000
_JOBS = table("procrastinate_jobs", sql_column("queueing_lock"), sql_column("status"))


@dataclass(frozen=True, slots=True)
class Selection:
    """Which sensors: those named, of the machines, of the sites; with none named, all."""

    sites: Sequence[UUID] = ()
    machines: Sequence[UUID] = ()
    sensors: Sequence[UUID] = ()

    def condition(self) -> ColumnElement[bool]:
        """Return what holds for a sensor that is meant."""
        if not (self.sites or self.machines or self.sensors):
            return true()
        return or_(Sensor.id.in_(self.sensors), Sensor.machine_id.in_(self.machines), Machine.site_id.in_(self.sites))


@dataclass(frozen=True, slots=True)
class Queued:
    """Jobs by sensor, and how many sensors had one waiting already."""

    jobs: dict[UUID, int]
    waiting: int


async def request_many(session: AsyncSession, jobs: procrastinate.App, which: Selection, what: Request) -> Queued:
    """Queue a training of each sensor of a selection that has none waiting, within the session's transaction.

    Raises:
        NotFoundError: there is no such sensor.
    """
    for left in reversed(range(TRIES)):
        waits = exists().where(
            _JOBS.c.queueing_lock == literal("train-").concat(cast(Sensor.id, Text)),
            cast(_JOBS.c.status, Text) == "todo",
        )
        query = select(Sensor.id, waits).join(Machine).where(which.condition(), ~Machine.sandbox).order_by(Sensor.id)
        found = (await session.execute(query)).all()
        if not found:
            raise NotFoundError("there is no sensor that is meant; `GET /api/v1/fleet` lists what there is")
        free = [sensor for sensor, waiting in found if not waiting]
        try:
            async with session.begin_nested():
                return Queued(await _defer(session, jobs, free, what), len(found) - len(free))
        except AlreadyEnqueued:
            # One of them was asked for by somebody else meanwhile.
            if not left:
                raise
    raise AssertionError


async def _defer(
    session: AsyncSession, jobs: procrastinate.App, sensors: Sequence[UUID], what: Request
) -> dict[UUID, int]:
    raw = (await (await session.connection()).get_raw_connection()).driver_connection
    arguments = {name: value for name, value in asdict(what).items() if value}
    queued: dict[UUID, int] = {}
    for start in range(0, len(sensors), PER_CALL):
        some = sensors[start : start + PER_CALL]
        asked = [
            Job(
                queue="training",
                task_name=TASK,
                lock=f"train-{sensor}",
                queueing_lock=f"train-{sensor}",
                task_kwargs={"sensor_id": str(sensor), "automatic": False, **arguments},
            )
            for sensor in some
        ]
        made = await jobs.job_manager.batch_defer_jobs_async(asked, connection=raw)
        queued |= {sensor: job.id for sensor, job in zip(some, made, strict=True) if job.id is not None}
    return queued
