"""What is said of users, sessions, tokens and changes over HTTP."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints

from audiosense_collector.auth.chain import FaultKind
from audiosense_collector.auth.roles import Role

NAME_PATTERN = r"^[^\W_](?:[\w.@+-]{0,62}[^\W_])?$"
"""Letters of any script and digits, with . @ + - _ between them; nothing that has a meaning in HTML, SQL or a path."""
UserName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=NAME_PATTERN)]
TokenName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f<>&\"']+$")
]
Password = Annotated[SecretStr, Field(max_length=256, json_schema_extra={"writeOnly": True, "format": "password"})]
MAX_TOKEN_DAYS = 3_650


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class SignIn(_Body):
    """Name and password."""

    name: Annotated[str, Field(max_length=128)]
    password: Password


class Setup(_Body):
    """The secret of the one-time link, and who the first administrator is."""

    link: Annotated[SecretStr, Field(max_length=128, json_schema_extra={"writeOnly": True})]
    name: UserName
    password: Password


class PasswordChange(_Body):
    """The password until now and the one from now on."""

    current: Password
    new: Password


class SignedIn(BaseModel):
    """Who is signed in; ``means`` is ``demo`` where signing in is switched off."""

    name: str
    role: Role
    means: str


class SessionState(BaseModel):
    """What a page must know before anybody is signed in.

    ``insecure`` says that this page came without encryption over a network; ``setup_needed`` that there is no user yet.
    """

    user: SignedIn | None
    demo: bool
    insecure: bool
    setup_needed: bool


class SessionOut(BaseModel):
    """A browser in which the user is signed in."""

    id: UUID
    created_us: int
    last_used_us: int
    expires_us: int
    address: str
    browser: str
    current: bool


class SessionPage(BaseModel):
    """A user's browsers, the newest sign-in first; ``next`` goes into ``before`` for the page after this one."""

    items: list[SessionOut]
    next: str | None


class UserOut(BaseModel):
    """A user; ``sessions`` are the browsers in which he is signed in, ``last_sign_in_us`` is null if he never was."""

    id: UUID
    name: str
    role: Role
    created_us: int
    disabled_us: int | None
    has_password: bool
    sessions: int
    last_sign_in_us: int | None


class UserPage(BaseModel):
    """Users by name; ``next`` goes into ``after`` for the page after this one."""

    items: list[UserOut]
    next: str | None


class NewUser(_Body):
    """A user to be made."""

    name: UserName
    role: Role
    password: Password


class UserChange(_Body):
    """What is to be changed of a user; what is not named stays. Another password signs the user out everywhere."""

    role: Role | None = None
    disabled: bool | None = None
    password: Password | None = None


class NewToken(_Body):
    """A token to be made."""

    name: TokenName
    scope: Role
    days: Annotated[int, Field(ge=1, le=MAX_TOKEN_DAYS)] = 90


class TokenOut(BaseModel):
    """An API token; ``owner`` is the user whose role bounds it, null for one made by command.

    ``state`` is ``valid``, ``revoked``, ``expired``, or ``suspended`` while its owner is disabled.
    """

    id: UUID
    name: str
    scope: Role
    owner: str | None
    created_us: int
    expires_us: int
    last_used_us: int | None
    state: str


class TokenPage(BaseModel):
    """API tokens, the newest first; ``next`` goes into ``before`` for the page after this one."""

    items: list[TokenOut]
    next: str | None


class TokenMade(TokenOut):
    """A token with its secret, which is shown this once."""

    token: str


class ChangeOut(BaseModel):
    """A change: who made it, from where, what was so before and after."""

    id: int
    at_us: int
    actor: str
    address: str
    action: str
    subject: str
    subject_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str | None


class ChangePage(BaseModel):
    """Changes, the newest first; ``next`` is ``before`` of the page after this."""

    items: list[ChangeOut]
    next: int | None


class ChangeTerms(BaseModel):
    """What can be asked of the log: who, did what, to what, each in order, among the newest entries."""

    actors: list[str]
    actions: list[str]
    subjects: list[str]


class LogFault(BaseModel):
    """What is wrong with the log: a stable word, and where it is, as far as it is in one place.

    ``link`` is a position in the chain of digests, ``entry`` the id of a change.
    """

    kind: FaultKind
    link: int | None
    entry: int | None
    detail: str


class LogVerdict(BaseModel):
    """Whether the log of changes is whole: ``faults`` is empty then.

    ``mark`` names the newest link that holds, null of an empty log; kept elsewhere and given as ``expect`` later on, it
    shows that nothing was cut off or written anew.
    """

    entries: int
    mark: str | None
    faults: list[LogFault]
