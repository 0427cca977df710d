"""The way of a batch: token, measurements, events, running models, heartbeat, training, answer."""

import secrets
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.agents import copies, credentials
from audiosense_collector.agents import service as agents
from audiosense_collector.agents.copies import Caller, Cause
from audiosense_collector.agents.tables import Agent
from audiosense_collector.checks import service as checks
from audiosense_collector.clips import permission
from audiosense_collector.clock import DAY_US, now_us
from audiosense_collector.detectability import service as detectability
from audiosense_collector.errors import ForbiddenError, InvalidError, RequestError
from audiosense_collector.events import service as events
from audiosense_collector.gaps import service as gaps
from audiosense_collector.ingest.body import ParsedBatch
from audiosense_collector.ingest.rows import Rows, Stored, insert_rows, number_digests, number_schemas, single
from audiosense_collector.ingest.tables import STATUS_CODES, ModelDigest
from audiosense_collector.live import notify
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.machines.units import LEVEL_A, VELOCITY, scale_of
from audiosense_collector.metrics import instruments
from audiosense_collector.models import service as models
from audiosense_collector.runtime import Runtime
from audiosense_collector.training import service as training
from audiosense_common.features import SCHEMAS, column
from audiosense_common.wire import Answer, Batch, Reason, RunningModel, SensorColumns

log = structlog.get_logger()
TOKEN_BYTES = 24
_AHEAD_US = 60_000_000
_INT64_MAX = 2**63 - 1
"""What a column holds; an agent whose clock or count is broken is still heard."""


async def take(
    session: AsyncSession, runtime: Runtime, sender: agents.Sender, parsed: ParsedBatch, caller: Caller
) -> Answer | RequestError:
    """Store a batch; the caller ends the transaction and only then answers.

    Returns:
        The answer, or a refusal; that of an agent that has just been quarantined must be committed too.

    Raises:
        ForbiddenError: the agent was revoked or quarantined before.
        InvalidError: a field cannot be taken; nothing of the batch is stored.
    """
    agent_id, batch = sender.agent, parsed.batch
    agent = await agents.lock(session, agent_id)
    refusal: RequestError | None = copies.check_served(agent, caller)
    if refusal is None and sender.refusal is not None:
        refusal = await _judge_overtaken(session, agent, sender, parsed, caller)
    if refusal is not None:
        return refusal
    if batch.agent != agent.id:
        raise InvalidError(f"agent: the batch is of agent {batch.agent}, the credential of {agent.id}", loc="agent")
    if agent.last_batch_sha256 == parsed.sha256:
        allowed = await permission.allowed(session, [sensor.id for sensor in await _sensors_of(session, agent_id)])
        return Answer.model_validate(agent.last_answer).model_copy(update={"clips_allowed": allowed})
    earlier = copies.find_earlier(agent, parsed.sha256)
    if earlier is not None:
        return await _answer_late(session, agent_id, batch, earlier)
    if not _is_next(agent, batch):
        return await _quarantine(session, agent, caller, batch, Cause.OLD_TOKEN)
    now = now_us()
    sensors = await _own_sensors(session, agent_id, batch)
    stored = await _store(session, runtime, sensors, batch, now)
    await events.upsert(session, batch.events)
    await gaps.keep(session, agent_id, sensors, batch.gaps, now)
    await _note_running(session, sensors, batch.running)
    _note_heartbeat(agent, sensors, batch, now)
    if batch.heartbeat is not None and batch.heartbeat.checks is not None:
        await checks.keep(session, agent_id, sensors, batch.heartbeat.checks, now)
    await _train_where_due(session, runtime, list(sensors.values()))
    await session.flush()
    count = sum(len(measured.seq) for measured in batch.sensors)
    new = sum(found.new for found in stored.values())
    answer = Answer(
        server_time_us=now_us(),
        token=secrets.token_urlsafe(TOKEN_BYTES),
        stored=new,
        repeated=count - new,
        desired=await models.desired(session, list(sensors.values())),
        probes_wanted=await detectability.wanted(session, list(sensors.values())),
        clips_allowed=await permission.allowed(session, list(sensors)),
        rotate_credential=credentials.is_due(agent, runtime.settings.credential_days, now),
    )
    copies.remember(agent, parsed.sha256, answer.token, caller)
    agent.token, agent.epoch = answer.token, batch.epoch
    agent.last_batch_sha256, agent.last_answer = parsed.sha256, answer.model_dump(mode="json")
    instruments.after_commit(session, lambda: instruments.batches_committed(1, new=new, repeated=count - new))
    return answer


