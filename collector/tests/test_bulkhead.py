"""Costly work of requests has so many places; so many wait for so long, and the others come back later."""

import asyncio
import threading

import pytest

from audiosense_collector.bulkhead import Bulkhead
from audiosense_collector.errors import UnavailableError


class Held:
    """Work that threads do not end before they are told to."""

    def __init__(self):
        self.running = self.most = 0
        self._lock = threading.Lock()
        self._go_on = threading.Event()

    def __call__(self):
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        assert self._go_on.wait(60)
        with self._lock:
            self.running -= 1

    def go_on(self):
        self._go_on.set()


async def test_beyond_those_who_wait_everybody_is_sent_away_at_once():
    bulkhead, held = Bulkhead(2, waiting=3, wait_s=60, what="pictures"), Held()
    asked = [asyncio.create_task(bulkhead.do(held)) for _ in range(20)]
    refused, working = await asyncio.wait(asked, timeout=30, return_when=asyncio.FIRST_COMPLETED)
    while len(refused) < 15:
        more, working = await asyncio.wait(working, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        refused |= more
    for each in refused:
        with pytest.raises(UnavailableError, match="too many pictures are in work or wait already") as found:
            each.result()
        assert (int(found.value.headers["Retry-After"]) >= 1, found.value.kind) == (True, "busy")
    held.go_on()
    await asyncio.gather(*working)
    assert (len(working), held.most, held.running) == (5, 2, 0)
    await bulkhead.do(lambda: None)


async def test_who_waits_too_long_is_sent_away_and_leaves_its_place_to_others():
    bulkhead, held = Bulkhead(1, waiting=1, wait_s=0.05, what="pictures"), Held()
    first = asyncio.create_task(bulkhead.do(held))
    await asyncio.sleep(0)
    for _ in range(3):
        with pytest.raises(UnavailableError, match=r"other pictures took longer than 0\.05 s"):
            await bulkhead.do(held)
    held.go_on()
    await first
    assert await bulkhead.do(lambda: "done") == "done"


async def test_who_fails_or_goes_away_gives_its_place_back():
    bulkhead, held = Bulkhead(1, waiting=4, wait_s=60, what="pictures"), Held()
    with pytest.raises(ZeroDivisionError):
        await bulkhead.do(lambda: 1 / 0)
    working = asyncio.create_task(bulkhead.do(held))
    waiting = [asyncio.create_task(bulkhead.do(held)) for _ in range(4)]
    await asyncio.sleep(0)
    for each in (working, *waiting[:3]):
        each.cancel()
    await asyncio.wait([working, *waiting[:3]])
    # The thread of who has gone goes on, and no other begins beside it.
    held.go_on()
    await waiting[3]
    assert held.most == 1
