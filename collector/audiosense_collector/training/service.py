"""The rules of training: when a baseline is complete, which windows it is, and what becomes of the model."""

from dataclasses import dataclass
from uuid import UUID

import numpy as np
import procrastinate
import structlog
from numpy.typing import NDArray
from procrastinate.exceptions import AlreadyEnqueued
from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import SECOND_US, now_us
from audiosense_collector.errors import ConflictError, NotFoundError
from audiosense_collector.ingest.tables import STATUS_CODES, FeatureSchema, Measurement
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.models import service as models
from audiosense_collector.runtime import Runtime
from audiosense_collector.training.process import TrainingOrder
from audiosense_collector.training.tables import JobError
from audiosense_common.bundle import open_bundle
from audiosense_common.features import SCHEMAS
from audiosense_common.wire import Status

log = structlog.get_logger()
TASK = "train"
RETRY_GROWTH = 4
"""After a training that failed, the next one waits for a quarter of a baseline more."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to train on: the newest ``windows`` windows, or without it the first baseline."""

    windows: int | None = None
    percentile: float | None = None
    accept_drift: bool = False


def needed_windows(sensor: Sensor, default: int) -> int:
    """Return how many windows a sensor's baseline needs."""
    return sensor.baseline_windows or default


def is_due(sensor: Sensor, default: int) -> bool:
    """Whether a sensor without a model has a complete baseline that was not yet tried."""
    needed = needed_windows(sensor, default)
    if sensor.desired_digest is not None or sensor.learning_windows < needed:
        return False
    tried = sensor.training_requested
    return tried is None or sensor.learning_windows >= tried + max(1, needed // RETRY_GROWTH)


async def request(
    session: AsyncSession, jobs: procrastinate.App, sensor_id: UUID, what: Request | None = None
) -> int | None:
    """Queue a training within the session's transaction; None if one is waiting already.

    The queueing lock keeps a sensor from waiting twice, the lock from being trained twice at once.
    """
    lock = f"train-{sensor_id}"
    arguments: dict[str, int | float | str | None] = {"sensor_id": str(sensor_id)}
    if what is not None:
        arguments |= {"windows": what.windows, "percentile": what.percentile}
        # A worker of the release before does not know the argument.
        arguments |= {"accept_drift": True} if what.accept_drift else {}
    try:
        # The savepoint is only made when the connection is asked for within it.
        async with session.begin_nested():
            raw = (await (await session.connection()).get_raw_connection()).driver_connection
            deferrer = jobs.configure_task(TASK, lock=lock, queueing_lock=lock, queue="training", connection=raw)
            return await deferrer.defer_async(automatic=what is None, **arguments)
    except AlreadyEnqueued:
        return None


async def request_by_hand(session: AsyncSession, jobs: procrastinate.App, sensor_id: UUID, what: Request) -> int:
    """Queue a training that somebody asked for.

    Raises:
        NotFoundError: no such sensor.
        ConflictError: a training of the sensor is waiting already.
    """
    if await session.get(Sensor, sensor_id) is None:
        raise NotFoundError(f"there is no sensor {sensor_id}")
    job_id = await request(session, jobs, sensor_id, what)
    if job_id is None:
        raise ConflictError(f"a training of sensor {sensor_id} is waiting already; wait for it to end")
    return job_id


async def train(runtime: Runtime, sensor_id: UUID, what: Request, *, automatic: bool = False) -> str | None:
    """Train a sensor's model and make it the one to run; returns its digest, None if there was nothing to do.

    Raises:
        NotFoundError: no such sensor.
        TrainingError: the windows cannot give a model.
    """
    async with runtime.sessions.begin() as session:
        sensor = await session.get(Sensor, sensor_id, with_for_update=True)
        if sensor is None:
            raise NotFoundError(f"there is no sensor {sensor_id}")
        if automatic and sensor.desired_digest is not None:
            return None
        order = await _make_order(session, runtime, sensor, what)
    trained = await runtime.trainer.run(order)
    bundle = open_bundle(trained.packed, runtime.signing_key.public_keys())
    async with runtime.sessions.begin() as session:
        await models.store(session, bundle, trained.packed, reference_bins=trained.reference_bins)
        await session.execute(update(Sensor).where(Sensor.id == sensor_id).values(training_error=None))
    log.info("model trained", sensor=str(sensor_id), digest=bundle.digest, version=order.version)
    return bundle.digest


async def record_failure(runtime: Runtime, sensor_id: UUID, job_id: int | None, message: str) -> None:
    """Keep why a training failed, for the sensor's page and the job."""
    log.warning("training failed", sensor=str(sensor_id), error=message)
    async with runtime.sessions.begin() as session:
        await session.execute(update(Sensor).where(Sensor.id == sensor_id).values(training_error=message))
        if job_id is not None:
            await session.merge(JobError(job_id=job_id, message=message))


async def _make_order(session: AsyncSession, runtime: Runtime, sensor: Sensor, what: Request) -> TrainingOrder:
    rows = await _load_windows(session, sensor, what, needed_windows(sensor, runtime.settings.baseline_windows))
    sensor.bundle_version += 1
    first, last = (rows[0].time, rows[-1].time) if rows else (0, 0)
    return TrainingOrder(
        data_dir=runtime.settings.data_dir,
        sensor=sensor.id,
        version=sensor.bundle_version,
        sample_rate_hz=sensor.sample_rate_hz,
        window_s=sensor.window_s,
        schema_id=sensor.schema_id,
        matrix=unpack([row.features for row in rows], sensor.schema_id),
        from_us=first,
        to_us=last + round(sensor.window_s * SECOND_US),
        created_us=now_us(),
        detector=runtime.settings.detector,
        trees=runtime.settings.trees,
        percentile=what.percentile or runtime.settings.threshold_percentile,
        accept_drift=what.accept_drift,
    )


async def _load_windows(session: AsyncSession, sensor: Sensor, what: Request, needed: int) -> list[Row[int, bytes]]:
    """Return the newest windows that were asked for, or the baseline: after one that was refused, the newest."""
    schema_id = await session.scalar(select(FeatureSchema.id).where(FeatureSchema.name == sensor.schema_id))
    query = select(Measurement.time, Measurement.features).where(
        Measurement.sensor_id == sensor.id,
        Measurement.time >= sensor.baseline_since,
        Measurement.schema == schema_id,
        Measurement.clock_suspect.is_(False),
    )
    if what.windows is None:
        query = query.where(Measurement.status == STATUS_CODES[Status.LEARNING])
        if sensor.training_error is None:
            return list(await session.execute(query.order_by(Measurement.time, Measurement.seq).limit(needed)))
    else:
        silent = [STATUS_CODES[status] for status in (Status.INVALID, Status.STOPPED)]
        query = query.where(Measurement.status.not_in(silent))
    query = query.order_by(Measurement.time.desc(), Measurement.seq.desc()).limit(what.windows or needed)
    return list(await session.execute(query))[::-1]


def unpack(vectors: list[bytes], schema_id: str) -> NDArray[np.float16]:
    """Return stored vectors as a matrix (rows, features of the schema)."""
    return np.frombuffer(b"".join(vectors), dtype="<f2").reshape(len(vectors), len(SCHEMAS[schema_id]))
