"""The log of changes, written by itself: who is at work is set once, and each flush of a session adds what it changed.

Whatever a request or a command changes through the ORM is found here, row by row or by a statement for many, so a new
route needs no line for it. What is changed past the ORM is told with ``note``; a changing request that told nothing is
logged by its name alone.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Delete, LargeBinary, Result, Select, Table, Update, event, insert, inspect, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session
from starlette.types import Scope

from audiosense_collector.auth.tables import AuditEntry
from audiosense_collector.clock import now_us

UNLOGGED = frozenset({"audit_entry", "clip_audit", "user_session", "sign_in_failures", "setup_link", "job_error"})
"""Logs themselves, and what is told with ``note`` where it matters."""
UNLOGGED_STATEMENTS = UNLOGGED - {"user_session"}
"""Of sessions it matters which ones were ended, and that is done by statements; when one began, ``sign_in`` says."""
MOST_ROWS = 1_000
"""Rows of one statement that are logged one by one; of more the first, and how many there were."""
SECRETS = frozenset({"password"})
CHANGED = "(changed)"
MAX_TEXT = 2_000
Values = dict[str, Any]


@dataclass(slots=True)
class Trail:
    """Who is at work, from where, doing what; ``scope`` is the request's, ``told`` how many entries it has made."""

    actor: str
    address: str
    operation: str = ""
    scope: Scope | None = None
    told: int = 0

    @property
    def action(self) -> str:
        """Name of the route or command."""
        route = None if self.scope is None else self.scope.get("route")
        return getattr(route, "name", None) or self.operation


_current: ContextVar[Trail | None] = ContextVar("audit_trail", default=None)


def current() -> Trail | None:
    """Return who is at work; None for what the collector does by itself."""
    return _current.get()


@contextlib.contextmanager
def at_work(trail: Trail | None) -> Iterator[None]:
    """Set who is at work."""
    token = _current.set(trail)
    try:
        yield
    finally:
        _current.reset(token)


async def note(
    session: AsyncSession,
    subject: str,
    subject_id: object = "",
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    action: str | None = None,
    actor: str | None = None,
) -> None:
    """Add an entry in the session's transaction; ``actor`` where nobody is signed in yet."""
    trail = _current.get()
    if trail is None:
        trail = Trail("collector", "")
    await session.execute(
        insert(AuditEntry), [_row(trail, (subject, str(subject_id)), before, after, action=action, actor=actor)]
    )


async def end_request(session: AsyncSession, path_parameters: dict[str, Any]) -> None:
    """Log a changing request that has changed nothing that was seen: what it named is all there is to tell."""
    trail = _current.get()
    if trail is None or trail.scope is None:
        return
    await session.flush()
    if not trail.told:
        named = {name: str(value) for name, value in path_parameters.items()}
        await note(session, "request", next(iter(named.values()), ""), after=named or None)


@event.listens_for(Session, "after_flush")
def _on_flush(session: Session, _context: Any) -> None:
    trail = _current.get()
    if trail is None:
        return
    rows = []
    for kind, changed in (("new", session.new), ("dirty", session.dirty), ("deleted", session.deleted)):
        for row in changed:
            if row.__tablename__ in UNLOGGED:
                continue
            before, after = _difference(row, kind)
            if before or after:
                rows.append(_row(trail, (row.__tablename__, _identity(row)), before, after))
    if rows:
        session.execute(insert(AuditEntry), rows)


