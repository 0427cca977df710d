"""``users create``, ``list``, ``set-role``, ``set-password``, ``disable``, ``enable``."""

import getpass
import sys
from typing import Annotated

import typer
from pydantic import SecretStr, TypeAdapter, ValidationError

from audiosense_collector.auth import service
from audiosense_collector.auth.roles import Role
from audiosense_collector.auth.schemas import UserChange, UserName, UserOut
from audiosense_collector.cli.common import print_json, print_table, run, show_time
from audiosense_collector.errors import InvalidError, StartError
from audiosense_collector.runtime import Runtime

app = typer.Typer(no_args_is_help=True, help="Users: who may sign in, and what they may do.")
NameArgument = Annotated[str, typer.Argument(metavar="NAME")]
RoleOption = Annotated[Role, typer.Option(help="What the user may do.")]
PasswordOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, its first line.")
]


@app.command()
def create(name: NameArgument, role: RoleOption = Role.VIEWER, *, password_stdin: PasswordOption = False) -> None:
    """Make a user; asks for the password."""
    checked = _name(name)
    password = _password(from_stdin=password_stdin)

    async def work(runtime: Runtime) -> UserOut:
        return await service.create_with_password(runtime, checked, role, password)

    made = run(work)
    print(f"user {made.name} is made, with the role {made.role.value}")


@app.command("list")
def list_users(*, as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """List all users."""

    async def work(runtime: Runtime) -> list[UserOut]:
        async with runtime.sessions() as session:
            return await service.list_users(session)

    found = run(work)
    if as_json:
        print_json([user.model_dump(mode="json") for user in found])
        return
    rows = [
        (
            user.name,
            user.role.value,
            "can sign in" if user.disabled_us is None else f"disabled {show_time(user.disabled_us)}",
            user.sessions,
            show_time(user.created_us),
        )
        for user in found
    ]
    print_table(("NAME", "ROLE", "STATE", "SESSIONS", "CREATED"), rows)


@app.command()
def set_role(name: NameArgument, role: Annotated[Role, typer.Argument()]) -> None:
    """Give a user another role, from the next request on."""
    changed = _change(name, UserChange(role=role))
    print(f"user {changed.name} has the role {changed.role.value} now")


@app.command()
def set_password(name: NameArgument, *, password_stdin: PasswordOption = False) -> None:
    """Set a user's password; the user is signed out everywhere."""
    changed = _change(name, UserChange(password=SecretStr(_password(from_stdin=password_stdin))))
    print(f"user {changed.name} has another password and is signed out everywhere")


@app.command()
def disable(name: NameArgument) -> None:
    """Keep a user out, from the next request on; tokens of the user are refused too."""
    print(f"user {_change(name, UserChange(disabled=True)).name} is disabled and signed out everywhere")


@app.command()
def enable(name: NameArgument) -> None:
    """Let a disabled user in again."""
    print(f"user {_change(name, UserChange(disabled=False)).name} can sign in again")


def _change(name: str, changes: UserChange) -> UserOut:
    async def work(runtime: Runtime) -> UserOut:
        async with runtime.sessions() as session:
            user_id = await service.find(session, name)
        return await service.change(runtime, user_id, changes)

    return run(work)


def _name(name: str) -> str:
    try:
        return TypeAdapter(UserName).validate_python(name)
    except ValidationError:
        raise InvalidError(
            f"the name {name!r} is not taken: expected up to 64 letters and digits, with . @ + - _ between them"
        ) from None


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise StartError("there is no terminal to ask for the password on; give it on standard input, --password-stdin")
    password = getpass.getpass("password: ")
    if getpass.getpass("the same again: ") != password:
        raise StartError("the two passwords differ; nothing was changed, try again")
    return password
