"""Proves that the log of changes is whole: each link's SHA-256 covers its entry and the link before."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

BATCH = 5_000
_QUERY = text("""
    SELECT s.position, s.entry_id, s.sha256, e.id::text, (extract(epoch FROM e.at) * 1000000)::bigint::text, e.actor,
        e.address, e.action, e.subject, e.subject_id, e.before::text, e.after::text, e.request_id
    FROM audit_seal s LEFT JOIN audit_entry e ON e.id = s.entry_id
    WHERE s.position > :after ORDER BY s.position LIMIT :limit
""")
_UNSEALED = text("""
    SELECT e.id FROM audit_entry e LEFT JOIN audit_seal s ON s.entry_id = e.id WHERE s.entry_id IS NULL ORDER BY e.id
""")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found: how many links hold, the newest one's digest, and what is wrong, the first of it first."""

    entries: int
    head: bytes
    faults: tuple[str, ...]

    @property
    def mark(self) -> str:
        """Position and digest of the newest link; kept elsewhere, it shows later that nothing before it was cut off."""
        return f"{self.entries}:{self.head.hex()}"


async def verify(session: AsyncSession, *, expect: str | None = None) -> Verdict:
    """Compute the chain again, from the first entry on; ``expect`` is a mark that an earlier run gave."""
    head, position = b"", 0
    faults: list[str] = []
    marks = dict([expect.split(":", maxsplit=1)]) if expect else {}
    while rows := (await session.execute(_QUERY, {"after": position, "limit": BATCH})).all():
        for row in rows:
            fault = _fault(position, head, row)
            if fault:
                faults.append(fault)
                return Verdict(position, head, tuple(faults))
            position, head = row[0], bytes(row[2])
            if marks.get(str(position), head.hex()) != head.hex():
                faults.append(f"link {position} is not the one of the mark: the log was written anew")
    faults += [
        f"entry {entry} has no link: it was added past the database's own rules"
        for entry in await session.scalars(_UNSEALED)
    ]
    faults += [
        f"the log ends at link {position}, the mark is of link {mark}: its end was cut off"
        for mark in marks
        if int(mark) > position
    ]
    return Verdict(position, head, tuple(faults))


def _fault(position: int, head: bytes, row: tuple[object, ...]) -> str | None:
    found, entry_id, sha256, *fields = row
    if found != position + 1:
        return f"link {position + 1} is missing; the next one is {found}"
    if fields[0] is None:
        return f"entry {entry_id} of link {found} is missing"
    content = "".join(map(_field, fields))
    if hashlib.sha256(head + content.encode()).digest() != sha256:
        return f"entry {entry_id} of link {found} is not what was logged, or the link before it"
    return None


def _field(value: object) -> str:
    return "-" if value is None else f"{len(str(value).encode())}:{value}"
