"""Plans of the hot path are kept: right also where the tables were empty then, and made again where they are gone."""

from contextlib import AsyncExitStack
from uuid import uuid4

import numpy as np
import pytest

from audiosense_collector.db.driver import driver
from audiosense_collector.db.engine import POOL_SIZE
from audiosense_collector.db.pipelined import fetch_each
from audiosense_collector.db.planning import BY_KEY
from audiosense_collector.rollups import store
from audiosense_collector.rollups.rows import empty

KEY = ("sensor_id = k.sensor_id", '"time" = k."time"')


@pytest.mark.parametrize("kind", [store.MINUTES, store.HOURS], ids=lambda kind: kind.table)
async def test_roll_ups_are_looked_up_by_their_keys_also_by_a_plan_made_while_there_were_none(runtime, kind):
    query = store.taking_out(kind, [uuid4()], empty(1).pick(np.zeros(0, np.intp)))
    text = query.text
    for number, name in enumerate(query.parameters, 1):
        text = text.replace(f"%({name})b", f"${number}")
    async with runtime.sessions() as session:
        connection = await driver(session)
        await fetch_each(connection, [BY_KEY])
        cursor = await connection.execute(f"EXPLAIN (GENERIC_PLAN) {text}".encode())
        plan = [line for (line,) in await cursor.fetchall()]
    conditions = [line for line in plan if "Cond:" in line or "Filter:" in line]
    assert conditions
    assert all("Index Cond:" in line and all(part in line for part in KEY) for line in conditions), "\n".join(plan)


async def test_a_batch_is_taken_though_no_connection_has_its_statements_any_more(runtime, make_agent, register):
    agent = await make_agent(register())
    async with AsyncExitStack() as opened:
        for _ in range(POOL_SIZE):
            session = await opened.enter_async_context(runtime.sessions())
            connection = await driver(session)
            await fetch_each(connection, [BY_KEY])
            # As psycopg does after some statements.
            await connection.execute(b"DEALLOCATE ALL", prepare=False)
    answer = await agent.send(agent.batch(agent.columns(2)))
    assert answer["stored"] == 2