@event.listens_for(Session, "do_orm_execute")
def _on_statement(state: ORMExecuteState) -> Result[Any] | None:
    """Log what an UPDATE or DELETE of the ORM changes: the rows that it names are read before it and after it.

    One for a list of parameters (``update(Table), [{…}, …]``) names no rows; who uses it tells it with ``note``.
    """
    trail, mapper = _current.get(), state.bind_mapper
    if trail is None or mapper is None or not isinstance(statement := state.statement, Update | Delete):
        return None
    if isinstance(state.parameters, list):
        return None
    table = mapper.local_table
    assert isinstance(table, Table)
    if table.name in UNLOGGED_STATEMENTS or (state.is_delete and table.name in UNLOGGED):
        return None
    # What the session holds back is logged as its own change, and not as this statement's.
    state.session.flush()
    named = select(table).where(*([] if statement.whereclause is None else [statement.whereclause]))
    before = _read(state.session, table, named.with_for_update().limit(MOST_ROWS + 1), state.parameters)
    result = state.invoke_statement()
    keys = list(table.primary_key.columns)
    again = select(table).where(tuple_(*keys).in_(list(before)))
    after = _read(state.session, table, again) if before and state.is_update else {}
    rows = [
        _row(trail, (table.name, " ".join(map(_show, key))), *changed)
        for key, was in list(before.items())[:MOST_ROWS]
        if any(changed := _changed(was, after.get(key, {}), deleted=state.is_delete))
    ]
    if len(before) > MOST_ROWS:
        rows.append(_row(trail, (table.name, ""), None, {"rows": f"more than {MOST_ROWS}"}))
    if rows:
        state.session.execute(insert(AuditEntry), rows)
    return result


def _read(session: Session, table: Table, query: Select[Any], parameters: Any = None) -> dict[tuple[Any, ...], Values]:
    """Return rows by their keys, as they are logged."""
    found = session.connection().execute(query, parameters or {})
    keys = [column.name for column in table.primary_key.columns]
    return {tuple(row[key] for key in keys): dict(row) for row in found.mappings()}


def _changed(was: Values, now: Values, *, deleted: bool) -> tuple[Values | None, Values | None]:
    names = [
        name for name, value in was.items() if (value is not None if deleted else name in now and now[name] != value)
    ]
    before, after = ({name: _said(name, values.get(name)) for name in names} for values in (was, now))
    return before or None, None if deleted else after or None


def _said(name: str, value: Any) -> Any:
    return CHANGED if value is not None and (name in SECRETS or isinstance(value, bytes)) else _plain(value)


def _row(
    trail: Trail,
    subject: tuple[str, str],
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    *,
    action: str | None = None,
    actor: str | None = None,
) -> dict[str, Any]:
    trail.told += 1
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    return {
        "at": now_us(),
        "actor": actor or trail.actor,
        "address": trail.address,
        "action": action or trail.action,
        "subject": subject[0],
        "subject_id": subject[1],
        "before": before,
        "after": after,
        "request_id": None if request_id is None else str(request_id),
    }


def _identity(row: Any) -> str:
    return " ".join(_show(value) for value in inspect(row).mapper.primary_key_from_instance(row))


def _difference(row: Any, kind: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return the columns that changed, before and after; secrets and large contents by their name alone."""
    state = inspect(row)
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    for attribute in state.mapper.column_attrs:
        history = state.attrs[attribute.key].history
        if kind == "dirty" and not history.has_changes():
            continue
        column = attribute.columns[0]
        hidden = column.name in SECRETS or isinstance(column.type, LargeBinary)
        old = history.deleted[0] if history.deleted else None
        new = history.added[0] if history.added else None
        if kind == "deleted":
            old, new = (history.unchanged[0] if history.unchanged else old), None
        if kind != "new" and old is not None:
            before[column.name] = CHANGED if hidden else _plain(old)
        if kind == "dirty" or (kind == "new" and new is not None):
            after[column.name] = CHANGED if hidden and new is not None else _plain(new)
    if kind == "dirty":
        before = {name: before.get(name) for name in after}
    return before or None, after or None


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict | list):
        text = repr(value)
        if len(text) > MAX_TEXT:
            return f"({len(text)} characters)"
        return [_plain(each) for each in value] if isinstance(value, list) else value
    return _show(value)


def _show(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, UUID | datetime):
        return str(value)
    text = str(value)
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"
