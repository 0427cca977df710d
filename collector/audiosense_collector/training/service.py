"""The rules of training: when a baseline is complete, which windows it is, and what becomes of the model."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

import numpy as np
import procrastinate
import structlog
from numpy.typing import NDArray
from procrastinate.exceptions import AlreadyEnqueued
from sqlalchemy import ColumnElement, DateTime, Row, delete, exists, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import SECOND_US, now_us, to_datetime
from audiosense_collector.db.base import MicrosecondTime
from audiosense_collector.detectability import store as probes
from audiosense_collector.errors import ConflictError, NotFoundError, SettingsError
from audiosense_collector.ingest.tables import STATUS_CODES, FeatureSchema, Measurement
from audiosense_collector.machines.running import running_settings
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.models import service as models
from audiosense_collector.notes import service as notes
from audiosense_collector.queue.progress import Attempt
from audiosense_collector.reviews import service as reviews
from audiosense_collector.reviews.spans import ReviewedSpans, Spans
from audiosense_collector.runtime import Runtime
from audiosense_collector.training.maintenance import outside
from audiosense_collector.training.probing import OTHER_TIME
from audiosense_collector.training.process import TrainingOrder
from audiosense_collector.training.steps import whole
from audiosense_collector.training.tables import UnsignedModel
from audiosense_common.bundle import Bundle, open_bundle
from audiosense_common.features import SCHEMAS
from audiosense_common.wire import Status

log = structlog.get_logger()
TASK, SIGN_TASK = "train", "sign"
RETRY_GROWTH = 4
"""After a training that failed, the next one waits for a quarter of a baseline more."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to train on: the newest ``windows`` windows, those of a span of time, or without both the first baseline.

    And how: the rule of the threshold, and whether windows that drift are taken.
    """

    windows: int | None = None
    percentile: float | None = None
    false_alarms_per_week: float | None = None
    accept_drift: bool = False
    from_us: int | None = None
    to_us: int | None = None
    reviewed_us: int | None = None
    """What people had said of events by then counts; by default what they say now. Not for jobs."""


def same_windows(manifest: Mapping[str, Any]) -> Request:
    """Ask for the windows that a model was trained on, and its rule for the threshold."""
    baseline, rule = manifest["baseline"], manifest["threshold"]["parameters"]
    return Request(
        percentile=rule.get("percentile"),
        false_alarms_per_week=rule.get("false_alarms_per_week"),
        accept_drift=True,
        from_us=baseline["from_us"],
        to_us=baseline["to_us"],
    )


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
        # A worker of the release before does not know the newer arguments.
        arguments |= {name: value for name, value in asdict(what).items() if value}
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
        message = f"a training of sensor {sensor_id} is waiting already; wait for it to end"
        raise ConflictError(message, kind="training_waits")
    return job_id


async def train(
    runtime: Runtime, sensor_id: UUID, what: Request, *, automatic: bool = False, attempt: Attempt | None = None
) -> str | None:
    """Train a sensor's model and make it the one to run; returns its digest, None if there was nothing to do.

    A process without the signing key hands the model over to be signed; the digest is not known then. The result and
    the end of the job are one transaction: it is done once, or not at all.

    Raises:
        NotFoundError: no such sensor.
        TrainingError: the windows cannot give a model.
        TakenOverError: the job was given to another worker meanwhile.
    """
    attempt = attempt or Attempt()
    attempt.step("reading", 0.0)
    async with runtime.sessions.begin() as session:
        sensor = await session.get(Sensor, sensor_id, with_for_update=True)
        if sensor is None:
            raise NotFoundError(f"there is no sensor {sensor_id}")
        if automatic and sensor.desired_digest is not None:
            return None
        order = await _make_order(session, runtime, sensor, what)
    trained = await runtime.trainer.run(order, lambda step, share: attempt.step(step, whole(step, share)))
    report = {"reason": OTHER_TIME} if trained.report is None and order.probes is not None else trained.report
    made = UnsignedModel(
        sensor_id=sensor_id,
        created=now_us(),
        packed=trained.packed,
        public_keys=trained.public_keys,
        reference_bins=trained.reference_bins,
        probes_created=None if report is None else order.probes_created,
        report=report,
    )
    async with runtime.sessions.begin() as session:
        await attempt.finish(session)
        if runtime.signer is None:
            await _hand_over(session, runtime.jobs, made, attempt)
            log.info("model trained, to be signed", sensor=str(sensor_id), version=order.version)
            return None
        bundle = open_bundle(trained.packed, runtime.signer.public_keys())
        await _take_in(session, runtime, bundle, made)
    log.info("model trained", sensor=str(sensor_id), digest=bundle.digest, version=order.version)
    return bundle.digest


async def _take_in(session: AsyncSession, runtime: Runtime, bundle: Bundle, made: UnsignedModel) -> None:
    """Store a signed model with what it hears of probes, offer it, and bring it up to what was set meanwhile."""
    await models.store(session, bundle, bundle.pack(), reference_bins=made.reference_bins)
    if made.report is not None and made.probes_created is not None:
        await probes.put_report(session, bundle.digest, made.probes_created, made.report)
    sensor = await session.get(Sensor, made.sensor_id, with_for_update=True)
    if sensor is not None:
        await models.apply_settings(session, runtime.signing_key, sensor)
        sensor.training_error = None


async def _hand_over(session: AsyncSession, jobs: procrastinate.App, made: UnsignedModel, attempt: Attempt) -> None:
    """Queue the signing within the transaction that ends the training."""
    if attempt.job is None or attempt.job.id is None:
        raise SettingsError("this process has no signing key: train where `serve` runs, or queue the training")
    made.job_id = attempt.job.id
    session.add(made)
    raw = (await (await session.connection()).get_raw_connection()).driver_connection
    deferrer = jobs.configure_task(SIGN_TASK, lock=f"train-{made.sensor_id}", queue="signing", connection=raw)
    await deferrer.defer_async(sensor_id=str(made.sensor_id), trained=made.job_id)


async def sign(runtime: Runtime, trained: int, attempt: Attempt) -> None:
    """Examine what a worker without the key has trained, sign it, and make it the one to run.

    Raises:
        BundleError: it is not what a training gives; it is not signed then.
        TakenOverError: the job was given to another worker meanwhile.
    """
    async with runtime.sessions() as session:
        made = await session.get(UnsignedModel, trained)
    if made is None:
        return
    await runtime.trainer.check(made.packed, made.public_keys)
    unsigned = open_bundle(made.packed, made.public_keys)
    bundle = models.sign_anew(unsigned, runtime.signing_key)
    async with runtime.sessions.begin() as session:
        await attempt.finish(session)
        await _take_in(session, runtime, bundle, made)
        await session.execute(delete(UnsignedModel).where(UnsignedModel.job_id == trained))
    log.info("model signed", sensor=str(made.sensor_id), digest=bundle.digest, version=bundle.manifest.bundle_version)


async def record_failure(runtime: Runtime, sensor_id: UUID | None, attempt: Attempt, message: str) -> None:
    """Keep why a training failed, for the job and, if one is named, the sensor's page."""
    if sensor_id is None:
        job = attempt.job
        log.warning("job failed", job=job and job.id, kind=job and job.task_name, error=message)
    else:
        log.warning("training failed", sensor=str(sensor_id), error=message)
    async with runtime.sessions.begin() as session:
        if sensor_id is not None:
            await session.execute(update(Sensor).where(Sensor.id == sensor_id).values(training_error=message))
        await attempt.note_error(session, message)


