"""Prepared statements of a transaction, all sent in one go: psycopg's cursors send each by itself, and wait each time.

A statement is prepared on a connection when it is first used there, unless it says otherwise. Its parameters are arrays
in the server's own binary form, see ``binary_array``; their types stand in its text, as in ``%(sensors)b::uuid[]``.
"""

import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from weakref import WeakKeyDictionary

import psycopg
from psycopg import adapt, generators
from psycopg.abc import PQGen, Transformer
from psycopg.errors import InvalidSqlStatementName
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult

from audiosense_collector.db.driver import Query, Row

MOST_PREPARED = 100
"""Statements of one connection; beyond them, the one that was not used for longest goes."""
_DONE = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
_PLACEHOLDER = re.compile(r"%\((\w+)\)b")


@dataclass(slots=True)
class _Known:
    """What is kept of a connection: how its rows are read, and the names of what it has prepared, by their text."""

    reader: Transformer
    names: OrderedDict[str, bytes] = field(default_factory=OrderedDict)
    made: int = 0


@dataclass(slots=True)
class _Sent:
    """A command whose result is awaited: rows, or that ``prepared`` is there under its name."""

    prepared: str | None = None
    name: bytes = b""
    has_rows: bool = False


_CONNECTIONS: WeakKeyDictionary[psycopg.AsyncConnection[Row], _Known] = WeakKeyDictionary()


async def fetch_each(connection: psycopg.AsyncConnection[Row], queries: Sequence[Query]) -> list[list[Row]]:
    """Send statements without waiting in between; returns the rows of each, sent and read in binary.

    They begin a transaction where none runs. One that returns no rows, such as ``SET``, has none. All parameters are
    binary arrays.

    Raises:
        psycopg.Error: as the server tells it of the first one that failed; those after it were not run.
        psycopg.errors.InvalidSqlStatementName: psycopg took away all that the connection had prepared, as it does after
            some statements. Nothing is wrong when the transaction is tried again.
    """
    known = _CONNECTIONS.get(connection)
    if known is None:
        known = _CONNECTIONS[connection] = _Known(adapt.Transformer(psycopg.adapters))
    async with connection.lock:
        opening = _opening(connection)
        results = await connection.wait(_run(connection.pgconn, known, [*opening, *queries]))
    return [_rows(known, result) for result in results[len(opening) :]]


def _opening(connection: psycopg.AsyncConnection[Row]) -> list[Query]:
    if connection.autocommit or connection.pgconn.transaction_status != TransactionStatus.IDLE:
        return []
    level = connection.isolation_level
    return [Query("BEGIN" if level is None else f"BEGIN ISOLATION LEVEL {level.name.replace('_', ' ')}")]


def _run(server: PGconn, known: _Known, queries: Sequence[Query]) -> PQGen[list[PGresult]]:
    with _pipelining(server):
        sent = [each for query in queries for each in _send(server, known, query)]
        server.pipeline_sync()
        yield from generators.send(server)
        results = yield from _take(server, len(sent))
    done = [(each, result) for each, result in zip(sent, results, strict=False) if result.status in _DONE]
    known.names.update((each.prepared, each.name) for each, _ in done if each.prepared is not None)
    failed = next((result for result in results if result.status not in _DONE), None)
    if failed is not None:
        error = psycopg.errors.error_from_result(failed)
        if isinstance(error, InvalidSqlStatementName):
            known.names.clear()
        raise error
    if len(results) < len(sent):
        raise psycopg.OperationalError("the database closed the connection")
    return [result for each, result in done if each.has_rows]


def _take(server: PGconn, count: int) -> PQGen[list[PGresult]]:
    """Return the results of so many commands, fewer where the connection broke, and of the end of the pipeline."""
    results: list[PGresult] = []
    while len(results) < count and (found := (yield from generators.fetch_many(server))):
        results += found
    if len(results) == count and server.status == ConnStatus.OK:
        yield from generators.fetch_many(server)
    return results


def _send(server: PGconn, known: _Known, query: Query) -> Iterator[_Sent]:
    """Put a statement into the buffer of what is sent."""
    text, parameters = _form(query.text)
    values = [(query.parameters or {})[each].encoded for each in parameters]
    formats = [Format.BINARY] * len(values)
    if not query.prepare:
        server.send_query_params(text, values, None, formats, Format.BINARY)
        yield _Sent(has_rows=True)
        return
    name = known.names.get(query.text)
    if name is None:
        # No name is used twice: the server may still have what is not known here any more.
        known.made += 1
        name = b"audiosense_%d" % known.made
        while len(known.names) >= MOST_PREPARED:
            _, oldest = known.names.popitem(last=False)
            server.send_query_params(b"DEALLOCATE " + oldest, None)
            yield _Sent()
        server.send_prepare(name, text)
        yield _Sent(query.text, name)
    else:
        known.names.move_to_end(query.text)
    server.send_query_prepared(name, values, formats, Format.BINARY)
    yield _Sent(has_rows=True)


@lru_cache(maxsize=512)
def _form(text: str) -> tuple[bytes, tuple[str, ...]]:
    """Return a statement with numbers in place of its parameters' names, and these in the order of their numbers."""
    names = tuple(dict.fromkeys(_PLACEHOLDER.findall(text)))
    numbers = {name: f"${number}" for number, name in enumerate(names, 1)}
    return _PLACEHOLDER.sub(lambda found: numbers[found[1]], text).encode(), names


@contextmanager
def _pipelining(server: PGconn) -> Iterator[None]:
    """Have the server take commands one after the other; a connection with results that nobody took is closed."""
    server.enter_pipeline_mode()
    try:
        yield
    finally:
        if server.status == ConnStatus.OK:
            try:
                server.exit_pipeline_mode()
            except psycopg.OperationalError:
                server.finish()


def _rows(known: _Known, result: PGresult) -> list[Row]:
    if not result.nfields:
        return []
    known.reader.set_pgresult(result)
    rows: list[Row] = known.reader.load_rows(0, result.ntuples, tuple)
    return rows
