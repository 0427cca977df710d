"""``enrolment-key create``, ``list``, ``revoke``."""

import re
from typing import Annotated
from uuid import UUID

import typer

from audiosense_collector.agents import keys
from audiosense_collector.agents.schemas import EnrolmentKeyOut
from audiosense_collector.cli.common import print_json, print_table, run, show_time
from audiosense_collector.clock import SECOND_US
from audiosense_collector.runtime import Runtime
from audiosense_common.enrolment import EnrolmentKey

app = typer.Typer(no_args_is_help=True, help="Keys that agents enrol with.")
_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def _lifetime_us(value: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", value)
    if found is None:
        raise typer.BadParameter(f"found {value!r}, expected a number and s, m, h or d, for example 24h")
    return int(found[1]) * _UNITS_S[found[2]] * SECOND_US


def _url(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"https://[^/\s]+", value.rstrip("/")):
        raise typer.BadParameter(f"found {value!r}, expected https://HOST:PORT")
    return value.rstrip("/") if value else None


@app.command()
def create(
    uses: Annotated[int, typer.Option(min=1, max=100_000, help="How many agents may enrol with it.")] = 1,
    expires: Annotated[str, typer.Option(help="For how long, for example 30m, 24h, 7d.")] = "24h",
    url: Annotated[str | None, typer.Option(callback=_url, help="Address of the agents' port in the key.")] = None,
    *,
    may_replace: Annotated[
        bool, typer.Option("--may-replace", help="Who has it may take over any agent's sensors and history.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the key alone.")] = False,
) -> None:
    """Make a key; it is shown this once."""
    lifetime_us = _lifetime_us(expires)

    async def work(runtime: Runtime) -> EnrolmentKey:
        async with runtime.sessions.begin() as session:
            return await keys.create_key(
                session,
                url=url or runtime.settings.agents_address,
                trust=runtime.tls.ca_digest,
                uses=uses,
                lifetime_us=lifetime_us,
                may_replace=may_replace,
            )

    key = run(work)
    if quiet:
        print(key.encode())
        return
    print(f"{key.encode()}\n\nIt is shown this once, for {uses} agent(s), within {expires}. On the agent's host:")
    print(f"  audiosense-agent enroll {'--replace AGENT ' if may_replace else ''}{key.encode()[:24]}…")


@app.command("list")
def list_keys(*, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """List all keys, without their secrets."""

    async def work(runtime: Runtime) -> list[EnrolmentKeyOut]:
        async with runtime.sessions.begin() as session:
            return await keys.list_keys(session)

    found = run(work)
    if as_json:
        print_json([key.model_dump(mode="json") for key in found])
        return
    rows = [
        (key.id, key.state, f"{key.used} of {key.uses}", show_time(key.expires_us), "yes" if key.may_replace else "no")
        for key in found
    ]
    print_table(("ID", "STATE", "USED", "EXPIRES", "MAY REPLACE"), rows)


@app.command()
def revoke(key: UUID) -> None:
    """Revoke a key; agents that it enrolled stay enrolled."""

    async def work(runtime: Runtime) -> None:
        async with runtime.sessions.begin() as session:
            await keys.revoke_key(session, key)

    run(work)
    print(f"enrolment key {key} is revoked")