async def _judge_overtaken(
    session: AsyncSession, agent: Agent, sender: agents.Sender, parsed: ParsedBatch, caller: Caller
) -> RequestError | None:
    """Refuse a batch that came with a replaced credential; unless it is a late repeat there are two live copies."""
    if agent.accepted_instance == caller.instance:
        return None
    retired = None if sender.retired is None else await credentials.find_retired(session, sender.retired)
    is_repeat = parsed.sha256 == agent.last_batch_sha256 or copies.find_earlier(agent, parsed.sha256) is not None
    if is_repeat or not copies.is_overtaken(agent, caller, retired):
        return sender.refusal
    return await _quarantine(session, agent, caller, parsed.batch, Cause.OLD_CREDENTIAL)


async def _quarantine(
    session: AsyncSession, agent: Agent, caller: Caller, batch: Batch, cause: Cause
) -> ForbiddenError:
    await copies.quarantine(session, agent, caller, batch, cause)
    log.warning("agent quarantined", agent=str(agent.id), name=agent.name, cause=cause.value)
    return agents.quarantined(agent)


def _is_next(agent: Agent, batch: Batch) -> bool:
    new_epoch = batch.token is None and batch.epoch != agent.epoch
    return agent.token is None or new_epoch or batch.token == agent.token


async def _answer_late(session: AsyncSession, agent_id: UUID, batch: Batch, earlier: copies.Earlier) -> Answer:
    """Answer the repeat of a batch that others have followed: a duplicate of the network, or a disk that was set back.

    It gets the token of its own time. A live agent never reads it; one that was set back and goes on with it is found.
    """
    sensors = [sensor.id for sensor in await _sensors_of(session, agent_id)]
    return Answer(
        server_time_us=now_us(),
        token=earlier["token"],
        stored=0,
        repeated=sum(len(measured.seq) for measured in batch.sensors),
        clips_allowed=await permission.allowed(session, sensors),
    )


async def _sensors_of(session: AsyncSession, agent_id: UUID) -> list[Sensor]:
    return list(await session.scalars(select(Sensor).where(Sensor.agent_id == agent_id)))


async def _own_sensors(session: AsyncSession, agent_id: UUID, batch: Batch) -> dict[UUID, Sensor]:
    sensors = {sensor.id: sensor for sensor in await _sensors_of(session, agent_id)}
    named = [(f"sensors.{place}.sensor", measured.sensor) for place, measured in enumerate(batch.sensors)]
    named += [(f"events.{place}.sensor", event.sensor) for place, event in enumerate(batch.events)]
    for where, sensor_id in named:
        if sensor_id not in sensors:
            raise InvalidError(
                f"{where}: sensor {sensor_id} is unknown for this agent; register it, or enrol the agent again",
                loc=where,
            )
    return sensors


async def _store(
    session: AsyncSession, runtime: Runtime, sensors: Mapping[UUID, Sensor], batch: Batch, now: int
) -> dict[UUID, Stored]:
    digests = await number_digests(session, [digest for measured in batch.sensors for digest in measured.models])
    schemas = await number_schemas(session, [measured.features.schema_id for measured in batch.sensors])
    rows = Rows(retention_us=runtime.settings.retention_days * DAY_US)
    for place, measured in enumerate(batch.sensors):
        rows.add(measured, place, digests=digests, schema=schemas[measured.features.schema_id], now=now)
    stored = await insert_rows(session, rows, batch.epoch)
    for measured in batch.sensors:
        sensor = sensors[measured.sensor]
        found = stored.get(sensor.id, Stored())
        sensor.last_heard = now
        if found.new:
            _note_latest(sensor, measured, now)
            await _announce(session, sensor, measured)
    for sensor_id, found in stored.items():
        sensors[sensor_id].measurements += found.new
        sensors[sensor_id].learning_windows += found.learning
    return stored