async def _make_order(session: AsyncSession, runtime: Runtime, sensor: Sensor, what: Request) -> TrainingOrder:
    rows = await _load_windows(session, sensor, what, needed_windows(sensor, runtime.settings.baseline_windows))
    sensor.bundle_version += 1
    return await _order(session, runtime, sensor, rows, what)


async def make_assessment(
    session: AsyncSession, runtime: Runtime, sensor: Sensor, manifest: Mapping[str, Any]
) -> TrainingOrder | None:
    """Return what is needed to tell what a model hears of its sensor's probes; None without probes."""
    what = replace(same_windows(manifest), reviewed_us=manifest["created_us"])
    rows = await _load_windows(session, sensor, what, manifest["baseline"]["windows"])
    order = await _order(session, runtime, sensor, rows, what)
    trees = int(manifest["threshold"]["parameters"].get("trees", order.trees))
    return None if order.probes is None else replace(order, detector=manifest["detector"], trees=trees)


async def _order(
    session: AsyncSession, runtime: Runtime, sensor: Sensor, rows: list[Row[int, bytes]], what: Request
) -> TrainingOrder:
    first, last = (rows[0].time, rows[-1].time) if rows else (0, 0)
    created, known = await probes.read_probes(session, sensor.id, sensor.schema_id) or (0, None)
    times_us = np.array([row.time for row in rows], np.int64)
    reviewed = await _reviewed(session, sensor, what)
    return TrainingOrder(
        trust_dir=None if runtime.signer is None else runtime.settings.trust_dir,
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
        false_alarms_per_week=what.false_alarms_per_week
        or sensor.false_alarms_per_week
        or runtime.settings.false_alarms_per_week,
        percentile=_percentile(what, sensor, runtime.settings.threshold_percentile),
        running=running_settings(sensor),
        accept_drift=what.accept_drift,
        times_us=times_us,
        vouched=reviewed.vouched(times_us),
        left_out_by_review=await _count_left_out(session, sensor, reviewed.left_out, rows),
        probes=known,
        probes_created=created,
    )


