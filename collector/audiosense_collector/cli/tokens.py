"""``tokens create``, ``list``, ``revoke``."""

from typing import Annotated

import typer
from pydantic import ValidationError

from audiosense_collector.auth import tokens
from audiosense_collector.auth.roles import Role
from audiosense_collector.auth.schemas import MAX_TOKEN_DAYS, NewToken, TokenMade, TokenOut
from audiosense_collector.cli.common import print_json, print_table, run, show_time
from audiosense_collector.errors import InvalidError, field_errors
from audiosense_collector.runtime import Runtime

app = typer.Typer(no_args_is_help=True, help="API tokens: secrets that programs send instead of signing in.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the token is for.")],
    scope: Annotated[Role, typer.Option(help="What may be done with it.")] = Role.VIEWER,
    days: Annotated[int, typer.Option(min=1, max=MAX_TOKEN_DAYS, help="Until it expires.")] = 90,
    *,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the token alone.")] = False,
) -> None:
    """Make a token; it is shown this once."""
    try:
        wanted = NewToken(name=name, scope=scope, days=days)
    except ValidationError as error:
        raise InvalidError(f"the token's {field_errors(error.errors())[0]['loc']} is not taken: {name!r}") from None

    async def work(runtime: Runtime) -> TokenMade:
        async with runtime.sessions.begin() as session:
            return await tokens.create(session, wanted.name, wanted.scope, wanted.days, None)

    made = run(work)
    print(made.token if quiet else f"{made.token}\nvalid until {show_time(made.expires_us)}; it is not shown again")


@app.command("list")
def list_tokens(*, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """List all tokens, the newest first."""

    async def work(runtime: Runtime) -> list[TokenOut]:
        async with runtime.sessions() as session:
            return await tokens.list_all(session)

    found = run(work)
    if as_json:
        print_json([token.model_dump(mode="json") for token in found])
        return
    rows = [
        (
            token.id,
            token.name,
            token.scope.value,
            token.owner or "-",
            token.state,
            show_time(token.expires_us),
            "never" if token.last_used_us is None else show_time(token.last_used_us),
        )
        for token in found
    ]
    print_table(("ID", "NAME", "SCOPE", "OWNER", "STATE", "EXPIRES", "LAST USED"), rows)


@app.command()
def revoke(token: Annotated[str, typer.Argument(metavar="NAME_OR_ID")]) -> None:
    """Refuse a token from its next request on."""

    async def work(runtime: Runtime) -> None:
        async with runtime.sessions.begin() as session:
            await tokens.revoke(session, await tokens.find(session, token))

    run(work)
    print(f"token {token} is revoked")
