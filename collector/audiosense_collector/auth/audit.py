"""Reading the log of changes."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from audiosense_collector.auth.schemas import ChangeOut, ChangePage
from audiosense_collector.auth.tables import AuditEntry


async def read(
    session: AsyncSession,
    *,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    subject_id: str | None = None,
    limit: int = 100,
    before: int | None = None,
) -> ChangePage:
    """Return a page of entries, the newest first."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit + 1)
    wanted = (
        (AuditEntry.actor, actor),
        (AuditEntry.action, action),
        (AuditEntry.subject, subject),
        (AuditEntry.subject_id, subject_id),
    )
    for column, value in wanted:
        if value is not None:
            query = query.where(column == value)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    rows = list(await session.scalars(query))
    items = [
        ChangeOut(
            id=row.id,
            at_us=row.at,
            actor=row.actor,
            address=row.address,
            action=row.action,
            subject=row.subject,
            subject_id=row.subject_id,
            before=row.before,
            after=row.after,
            request_id=row.request_id,
        )
        for row in rows[:limit]
    ]
    return ChangePage(items=items, next=items[-1].id if len(rows) > limit else None)
