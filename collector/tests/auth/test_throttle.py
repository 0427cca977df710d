"""Guessing is slowed down, in all processes and beyond a restart, and nobody is locked out for ever."""

import asyncio
import collections
import uuid

import pytest
from sqlalchemy import delete, func, select, update

from audiosense_collector.auth import passwords, service, throttle
from audiosense_collector.auth.roles import Role
from audiosense_collector.auth.sessions import Origin
from audiosense_collector.auth.tables import SignInFailures
from audiosense_collector.clock import DAY_US, SECOND_US, now_us
from audiosense_collector.errors import TooManyError, UnauthorizedError
from audiosense_collector.jobs import make_jobs
from audiosense_collector.runtime import open_runtime

PASSWORD = "four words of mine"


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    """The hash itself is tested elsewhere; here it is counted."""
    seen = collections.Counter()

    async def verify(_self, password, hashed):
        seen["verified"] += 1
        return hashed == f"hash of {password}", None

    monkeypatch.setattr(passwords.Workers, "verify", verify)
    return seen


@pytest.fixture
def still(monkeypatch):
    """Time stands still but for ``pass_time``: on a busy computer a pause may be over between two attempts."""
    moment = now_us()
    monkeypatch.setattr(throttle, "now_us", lambda: moment)


@pytest.fixture
async def name(runtime):
    found = f"anna-{uuid.uuid4().hex[:8]}"
    async with runtime.sessions.begin() as session:
        await service.create(session, found, Role.VIEWER, f"hash of {PASSWORD}")
    return found


async def attempt(runtime, name, password, address="192.0.2.1"):
    """Returns 201, 401 or 429, and how long to wait."""
    try:
        await service.sign_in(runtime, name, password, Origin(address, "tests"))
    except UnauthorizedError:
        return 401, 0
    except TooManyError as error:
        return 429, error.retry_after_s
    return 201, 0


async def pass_time(runtime, us):
    async with runtime.sessions.begin() as session:
        values = {
            name: getattr(SignInFailures, name) - func.make_interval(0, 0, 0, 0, 0, 0, us / SECOND_US)
            for name in ("last", "not_before")
        }
        await session.execute(update(SignInFailures).values(values))


@pytest.mark.usefixtures("still")
async def test_after_five_failures_each_next_one_waits_twice_as_long_and_right_ones_too(runtime, name):
    assert [(await attempt(runtime, name, "wrong"))[0] for _ in range(5)] == [401] * 5
    waits = []
    for _ in range(6):
        assert (await attempt(runtime, name, "wrong"))[0] == 401
        status, wait_s = await attempt(runtime, name, PASSWORD)
        assert status == 429
        waits.append(wait_s)
        await pass_time(runtime, wait_s * SECOND_US)
    assert waits == [2, 4, 8, 16, 32, 64]
    assert (await attempt(runtime, name, PASSWORD))[0] == 201
    # From the start again.
    assert [(await attempt(runtime, name, "wrong"))[0] for _ in range(5)] == [401] * 5


@pytest.mark.usefixtures("still")
async def test_the_longest_wait_is_a_quarter_of_an_hour_and_ends(runtime, name):
    for _ in range(30):
        status, _ = await attempt(runtime, name, "wrong", "192.0.2.9")
        await pass_time(runtime, 3600 * SECOND_US)
        assert status == 401
    status, _ = await attempt(runtime, name, "wrong", "192.0.2.9")
    assert await attempt(runtime, name, "wrong", "192.0.2.9") == (429, 900)
    await pass_time(runtime, 900 * SECOND_US)
    assert (await attempt(runtime, name, PASSWORD, "192.0.2.9"))[0] == 201


@pytest.mark.usefixtures("still")
async def test_one_address_trying_many_names_is_slowed_down_and_the_names_are_kept_as_digests(runtime):
    statuses = [(await attempt(runtime, f"guess-{n}", "wrong", "2001:db8::1"))[0] for n in range(40)]
    assert statuses.count(401) == 31
    # Another address of the same network is the same customer, another network is not.
    assert (await attempt(runtime, "guess-x", "wrong", "2001:db8::2:7"))[0] == 429
    assert (await attempt(runtime, "guess-x", "wrong", "2001:db8:0:1::1"))[0] == 401
    async with runtime.sessions() as session:
        assert all(len(key) == 32 for key in await session.scalars(select(SignInFailures.key)))


@pytest.mark.usefixtures("still")
async def test_many_addresses_on_one_account_slow_each_other_down_but_not_where_its_user_has_been(runtime, name):
    assert (await attempt(runtime, name, PASSWORD, "198.51.100.7"))[0] == 201
    async with runtime.sessions.begin() as session:
        await throttle.forgive(session, service.name_key(name))
    statuses = [(await attempt(runtime, name, "wrong", f"203.0.113.{n}"))[0] for n in range(60)]
    assert statuses.count(401) == 51
    status, wait_s = await attempt(runtime, name, PASSWORD, "203.0.113.200")
    assert status == 429
    assert wait_s <= throttle.ACCOUNT.longest_us // SECOND_US
    assert (await attempt(runtime, name, PASSWORD, "198.51.100.7"))[0] == 201


@pytest.mark.usefixtures("still")
async def test_many_at_once_in_two_processes_are_counted_one_by_one(runtime, settings, database_url, name, cheap):
    async with open_runtime(settings, database_url, make_jobs(database_url)) as other:
        tries = [attempt((runtime, other)[n % 2], name, "wrong", "192.0.2.77") for n in range(60)]
        found = collections.Counter(status for status, _ in await asyncio.gather(*tries))
    assert found == {401: 6, 429: 54}
    assert cheap["verified"] == 6


async def test_what_is_a_day_old_is_forgotten(runtime, name):
    async with runtime.sessions.begin() as session:
        await session.execute(delete(SignInFailures))
    for _ in range(6):
        await attempt(runtime, name, "wrong", "192.0.2.50")
    await pass_time(runtime, DAY_US + SECOND_US)
    await attempt(runtime, name, "wrong", "192.0.2.51")
    async with runtime.sessions() as session:
        assert min(await session.scalars(select(SignInFailures.last))) > now_us() - DAY_US


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_thousands_of_wrong_logins_cost_a_few_hashes_and_the_collector_serves_on(
    anonymous, viewer, cheap, name, count
):
    """From one address on one account, a dozen at once, over HTTP."""
    found = collections.Counter()

    async def guess(number):
        body = {"name": name, "password": f"guess number {number}"}
        answer = await anonymous.post("/api/v1/session", json=body, headers={"X-Forwarded-For": "192.0.2.123"})
        found[answer.status_code] += 1
        if answer.status_code == 429:
            assert int(answer.headers["retry-after"]) >= 1

    async def guesses(numbers):
        for number in numbers:
            await guess(number)

    await asyncio.gather(*(guesses(range(first, count, 12)) for first in range(12)))
    assert sum(found.values()) == count
    assert set(found) <= {401, 429}
    assert found[401] == cheap["verified"]
    assert found[401] < 20
    assert (await viewer.get("/api/v1/fleet")).status_code == 200
