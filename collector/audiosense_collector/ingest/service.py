"""The way of batches: token, measurements, events, running models, heartbeat, training, answer."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from psycopg.errors import InvalidSqlStatementName
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.agents import copies, credentials, link_quality
from audiosense_collector.agents import service as agents
from audiosense_collector.agents.tables import Agent
from audiosense_collector.checks import service as checks
from audiosense_collector.clips import permission
from audiosense_collector.clock import DAY_US, HOUR_US, now_us
from audiosense_collector.db import plain
from audiosense_collector.db.bulk_update import update_and_commit
from audiosense_collector.db.driver import driver
from audiosense_collector.db.engine import POOL_OVERFLOW, POOL_SIZE
from audiosense_collector.db.pipelined import fetch_each
from audiosense_collector.db.planning import BY_KEY
from audiosense_collector.detectability import service as detectability
from audiosense_collector.errors import InvalidError, RequestError
from audiosense_collector.events import service as events
from audiosense_collector.gaps import service as gaps
from audiosense_collector.ingest import rows, storing
from audiosense_collector.ingest.delivery import Delivery
from audiosense_collector.ingest.judging import Outcome, Taking, is_strange, judge
from audiosense_collector.ingest.measured import first_scored_us
from audiosense_collector.ingest.rows import Numbers, StoredBeforeError
from audiosense_collector.ingest.storing import Told
from audiosense_collector.live import notify
from audiosense_collector.machines import locking as machines
from audiosense_collector.machines.tables import Sensor
from audiosense_collector.metrics import instruments
from audiosense_collector.models import runs as model_runs
from audiosense_collector.models import service as models
from audiosense_collector.runtime import Runtime
from audiosense_collector.training import service as training
from audiosense_common.wire import Answer, Batch

log = structlog.get_logger()
TOKEN_BYTES = 24
_INT64_MAX = 2**63 - 1
"""What a column holds; an agent whose clock or count is broken is still heard."""
_TRIES = POOL_SIZE + POOL_OVERFLOW + 2
"""One for measurements that were there before, the others for connections whose prepared statements are gone."""


@dataclass(frozen=True, slots=True)
class _Locked:
    """Batches that are to be taken now, by their place, and the numbers that stand for texts in rows."""

    numbers: Numbers
    takings: dict[int, Taking] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Taker:
    """Takes batches of one collector; the writer says which together."""

    runtime: Runtime

    async def together(self, deliveries: Sequence[Delivery]) -> list[Outcome | None]:
        """Take batches of different agents in one transaction; nobody's lock is waited for.

        Returns:
            For each its answer or refusal, or None if it must be taken alone: its agent or one of its sensors is
            locked, or it is not plainly the agent's own credential that came with it, or it is neither the next batch
            nor a repeat.
        """
        return await _transact(self.runtime, deliveries, alone=False)

    async def alone(self, delivery: Delivery) -> Outcome:
        """Take a batch in its own transaction; who sent it is judged anew where that was only remembered.

        Raises:
            RequestError: it is not taken; nothing of it is stored.
        """
        sender = delivery.sender
        if sender.credential is not None:
            overlap_us = round(self.runtime.settings.credential_overlap_h * HOUR_US)
            async with self.runtime.sessions.begin() as session:
                found = await agents.authenticate(
                    session, delivery.authorization, delivery.caller, overlap_us=overlap_us
                )
            if isinstance(found, RequestError):
                return found
            sender = found
        known = Delivery(sender, delivery.parsed, delivery.caller, delivery.authorization, delivery.is_backlog)
        (outcome,) = await _transact(self.runtime, [known], alone=True)
        assert outcome is not None
        return outcome


async def _transact(runtime: Runtime, deliveries: Sequence[Delivery], *, alone: bool) -> list[Outcome | None]:
    """Take batches in one transaction, in another one where that found measurements that were there before."""
    all_new = True
    for _ in range(_TRIES - 1):
        try:
            async with runtime.sessions.begin() as session:
                return await _take(session, runtime, deliveries, alone=alone, all_new=all_new)
        except StoredBeforeError:
            all_new = False
        except InvalidSqlStatementName:
            log.debug("the connection's statements are prepared anew")
    async with runtime.sessions.begin() as session:
        return await _take(session, runtime, deliveries, alone=alone, all_new=all_new)


async def _take(
    session: AsyncSession, runtime: Runtime, deliveries: Sequence[Delivery], *, alone: bool, all_new: bool
) -> list[Outcome | None]:
    """Store batches; the caller ends the transaction and only then answers."""
    locked = await _lock(session, deliveries, alone=alone)
    outcomes: list[Outcome | None] = [None] * len(deliveries)
    taken: dict[int, Taking] = {}
    repeated: list[Agent] = []
    for place, taking in locked.takings.items():
        if not alone and is_strange(taking):
            continue
        try:
            outcomes[place] = await judge(session, taking)
            if outcomes[place] is None:
                _check(taking)
                taken[place] = taking
            elif isinstance(outcomes[place], Answer):
                repeated.append(taking.agent)
        except RequestError as error:
            outcomes[place] = error
    # What is changed is written once, at the end: no query in between reads it.
    with session.no_autoflush:
        answers = await _keep(session, runtime, list(taken.values()), locked.numbers, all_new=all_new)
        sensors = [sensor for taking in taken.values() for sensor in taking.sensors.values()]
        await update_and_commit(session, [*(taking.agent for taking in taken.values()), *repeated], sensors)
    for place, answer in zip(taken, answers, strict=True):
        outcomes[place] = answer
    return outcomes


async def _lock(session: AsyncSession, deliveries: Sequence[Delivery], *, alone: bool) -> _Locked:
    """Lock agents and sensors, each in the order of their identities.

    Not alone, those that others have locked are left out, and those that are not what their sender was remembered as.

    Raises:
        UnauthorizedError: alone, and the agent is gone.
        ForbiddenError: alone, and the agent was revoked or quarantined before.
    """
    named = [delivery.agent for delivery in deliveries]
    digests = {digest for delivery in deliveries for each in delivery.parsed.measured for digest in each.digests}
    rest = [permission.query_of_agents(named), rows.query_numbers(digests)]
    if alone:
        agent = await agents.lock(session, named[0])
        found = {agent.id: agent}
        locked_sensors = await machines.lock_sensors(session, agent.id)
        _, owned, numbered = await fetch_each(await driver(session), [BY_KEY, *rest])
    else:
        first = [agents.locking_free(named), machines.locking_free(named)]
        _, mine, theirs, owned, numbered = await fetch_each(await driver(session), [BY_KEY, *first, *rest])
        found = {agent.id: agent for agent in plain.read(Agent, mine)}
        locked_sensors = plain.read(Sensor, theirs)
    sensors: dict[UUID | None, dict[UUID, Sensor]] = {agent_id: {} for agent_id in named}
    for sensor in locked_sensors:
        sensors[sensor.agent_id][sensor.id] = sensor
    # Nobody registers or moves a sensor without its agent's lock: what is missing here is locked by somebody.
    known = [permission.Known(*row) for row in owned]
    free = found.keys() - {each.agent for each in known if each.sensor not in sensors[each.agent]}
    allowed: dict[UUID, list[UUID]] = {agent_id: [] for agent_id in named}
    for each in known:
        if each.allowed:
            allowed[each.agent].append(each.sensor)
    locked = _Locked(rows.read_numbers(numbered))
    for place, delivery in enumerate(deliveries):
        if delivery.agent not in free:
            continue
        if alone or agents.is_plainly(found[delivery.agent], delivery.sender, delivery.caller):
            locked.takings[place] = Taking(
                delivery, found[delivery.agent], sensors[delivery.agent], allowed[delivery.agent]
            )
    return locked


def _check(taking: Taking) -> None:
    """Refuse a batch that names sensors of others, or whose measurements do not fit their columns.

    Raises:
        InvalidError: it does; the message names the first such field.
    """
    batch = taking.batch
    named = [(f"sensors.{place}.sensor", measured.sensor) for place, measured in enumerate(batch.sensors)]
    named += [(f"events.{place}.sensor", event.sensor) for place, event in enumerate(batch.events)]
    for where, sensor_id in named:
        if sensor_id not in taking.sensors:
            raise InvalidError(
                f"{where}: sensor {sensor_id} is unknown for this agent; register it, or enrol the agent again",
                loc=where,
            )
    if taking.delivery.parsed.problem is not None:
        raise taking.delivery.parsed.problem


async def _keep(
    session: AsyncSession, runtime: Runtime, taken: Sequence[Taking], numbers: Numbers, *, all_new: bool
) -> list[Answer]:
    """Store all of batches that are next, and make their answers."""
    now = now_us()
    await _store(session, runtime, taken, numbers, now, all_new=all_new)
    # Of all batches at once: in one order, in which reviews lock them as well, so that neither waits for the other.
    await events.upsert(session, [event for taking in taken for event in taking.batch.events])
    for taking in taken:
        await _keep_rest(session, runtime, taking, now)
    sensors = [sensor for taking in taken for sensor in taking.sensors.values()]
    desired = await models.desired(session, sensors)
    wanted = set(await detectability.wanted(session, sensors))
    answers = []
    for taking in taken:
        new = sum(stored.new for stored in taking.stored)
        answer = Answer(
            server_time_us=now_us(),
            token=secrets.token_urlsafe(TOKEN_BYTES),
            stored=new,
            repeated=taking.delivery.rows - new,
            desired={sensor: desired[sensor] for sensor in taking.sensors if sensor in desired},
            probes_wanted=[sensor for sensor in taking.sensors if sensor in wanted],
            clips_allowed=taking.clips_allowed,
            rotate_credential=credentials.is_due(taking.agent, runtime.settings.credential_days, now),
        )
        _remember(taking, answer)
        answers.append(answer)
    new, whole = sum(answer.stored for answer in answers), sum(taking.delivery.rows for taking in taken)
    instruments.after_commit(session, lambda: instruments.batches_committed(len(taken), new=new, repeated=whole - new))
    return answers


async def _store(
    session: AsyncSession, runtime: Runtime, taken: Sequence[Taking], numbers: Numbers, now: int, *, all_new: bool
) -> None:
    told = [
        (taking, Told(taking.sensors[columns.sensor], columns, measured, taking.batch.epoch))
        for taking in taken
        for columns, measured in zip(taking.batch.sensors, taking.delivery.parsed.measured, strict=True)
    ]
    retention_us = runtime.settings.retention_days * DAY_US
    stored = await storing.store(
        session,
        [each for _, each in told],
        numbers,
        now=now,
        retention_us=retention_us,
        is_watched=runtime.hub.wants,
        all_new=all_new,
    )
    for (taking, _), each in zip(told, stored, strict=True):
        taking.stored.append(each)


async def _keep_rest(session: AsyncSession, runtime: Runtime, taking: Taking, now: int) -> None:
    """Keep what a batch holds besides measurements, and train where that is due."""
    batch, agent, sensors = taking.batch, taking.agent, taking.sensors
    await gaps.keep(session, agent.id, sensors, batch.gaps, now)
    await _note_running(session, taking, now)
    _note_heartbeat(agent, sensors, batch, now)
    if batch.heartbeat is not None and batch.heartbeat.checks is not None:
        await checks.keep(session, agent.id, sensors, batch.heartbeat.checks, now)
    await _train_where_due(session, runtime, list(sensors.values()))


def _remember(taking: Taking, answer: Answer) -> None:
    agent, delivery = taking.agent, taking.delivery
    copies.remember(agent, delivery.parsed.sha256, answer.token, delivery.caller)
    agent.token, agent.epoch = answer.token, taking.batch.epoch
    agent.last_batch_sha256, agent.last_answer = delivery.parsed.sha256, answer.model_dump(mode="json")


async def _note_running(session: AsyncSession, taking: Taking, now: int) -> None:
    for sensor_id, model in taking.batch.running.items():
        sensor = taking.sensors.get(sensor_id)
        if sensor is None:
            continue
        runs = (model.digest, model.state)
        if model.digest is not None and runs != (sensor.running_digest, sensor.running_state):
            await notify.model(session, sensor_id, model.digest, "running")
        if model.refused is not None and model.refused != sensor.refused_digest:
            await notify.model(session, sensor_id, model.refused, "refused")
        if model.digest != sensor.running_digest:
            first = first_scored_us(taking.delivery.parsed.measured, sensor_id, model.digest)
            await model_runs.change(session, sensor_id, taking.agent.id, model.digest, now=now, first_us=first)
        sensor.running_digest, sensor.running_state = runs
        sensor.refused_digest, sensor.refused_reason = model.refused, model.reason


def _note_heartbeat(agent: Agent, sensors: Mapping[UUID, Sensor], batch: Batch, now: int) -> None:
    # One that was long on the way says how long, and not what its agent's clock is.
    if link_quality.note(agent, batch.sent_us, now) or agent.clock_offset_us is None:
        agent.clock_offset_us = max(-_INT64_MAX, min(batch.sent_us - now, _INT64_MAX))
    agent.last_seen = now
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
