"""Users, their sessions, API tokens, the first administrator's link, counts of failed sign-ins, the log of changes."""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from audiosense_collector.db.base import Identity, Table, TimeColumn


class User(Table):
    """A person; ``name_key`` is the name as it is compared, ``password`` an argon2 hash, None until one is set."""

    __tablename__ = "user_account"
    id: Mapped[Identity]
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(unique=True)
    role: Mapped[str]
    password: Mapped[str | None]
    created: Mapped[TimeColumn]
    disabled: Mapped[TimeColumn | None]


class UserSession(Table):
    """A browser in which a user is signed in; of its secret only the SHA-256 is kept."""

    __tablename__ = "user_session"
    __table_args__ = (Index("ix_user_session_user_id_address", "user_id", "address"),)
    id: Mapped[Identity]
    sha256: Mapped[bytes] = mapped_column(unique=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    created: Mapped[TimeColumn]
    last_used: Mapped[TimeColumn]
    expires: Mapped[TimeColumn]
    ended: Mapped[TimeColumn | None]
    address: Mapped[str]
    browser: Mapped[str]


class ApiToken(Table):
    """A secret for programs; ``owner_id`` is the user whose role bounds it, None for those made by command."""

    __tablename__ = "api_token"
    id: Mapped[Identity]
    name: Mapped[str]
    sha256: Mapped[bytes] = mapped_column(unique=True)
    scope: Mapped[str]
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id"))
    created: Mapped[TimeColumn]
    expires: Mapped[TimeColumn]
    last_used: Mapped[TimeColumn | None]
    revoked: Mapped[TimeColumn | None]


class SetupLink(Table):
    """A link that makes the first administrator, once."""

    __tablename__ = "setup_link"
    sha256: Mapped[bytes] = mapped_column(primary_key=True)
    created: Mapped[TimeColumn]
    expires: Mapped[TimeColumn]


class SignInFailures(Table):
    """Failed sign-ins in a row, of an account, an address, or both together; ``key`` is a SHA-256 of which."""

    __tablename__ = "sign_in_failures"
    __table_args__ = (Index("ix_sign_in_failures_last", "last"),)
    key: Mapped[bytes] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last: Mapped[TimeColumn]
    not_before: Mapped[TimeColumn]


class AuditEntry(Table):
    """A change: who made it, from where, what was so before and after; rows are only ever added."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_subject_subject_id", "subject", "subject_id"),
        Index("ix_audit_entry_at", "at"),
    )
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    at: Mapped[TimeColumn]
    actor: Mapped[str]
    address: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    subject_id: Mapped[str]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    request_id: Mapped[str | None]


class AuditSeal(Table):
    """A link of the chain over the log: the database adds it when an entry is committed."""

    __tablename__ = "audit_seal"
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    entry_id: Mapped[int] = mapped_column(BigInteger, unique=True)
    sha256: Mapped[bytes]
