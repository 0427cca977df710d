"""The rules of probes: whose are wanted, taking them, and what becomes of them."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import procrastinate
import structlog
from procrastinate.exceptions import AlreadyEnqueued
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.agents import service as agents
from audiosense_collector.clock import SECOND_US, now_us
from audiosense_collector.detectability import store
from audiosense_collector.detectability.schemas import Detectability, DetectabilityOut
from audiosense_collector.detectability.tables import ProbeRow
from audiosense_collector.errors import InvalidError, NotFoundError
from audiosense_collector.live import notify
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.models.tables import Model
from audiosense_collector.queue.progress import Attempt
from audiosense_collector.runtime import Runtime
from audiosense_collector.training import service as training
from audiosense_collector.training.errors import TrainingError
from audiosense_collector.training.settings import AUTO
from audiosense_common.features import SCHEMAS
from audiosense_common.wire import ProbeColumns

log = structlog.get_logger()
TASK = "detectability"
LONGEST_US = 3_600 * SECOND_US
"""What was not scored within an hour was never queued: a model that was pushed again and had no report before."""
NEVER_MADE = "no report was made of this model; the next training makes one"


async def wanted(session: AsyncSession, sensors: Sequence[Sensor]) -> list[UUID]:
    """Return the sensors that have a model, but no probes of the baseline that it was made from."""
    learnt = {sensor.id: sensor for sensor in sensors if sensor.desired_digest is not None}
    if not learnt:
        return []
    query = select(ProbeRow.sensor_id, ProbeRow.created, ProbeRow.schema_id).where(ProbeRow.sensor_id.in_(learnt))
    known = {
        sensor_id
        for sensor_id, created, schema_id in await session.execute(query)
        if created >= learnt[sensor_id].baseline_since and schema_id == learnt[sensor_id].schema_id
    }
    return [sensor_id for sensor_id in learnt if sensor_id not in known]


async def take(session: AsyncSession, runtime: Runtime, agent_id: UUID, message: ProbeColumns) -> int:
    """Store a sensor's probes and queue what is made of them; returns how many there are.

    Where the detector is ``auto``, a training chooses one, unless the model's detector was chosen already; else the
    model is only told what it hears.

    Raises:
        ForbiddenError: the agent was revoked or quarantined.
        InvalidError: not a sensor of this agent, or vectors that do not fit their schema.
    """
    await agents.lock(session, agent_id)
    sensor = await session.get(Sensor, message.sensor, with_for_update=True)
    if sensor is None or sensor.agent_id != agent_id:
        raise InvalidError(f"sensor: {message.sensor} is unknown for this agent; register it", loc="sensor")
    await store.put_probes(session, message, _checked_features(message))
    model = None if sensor.desired_digest is None else await session.get(Model, sensor.desired_digest)
    if model is None:
        return len(message.kind)
    same_schema = model.manifest["schema_id"] == sensor.schema_id
    if runtime.settings.detector == AUTO and same_schema and not model.manifest["evaluation"].get("auto_probe_windows"):
        await training.request(session, runtime.jobs, sensor.id, training.same_windows(model.manifest))
    else:
        await _request(session, runtime.jobs, sensor.id)
    return len(message.kind)


async def assess(runtime: Runtime, sensor_id: UUID, attempt: Attempt) -> None:
    """Report what a sensor's model hears of its probes, with detectors that did not learn the probes' windows.

    Where that cannot be told (the windows of the model's baseline are gone), the reason is kept in place of a report.
    """
    attempt.step("reading", 0.0)
    async with runtime.sessions.begin() as session:
        sensor = await session.get(Sensor, sensor_id)
        model = None if sensor is None or not sensor.desired_digest else await session.get(Model, sensor.desired_digest)
        if sensor is None or model is None:
            return
        order = await training.make_assessment(session, runtime, sensor, model.manifest)
        if order is None:
            return
    attempt.step("probing", 0.1)
    try:
        report = await runtime.trainer.assess(order, model.manifest["threshold"]["value"])
    except TrainingError as error:
        report = {"reason": str(error)}
    async with runtime.sessions.begin() as session:
        await attempt.finish(session)
        await store.put_report(session, model.digest, order.probes_created, report)
        await notify.model(session, sensor_id, model.digest, "assessed")
    log.info("detectability reported", sensor=str(sensor_id), digest=model.digest)


async def read(session: AsyncSession, sensor_id: UUID) -> DetectabilityOut:
    """Return how small a fault the model in use would hear.

    Raises:
        NotFoundError: no such sensor.
    """
    sensor = await session.get(Sensor, sensor_id)
    if sensor is None:
        raise NotFoundError(f"there is no sensor {sensor_id}")
    digest = sensor.running_digest or sensor.desired_digest
    model = None if digest is None else await session.get(Model, digest)
    if model is None:
        return _unknown(sensor_id, "no_model")
    row = (await store.read_reports(session, [model])).get(model.digest)
    created = await session.scalar(select(ProbeRow.created).where(ProbeRow.sensor_id == sensor_id))
    about = {"digest": model.digest, "version": model.version, "detector": model.manifest["detector"]}
    if row is None and created is not None and now_us() - max(created, model.created) > LONGEST_US:
        return _unknown(sensor_id, "unavailable").model_copy(update=about | {"reason": NEVER_MADE})
    if row is None:
        return _unknown(sensor_id, "waiting" if created is None else "computing").model_copy(update=about)
    if "reason" in row.report:
        return _unknown(sensor_id, "unavailable").model_copy(update=about | {"reason": row.report["reason"]})
    return DetectabilityOut(
        sensor_id=sensor_id,
        state="known",
        **about,
        probes_created_us=row.probes_created,
        report=Detectability.model_validate(row.report),
    )


def _unknown(sensor_id: UUID, state: Literal["no_model", "waiting", "computing", "unavailable"]) -> DetectabilityOut:
    return DetectabilityOut(
        sensor_id=sensor_id,
        state=state,
        digest=None,
        version=None,
        detector=None,
        probes_created_us=None,
        report=None,
    )


async def _request(session: AsyncSession, jobs: procrastinate.App, sensor_id: UUID) -> None:
    """Queue an assessment within the session's transaction, after what trains this sensor now."""
    lock = f"train-{sensor_id}"
    try:
        async with session.begin_nested():
            raw = (await (await session.connection()).get_raw_connection()).driver_connection
            deferrer = jobs.configure_task(
                TASK, lock=lock, queueing_lock=f"assess-{sensor_id}", queue="training", connection=raw
            )
            await deferrer.defer_async(sensor_id=str(sensor_id))
    except AlreadyEnqueued:
        return


def _checked_features(message: ProbeColumns) -> bytes:
    names = SCHEMAS.get(message.features.schema_id)
    if names is None:
        raise InvalidError(
            f"features.schema: {message.features.schema_id!r} is unknown, this collector knows {sorted(SCHEMAS)}; "
            "upgrade it",
            loc="features.schema",
        )
    if message.features.shape[1] != len(names):
        raise InvalidError(
            f"features.shape: {message.features.shape[1]} features, schema {message.features.schema_id!r} has "
            f"{len(names)}",
            loc="features.shape",
        )
    try:
        return message.features.unpack().tobytes()
    except ValueError as error:
        raise InvalidError(f"features.data: {error}", loc="features.data") from None