def _note_latest(sensor: Sensor, measured: SensorColumns, now: int) -> None:
    """Keep the newest measurement beside the sensor; a time beyond tomorrow is no news.

    One that was kept from a clock that was ahead does not stand in the way of the present.
    """
    times = [(time_us, place) for place, time_us in enumerate(measured.time_us) if time_us <= now + DAY_US]
    time_us, place = max(times, default=(0, -1))
    newest = 0 if sensor.last_time is None or sensor.last_time > now + _AHEAD_US >= time_us else sensor.last_time
    if place < 0 or time_us < newest:
        return
    vector = measured.features.unpack()[place]
    sensor.last_time = time_us
    sensor.last_status = STATUS_CODES[measured.status[place]]
    sensor.last_score = single(measured.score[place])
    sensor.last_level_dbfs = single(measured.level_dbfs[place])
    sensor.last_dominant_hz = single(measured.dominant_hz[place])
    sensor.last_flatness_db = float(vector[column(measured.features.schema_id, "flatness_db")])
    sensor.last_reasons = _dump(measured.reasons.get(place))
    known = SCHEMAS[measured.features.schema_id]
    sensor.last_level_a_dbfs = float(vector[known.index(LEVEL_A)]) if LEVEL_A in known else None
    sensor.last_velocity_db = float(vector[known.index(VELOCITY)]) if VELOCITY in known else None


def _dump(reasons: list[Reason] | None) -> list[dict[str, Any]] | None:
    return None if reasons is None else [reason.model_dump(exclude_none=True) for reason in reasons]


async def _announce(session: AsyncSession, sensor: Sensor, measured: SensorColumns) -> None:
    threshold = None
    if measured.models:
        threshold = await session.scalar(select(ModelDigest.threshold).where(ModelDigest.digest == measured.models[-1]))
    await notify.measurements(
        session,
        sensor_id=sensor.id,
        machine_id=sensor.machine_id,
        threshold=threshold,
        reasons=_dump(measured.reasons.get(len(measured.seq) - 1)),
        columns={
            "time_us": measured.time_us,
            "score": measured.score,
            "status": [status.value for status in measured.status],
            "level_dbfs": measured.level_dbfs,
            **_physical(sensor, measured),
            "dominant_hz": measured.dominant_hz,
        },
    )


def _physical(sensor: Sensor, measured: SensorColumns) -> dict[str, list[float | None]]:
    """Return the columns of levels in the sensor's unit, as its series has them."""
    scale, names = scale_of(sensor), SCHEMAS[measured.features.schema_id]
    second: list[float | None] = [None] * len(measured.seq)
    if scale.second in names:
        second = measured.features.unpack()[:, names.index(scale.second)].tolist()
    return {
        "level": [scale.level(dbfs) for dbfs in measured.level_dbfs],
        **({"level_a_db": [scale.level_a(value) for value in second]} if scale.second == LEVEL_A else {}),
        **({"velocity_mm_s": [scale.velocity(value) for value in second]} if scale.second == VELOCITY else {}),
    }


async def _note_running(
    session: AsyncSession, sensors: Mapping[UUID, Sensor], running: Mapping[UUID, RunningModel]
) -> None:
    for sensor_id, model in running.items():
        sensor = sensors.get(sensor_id)
        if sensor is None:
            continue
        runs = (model.digest, model.state)
        if model.digest is not None and runs != (sensor.running_digest, sensor.running_state):
            await notify.model(session, sensor_id, model.digest, "running")
        if model.refused is not None and model.refused != sensor.refused_digest:
            await notify.model(session, sensor_id, model.refused, "refused")
        sensor.running_digest, sensor.running_state = runs
        sensor.refused_digest, sensor.refused_reason = model.refused, model.reason


def _note_heartbeat(agent: Agent, sensors: Mapping[UUID, Sensor], batch: Batch, now: int) -> None:
    agent.last_seen = now
    agent.clock_offset_us = max(-_INT64_MAX, min(batch.sent_us - now, _INT64_MAX))
    beat = batch.heartbeat
    if beat is None:
        return
    agent.version = beat.version
    for name in ("spool_rows", "spool_bytes", "dropped", "dead_letters", "clips_waiting", "clips_dropped"):
        setattr(agent, name, min(getattr(beat, name), _INT64_MAX))
    for sensor_id, state in beat.sources.items():
        if sensor_id in sensors:
            sensors[sensor_id].source_state = state


async def _train_where_due(session: AsyncSession, runtime: Runtime, sensors: list[Sensor]) -> None:
    for sensor in sensors:
        if training.is_due(sensor, runtime.settings.baseline_windows):
            sensor.training_requested = sensor.learning_windows
            await training.request(session, runtime.jobs, sensor.id)
