"""``agents list``, ``revoke``, ``accept``, ``rotate``."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.agents import administration
from audiosense_collector.agents.schemas import AgentOut, CopyOut, Evidence
from audiosense_collector.cli.common import print_json, print_table, run, show_time
from audiosense_collector.errors import NotFoundError
from audiosense_collector.runtime import Runtime

app = typer.Typer(no_args_is_help=True, help="Agents: who they are, and whose data is taken.")
AgentArgument = Annotated[str, typer.Argument(metavar="NAME_OR_ID", help="A name, an id, or how an id begins.")]
_WORDS = {
    "last_taken": "its batches were taken until then",
    "old_token": "came with an old token",
    "old_credential": "came with an old credential",
    "quarantined": "came during the quarantine",
    "not_accepted": "another copy was accepted",
}


@app.command("list")
def list_agents(*, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """List all agents; of those with copies also who they are."""

    async def work(runtime: Runtime) -> list[AgentOut]:
        async with runtime.sessions.begin() as session:
            return await administration.list_agents(session)

    found = run(work)
    if as_json:
        print_json([agent.model_dump(mode="json") for agent in found])
        return
    rows = [
        (
            agent.id,
            agent.name,
            agent.state,
            agent.version,
            _time(agent.last_seen_us),
            "" if agent.spool_rows is None else agent.spool_rows,
        )
        for agent in found
    ]
    print_table(("ID", "NAME", "STATE", "VERSION", "LAST HEARD", "WAITING"), rows)
    for agent in found:
        if agent.copies or agent.evidence or agent.accepted_copy:
            print(f"\n{agent.name} ({agent.id}): {agent.state_reason or agent.state}")
            if agent.evidence is not None:
                print("\n".join(_evidence(agent.evidence)))
            if agent.accepted_copy is not None:
                print(f"Waits for copy {agent.accepted_copy} to use its new credential; serves no other.")
            print_table(("COPY", "ADDRESS", "FIRST SEEN", "LAST SEEN", "WAITING", "WHY"), [*map(_row, agent.copies)])


@app.command()
def revoke(agent: AgentArgument) -> None:
    """Refuse an agent from its next request on; it keeps its data."""
    print(f"agent {_act(agent, administration.revoke)} is revoked; it keeps its data and is refused from now on")


@app.command()
def accept(
    agent: AgentArgument,
    copy: Annotated[
        str | None, typer.Option(help="Which copy, as `agents list` shows it; how it begins will do.")
    ] = None,
) -> None:
    """Take a revoked agent in again, or one copy of a quarantined one; the other copies are then refused."""

    async def work(session: AsyncSession, agent_id: UUID) -> None:
        instance = None if copy is None else await _find_copy(session, agent_id, copy)
        await administration.accept(session, agent_id, instance)

    print(f"agent {_act(agent, work)} is accepted; a copy that was named gets a credential of its own, others none")
    if copy is not None:
        print(
            "it must be running until `agents list` no longer waits for it: a copy that was off, or starts again "
            "before that, is listed as another one and must be accepted again"
        )


@app.command()
def rotate(agent: AgentArgument) -> None:
    """Have an agent get itself a new credential with its next batch."""
    print(f"agent {_act(agent, administration.ask_rotation)} gets itself a new credential with its next batch")


def _act(wanted: str, action: Callable[[AsyncSession, UUID], Awaitable[None]]) -> str:
    async def work(runtime: Runtime) -> str:
        async with runtime.sessions.begin() as session:
            agent_id = await administration.find(session, wanted)
            await action(session, agent_id)
            return f"{(await administration.read_agent(session, agent_id)).name} ({agent_id})"

    return run(work)


async def _find_copy(session: AsyncSession, agent_id: UUID, wanted: str) -> UUID:
    agent = await administration.read_agent(session, agent_id)
    named = [each.instance for each in agent.copies if str(each.instance).startswith(wanted.lower())]
    if len(named) != 1:
        known = ", ".join(str(each.instance) for each in agent.copies) or "none"
        raise NotFoundError(f"{len(named)} copies of agent {agent.name!r} begin with {wanted!r}; there are {known}")
    return named[0]


def _evidence(evidence: Evidence) -> list[str]:
    taken, refused = evidence.taken, evidence.refused
    given = (
        "" if refused.token_given_us is None else f", whose token was given out at {show_time(refused.token_given_us)}"
    )
    return [
        f"  last taken: from {taken.address or 'an unknown address'} at {_time(taken.seen_us)}",
        f"  then, at {show_time(evidence.at_us)}: a batch from {refused.address or 'an unknown address'}{given}",
    ]


def _row(copy: CopyOut) -> tuple[object, ...]:
    waiting = "" if copy.waiting is None else copy.waiting
    seen = (show_time(copy.first_seen_us), show_time(copy.last_seen_us))
    return (f"  {str(copy.instance)[:8]}", copy.address or "", *seen, waiting, _WORDS[copy.cause])


def _time(time_us: int | None) -> str:
    return "never" if time_us is None else show_time(time_us)
