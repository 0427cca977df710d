"""Engines and the checks of a database before it is used."""

import select
from typing import Any

import psycopg
from psycopg.pq import ConnStatus
from psycopg.pq.abc import PGconn
from sqlalchemy import Dialect, Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from audiosense_collector.errors import DatabaseError

MIN_VERSION = 15
POOL_SIZE, POOL_OVERFLOW = 10, 5
"""Connections that are kept, and how many more there may be for as long as they are used."""
POOL_TIMEOUT_S = 10
"""A request that waits longer for a connection is sent away with 503."""
_CONNECT = {"options": "-c timezone=UTC", "connect_timeout": 10, "application_name": "audiosense"}

Sessions = async_sessionmaker[AsyncSession]


def make_engine(url: str, *, pool_size: int = POOL_SIZE) -> AsyncEngine:
    """Make the engine of the running collector; times come back in UTC."""
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=POOL_OVERFLOW,
        pool_timeout=POOL_TIMEOUT_S,
        pool_pre_ping=True,
        connect_args=dict(_CONNECT),
    )
    _spare_pings(engine.dialect)
    return engine


def _spare_pings(dialect: Dialect) -> None:
    """Have a connection tried before it is used only where there is something to read from it.

    A server that ends, or ends a connection, closes it, and that can be read without asking anybody.
    """
    ping = dialect.do_ping

    def spare(connection: Any) -> bool:
        return _is_silent(connection.driver_connection.pgconn) or ping(connection)

    dialect.do_ping = spare  # type: ignore[method-assign, assignment]


def _is_silent(server: PGconn) -> bool:
    if server.status != ConnStatus.OK:
        return False
    poll = select.poll()
    poll.register(server.socket, select.POLLIN)
    return not poll.poll(0)


def make_sync_engine(url: str) -> Engine:
    """Make an engine for migrations."""
    return create_engine(url, connect_args=dict(_CONNECT))


def make_sessions(engine: AsyncEngine) -> Sessions:
    """Make the factory of sessions; what was loaded stays readable after the commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


def libpq_url(url: str) -> str:
    """Return the address as psycopg takes it."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def check_database(url: str) -> None:
    """Connect once.

    Raises:
        DatabaseError: unreachable, refused, missing, or older than PostgreSQL 15; the message says what to do.
    """
    try:
        shown = make_url(url).render_as_string(hide_password=True)
        with psycopg.connect(libpq_url(url), connect_timeout=10) as connection:
            version = connection.info.server_version // 10_000
    except ArgumentError:
        raise DatabaseError(
            "DATABASE_URL is no database address, expected postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE"
        ) from None
    except psycopg.Error as error:
        raise DatabaseError(f"cannot use the database {shown}: {_reason(str(error))}") from None
    if version < MIN_VERSION:
        raise DatabaseError(
            f"the database {shown} is PostgreSQL {version}, {MIN_VERSION} or newer is needed; "
            "upgrade it, or unset DATABASE_URL to use the embedded server"
        )


def _reason(message: str) -> str:
    text = " ".join(message.split())[:300]
    remedies = {
        "password authentication failed": "check user and password in DATABASE_URL",
        "no password supplied": "add the password to DATABASE_URL",
        "does not exist": "create it first, or correct DATABASE_URL",
    }
    remedy = next(
        (remedy for sign, remedy in remedies.items() if sign in text),
        "check host and port in DATABASE_URL and that PostgreSQL runs, or unset it to use the embedded server",
    )
    return f"{text}; {remedy}"
