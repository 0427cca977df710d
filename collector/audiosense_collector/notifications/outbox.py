"""Noting what people are to be told, within the transaction in which it happens; nothing is sent here."""

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.clock import HOUR_US, SECOND_US, now_us
from audiosense_collector.events.schemas import EventOut
from audiosense_collector.notes import service as notes
from audiosense_collector.notifications.tables import Notification

LATE_US = HOUR_US
"""What happened longer ago is no news: it came with a backlog."""
SILENT_US = 300 * SECOND_US
_MINUTE_S = 60
_AGENTS = text("""
WITH now_is AS (
    SELECT id, name, state_reason, CASE
        WHEN agent.state = 'quarantined' THEN 'quarantined'
        WHEN agent.state <> 'active' THEN 'away'
        WHEN last_seen >= from_us(:silent) THEN 'heard'
        WHEN id = ANY(CAST(:worked_on AS uuid[])) THEN coalesce(agent_told.state, 'heard')
        ELSE 'silent' END AS state
    FROM agent LEFT JOIN agent_told ON agent_id = id WHERE last_seen IS NOT NULL
), told AS (
    INSERT INTO agent_told (agent_id, state, since)
    SELECT now_is.id, now_is.state, from_us(:now) FROM now_is LEFT JOIN agent_told ON agent_id = now_is.id
    WHERE now_is.state <> coalesce(agent_told.state, 'heard')
    ON CONFLICT (agent_id) DO UPDATE SET state = excluded.state, since = excluded.since
        WHERE agent_told.state <> excluded.state
    RETURNING agent_id, state
)
SELECT told.agent_id, now_is.name, now_is.state_reason, told.state FROM told JOIN now_is ON now_is.id = told.agent_id
WHERE told.state <> 'away'
""")
_AGENT_WORDS = {
    "silent": "was not heard for five minutes; look at its power, its network and `audiosense-agent status`",
    "heard": "is heard again",
    "quarantined": "is quarantined",
}


async def note_events(session: AsyncSession, events: Sequence[EventOut]) -> None:
    """Note events that were opened or closed lately, each once; of a machine that is worked on, none.

    One that is still open afterwards is noted with its next revision.
    """
    now = now_us()
    quiet = await notes.in_maintenance(session, now, {event.sensor_id for event in events})
    rows = [
        {
            "subject": f"machine-{event.machine_id}",
            "kind": f"event_{event.state}",
            "event_id": event.id,
            "created": now,
            "content": {"title": event.machine_name, "line": _describe(event)},
            "state": "waiting",
        }
        for event in events
        if event.end_us >= now - LATE_US and event.sensor_id not in quiet
    ]
    if rows:
        await session.execute(insert(Notification).values(rows).on_conflict_do_nothing())


async def note_agents(session: AsyncSession) -> int:
    """Note agents that have fallen silent, are heard again or were quarantined meanwhile; returns how many.

    One whose machines are all worked on may be silent: it was switched off with them.
    """
    now = now_us()
    worked_on = list(await notes.agents_in_maintenance(session, now))
    parameters = {"now": now, "silent": now - SILENT_US, "worked_on": worked_on}
    changed = (await session.execute(_AGENTS, parameters)).all()
    for agent in changed:
        reason = f": {agent.state_reason}" if agent.state == "quarantined" and agent.state_reason else ""
        line = f"Agent {agent.name} {_AGENT_WORDS[agent.state]}{reason}"
        session.add(
            Notification(
                subject=f"agent-{agent.agent_id}",
                kind=f"agent_{agent.state}",
                created=now,
                content={"title": f"agent {agent.name}", "line": line},
                state="waiting",
            )
        )
    return len(changed)


def _describe(event: EventOut) -> str:
    where = f"{event.machine_name} / {event.sensor_name}"
    since = dt.datetime.fromtimestamp(event.start_us / 1e6, dt.UTC).strftime("%Y-%m-%d %H:%M UTC")
    score = f"score up to {event.peak_score:.2f}, threshold {event.threshold:.2f}"
    if event.state == "open":
        return f"{where}: sounds unusual since {since} ({score})"
    minutes = max(1, round((event.end_us - event.start_us) / SECOND_US / _MINUTE_S))
    return f"{where}: sounds normal again; it was unusual from {since} for {minutes} min ({score})"