def _percentile(what: Request, sensor: Sensor, default: float | None) -> float | None:
    """Return the percentile; None where a budget of false alarms rules, which is the narrower setting's word."""
    if what.percentile is not None:
        return what.percentile
    return default if what.false_alarms_per_week is None and sensor.false_alarms_per_week is None else None


async def _reviewed(session: AsyncSession, sensor: Sensor, what: Request) -> ReviewedSpans:
    window_us = round(sensor.window_s * SECOND_US)
    return await reviews.reviewed_spans(session, sensor.id, window_us, as_of_us=what.reviewed_us)


async def _load_windows(session: AsyncSession, sensor: Sensor, what: Request, needed: int) -> list[Row[int, bytes]]:
    """Return the newest windows that were asked for, or the baseline: after one that was refused, the newest.

    Those of events that people have confirmed as faults, or expected, are left out: older ones take their place.
    """
    left_out = (await _reviewed(session, sensor, what)).left_out
    schema_id = await session.scalar(select(FeatureSchema.id).where(FeatureSchema.name == sensor.schema_id))
    query = select(Measurement.time, Measurement.features).where(
        Measurement.sensor_id == sensor.id,
        Measurement.time >= sensor.baseline_since,
        Measurement.schema == schema_id,
        Measurement.clock_suspect.is_(False),
    )
    if len(left_out):
        query = query.where(~_begins_within(left_out))
    query = query.where(*outside(await notes.maintenance_of(session, sensor), sensor.window_s))
    if what.windows is None and what.from_us is None:
        query = query.where(Measurement.status == STATUS_CODES[Status.LEARNING])
        # Only a first baseline that was refused is given up for what was heard since.
        if sensor.training_error is None or sensor.desired_digest is not None:
            return list(await session.execute(query.order_by(Measurement.time, Measurement.seq).limit(needed)))
    else:
        silent = [STATUS_CODES[status] for status in (Status.INVALID, Status.STOPPED)]
        query = query.where(Measurement.status.not_in(silent))
    if what.from_us is not None and what.to_us is not None:
        query = query.where(Measurement.time >= what.from_us, Measurement.time < what.to_us)
        return list(await session.execute(query.order_by(Measurement.time, Measurement.seq)))
    query = query.order_by(Measurement.time.desc(), Measurement.seq.desc()).limit(what.windows or needed)
    return list(await session.execute(query))[::-1]


def _begins_within(spans: Spans) -> ColumnElement[bool]:
    """Whether a measurement's window begins in one of some spans."""
    times = ARRAY(DateTime(timezone=True))
    begins, ends = ([to_datetime(int(each)) for each in column] for column in spans.T)
    span = func.unnest(literal(begins, times), literal(ends, times)).table_valued("begin", "until").render_derived()
    return exists(select(1).select_from(span).where(Measurement.time >= span.c.begin, Measurement.time < span.c.until))


async def _count_left_out(session: AsyncSession, sensor: Sensor, left_out: Spans, rows: list[Row[int, bytes]]) -> int:
    """Return how many windows between the first and the last of a baseline people left out of it."""
    if not rows or not len(left_out):
        return 0
    between = Measurement.time.between(
        literal(rows[0].time, MicrosecondTime()), literal(rows[-1].time, MicrosecondTime())
    )
    query = select(func.count()).where(Measurement.sensor_id == sensor.id, between, _begins_within(left_out))
    return int(await session.scalar(query) or 0)


def unpack(vectors: list[bytes], schema_id: str) -> NDArray[np.float16]:
    """Return stored vectors as a matrix (rows, features of the schema)."""
    return np.frombuffer(b"".join(vectors), dtype="<f2").reshape(len(vectors), len(SCHEMAS[schema_id]))
