"""Agents that run twice: a second process that speaks as an agent, until the collector notices."""

import uuid
from collections.abc import Callable

from audiosense_common import wire
from browser_testing.agents import Agent


def told(agent: Agent, instance: uuid.UUID, waiting: int) -> None:
    """Speak as this process, which holds so many windows."""
    agent.client.headers.update({"AudioSense-Instance": str(instance), "AudioSense-Waiting": str(waiting)})


def refused(agent: Agent, **changes: object) -> str:
    """Send an empty batch that is refused; returns the kind of the problem."""
    batch = wire.Batch(agent=agent.identity, epoch=agent.epoch, **({"token": agent.token, "sent_us": 0} | changes))
    headers = {"Content-Type": "application/json"}
    answer = agent.client.post("/api/v1/batches", content=batch.model_dump_json(by_alias=True), headers=headers)
    assert answer.status_code in {401, 403}, answer.text
    kind: str = answer.json()["type"]
    return kind


def copied(enrol: Callable[..., Agent], machine: str) -> tuple[Agent, tuple[uuid.UUID, uuid.UUID]]:
    """An agent of which a second copy was just seen; returns it and the ids of both processes."""
    agent, instances = enrol(machine), (uuid.uuid4(), uuid.uuid4())
    told(agent, instances[0], 3)
    agent.send(3)
    stale = agent.token
    agent.send(2)
    told(agent, instances[1], 1_240)
    assert refused(agent, token=stale) == "quarantined"
    return agent, instances
