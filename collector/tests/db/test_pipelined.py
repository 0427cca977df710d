"""Statements that are sent together."""

import asyncio
import uuid

import numpy as np
import psycopg
import pytest
from psycopg.pq import PipelineStatus, TransactionStatus

from audiosense_collector.clock import to_us
from audiosense_collector.db import binary_array, pipelined
from audiosense_collector.db.driver import Query
from audiosense_collector.db.engine import libpq_url
from audiosense_collector.db.pipelined import fetch_each


def counting(upto):
    return Query("SELECT n FROM unnest(%(numbers)b::bigint[]) AS n", {"numbers": binary_array.bigints(np.arange(upto))})


@pytest.fixture
async def connection(database_url):
    async with await psycopg.AsyncConnection.connect(libpq_url(database_url)) as made:
        yield made


async def prepared(connection):
    cursor = await connection.execute("SELECT name FROM pg_prepared_statements WHERE name LIKE 'audiosense%'")
    return {name for (name,) in await cursor.fetchall()}


async def test_each_gets_its_own_rows_and_they_begin_a_transaction(connection):
    setting = Query("SET LOCAL application_name = 'pipelined'")
    assert await fetch_each(connection, [counting(3), setting, counting(0), Query("SELECT 7, NULL")]) == [
        [(0,), (1,), (2,)],
        [],
        [],
        [(7, None)],
    ]
    assert connection.info.transaction_status == TransactionStatus.INTRANS
    assert await fetch_each(connection, [Query("SHOW application_name"), Query("COMMIT")]) == [[("pipelined",)], []]
    assert connection.info.transaction_status == TransactionStatus.IDLE


async def test_a_parameter_may_stand_twice(connection):
    query = Query(
        "SELECT a.n, b.t FROM unnest(%(n)b::bigint[]) AS a (n), unnest(%(t)b::text[]) AS b (t) "
        "WHERE a.n = ANY(%(n)b::bigint[])",
        {"t": binary_array.texts(["ü", None]), "n": binary_array.bigints(np.array([5]))},
    )
    assert await fetch_each(connection, [query]) == [[(5, "ü"), (5, None)]]


async def test_more_than_any_buffer_holds_goes_both_ways(connection):
    texts = ["x" * 1_000_000] * 8
    echo = Query("SELECT t FROM unnest(%(t)b::text[]) AS t", {"t": binary_array.texts(texts)})
    assert await fetch_each(connection, [echo, echo]) == [[(text,) for text in texts]] * 2


async def test_the_first_error_is_told_and_what_follows_is_not_run(connection):
    await connection.execute("CREATE TEMPORARY TABLE kept (n integer)")
    await connection.commit()
    failing = [Query("INSERT INTO kept VALUES (1)"), Query("SELECT 1 / 0"), Query("INSERT INTO kept VALUES (2)")]
    with pytest.raises(psycopg.errors.DivisionByZero):
        await fetch_each(connection, [*failing, Query("COMMIT")])
    assert connection.info.transaction_status == TransactionStatus.INERROR
    await connection.rollback()
    # What was prepared before the error, or was not for its sake, is known as such.
    assert await fetch_each(connection, [failing[0], failing[2], Query("SELECT n FROM kept")]) == [[], [], [(1,), (2,)]]


async def test_no_more_than_so_many_are_prepared(connection, monkeypatch):
    monkeypatch.setattr(pipelined, "MOST_PREPARED", 3)
    for number in range(8):
        assert await fetch_each(connection, [Query(f"SELECT {number}")]) == [[(number,)]]
    assert len(await prepared(connection)) == 3
    assert await fetch_each(connection, [Query("SELECT 7"), Query("SELECT 0")]) == [[(7,)], [(0,)]]


async def test_statements_that_were_taken_away_are_told_once(connection):
    await fetch_each(connection, [counting(1), Query("SELECT 1"), Query("COMMIT")])
    await connection.execute("DEALLOCATE ALL")
    await connection.commit()
    with pytest.raises(psycopg.errors.InvalidSqlStatementName):
        await fetch_each(connection, [counting(1), Query("SELECT 2")])
    await connection.rollback()
    assert await fetch_each(connection, [counting(1), Query("SELECT 1"), Query("SELECT 2")]) == [[(0,)], [(1,)], [(2,)]]


async def test_one_that_is_not_to_be_prepared_is_run_all_the_same(connection):
    query = counting(2)
    await fetch_each(connection, [Query(query.text, query.parameters, prepare=False)])
    assert len(await prepared(connection)) == 1, "only what began the transaction"
    async with connection.cursor() as cursor:
        await cursor.execute("DEALLOCATE ALL")
    query = Query(query.text, query.parameters, prepare=False)
    assert await fetch_each(connection, [query, Query("COMMIT", prepare=False)]) == [[(0,), (1,)], []]


async def test_one_that_is_cancelled_leaves_a_connection_of_use(connection):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await fetch_each(connection, [Query("SELECT 1"), Query("SELECT pg_sleep(60)"), counting(1)])
    assert connection.pgconn.pipeline_status == PipelineStatus.OFF
    await connection.rollback()
    assert await fetch_each(connection, [Query("SELECT 1"), counting(1)]) == [[(1,)], [(0,)]]


async def test_a_connection_that_breaks_is_told(connection):
    with pytest.raises(psycopg.OperationalError):
        await fetch_each(connection, [Query("SELECT pg_terminate_backend(pg_backend_pid())"), Query("SELECT 1")])
    assert connection.closed
    with pytest.raises(psycopg.OperationalError):
        await fetch_each(connection, [Query("SELECT 1")])


async def test_each_kind_of_array_arrives_with_its_nulls(connection):
    sensor = uuid.uuid4()
    values = {
        "boolean": [True, None, False],
        "bytea": [b"", b"\0\xff", None],
        "bigint": [-(2**63), None, 2**63 - 1],
        "smallint": [-(2**15), 2**15 - 1],
        "integer": [None, -(2**31), 2**31 - 1],
        "text": ["", None, 'Ω \\ " {}'],
        "varchar": ["a"],
        "real": [0.5, None, -1.25],
        "double precision": [0.1, None],
        "uuid": [sensor, None],
    }
    for kind, given in values.items():
        query = Query(f"SELECT v FROM unnest(%(v)b::{kind}[]) AS v", {"v": binary_array.of(kind, given)})
        assert await fetch_each(connection, [query]) == [[(value,) for value in given]]
    times = [0, None, 1_764_201_600_000_001]
    kind = "timestamp with time zone"
    query = Query(f"SELECT v FROM unnest(%(v)b::{kind}[]) AS v", {"v": binary_array.of(kind, times)})
    (rows,) = await fetch_each(connection, [query])
    assert [None if time is None else to_us(time) for (time,) in rows] == times


@pytest.mark.parametrize(("kind", "value"), [("integer", 2**31), ("smallint", -(2**15) - 1), ("real", 1e39)])
def test_a_number_that_does_not_fit_is_refused(kind, value):
    with pytest.raises(psycopg.DataError, match="out of range"):
        binary_array.of(kind, [value])


def test_a_text_with_nul_is_refused():
    with pytest.raises(psycopg.DataError, match="NUL"):
        binary_array.texts(["a\0b"])
