"""Which batches are taken: the next one of its agent, a repeat, or one that only a copy of the agent can send."""

from dataclasses import dataclass, field
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.agents import copies, credentials, link_quality
from audiosense_collector.agents import service as agents
from audiosense_collector.agents.copies import Caller, Cause
from audiosense_collector.agents.tables import Agent
from audiosense_collector.clock import now_us
from audiosense_collector.errors import ForbiddenError, InvalidError, RequestError
from audiosense_collector.ingest.body import ParsedBatch
from audiosense_collector.ingest.delivery import Delivery
from audiosense_collector.ingest.storing import Stored
from audiosense_collector.machines.tables import Sensor
from audiosense_common.wire import Answer, Batch

log = structlog.get_logger()
Outcome = Answer | RequestError


@dataclass(slots=True)
class Taking:
    """A batch whose agent and sensors are locked, those whose clips may be kept, and what was stored of it."""

    delivery: Delivery
    agent: Agent
    sensors: dict[UUID, Sensor]
    clips_allowed: list[UUID]
    stored: list[Stored] = field(default_factory=list)

    @property
    def batch(self) -> Batch:
        """What the agent said."""
        return self.delivery.parsed.batch


async def judge(session: AsyncSession, taking: Taking) -> Outcome | None:
    """Return the refusal or the repeated answer of a batch, None if it is the next one."""
    delivery, agent = taking.delivery, taking.agent
    parsed, caller = delivery.parsed, delivery.caller
    refusal: RequestError | None = copies.check_served(agent, caller)
    if refusal is None and delivery.sender.refusal is not None:
        refusal = await _judge_overtaken(session, agent, delivery.sender, parsed, caller)
    if refusal is not None:
        return refusal
    if taking.batch.agent != agent.id:
        raise InvalidError(
            f"agent: the batch is of agent {taking.batch.agent}, the credential of {agent.id}", loc="agent"
        )
    if agent.last_batch_sha256 == parsed.sha256:
        link_quality.note_repeat(agent)
        return Answer.model_validate(agent.last_answer).model_copy(update={"clips_allowed": taking.clips_allowed})
    earlier = copies.find_earlier(agent, parsed.sha256)
    if earlier is not None:
        return _answer_late(taking.batch, earlier, taking.clips_allowed)
    if not _is_next(agent, taking.batch):
        return await _quarantine(session, agent, caller, taking.batch, Cause.OLD_TOKEN)
    return None


def is_strange(taking: Taking) -> bool:
    """Whether a batch is neither the next one nor a repeat: then its agent may have to be quarantined, by itself."""
    agent, sha256 = taking.agent, taking.delivery.parsed.sha256
    if _is_next(agent, taking.batch):
        return False
    return agent.last_batch_sha256 != sha256 and copies.find_earlier(agent, sha256) is None


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


def _answer_late(batch: Batch, earlier: copies.Earlier, clips_allowed: list[UUID]) -> Answer:
    """Answer the repeat of a batch that others have followed: a duplicate of the network, or a disk that was set back.

    It gets the token of its own time. A live agent never reads it; one that was set back and goes on with it is found.
    """
    return Answer(
        server_time_us=now_us(),
        token=earlier["token"],
        stored=0,
        repeated=sum(len(measured.seq) for measured in batch.sensors),
        clips_allowed=clips_allowed,
    )
