"""Which groups the writer makes of what waits, with a taker that says when it is done."""

import asyncio
import uuid
from types import SimpleNamespace

import pytest

from audiosense_collector.ingest.writer import WORTH_BATCHES, Writer

LIMIT_S = 60


class SlowTaker:
    """Takes groups, each of which is done when it is told so."""

    def __init__(self):
        self.groups = []
        self.begun = asyncio.Condition()
        self.told = asyncio.Event()

    async def together(self, deliveries):
        async with self.begun:
            self.groups.append(len(deliveries))
            self.begun.notify_all()
        await self.told.wait()
        return [SimpleNamespace(agent=delivery.agent) for delivery in deliveries]


async def write_at_once(count, *, groups):
    """Write batches of as many agents at once; returns the sizes of the groups that run before any is done."""
    writer, taker = Writer(), SlowTaker()
    deliveries = [SimpleNamespace(agent=uuid.uuid4(), rows=60, is_backlog=False) for _ in range(count)]
    writing = [asyncio.create_task(writer.write(each, taker)) for each in deliveries]
    async with asyncio.timeout(LIMIT_S):
        async with taker.begun:
            await taker.begun.wait_for(lambda: len(taker.groups) == groups)
        running = list(taker.groups)
        taker.told.set()
        outcomes = await asyncio.gather(*writing)
        await writer.close()
    assert [outcome.agent for outcome in outcomes] == [each.agent for each in deliveries]
    assert taker.groups == running
    return running


@pytest.mark.parametrize("count", [1, WORTH_BATCHES, 2 * WORTH_BATCHES - 1])
async def test_few_batches_are_one_group(count):
    assert await write_at_once(count, groups=1) == [count]


async def test_many_batches_are_two_groups_of_which_one_is_made_ready_while_the_other_runs():
    assert sorted(await write_at_once(2 * WORTH_BATCHES + 1, groups=2)) == [WORTH_BATCHES, WORTH_BATCHES + 1]
