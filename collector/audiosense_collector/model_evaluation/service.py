"""The rules of evaluating a model again: on which windows, beside which model, and what is kept of it."""

from uuid import UUID, uuid4

import structlog
from procrastinate.exceptions import AlreadyEnqueued
from sqlalchemy import literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from audiosense_collector import paging
from audiosense_collector.clock import DAY_US, now_us
from audiosense_collector.db.base import MicrosecondTime
from audiosense_collector.errors import ConflictError, InvalidError, NotFoundError
from audiosense_collector.ingest.tables import ModelDigest
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.model_evaluation import windows
from audiosense_collector.model_evaluation.figures import report
from audiosense_collector.model_evaluation.schemas import (
    EvaluationOut,
    EvaluationPage,
    EvaluationReport,
    EvaluationRequest,
)
from audiosense_collector.model_evaluation.tables import ModelEvaluation
from audiosense_collector.models.tables import Model
from audiosense_collector.notes import service as notes
from audiosense_collector.queue import service as queue
from audiosense_collector.queue.progress import Attempt
from audiosense_collector.queue.schemas import JobOut
from audiosense_collector.runtime import Runtime
from audiosense_collector.series import service as series
from audiosense_collector.series.sources import Span
from audiosense_common.bundle import Bundle, open_known

log = structlog.get_logger()
TASK, QUEUE = "evaluate", "evaluation"
DEFAULT_SPAN_US = 7 * DAY_US
_SCORED = 0.95
"""How much of the work is done when all windows are scored."""


async def request(session: AsyncSession, runtime: Runtime, digest: str, asked: EvaluationRequest) -> EvaluationOut:
    """Queue an evaluation of a model within the session's transaction.

    Raises:
        NotFoundError: no such model, or none to compare with.
        ConflictError: an evaluation of it waits already.
        InvalidError: an empty span, or a model of another sensor to compare with.
    """
    end = now_us() if asked.to_us is None else asked.to_us
    start = max(0, end - DEFAULT_SPAN_US) if asked.from_us is None else asked.from_us
    series.check_span(start, end)
    model = await session.get(Model, digest)
    if model is None:
        raise NotFoundError(f"there is no model {digest}; `GET /api/v1/models` lists them")
    await _check_other(session, model, asked.compare_with)
    evaluation_id = uuid4()
    try:
        async with session.begin_nested():
            raw = (await (await session.connection()).get_raw_connection()).driver_connection
            lock = f"evaluate-{digest}"
            deferrer = runtime.jobs.configure_task(TASK, lock=lock, queueing_lock=lock, queue=QUEUE, connection=raw)
            job_id = await deferrer.defer_async(sensor_id=str(model.sensor_id), evaluation_id=str(evaluation_id))
    except AlreadyEnqueued:
        message = f"an evaluation of model {digest} waits already; wait for it to begin"
        raise ConflictError(message, kind="evaluation_waits") from None
    row = ModelEvaluation(
        id=evaluation_id,
        digest=digest,
        sensor_id=model.sensor_id,
        job_id=job_id,
        asked=now_us(),
        span_from=start,
        span_to=end,
        with_digest=asked.compare_with,
    )
    session.add(row)
    await session.flush()
    return _show(row, (await queue.read_some(session, [job_id])).get(job_id))


async def _check_other(session: AsyncSession, model: Model, digest: str | None) -> None:
    if digest is None:
        return
    other = await session.get(Model, digest)
    if other is None:
        raise NotFoundError(f"there is no model {digest} to compare with; `GET /api/v1/models` lists them")
    if other.sensor_id != model.sensor_id or digest == model.digest:
        found = "the same model" if digest == model.digest else f"one of sensor {other.sensor_id}"
        raise InvalidError(
            f"compare_with: {digest} is {found}; name another model of sensor {model.sensor_id}", loc="compare_with"
        )


