"""Slows down who guesses passwords: counted in the database, so for all processes and beyond a restart.

Failures in a row are counted for an address, for an account, and for both together. Beyond some that are free, each
doubles the time until the next attempt. Attempts before that are refused without being counted or looked at, so nobody
is locked out for ever; and an account's own count, which anybody can drive up, never makes its user wait long, nor
one at an address from which that user signed in before.
"""

import hashlib
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.auth.tables import SignInFailures
from audiosense_collector.clock import HOUR_US, SECOND_US, now_us

FORGET_US = 24 * HOUR_US
_IPV6_NETWORK_BITS = 64
_MOST_DOUBLINGS = 20


@dataclass(frozen=True, slots=True)
class Limit:
    """How many failures are free, and the longest time between two attempts after that."""

    free: int
    longest_us: int

    def pause_us(self, failures: int) -> int:
        """Return the time until the next attempt after some failures in a row."""
        beyond = failures - self.free
        return 0 if beyond <= 0 else min(self.longest_us, SECOND_US << min(beyond, _MOST_DOUBLINGS))


PAIR = Limit(5, 900 * SECOND_US)
ADDRESS = Limit(30, 900 * SECOND_US)
ACCOUNT = Limit(50, 30 * SECOND_US)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to sign in; ``known`` if that user has signed in from that address before."""

    name_key: str
    address: str
    known: bool = False

    def counts(self) -> dict[bytes, Limit]:
        """Return the counts that it is held against."""
        where = network_of(self.address)
        found = {_key("pair", self.name_key, where): PAIR, _key("address", where): ADDRESS}
        return found if self.known else found | {_key("account", self.name_key): ACCOUNT}

    @property
    def address_key(self) -> bytes:
        """The count of the address alone."""
        return _key("address", network_of(self.address))


async def charge(session: AsyncSession, attempt: Attempt) -> int:
    """Count an attempt as a failure before it is looked at, so that many at once are not one.

    Returns:
        0, or in how many microseconds the next attempt is taken; then nothing was counted.
    """
    limits, now = attempt.counts(), now_us()
    # Without a lock: of a flood most are sent away here.
    latest = await session.scalar(select(func.max(SignInFailures.not_before)).where(SignInFailures.key.in_(limits)))
    if latest is not None and latest > now:
        return latest - now
    rows = [{"key": key, "failures": 0, "last": now, "not_before": now} for key in sorted(limits)]
    await session.execute(insert(SignInFailures).on_conflict_do_nothing(), rows)
    # In one order, so that two attempts do not wait for each other.
    query = select(SignInFailures).where(SignInFailures.key.in_(limits)).order_by(SignInFailures.key)
    found = list(await session.scalars(query.with_for_update().execution_options(populate_existing=True)))
    wait_us = max((row.not_before for row in found), default=now) - now
    if wait_us > 0:
        return wait_us
    for row in found:
        failures = row.failures if row.last > now - FORGET_US else 0
        row.failures, row.last = failures + 1, now
        row.not_before = now + limits[row.key].pause_us(row.failures)
    await _forget_old(session, now)
    return 0


async def succeeded(session: AsyncSession, attempt: Attempt) -> None:
    """Take back what an attempt was charged; the address keeps its earlier failures."""
    mine = [key for key in attempt.counts() if key != attempt.address_key]
    await session.execute(delete(SignInFailures).where(SignInFailures.key.in_(mine)))
    row = await session.get(SignInFailures, attempt.address_key, with_for_update=True, populate_existing=True)
    if row is not None:
        row.failures, row.not_before = max(0, row.failures - 1), now_us()


async def forgive(session: AsyncSession, name_key: str) -> None:
    """Forget an account's failures: an administrator has set another password."""
    await session.execute(delete(SignInFailures).where(SignInFailures.key == _key("account", name_key)))


def network_of(address: str) -> str:
    """Return what one customer of a network has: an IPv4 address, or the 64 leading bits of an IPv6 one."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(IPv6Address(int(found) >> _IPV6_NETWORK_BITS << _IPV6_NETWORK_BITS))
    return str(getattr(found, "ipv4_mapped", None) or found)


async def _forget_old(session: AsyncSession, now: int) -> None:
    old = (
        select(SignInFailures.key)
        .where(SignInFailures.last < now - FORGET_US)
        .limit(100)
        .with_for_update(skip_locked=True)
    )
    await session.execute(delete(SignInFailures).where(SignInFailures.key.in_(old)))


def _key(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()
