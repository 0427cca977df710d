"""Proves that the log of changes is whole: each link's SHA-256 covers its entry and the link before."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

BATCH = 1_000
"""Links that are read at a time: the event loop makes rows of them, between batches of agents."""
_QUERY = text("""
    SELECT s.position, s.entry_id, s.sha256, e.id::text, (extract(epoch FROM e.at) * 1000000)::bigint::text, e.actor,
        e.address, e.action, e.subject, e.subject_id, e.before::text, e.after::text, e.request_id
    FROM audit_seal s LEFT JOIN audit_entry e ON e.id = s.entry_id
    WHERE s.position > :after ORDER BY s.position LIMIT :limit
""")
_UNSEALED = text("""
    SELECT e.id FROM audit_entry e LEFT JOIN audit_seal s ON s.entry_id = e.id WHERE s.entry_id IS NULL ORDER BY e.id
""")


class FaultKind(StrEnum):
    """What is wrong with the log; a stable word for those who say it in another language."""

    LINK_MISSING = "link_missing"
    ENTRY_MISSING = "entry_missing"
    ENTRY_CHANGED = "entry_changed"
    ENTRY_UNSEALED = "entry_unsealed"
    MARK_DIFFERS = "mark_differs"
    END_MISSING = "end_missing"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, with which link and which entry, as far as it is of one."""

    kind: FaultKind
    detail: str
    link: int | None = None
    entry: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found: how many links hold, the newest one's digest, and what is wrong, the first of it first."""

    entries: int
    head: bytes
    faults: tuple[Fault, ...]

    @property
    def mark(self) -> str:
        """Position and digest of the newest link; kept elsewhere, it shows later that nothing before it was cut off."""
        return f"{self.entries}:{self.head.hex()}"


class _Chain:
    """Computes the links again, batch by batch, up to the first that does not hold."""

    def __init__(self, mark: tuple[int, str] | None) -> None:
        self.head, self.position = b"", 0
        self.faults: list[Fault] = []
        self.is_broken = False
        self._mark = mark

    def follow(self, rows: Sequence[Row[*tuple[Any, ...]]]) -> None:
        for found, entry, sha256, *fields in rows:
            fault = self._check(found, entry, sha256, fields)
            if fault is not None:
                self.faults.append(fault)
                self.is_broken = True
                return
            self.position, self.head = found, bytes(sha256)
            if self._mark is not None and self._mark[0] == found and self._mark[1] != self.head.hex():
                words = f"link {found} is not the one of the mark: the log was written anew"
                self.faults.append(Fault(FaultKind.MARK_DIFFERS, words, link=found))

    def _check(self, found: int, entry: int, sha256: bytes, fields: list[object]) -> Fault | None:
        wanted = self.position + 1
        if found != wanted:
            return Fault(FaultKind.LINK_MISSING, f"link {wanted} is missing; the next one is {found}", link=wanted)
        if fields[0] is None:
            return Fault(FaultKind.ENTRY_MISSING, f"entry {entry} of link {found} is missing", found, entry)
        content = "".join(map(_field, fields))
        if hashlib.sha256(self.head + content.encode()).digest() != sha256:
            words = f"entry {entry} of link {found} is not what was logged, or the link before it"
            return Fault(FaultKind.ENTRY_CHANGED, words, found, entry)
        return None


async def verify(session: AsyncSession, *, expect: str | None = None) -> Verdict:
    """Compute the chain again, from the first entry on; ``expect`` is a mark that an earlier run gave."""
    position, _, digest = (expect or "").partition(":")
    mark = (int(position), digest) if expect else None
    chain = _Chain(mark)
    while rows := (await session.execute(_QUERY, {"after": chain.position, "limit": BATCH})).all():
        await asyncio.to_thread(chain.follow, rows)
        if chain.is_broken:
            return Verdict(chain.position, chain.head, tuple(chain.faults))
    for entry in await session.scalars(_UNSEALED):
        words = f"entry {entry} has no link: it was added past the database's own rules"
        chain.faults.append(Fault(FaultKind.ENTRY_UNSEALED, words, entry=entry))
    if mark is not None and mark[0] > chain.position:
        words = f"the log ends at link {chain.position}, the mark is of link {mark[0]}: its end was cut off"
        chain.faults.append(Fault(FaultKind.END_MISSING, words, link=chain.position + 1))
    return Verdict(chain.position, chain.head, tuple(chain.faults))


def _field(value: object) -> str:
    return "-" if value is None else f"{len(str(value).encode())}:{value}"