async def read(session: AsyncSession, digest: str, evaluation_id: UUID) -> EvaluationOut:
    """Return an evaluation of a model.

    Raises:
        NotFoundError: no such evaluation of this model.
    """
    row = await session.get(ModelEvaluation, evaluation_id)
    if row is None or row.digest != digest:
        raise NotFoundError(f"there is no evaluation {evaluation_id} of model {digest}")
    return _show(row, (await queue.read_some(session, [row.job_id])).get(row.job_id))


async def list_evaluations(session: AsyncSession, digest: str, *, limit: int, before: str | None) -> EvaluationPage:
    """Return a page of the evaluations of a model, the newest first.

    Raises:
        InvalidError: ``before`` is not a ``next`` of another page.
    """
    query = select(ModelEvaluation).where(ModelEvaluation.digest == digest)
    if before is not None:
        asked, evaluation_id = paging.decode(before, (int, UUID))
        place = tuple_(literal(asked, MicrosecondTime()), evaluation_id)
        query = query.where(tuple_(ModelEvaluation.asked, ModelEvaluation.id) < place)
    query = query.order_by(ModelEvaluation.asked.desc(), ModelEvaluation.id.desc()).limit(limit + 1)
    rows = list(await session.scalars(query))
    shown = rows[:limit]
    jobs = await queue.read_some(session, [row.job_id for row in shown])
    return EvaluationPage(
        items=[_show(row, jobs.get(row.job_id)) for row in shown],
        next=paging.encode(shown[-1].asked, shown[-1].id) if len(rows) > limit else None,
    )


async def evaluate(runtime: Runtime, evaluation_id: UUID, attempt: Attempt) -> None:
    """Score the stored windows again, beside the model asked for or the one that runs now, and keep the figures.

    Raises:
        TakenOverError: the job was given to another worker meanwhile.
        InvalidError: there are too many windows.
        BundleError: a model is damaged.
    """
    attempt.step("reading", 0.0)
    async with runtime.sessions() as session:
        row = await session.get(ModelEvaluation, evaluation_id)
        if row is None:
            return
        model = await _bundle(session, row.digest)
        sensor = await session.get(Sensor, row.sensor_id)
        worked_on = [] if sensor is None else await notes.maintenance_of(session, sensor)
        other = row.with_digest or (None if sensor is None else sensor.running_digest)
        compared = None if other in (None, row.digest) else await _bundle(session, str(other))
        number = await session.scalar(select(ModelDigest.id).where(ModelDigest.digest == row.digest))
    if model is None:
        return
    bundles = [model] if compared is None else [model, compared]
    span = Span(row.sensor_id, row.span_from, row.span_to)
    scored = await windows.score(
        runtime, span, bundles, number, worked_on, lambda share: attempt.step("scoring", _SCORED * share)
    )
    found = await runtime.trainer.do(report, scored, model, compared)
    async with runtime.sessions.begin() as session:
        await attempt.finish(session)
        done = await session.get(ModelEvaluation, evaluation_id, with_for_update=True)
        if done is not None:
            done.report, done.finished = found.model_dump(mode="json"), now_us()
    log.info("model evaluated", digest=row.digest, windows=found.windows)


async def _bundle(session: AsyncSession, digest: str) -> Bundle | None:
    """Return a model of which a bundle is kept; an agent may also run one of another collector."""
    options = [undefer(Model.bundle)]
    found = await session.get(Model, digest, options=options, populate_existing=True)
    return None if found is None else open_known(found.bundle, digest)


def _show(row: ModelEvaluation, job: JobOut | None) -> EvaluationOut:
    state = "done" if row.report is not None else "failed" if job is None else job.state
    return EvaluationOut(
        id=row.id,
        digest=row.digest,
        sensor_id=row.sensor_id,
        job_id=row.job_id,
        state=state,
        progress=1.0 if state == "done" else 0.0 if job is None else job.progress,
        error=None if job is None or state == "done" else job.error,
        asked_us=row.asked,
        from_us=row.span_from,
        to_us=row.span_to,
        compare_with=row.with_digest,
        finished_us=row.finished,
        report=None if row.report is None else EvaluationReport.model_validate(row.report),
    )
